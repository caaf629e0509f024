/**
 * Signs a JSON Web Token with a private RSA key.
 *
 * Source: RFC 7515 §3.1 (compact form), RFC 7518 §3.3 (RSASSA-PKCS1-v1_5), RFC 7519.
 */
import { createPrivateKey, type KeyObject, sign } from 'node:crypto'

export const JWT_ALGORITHMS = ['RS256', 'RS384', 'RS512'] as const
export type JwtAlgorithm = (typeof JWT_ALGORITHMS)[number]

export type JwtOptions = {
  readonly algorithm: JwtAlgorithm
  /** Which key it is: `kid` of the header. */
  readonly keyId?: string | undefined
}

/** `undefined`: the text is no PEM of a private RSA key (PKCS #1 or #8), or one with a passphrase. */
export function tryRsaKey(pem: string): KeyObject | undefined {
  try {
    const key = createPrivateKey(pem)
    return key.asymmetricKeyType === 'rsa' ? key : undefined
  } catch {
    return undefined
  }
}

/** Throws what OpenSSL says where the key is too short for the algorithm. */
export function signJwt(
  claims: Readonly<Record<string, unknown>>,
  key: KeyObject,
  { algorithm, keyId }: JwtOptions,
): string {
  const header = { alg: algorithm, typ: 'JWT', ...(keyId === undefined || keyId === '' ? {} : { kid: keyId }) }
  const text = `${encode(header)}.${encode(claims)}`
  return `${text}.${sign(`sha${algorithm.slice(2)}`, Buffer.from(text), key).toString('base64url')}`
}

function encode(part: unknown): string {
  return Buffer.from(JSON.stringify(part)).toString('base64url')
}
