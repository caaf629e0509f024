/**
 * `<http_config>`: how Prometheus' configuration says who we are to a server, whom we trust and through whom we go. The same keys
 * stand in scrape jobs, in `http_sd_configs`, in `remote_write` and `remote_read`.
 *
 * - `httpClientShape` is spread into the schema of what has them; `httpClientFaults` finds what does not go together; `httpClientOf`
 *   makes the client's configuration. Files are relative to the file they stand in.
 * - References to a secrets manager (`*_ref`) are refused: there is none.
 */
import { isAbsolute, join } from 'node:path'
import { z } from 'zod'
import {
  type HttpClientConfig,
  JWT_ALGORITHMS,
  type JwtGrant,
  type OAuth2Config,
  PROXY_FORMS,
  type ProxyConfig,
  plainValue,
  type SecretText,
  TLS_VERSIONS,
  type TlsConfig,
  tryProxyUrl,
} from '#core'
import { notHere, text, texts, truth } from './config-scalars.ts'

const noManager = notHere('assay has no secrets manager; write the key that ends in _file')

const basicAuth = z.strictObject({
  username: text.optional(),
  username_file: text.optional(),
  username_ref: noManager,
  password: text.optional(),
  password_file: text.optional(),
  password_ref: noManager,
})
const authorization = z.strictObject({
  type: text.optional(),
  credentials: text.optional(),
  credentials_file: text.optional(),
  credentials_ref: noManager,
})
const tls = z.strictObject({
  ca: text.optional(),
  cert: text.optional(),
  key: text.optional(),
  ca_file: text.optional(),
  cert_file: text.optional(),
  key_file: text.optional(),
  ca_ref: noManager,
  cert_ref: noManager,
  key_ref: noManager,
  server_name: text.optional(),
  insecure_skip_verify: truth.optional(),
  min_version: z.enum(TLS_VERSIONS, { error: `write one of ${TLS_VERSIONS.join(', ')}` }).optional(),
  max_version: z.enum(TLS_VERSIONS, { error: `write one of ${TLS_VERSIONS.join(', ')}` }).optional(),
})
const proxyUrl = text.refine((url) => url === '' || tryProxyUrl(url) !== undefined, {
  error: `this is no proxy; ${PROXY_FORMS}`,
})
const proxyShape = {
  proxy_url: proxyUrl.optional(),
  no_proxy: text.optional(),
  proxy_from_environment: truth.optional(),
  proxy_connect_header: z.record(z.string(), texts).optional(),
}
/** Another grant than this one is `client_credentials`, whatever is written: so it is in Prometheus. */
const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer'
const claim = z.preprocess(plainValue, z.json()).refine((value) => keepsDigits(value), {
  error: 'a whole number as large as this would lose digits; put it in quotes',
})
const oauth2 = z.strictObject({
  client_id: text.refine((id) => id !== '', { error: 'client_id is empty; write the name the server knows us by' }),
  client_secret: text.optional(),
  client_secret_file: text.optional(),
  client_secret_ref: noManager,
  client_certificate_key: text.optional(),
  client_certificate_key_file: text.optional(),
  client_certificate_key_id: text.optional(),
  client_certificate_key_ref: noManager,
  grant_type: text.optional(),
  signature_algorithm: text.optional(),
  iss: text.optional(),
  audience: text.optional(),
  claims: z.record(z.string(), claim).optional(),
  scopes: texts.optional(),
  token_url: text.refine(isHttpUrl, { error: 'write an address with http:// or https://' }),
  endpoint_params: z.record(z.string(), text).optional(),
  tls_config: tls.optional(),
  ...proxyShape,
})
const header = z.strictObject({
  values: texts.optional(),
  secrets: texts.optional(),
  files: z.array(text).optional(),
})

export const httpClientShape = {
  basic_auth: basicAuth.optional(),
  authorization: authorization.optional(),
  oauth2: oauth2.optional(),
  bearer_token: text.optional(),
  bearer_token_file: text.optional(),
  tls_config: tls.optional(),
  follow_redirects: truth.optional(),
  // HTTP/1.1 is spoken; what is measured is the same.
  enable_http2: truth.optional(),
  http_headers: z.record(z.string(), header).optional(),
  ...proxyShape,
} as const

const httpClient = z.strictObject(httpClientShape)
export type HttpClientKeys = z.output<typeof httpClient>

export type Fault = { readonly path: readonly string[]; readonly message: string }

/** Headers that are made by the request itself. */
const RESERVED = [
  'authorization',
  'host',
  'content-encoding',
  'content-length',
  'content-type',
  'user-agent',
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'www-authenticate',
  'accept-encoding',
  'x-prometheus-remote-write-version',
  'x-prometheus-remote-read-version',
  'x-prometheus-scrape-timeout-seconds',
  'x-amz-date',
  'x-amz-security-token',
  'x-amz-content-sha256',
]

/** What does not go together, as Prometheus sees it, each with the key to change. */
export function httpClientFaults(keys: HttpClientKeys): readonly Fault[] {
  const faults: Fault[] = []
  const wrong = (path: readonly string[], message: string) => faults.push({ path, message })
  const ways = (['basic_auth', 'authorization', 'oauth2', 'bearer_token', 'bearer_token_file'] as const).filter(
    (key) => keys[key] !== undefined,
  )
  if (ways.length > 1) wrong([ways[1]!], `${ways.join(' and ')} cannot both say who we are; keep one of them`)
  const { basic_auth: basic, authorization: auth, oauth2: tokens } = keys
  if (basic !== undefined) {
    if (basic.username !== undefined && basic.username_file !== undefined)
      wrong(['basic_auth', 'username_file'], 'username and username_file exclude each other; keep one')
    if (basic.password !== undefined && basic.password_file !== undefined)
      wrong(['basic_auth', 'password_file'], 'password and password_file exclude each other; keep one')
  }
  if (auth !== undefined) {
    if (auth.credentials !== undefined && auth.credentials_file !== undefined)
      wrong(['authorization', 'credentials_file'], 'credentials and credentials_file exclude each other; keep one')
    if (auth.type?.trim().toLowerCase() === 'basic')
      wrong(['authorization', 'type'], 'for basic authentication write basic_auth with username and password')
  }
  if (tokens !== undefined) {
    faults.push(...grantFaults(tokens))
    faults.push(...tlsFaults(tokens.tls_config, ['oauth2', 'tls_config']), ...proxyFaults(tokens, ['oauth2']))
  }
  for (const name of Object.keys(keys.http_headers ?? {}))
    if (RESERVED.includes(name.toLowerCase()))
      wrong(['http_headers', name], `the header ${name} is made by the request itself; remove it`)
  faults.push(...tlsFaults(keys.tls_config, ['tls_config']), ...proxyFaults(keys, []))
  return faults
}

/** What belongs to the grant that is not asked for is not looked at, as in Prometheus. */
function grantFaults(keys: z.output<typeof oauth2>): readonly Fault[] {
  const faults: Fault[] = []
  const isJwt = keys.grant_type === JWT_BEARER
  const secret = isJwt ? 'client_certificate_key' : 'client_secret'
  if ((keys[secret] ?? '') !== '' && (keys[`${secret}_file`] ?? '') !== '')
    faults.push({
      path: ['oauth2', `${secret}_file`],
      message: `${secret} and ${secret}_file exclude each other; keep one`,
    })
  if (isJwt && (keys.signature_algorithm ?? '') !== '' && algorithmOf(keys.signature_algorithm) === undefined)
    faults.push({ path: ['oauth2', 'signature_algorithm'], message: `write one of ${JWT_ALGORITHMS.join(', ')}` })
  return faults
}

function tlsFaults(keys: z.output<typeof tls> | undefined, at: readonly string[]): readonly Fault[] {
  if (keys === undefined) return []
  const faults: Fault[] = []
  for (const one of ['ca', 'cert', 'key'] as const)
    if (keys[one] !== undefined && keys[`${one}_file`] !== undefined)
      faults.push({ path: [...at, `${one}_file`], message: `${one} and ${one}_file exclude each other; keep one` })
  const hasCert = (keys.cert ?? keys.cert_file ?? '') !== ''
  const hasKey = (keys.key ?? keys.key_file ?? '') !== ''
  if (hasCert !== hasKey)
    faults.push({
      path: [...at],
      message: `a certificate and its key belong together; write ${hasCert ? 'key_file' : 'cert_file'} too`,
    })
  const { min_version: min, max_version: max } = keys
  if (min !== undefined && max !== undefined && TLS_VERSIONS.indexOf(min) > TLS_VERSIONS.indexOf(max))
    faults.push({ path: [...at, 'min_version'], message: `min_version ${min} is above max_version ${max}` })
  return faults
}

function proxyFaults(keys: z.output<z.ZodObject<typeof proxyShape>>, at: readonly string[]): readonly Fault[] {
  const { proxy_url: url = '', proxy_from_environment: environment = false, no_proxy: none = '' } = keys
  const faults: Fault[] = []
  if (environment && (url !== '' || none !== ''))
    faults.push({
      path: [...at, 'proxy_from_environment'],
      message: 'with proxy_from_environment, proxy_url and no_proxy come from the environment; remove them here',
    })
  else if (none !== '' && url === '') faults.push({ path: [...at, 'no_proxy'], message: 'no_proxy needs a proxy_url' })
  if (keys.proxy_connect_header !== undefined && url === '' && !environment)
    faults.push({ path: [...at, 'proxy_connect_header'], message: 'proxy_connect_header needs a proxy_url' })
  return faults
}

/** The client's configuration; `dir` is where the file stands. */
export function httpClientOf(keys: HttpClientKeys, dir: string): HttpClientConfig {
  const { basic_auth: basic, authorization: auth, oauth2: tokens, http_headers: named } = keys
  const bearer = secretOf(keys.bearer_token, keys.bearer_token_file, dir)
  const proxy = proxyOf(keys)
  const headers = Object.fromEntries(
    Object.entries(named ?? {}).map(([name, { values = [], secrets = [], files = [] }]) => [
      name,
      [...values, ...secrets, ...files.map((file) => ({ file: fileOf(file, dir) }))],
    ]),
  )
  return {
    ...(basic === undefined
      ? {}
      : {
          basicAuth: {
            username: secretOf(basic.username, basic.username_file, dir) ?? '',
            password: secretOf(basic.password, basic.password_file, dir) ?? '',
          },
        }),
    ...(auth === undefined
      ? {}
      : {
          authorization: {
            type: auth.type?.trim() || 'Bearer',
            credentials: secretOf(auth.credentials, auth.credentials_file, dir) ?? '',
          },
        }),
    ...(bearer === undefined ? {} : { authorization: { type: 'Bearer', credentials: bearer } }),
    ...(tokens === undefined ? {} : { oauth2: oauth2Of(tokens, dir) }),
    ...(keys.tls_config === undefined ? {} : { tls: tlsOf(keys.tls_config, dir) }),
    ...(proxy === undefined ? {} : { proxy }),
    ...(named === undefined ? {} : { headers }),
    ...(keys.follow_redirects === undefined ? {} : { followRedirects: keys.follow_redirects }),
  }
}

/** A path of the configuration, from where its file stands. */
export function fileOf(file: string, dir: string): string {
  return isAbsolute(file) ? file : join(dir, file)
}

function secretOf(plain: string | undefined, file: string | undefined, dir: string): SecretText | undefined {
  if (plain !== undefined && plain !== '') return plain
  return file === undefined || file === '' ? plain : { file: fileOf(file, dir) }
}

function tlsOf(keys: z.output<typeof tls>, dir: string): TlsConfig {
  const ca = secretOf(keys.ca, keys.ca_file, dir)
  const cert = secretOf(keys.cert, keys.cert_file, dir)
  const key = secretOf(keys.key, keys.key_file, dir)
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(keys.server_name === undefined ? {} : { serverName: keys.server_name }),
    ...(keys.insecure_skip_verify === undefined ? {} : { insecureSkipVerify: keys.insecure_skip_verify }),
    ...(keys.min_version === undefined ? {} : { minVersion: keys.min_version }),
    ...(keys.max_version === undefined ? {} : { maxVersion: keys.max_version }),
  }
}

function proxyOf(keys: z.output<z.ZodObject<typeof proxyShape>>): ProxyConfig | undefined {
  const { proxy_url: url = '', no_proxy: noProxy, proxy_from_environment: fromEnvironment = false } = keys
  if (url === '' && !fromEnvironment) return undefined
  return {
    ...(url === '' ? {} : { url }),
    ...(noProxy === undefined ? {} : { noProxy }),
    ...(fromEnvironment ? { fromEnvironment } : {}),
    ...(keys.proxy_connect_header === undefined ? {} : { connectHeaders: keys.proxy_connect_header }),
  }
}

function oauth2Of(keys: z.output<typeof oauth2>, dir: string): OAuth2Config {
  const proxy = proxyOf(keys)
  return {
    clientId: keys.client_id,
    ...(keys.grant_type === JWT_BEARER
      ? { jwt: jwtOf(keys, dir) }
      : { clientSecret: secretOf(keys.client_secret, keys.client_secret_file, dir) ?? '' }),
    tokenUrl: keys.token_url,
    ...(keys.scopes === undefined ? {} : { scopes: keys.scopes }),
    ...(keys.endpoint_params === undefined ? {} : { endpointParams: keys.endpoint_params }),
    ...(keys.tls_config === undefined ? {} : { tls: tlsOf(keys.tls_config, dir) }),
    ...(proxy === undefined ? {} : { proxy }),
  }
}

function jwtOf(keys: z.output<typeof oauth2>, dir: string): JwtGrant {
  const algorithm = algorithmOf(keys.signature_algorithm)
  return {
    key: secretOf(keys.client_certificate_key, keys.client_certificate_key_file, dir) ?? '',
    ...(keys.client_certificate_key_id === undefined ? {} : { keyId: keys.client_certificate_key_id }),
    ...(algorithm === undefined ? {} : { algorithm }),
    ...(keys.iss === undefined ? {} : { issuer: keys.iss }),
    ...(keys.audience === undefined ? {} : { audience: keys.audience }),
    ...(keys.claims === undefined ? {} : { claims: keys.claims }),
  }
}

function algorithmOf(name: string | undefined) {
  return JWT_ALGORITHMS.find((one) => one === name)
}

/** False where a whole number in it is beyond what a double holds exactly. */
function keepsDigits(value: unknown): boolean {
  if (typeof value === 'number') return !Number.isInteger(value) || Number.isSafeInteger(value)
  return typeof value !== 'object' || value === null || Object.values(value).every(keepsDigits)
}

export function isHttpUrl(url: string): boolean {
  return /^https?:\/\//i.test(url) && URL.canParse(url)
}
