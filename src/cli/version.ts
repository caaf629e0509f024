import { readFileSync } from 'node:fs'

// From the source two folders up, from the emitted JavaScript three.
const manifest = new URL(
  import.meta.url.endsWith('.ts') ? '../../package.json' : '../../../package.json',
  import.meta.url,
)

/** The version of this program. */
export const VERSION = String((JSON.parse(readFileSync(manifest, 'utf8')) as { version: unknown }).version)
