/**
 * How we speak to a server over HTTP, as Prometheus' configuration has it (`<http_config>`): who we are, whom we trust, through whom.
 *
 * Plain data: it can be printed and compared; secrets in it are texts, references to the environment, or files that are read anew at
 * each use, so that a rotated password needs no restart.
 */
import type { Text } from '../env.ts'

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
  /** `http://` or `https://`, with credentials where it asks for them. */
  readonly url?: Text
  /** Hosts, domains, addresses and networks that are reached directly, with commas between. */
  readonly noProxy?: string
  /** HTTP_PROXY, HTTPS_PROXY and NO_PROXY, in capitals or small letters. */
  readonly fromEnvironment?: boolean
  /** Sent with CONNECT. */
  readonly connectHeaders?: Readonly<Record<string, readonly SecretText[]>>
}

export type OAuth2Config = {
  readonly clientId: string
  readonly clientSecret: SecretText
  readonly scopes?: readonly string[]
  readonly tokenUrl: string
  readonly endpointParams?: Readonly<Record<string, string>>
  readonly tls?: TlsConfig
  readonly proxy?: ProxyConfig
}

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
