/**
 * Connections that go through a proxy, kept alive like direct ones; TLS is spoken inside, with the server itself.
 *
 * - A way through a proxy is a `Tunnel`: CONNECT here, SOCKS in `socks.ts`. The proxy sees host and port alone; its own credentials
 *   and headers go to it and never to the server.
 * - Whoever gives up a request ends its tunnel too, at whatever step it is.
 */
import { Agent as HttpAgent, request as httpRequest, type RequestOptions } from 'node:http'
import { type AgentOptions, Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import { isIP } from 'node:net'
import type { Duplex } from 'node:stream'
import { type ConnectionOptions, connect as tlsConnect } from 'node:tls'
import { AssayError } from '../error.ts'

export type Destination = { readonly host: string; readonly port: number }

/**
 * Opens a way to `to`. Rejects with `ASSAY_HTTP_PROXY`, or with the reason of `signal`; then nothing stays open.
 * What it resolves with is the caller's to close.
 */
export type Tunnel = (to: Destination, signal: AbortSignal) => Promise<Duplex>

/** Longest that a proxy may take to connect; the request's own signal usually ends it sooner. */
const CONNECT_TIMEOUT_MS = 30_000

/** Node takes `signal` from what an agent sees, so that a request names it a second time for its tunnel. */
export type TunnelledOptions = RequestOptions & { readonly tunnelSignal?: AbortSignal }

/** An agent whose connections come from `tunnel`. `secure`: TLS is spoken through them, with the `options` that are about TLS. */
export function tunnelAgent(
  proxy: URL,
  tunnel: Tunnel,
  options: AgentOptions & { readonly secure: boolean; readonly connectTimeoutMs?: number },
): HttpAgent {
  const { secure, connectTimeoutMs = CONNECT_TIMEOUT_MS, ...own } = options
  const agent = secure ? new HttpsAgent(own) : new HttpAgent(own)
  agent.createConnection = (asked, callback) => {
    const { host, port, tunnelSignal } = asked as TunnelledOptions
    const to = { host: host ?? 'localhost', port: Number(port ?? (secure ? 443 : 80)) }
    const done = callback as (error: Error | null, stream?: Duplex) => void
    const limit = AbortSignal.timeout(connectTimeoutMs)
    tunnel(to, tunnelSignal === undefined ? limit : AbortSignal.any([tunnelSignal, limit])).then(
      (socket) => done(null, secure ? tlsConnect({ ...(asked as ConnectionOptions), socket }) : socket),
      (thrown: Error) =>
        done(
          limit.aborted && tunnelSignal?.aborted !== true
            ? proxyError(proxy, `has not connected to ${placeOf(to)} within ${connectTimeoutMs} ms`)
            : thrown,
        ),
    )
    return undefined
  }
  return agent
}

/** Through a proxy that speaks HTTP; `tls` is for a proxy that is itself spoken to over TLS. */
export function connectTunnel(
  proxy: URL,
  headers: Readonly<Record<string, readonly string[]>>,
  tls: ConnectionOptions = {},
): Tunnel {
  return (to, signal) => {
    const authority = placeOf(to)
    const { promise, resolve, reject } = Promise.withResolvers<Duplex>()
    const connecting = (proxy.protocol === 'https:' ? httpsRequest : httpRequest)({
      ...proxyAddress(proxy, tls),
      method: 'CONNECT',
      path: authority,
      headers: { ...proxyAuthorization(proxy), ...headers, host: authority },
      agent: false,
      signal,
    })
    connecting
      .on('connect', (answer, socket) => {
        if (answer.statusCode === 200) return resolve(socket)
        socket.destroy()
        reject(proxyError(proxy, `answers ${answer.statusCode} to CONNECT ${authority}`))
      })
      .on('response', (answer) => {
        answer.destroy()
        reject(proxyError(proxy, `answers ${answer.statusCode} to CONNECT ${authority}`))
      })
      .on('error', (cause) => reject(signal.aborted ? signal.reason : proxyError(proxy, cause.message, { cause })))
      .end()
    return promise
  }
}

/** Where a proxy that speaks HTTP is asked, and by which name it is known in its certificate. */
export function proxyAddress(proxy: URL, tls: ConnectionOptions): RequestOptions & ConnectionOptions {
  const host = hostOf(proxy)
  const secure = proxy.protocol === 'https:'
  const address = { host, port: Number(proxy.port || (secure ? 443 : 80)) }
  // Node would take the name from the Host header, which is the server's and not the proxy's.
  return secure ? { servername: isIP(host) === 0 ? host : '', ...tls, ...address } : address
}

/** The header that a proxy with a name and a password in its URL asks for. */
export function proxyAuthorization(proxy: URL): Record<string, string> {
  if (proxy.username === '') return {}
  const { name, password } = proxyCredentials(proxy)
  return { 'proxy-authorization': `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}` }
}

/** Throws `ASSAY_HTTP_PROXY` where they are not percent-encoded. */
export function proxyCredentials(proxy: URL): { readonly name: string; readonly password: string } {
  try {
    return { name: decodeURIComponent(proxy.username), password: decodeURIComponent(proxy.password) }
  } catch {
    throw proxyError(proxy, 'has a name or a password with a % that begins no character', { todo: 'write %25 for it' })
  }
}

export function hostOf(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, '')
}

export function placeOf({ host, port }: Destination): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`
}

export function proxyError(
  proxy: URL,
  what: string,
  {
    todo = 'check proxy_url, its credentials and no_proxy',
    cause,
  }: { readonly todo?: string; readonly cause?: unknown } = {},
): AssayError<'ASSAY_HTTP_PROXY'> {
  return new AssayError(
    'ASSAY_HTTP_PROXY',
    `the proxy ${proxy.host} ${what}; ${todo}`,
    cause === undefined ? undefined : { cause },
  )
}
