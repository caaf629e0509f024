/**
 * Requests over HTTP as a configuration says: credentials, TLS, proxies, redirects.
 *
 * - `node:http` and not `fetch`: it gives the error codes that tell a closed port from a foreign protocol, takes TLS options and
 *   agents, and lets a body be cut off while it still comes. Errors of a connection are passed on as they are.
 * - Secrets and certificates in files are read anew for each request; when what they hold changes, connections are made anew.
 * - Credentials and configured headers go to the host that was asked: a redirect to another one does not get them.
 */
import { createHash } from 'node:crypto'
import {
  Agent as HttpAgent,
  request as httpRequest,
  type IncomingMessage,
  validateHeaderName,
  validateHeaderValue,
} from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import type { ConnectionOptions, SecureVersion } from 'node:tls'
import { AssayError } from '../error.ts'
import type { HttpClientConfig, SecretText, TlsConfig, TlsVersion } from './config.ts'
import { KeptConnections, type PlainAnswer, type PlainRequest } from './kept-connections.ts'
import { TokenSource } from './oauth2.ts'
import { proxyFor } from './proxy.ts'
import { fromEnvironment, type ResolveText, secretText } from './secret.ts'
import { isSocks, socksTunnel } from './socks.ts'
import { connectTunnel, proxyAddress, proxyAuthorization, type TunnelledOptions, tunnelAgent } from './tunnel.ts'

export type HttpRequest = {
  readonly url: string
  /** Default GET, the only one that follows redirects. */
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Uint8Array
}

/** The head of an answer; its body is the caller's to read, or to destroy. `url`: where it came from in the end. */
export type HttpAnswer = { readonly message: IncomingMessage; readonly url: URL }

/** Disposal closes idle connections; a request that is on its way comes to its end. */
export interface HttpClient extends Disposable {
  /** Rejects with the error of the connection, the reason of `signal`, or an `AssayError` (`ASSAY_HTTP_*`). */
  request(request: HttpRequest, signal: AbortSignal): Promise<HttpAnswer>
  /**
   * For a GET that is repeated: the way over a kept plain connection, where the request needs nothing of the library (TLS, proxies,
   * OAuth, credentials in the URL); else `undefined`. `limit`: the first number of bytes of a body that is too many.
   */
  plainGet(request: Pick<HttpRequest, 'url' | 'headers'>, limit: number): PlainGet | undefined
}

/**
 * Resolves with the answer, or `undefined` where it has to be asked for with `request`: a redirect, or what is not understood.
 * Rejects with the error of the connection, an `AnswerCut`, or an `AssayError` (`ASSAY_HTTP_*`).
 */
export type PlainGet = (signal: AbortSignal) => Promise<PlainAnswer | undefined>

export type HttpClientDeps = {
  /** Default: the environment of this process. */
  readonly resolve?: ResolveText
  /** Where proxies are looked up with `fromEnvironment`. */
  readonly environment?: Readonly<Record<string, string | undefined>>
  readonly monotonicMs?: () => number
  /** Unix milliseconds, for tokens that say until when they are good. */
  readonly wallMs?: () => number
}

export function createHttpClient(config: HttpClientConfig, deps: HttpClientDeps = {}): HttpClient {
  return new ConfiguredClient(config, deps)
}

const MAX_REDIRECTS = 10
const POOL = { keepAlive: true, maxFreeSockets: 1024, timeout: 60_000 } as const

// Clients without TLS settings or proxies share these: sockets are kept per host, idle ones for a minute.
// The library's are made when one is first asked for: what is loaded into a start-up image must hold nothing of Node's networking.
let httpAgent: HttpAgent | undefined
let httpsAgent: HttpsAgent | undefined
const shared = {
  http: () => (httpAgent ??= new HttpAgent(POOL)),
  https: () => (httpsAgent ??= new HttpsAgent(POOL)),
  plain: new KeptConnections(),
}

/** What a configured header may not be on a plain connection: it would change where the answer ends. */
const OF_THE_CONNECTION = ['connection', 'content-length', 'expect', 'te', 'trailer', 'transfer-encoding', 'upgrade']

const VERSIONS: Readonly<Record<TlsVersion, SecureVersion>> = {
  TLS10: 'TLSv1',
  TLS11: 'TLSv1.1',
  TLS12: 'TLSv1.2',
  TLS13: 'TLSv1.3',
}

/** What a request goes over: an agent that holds its TLS settings and its proxy, and those settings. */
type Route = { readonly key: string; readonly agent: HttpAgent | HttpsAgent; readonly tls: ConnectionOptions }

class ConfiguredClient implements HttpClient {
  readonly #config: HttpClientConfig
  readonly #resolve: ResolveText
  readonly #environment: Readonly<Record<string, string | undefined>>
  readonly #tokens: TokenSource | undefined
  readonly #tokenClient: HttpClient | undefined
  /** Of this client alone, by scheme and proxy; the last settings of each. */
  readonly #routes = new Map<string, Route>()

  constructor(config: HttpClientConfig, deps: HttpClientDeps) {
    const { resolve = fromEnvironment, environment = process.env } = deps
    const { monotonicMs = () => performance.now(), wallMs = Date.now } = deps
    this.#config = config
    this.#resolve = resolve
    this.#environment = environment
    if (config.oauth2 !== undefined) {
      const { tls, proxy } = config.oauth2
      this.#tokenClient = new ConfiguredClient(
        { ...(tls === undefined ? {} : { tls }), ...(proxy === undefined ? {} : { proxy }) },
        deps,
      )
      this.#tokens = new TokenSource(config.oauth2, { client: this.#tokenClient, resolve, monotonicMs, wallMs })
    }
  }

  async request(request: HttpRequest, signal: AbortSignal): Promise<HttpAnswer> {
    let url = new URL(request.url)
    const own = { ...(await this.#configuredHeaders()), ...(await this.#authorization(request, signal)) }
    let headers: Record<string, string | string[]> = { ...own, ...request.headers }
    for (let hop = 0; ; hop++) {
      const message = await this.#send(url, { ...request, headers }, signal)
      const status = message.statusCode ?? 0
      const { location } = message.headers
      const isRedirect = status >= 300 && status < 400 && location !== undefined
      if (!isRedirect || this.#config.followRedirects === false || (request.method ?? 'GET') !== 'GET')
        return { message, url }
      message.destroy()
      if (hop === MAX_REDIRECTS)
        throw redirects(`${url.host} redirects without end; ${MAX_REDIRECTS} redirects were followed`)
      const next = URL.canParse(location, url) ? new URL(location, url) : undefined
      if (next === undefined || (next.protocol !== 'http:' && next.protocol !== 'https:'))
        throw redirects(`${url.host} redirects to what is no HTTP address`)
      if (next.host !== url.host || next.protocol !== url.protocol) {
        const secret = new Set(Object.keys(own).map((name) => name.toLowerCase()))
        headers = Object.fromEntries(Object.entries(headers).filter(([name]) => !secret.has(name.toLowerCase())))
      }
      url = next
    }
  }

  plainGet({ url: address, headers }: Pick<HttpRequest, 'url' | 'headers'>, limit: number): PlainGet | undefined {
    const { proxy, oauth2, basicAuth, authorization, headers: configured } = this.#config
    const url = new URL(address)
    const names = Object.keys({ ...configured, ...headers }).map((name) => name.toLowerCase())
    if (url.protocol !== 'http:' || url.username !== '' || url.password !== '') return undefined
    if (proxy !== undefined || oauth2 !== undefined || names.some((name) => OF_THE_CONNECTION.includes(name)))
      return undefined
    const isBare = basicAuth === undefined && authorization === undefined && configured === undefined
    let rendered: PlainRequest | undefined
    let known = ''
    return async (signal) => {
      if (!isBare) {
        const own = { ...(await this.#configuredHeaders()), ...(await this.#authorization({ url: address }, signal)) }
        const now = JSON.stringify(own)
        if (now !== known || rendered === undefined) rendered = renderGet(url, { ...own, ...headers }, limit)
        known = now
      }
      rendered ??= renderGet(url, { ...headers }, limit)
      return await shared.plain.get(rendered, signal)
    }
  }

  [Symbol.dispose](): void {
    // Idle connections alone: a request on its way is let come to its end, and its connection ends when it has been idle.
    for (const { agent } of this.#routes.values())
      for (const sockets of Object.values(agent.freeSockets)) for (const socket of sockets ?? []) socket.destroy()
    this.#routes.clear()
    this.#tokenClient?.[Symbol.dispose]()
  }

  async #send(
    url: URL,
    {
      method = 'GET',
      headers,
      body,
    }: Omit<HttpRequest, 'headers'> & { readonly headers: Record<string, string | string[]> },
    signal: AbortSignal,
  ): Promise<IncomingMessage> {
    const secure = url.protocol === 'https:'
    const proxy = proxyFor(url, this.#config.proxy, { resolve: this.#resolve, environment: this.#environment })
    const { agent, tls } = await this.#route(secure, proxy)
    if (signal.aborted) throw signal.reason
    const options: TunnelledOptions = {
      method,
      agent,
      signal,
      tunnelSignal: signal,
      headers: body === undefined ? headers : { ...headers, 'content-length': String(body.length) },
    }
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
    // Plain HTTP through a proxy that speaks it is a request to the proxy, with the whole address in its first line.
    const request =
      !secure && proxy !== undefined && !isSocks(proxy)
        ? (proxy.protocol === 'https:' ? httpsRequest : httpRequest)(
            {
              ...options,
              ...proxyAddress(proxy, tls),
              path: withoutCredentials(url),
              headers: { ...proxyAuthorization(proxy), ...options.headers, host: url.host },
            },
            resolve,
          )
        : (secure ? httpsRequest : httpRequest)(url, options, resolve)
    request.on('error', reject)
    request.end(body)
    return await promise
  }

  async #route(secure: boolean, proxy: URL | undefined): Promise<Omit<Route, 'key'>> {
    const isTunnel = proxy !== undefined && (secure || isSocks(proxy))
    const speaksTls = secure || proxy?.protocol === 'https:'
    if (!isTunnel && !speaksTls) return { agent: shared.http(), tls: {} }
    // As in Go, these settings are for a proxy that speaks TLS too.
    const tls = speaksTls && this.#config.tls !== undefined ? await tlsOptions(this.#config.tls, this.#resolve) : {}
    if (!isTunnel && this.#config.tls === undefined) return { agent: shared.https(), tls }
    const connectHeaders = await this.#texts(this.#config.proxy?.connectHeaders)
    const key = createHash('sha256')
      .update(JSON.stringify([tls, proxy?.href, connectHeaders]))
      .digest('base64')
    const place = `${secure} ${proxy?.href ?? ''}`
    const known = this.#routes.get(place)
    if (known?.key === key) return known
    // The agent of before is let go, not destroyed: a request may be on its way, and idle connections end by themselves.
    const agent = isTunnel
      ? tunnelAgent(proxy, isSocks(proxy) ? socksTunnel(proxy) : connectTunnel(proxy, connectHeaders, tls), {
          ...POOL,
          ...tls,
          secure,
        })
      : new HttpsAgent({ ...POOL, ...tls })
    const route = { key, agent, tls }
    this.#routes.set(place, route)
    return route
  }

  async #authorization({ headers }: HttpRequest, signal: AbortSignal): Promise<Record<string, string>> {
    const { basicAuth, authorization } = this.#config
    if (basicAuth !== undefined) {
      const [username, password] = await Promise.all([this.#text(basicAuth.username), this.#text(basicAuth.password)])
      return { authorization: `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}` }
    }
    if (authorization !== undefined)
      return { authorization: `${authorization.type || 'Bearer'} ${await this.#text(authorization.credentials)}` }
    return this.#tokens === undefined
      ? {}
      : { authorization: await this.#tokens.authorization(headers?.['user-agent'], signal) }
  }

  async #configuredHeaders(): Promise<Record<string, string[]>> {
    return await this.#texts(this.#config.headers)
  }

  async #texts(from: Readonly<Record<string, readonly SecretText[]>> = {}): Promise<Record<string, string[]>> {
    const headers: Record<string, string[]> = {}
    for (const [name, values] of Object.entries(from))
      headers[name.toLowerCase()] = await Promise.all(values.map((value) => this.#text(value)))
    return headers
  }

  #text(secret: SecretText): Promise<string> {
    return secretText(secret, this.#resolve)
  }
}

/** Throws as the library does for a header that is none. */
function renderGet(url: URL, headers: Readonly<Record<string, string | string[]>>, limit: number): PlainRequest {
  const lines = [`GET ${url.pathname}${url.search} HTTP/1.1`]
  if (!Object.keys(headers).some((name) => name.toLowerCase() === 'host')) lines.push(`Host: ${url.host}`)
  for (const [name, values] of Object.entries(headers)) {
    validateHeaderName(name)
    for (const value of Array.isArray(values) ? values : [values]) {
      validateHeaderValue(name, value)
      lines.push(`${name}: ${value}`)
    }
  }
  const bytes = Buffer.from(`${lines.join('\r\n')}\r\nConnection: keep-alive\r\n\r\n`, 'latin1')
  return { host: url.hostname.replace(/^\[|\]$/g, ''), port: Number(url.port || 80), bytes, limit }
}

async function tlsOptions(tls: TlsConfig, resolve: ResolveText): Promise<ConnectionOptions> {
  const { ca, cert, key, serverName, insecureSkipVerify, minVersion, maxVersion } = tls
  return {
    ...(ca === undefined ? {} : { ca: await secretText(ca, resolve) }),
    ...(cert === undefined ? {} : { cert: await secretText(cert, resolve) }),
    ...(key === undefined ? {} : { key: await secretText(key, resolve) }),
    ...(serverName === undefined || serverName === '' ? {} : { servername: serverName }),
    ...(insecureSkipVerify === true ? { rejectUnauthorized: false } : {}),
    ...(minVersion === undefined ? {} : { minVersion: VERSIONS[minVersion] }),
    ...(maxVersion === undefined ? {} : { maxVersion: VERSIONS[maxVersion] }),
  }
}

/** The address as a proxy is to see it. */
function withoutCredentials(url: URL): string {
  const plain = new URL(url)
  plain.username = ''
  plain.password = ''
  return plain.href
}

function redirects(what: string): AssayError<'ASSAY_HTTP_REDIRECTS'> {
  return new AssayError('ASSAY_HTTP_REDIRECTS', what)
}
