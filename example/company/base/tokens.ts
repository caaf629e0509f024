/**
 * Signed tokens: `subject.expiry.signature`. Stateless, so that any process of a service can check what another gave out.
 *
 * The signature covers subject and expiry; comparison takes the same time wherever two signatures differ.
 */
import { createHmac, timingSafeEqual } from 'node:crypto'

const LIFETIME_MS = 12 * 3600_000

export function signToken(subject: string, secret: string, now: number): string {
  const claim = `${subject}.${now + LIFETIME_MS}`
  return `${claim}.${signatureOf(claim, secret)}`
}

/** The subject, or `undefined` when the token is not ours, was changed, or has expired. */
export function tryReadToken(token: string, secret: string, now: number): string | undefined {
  const [subject = '', expiry = '', signature = ''] = token.split('.')
  const expected = Buffer.from(signatureOf(`${subject}.${expiry}`, secret))
  const given = Buffer.from(signature)
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) return undefined
  return Number(expiry) > now && subject !== '' ? subject : undefined
}

/** The token of an `authorization: Bearer ...` header, or ''. */
export function bearerOf(header: string | undefined): string {
  return /^Bearer (\S+)$/.exec(header ?? '')?.[1] ?? ''
}

function signatureOf(claim: string, secret: string): string {
  return createHmac('sha256', secret).update(claim).digest('base64url')
}
