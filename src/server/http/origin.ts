/**
 * Who may ask, as far as a browser tells.
 *
 * - A page of another site may not change anything here: what changes state must come from our own origin, or from no
 *   browser at all (no `Origin`, no `Sec-Fetch-Site`).
 * - A name that only resolves to this machine (DNS rebinding) is not ours: while we listen on loopback, `Host` must be an
 *   address, `localhost`, or the host of `--web.external-url`.
 */
import type { IncomingHttpHeaders } from 'node:http'
import { isIP } from 'node:net'
import { ApiError } from './api-error.ts'

/** Throws `forbidden` for a request that a page of another site has caused. */
export function requireSameOrigin(headers: IncomingHttpHeaders): void {
  const site = headers['sec-fetch-site']
  const origin = headers.origin
  const foreign =
    (site !== undefined && site !== 'same-origin' && site !== 'none') ||
    (origin !== undefined && hostOf(origin) !== headers.host?.toLowerCase())
  if (foreign)
    throw new ApiError('forbidden', `a page of another origin (${origin ?? site}) may not change anything here`)
}

/** Whether `host` (the header) is a name we answer to. */
export function isOwnHost(host: string | undefined, externalUrl: string): boolean {
  if (host === undefined) return true
  const name = host
    .toLowerCase()
    .replace(/:\d+$/, '')
    .replace(/^\[|\]$/g, '')
  if (isIP(name) !== 0 || name === 'localhost' || name.endsWith('.localhost')) return true
  return URL.canParse(externalUrl) && new URL(externalUrl).hostname === name
}

/** Whether an address to listen on is reached from this machine alone. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(?:\.\d{1,3}){3}$/.test(host)
}

function hostOf(origin: string): string | undefined {
  return URL.canParse(origin) ? new URL(origin).host : undefined
}
