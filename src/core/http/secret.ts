/** The text of a secret, from wherever the configuration says. */
import { readFile } from 'node:fs/promises'
import { resolveText, type Text } from '../env.ts'
import { AssayError } from '../error.ts'
import type { SecretText } from './config.ts'

export type ResolveText = (text: Text) => string

/** References to the environment of this process. */
export const fromEnvironment: ResolveText = (text) => resolveText(text, process.env)

/** A file's text is without the blanks around it. Throws `ASSAY_HTTP_FILE` or what `resolve` throws; never with the secret. */
export async function secretText(secret: SecretText, resolve: ResolveText = fromEnvironment): Promise<string> {
  if (typeof secret === 'string' || !('file' in secret)) return resolve(secret)
  try {
    return (await readFile(secret.file, 'utf8')).trim()
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown'
    throw new AssayError(
      'ASSAY_HTTP_FILE',
      `${secret.file} can't be read (${code}); it should hold a secret or a certificate`,
      {
        cause,
      },
    )
  }
}
