/**
 * Where a request says whose it is: `header:x-user-id` or `cookie:session`. The application may tell better with `identify`.
 *
 * The value is hashed at once and never kept.
 */
import type { IncomingMessage } from 'node:http'

export type UserSource = { readonly kind: 'header' | 'cookie'; readonly name: string }

/** Throws a sentence that says what to write instead. */
export function parseUserSource(text: string): UserSource {
  const [, kind, name] = /^(header|cookie):([!#$%&'*+.^_`|~\w-]+)$/.exec(text) ?? []
  if (name === undefined)
    throw new Error(`"${text}" is not a source of users; write header:x-user-id or cookie:session`)
  return kind === 'cookie' ? { kind, name } : { kind: 'header', name: name.toLowerCase() }
}

export function userOf({ kind, name }: UserSource, { headers }: IncomingMessage): string | undefined {
  if (kind === 'cookie') return cookie(headers.cookie, name)
  const value = headers[name]
  return typeof value === 'string' ? value : value?.[0]
}

function cookie(header: string | undefined, name: string): string | undefined {
  if (header === undefined) return undefined
  for (const pair of header.split(';')) {
    const at = pair.indexOf('=')
    if (at > 0 && pair.slice(0, at).trim() === name) return pair.slice(at + 1).trim() || undefined
  }
  return undefined
}
