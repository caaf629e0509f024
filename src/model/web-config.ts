/**
 * `--web.config.file`: how the listener speaks and whom it lets in, in the format that Prometheus and its exporters share: TLS,
 * certificates of clients, passwords, headers, a rate.
 *
 * - Files in it are relative to it. Passwords are bcrypt hashes.
 * - What is wrong is told with its line and with what to write instead; nothing is guessed, since it guards a door.
 *
 * Source of the format: prometheus/exporter-toolkit: docs/web-configuration.md, web/tls_config.go, web/handler.go.
 */
import { dirname, isAbsolute, join } from 'node:path'
import { z } from 'zod'
import { TLS_VERSIONS, type TlsVersion } from '#core'
import { duration, limit, text, truth } from './config-scalars.ts'
import { parseYaml } from './yaml.ts'

export const CLIENT_AUTH_TYPES = [
  'NoClientCert',
  'RequestClientCert',
  'RequireAnyClientCert',
  'VerifyClientCertIfGiven',
  'RequireAndVerifyClientCert',
] as const
export type ClientAuthType = (typeof CLIENT_AUTH_TYPES)[number]

/** A text that stands in the configuration, or the file that holds it. */
export type Pem = { readonly text: string } | { readonly file: string }

export type WebTls = {
  readonly cert: Pem
  readonly key: Pem
  readonly clientCa: Pem | undefined
  readonly clientAuth: ClientAuthType
  /** One of them must be in the certificate of a client; none: any will do. */
  readonly allowedSans: readonly string[]
  readonly minVersion: TlsVersion
  readonly maxVersion: TlsVersion
  /** By OpenSSL's names; empty: what the runtime thinks right. */
  readonly ciphers: readonly string[]
  readonly serverPrefers: boolean
  /** By OpenSSL's names; empty: as above. */
  readonly curves: readonly string[]
}

export type WebConfig = {
  readonly tls: WebTls | undefined
  /** Bcrypt hashes by name. */
  readonly users: ReadonlyMap<string, string>
  readonly headers: Readonly<Record<string, string>>
  /** One request each `intervalMs`, and `burst` more at once. */
  readonly rate: { readonly intervalMs: number; readonly burst: number } | undefined
}

/** Go's names, and OpenSSL's. Those that Go thinks insecure are not taken there either. */
const CIPHERS: Readonly<Record<string, string>> = {
  TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA: 'ECDHE-ECDSA-AES128-SHA',
  TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA: 'ECDHE-ECDSA-AES256-SHA',
  TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA: 'ECDHE-RSA-AES128-SHA',
  TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA: 'ECDHE-RSA-AES256-SHA',
  TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256: 'ECDHE-ECDSA-AES128-GCM-SHA256',
  TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384: 'ECDHE-ECDSA-AES256-GCM-SHA384',
  TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256: 'ECDHE-RSA-AES128-GCM-SHA256',
  TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384: 'ECDHE-RSA-AES256-GCM-SHA384',
  TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256: 'ECDHE-ECDSA-CHACHA20-POLY1305',
  TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256: 'ECDHE-RSA-CHACHA20-POLY1305',
  TLS_AES_128_GCM_SHA256: 'TLS_AES_128_GCM_SHA256',
  TLS_AES_256_GCM_SHA384: 'TLS_AES_256_GCM_SHA384',
  TLS_CHACHA20_POLY1305_SHA256: 'TLS_CHACHA20_POLY1305_SHA256',
}
const CURVES: Readonly<Record<string, string>> = {
  CurveP256: 'P-256',
  CurveP384: 'P-384',
  CurveP521: 'P-521',
  X25519: 'X25519',
  X25519MLKEM768: 'X25519MLKEM768',
}
const NEEDS_CLIENT_CA: readonly ClientAuthType[] = ['VerifyClientCertIfGiven', 'RequireAndVerifyClientCert']
const ALWAYS_A_CERTIFICATE: readonly ClientAuthType[] = ['RequireAnyClientCert', 'RequireAndVerifyClientCert']

const oneOf = <T extends string>(names: readonly T[]) => z.enum(names, { error: `write one of ${names.join(', ')}` })
const named = (names: Readonly<Record<string, string>>) =>
  z.array(oneOf(Object.keys(names)).transform((name) => names[name]!)).default([])
const blankOr = (...values: readonly string[]) => z.enum(['', ...values], { error: `write ${values.join(' or ')}` })

const tlsServer = z
  .strictObject({
    cert: text.default(''),
    cert_file: text.default(''),
    key: text.default(''),
    key_file: text.default(''),
    client_ca: text.default(''),
    client_ca_file: text.default(''),
    client_auth_type: oneOf(CLIENT_AUTH_TYPES)
      .or(z.literal('').transform(() => 'NoClientCert' as const))
      .optional(),
    client_allowed_sans: z.array(text).default([]),
    min_version: oneOf(TLS_VERSIONS).default('TLS12'),
    max_version: oneOf(TLS_VERSIONS).default('TLS13'),
    cipher_suites: named(CIPHERS),
    prefer_server_cipher_suites: truth.default(true),
    curve_preferences: named(CURVES),
  })
  .superRefine((tls, context) => {
    const wrong = (key: string, message: string) => context.addIssue({ code: 'custom', path: [key], message })
    for (const name of ['cert', 'key', 'client_ca'] as const)
      if (tls[name] !== '' && tls[`${name}_file`] !== '')
        wrong(name, `${name} and ${name}_file exclude each other; write one of them`)
    for (const name of ['cert', 'key'] as const)
      if (tls[name] === '' && tls[`${name}_file`] === '') wrong(name, `TLS needs it; write ${name}_file: FILE`)
    const auth = tls.client_auth_type ?? 'NoClientCert'
    const hasCa = tls.client_ca !== '' || tls.client_ca_file !== ''
    if (hasCa && tls.client_auth_type === undefined)
      wrong('client_ca_file', 'a CA of clients does nothing alone; write client_auth_type: RequireAndVerifyClientCert')
    if (!hasCa && NEEDS_CLIENT_CA.includes(auth))
      wrong('client_auth_type', `${auth} needs to know whom to trust; write client_ca_file: FILE`)
    if (tls.client_allowed_sans.length > 0 && !ALWAYS_A_CERTIFICATE.includes(auth))
      wrong(
        'client_allowed_sans',
        'a client may come without a certificate; write client_auth_type: RequireAndVerifyClientCert',
      )
    if (TLS_VERSIONS.indexOf(tls.min_version) > TLS_VERSIONS.indexOf(tls.max_version))
      wrong('min_version', `min_version ${tls.min_version} is above max_version ${tls.max_version}`)
  })

/** Version, cost, and 53 characters of salt and hash. */
const BCRYPT = /^\$2[aby]\$(?:0[4-9]|[12]\d|3[01])\$[./A-Za-z0-9]{53}$/

const schema = z.strictObject({
  tls_server_config: tlsServer.optional(),
  http_server_config: z
    .strictObject({
      // Taken, and without effect: HTTP/1.1 is spoken.
      http2: truth.optional(),
      headers: z
        .strictObject({
          'Content-Security-Policy': text.optional(),
          'X-Frame-Options': blankOr('deny', 'sameorigin').optional(),
          'X-Content-Type-Options': blankOr('nosniff').optional(),
          'X-XSS-Protection': text.optional(),
          'Strict-Transport-Security': text.optional(),
        })
        .optional(),
    })
    .optional(),
  basic_auth_users: z
    .record(
      z.string(),
      text.refine((hash) => BCRYPT.test(hash), {
        error: "no bcrypt hash; write what `htpasswd -nBC 10 ''` prints behind the colon, in quotes",
      }),
    )
    .optional(),
  rate_limit: z.strictObject({ interval: duration, burst: limit.default(0) }).optional(),
})

/** `file`: its path, for places and for what is relative to it. Throws `ASSAY_WEB_CONFIG`. */
export function parseWebConfig(text: string, file: string): WebConfig {
  const {
    tls_server_config: tls,
    http_server_config: http,
    basic_auth_users: users,
    rate_limit: rate,
  } = parseYaml(text, file, schema, 'ASSAY_WEB_CONFIG')
  const pem = (inline: string, path: string): Pem =>
    inline !== '' ? { text: inline } : { file: isAbsolute(path) ? path : join(dirname(file), path) }
  return {
    tls:
      tls == null
        ? undefined
        : {
            cert: pem(tls.cert, tls.cert_file),
            key: pem(tls.key, tls.key_file),
            clientCa:
              tls.client_ca === '' && tls.client_ca_file === '' ? undefined : pem(tls.client_ca, tls.client_ca_file),
            clientAuth: tls.client_auth_type ?? 'NoClientCert',
            allowedSans: tls.client_allowed_sans,
            minVersion: tls.min_version,
            maxVersion: tls.max_version,
            ciphers: tls.cipher_suites,
            serverPrefers: tls.prefer_server_cipher_suites,
            curves: tls.curve_preferences,
          },
    users: new Map(Object.entries(users ?? {})),
    headers: Object.fromEntries(
      Object.entries(http?.headers ?? {}).flatMap(([name, value]) => (value ? [[name, value] as const] : [])),
    ),
    rate: rate == null || rate.interval === 0 ? undefined : { intervalMs: rate.interval, burst: rate.burst },
  }
}
