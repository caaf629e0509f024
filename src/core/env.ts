/**
 * References to the environment: a definition names a secret, it never holds one.
 * A plan with references can be printed, exported and shown; only the `cli` resolves them, at start.
 */
import { AssayError } from './error.ts'

export type EnvRef = { readonly env: string }
/** Text that may come from the environment. */
export type Text = string | EnvRef

/** The text itself. Throws `ASSAY_ENV_MISSING` naming the variable, never its neighbours. */
export function resolveText(text: Text, environment: Readonly<Record<string, string | undefined>>): string {
  if (typeof text === 'string') return text
  const value = environment[text.env]
  if (value === undefined || value === '') {
    throw new AssayError(
      'ASSAY_ENV_MISSING',
      `the environment variable ${text.env} is not set; set it where assay starts`,
    )
  }
  return value
}

/** A URL for people: without its password and query. What is no URL becomes `***`. */
export function redactUrl(url: string): string {
  try {
    const parsed = new URL(url)
    if (parsed.password !== '') parsed.password = '***'
    parsed.search = ''
    return parsed.href
  } catch {
    return '***'
  }
}
