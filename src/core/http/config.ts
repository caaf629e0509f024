/**
 * How we speak to a server over HTTP, as Prometheus' configuration has it (`<http_config>`): who we are, whom we trust, through whom.
 *
 * Plain data: it can be printed and compared; secrets in it are texts, references to the environment, or files that are read anew at
 * each use, so that a rotated password needs no restart.
 */
import type { Text } from '../env.ts'
import type { JwtAlgorithm } from './jwt.ts'

export type SecretText = Text | { readonly file: string }

export const TLS_VERSIONS = ['TLS10', 'TLS11', 'TLS12', 'TLS13'] as const
export type TlsVersion = (typeof TLS_VERSIONS)[number]

export type TlsConfig = {
  /** PEM of the authorities that are trusted instead of the system's. */
  readonly ca?: SecretText
  readonly cert?: SecretText
  readonly key?: SecretText
  /** The name that the server's certificate has to have, where it is not the host's. */
  readonly serverName?: string
  readonly insecureSkipVerify?: boolean
  readonly minVersion?: TlsVersion
  readonly maxVersion?: TlsVersion
}

export type ProxyConfig = {
  /** `http://`, `https://`, `socks5://` or `socks5h://`, with credentials where it asks for them. */
  readonly url?: Text
  /** Hosts, domains, addresses and networks that are reached directly, with commas between. */
  readonly noProxy?: string
  /** HTTP_PROXY, HTTPS_PROXY and NO_PROXY, in capitals or small letters. */
  readonly fromEnvironment?: boolean
  /** Sent with CONNECT, which a SOCKS proxy does not have. */
  readonly connectHeaders?: Readonly<Record<string, readonly SecretText[]>>
}

/** How a signed token (RFC 7523 §2.1) is made, that is exchanged for an access token. */
export type JwtGrant = {
  /** PEM of a private RSA key, PKCS #1 or #8, without a passphrase. */
  readonly key: SecretText
  /** `kid` of its header. */
  readonly keyId?: string
  /** Default RS256. */
  readonly algorithm?: JwtAlgorithm
  /** `iss`; default `clientId`. */
  readonly issuer?: string
  /** `aud`; default `tokenUrl`. */
  readonly audience?: string
  /** Added to the others, and before them where the names are the same. */
  readonly claims?: Readonly<Record<string, unknown>>
}

/** With `clientSecret` the grant is `client_credentials`, with `jwt` it is `jwt-bearer`. */
export type OAuth2Config = {
  readonly clientId: string
  readonly scopes?: readonly string[]
  readonly tokenUrl: string
  /** Added to the request; `grant_type` among them replaces ours. */
  readonly endpointParams?: Readonly<Record<string, string>>
  readonly tls?: TlsConfig
  readonly proxy?: ProxyConfig
} & (
  | { readonly clientSecret: SecretText; readonly jwt?: never }
  | { readonly jwt: JwtGrant; readonly clientSecret?: never }
)

/** At most one of `basicAuth`, `authorization` and `oauth2`. */
export type HttpClientConfig = {
  readonly basicAuth?: { readonly username: SecretText; readonly password: SecretText }
  readonly authorization?: { readonly type: string; readonly credentials: SecretText }
  readonly oauth2?: OAuth2Config
  readonly tls?: TlsConfig
  readonly proxy?: ProxyConfig
  /** Sent with every request. */
  readonly headers?: Readonly<Record<string, readonly SecretText[]>>
  /** Default true. */
  readonly followRedirects?: boolean
}
