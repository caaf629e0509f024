/**
 * What a definition imports: `import { api, defineSystem, when } from 'assay'`.
 */
import type { EnvRef } from '#core'

export type { DurationText, EnvRef, SizeText, Text } from '#core'
export * from '#model'

/** A value from the environment, read where assay starts: the definition names a secret and never holds one. */
export function env(name: string): EnvRef {
  return { env: name }
}
