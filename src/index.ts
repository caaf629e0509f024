/**
 * What a definition imports: `import { api, defineSystem, when } from 'assay'`.
 */
import type { EnvRef } from '#core'

export type { DurationText, EnvRef, SizeText, Text } from '#core'
export {
  type Action,
  type ApiOptions,
  type ApiPart,
  api,
  bucket,
  type ChannelRule,
  command,
  defineSystem,
  email,
  host,
  type Measure,
  notify,
  type Part,
  type Plan,
  type Policy,
  pm2,
  postgres,
  type Receiver,
  type RuntimeRef,
  rabbitmq,
  restart,
  type SystemDefinition,
  scaleOut,
  ticket,
  webhook,
  when,
} from '#model'

/** A value from the environment, read where assay starts: the definition names a secret and never holds one. */
export function env(name: string): EnvRef {
  return { env: name }
}
