/**
 * Connections to HTTPS servers through a proxy: CONNECT first, TLS inside. Kept alive like direct ones.
 *
 * The proxy sees host and port alone; its own credentials and headers go with CONNECT and never to the server.
 */
import { request as httpRequest } from 'node:http'
import { Agent, type AgentOptions, request as httpsRequest } from 'node:https'
import type { Duplex } from 'node:stream'
import { type ConnectionOptions, connect as tlsConnect } from 'node:tls'
import { AssayError } from '../error.ts'

/** Longest that a proxy may take to connect; the request's own signal usually ends it sooner. */
const CONNECT_TIMEOUT_MS = 30_000

export class TunnelAgent extends Agent {
  readonly #proxy: URL
  readonly #headers: Readonly<Record<string, readonly string[]>>

  constructor(proxy: URL, headers: Readonly<Record<string, readonly string[]>>, options: AgentOptions) {
    super(options)
    this.#proxy = proxy
    this.#headers = headers
  }

  override createConnection(
    options: ConnectionOptions,
    callback?: (error: Error | null, stream: Duplex) => void,
  ): undefined {
    const host = String(options.host ?? 'localhost')
    const authority = `${host.includes(':') ? `[${host}]` : host}:${options.port ?? 443}`
    const done = callback as unknown as (error: Error | null, stream?: Duplex) => void
    const connecting = (this.#proxy.protocol === 'https:' ? httpsRequest : httpRequest)({
      host: this.#proxy.hostname.replace(/^\[|\]$/g, ''),
      port: this.#proxy.port || (this.#proxy.protocol === 'https:' ? 443 : 80),
      method: 'CONNECT',
      path: authority,
      headers: { ...proxyAuthorization(this.#proxy), ...this.#headers, host: authority },
      agent: false,
      timeout: CONNECT_TIMEOUT_MS,
    })
    connecting
      .on('connect', (answer, socket) => {
        if (answer.statusCode === 200) done(null, tlsConnect({ ...options, socket }))
        else {
          socket.destroy()
          done(refused(this.#proxy, `answers ${answer.statusCode} to CONNECT ${authority}`))
        }
      })
      .on('response', (answer) => {
        answer.destroy()
        done(refused(this.#proxy, `answers ${answer.statusCode} to CONNECT ${authority}`))
      })
      .on('timeout', () => connecting.destroy(new Error('it does not answer')))
      .on('error', (cause) => done(refused(this.#proxy, cause.message, cause)))
      .end()
  }
}

/** The header that a proxy with a name and a password in its URL asks for. */
export function proxyAuthorization(proxy: URL): Record<string, string> {
  if (proxy.username === '') return {}
  const pair = `${decodeURIComponent(proxy.username)}:${decodeURIComponent(proxy.password)}`
  return { 'proxy-authorization': `Basic ${Buffer.from(pair).toString('base64')}` }
}

function refused(proxy: URL, what: string, cause?: unknown): AssayError<'ASSAY_HTTP_PROXY'> {
  return new AssayError(
    'ASSAY_HTTP_PROXY',
    `the proxy ${proxy.host} ${what}; check proxy_url, its credentials and no_proxy`,
    cause === undefined ? undefined : { cause },
  )
}
