/** Real servers and proxies on this machine, for tests of the HTTP client; disposal ends them all. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type IncomingMessage, type RequestListener } from 'node:http'
import { createServer as createSecureServer, type ServerOptions } from 'node:https'
import { type AddressInfo, connect, createServer as createTcpServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createHttpClient, type HttpClientDeps } from './client.ts'
import type { HttpClientConfig } from './config.ts'

export const pem = (name: string) => join(import.meta.dirname, 'testdata', `${name}.pem`)
const SERVER = { key: readFileSync(pem('server-key')), cert: readFileSync(pem('server')) }
export const TRUST = { ca: { file: pem('ca') }, serverName: 'server.test' }

/** Of whoever does not give up. */
export const never = new AbortController().signal

/** Asks once, with a client of its own. */
export async function ask(
  url: string,
  config: HttpClientConfig,
  deps: HttpClientDeps = {},
  signal: AbortSignal = never,
): Promise<string> {
  using client = createHttpClient(config, deps)
  const { message } = await client.request({ url }, signal)
  return `${message.statusCode} ${Buffer.concat(await message.toArray())}`
}

export class World implements AsyncDisposable {
  readonly #servers = new Map<Server, Set<Socket>>()
  readonly dir = mkdtempSync(join(tmpdir(), 'assay-http-'))

  async http(listener: RequestListener): Promise<string> {
    return `http://${await this.#listen(createServer(listener))}`
  }

  async https(listener: RequestListener, options: ServerOptions = {}): Promise<string> {
    return `https://${await this.#listen(createSecureServer({ ...SERVER, ...options }, listener))}`
  }

  async tcp(onSocket: (socket: Socket) => void): Promise<string> {
    return await this.#listen(createTcpServer(onSocket))
  }

  /** A proxy for both kinds of requests; `seen` gets each head. `secure`: it is itself spoken to over TLS. */
  async proxy(seen: IncomingMessage[], password?: string, secure = false): Promise<string> {
    const refused = ({ headers }: IncomingMessage) =>
      password !== undefined &&
      headers['proxy-authorization'] !== `Basic ${Buffer.from(`me:${password}`).toString('base64')}`
    const listener: RequestListener = (request, response) => {
      seen.push(request)
      if (refused(request)) response.writeHead(407).end()
      else response.end(`proxied ${request.url}`)
    }
    const server = secure ? createSecureServer(SERVER, listener) : createServer(listener)
    server.on('connect', (request, socket) => {
      seen.push(request)
      if (refused(request)) return socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n')
      const [host = '', port = ''] = request.url!.split(':')
      const upstream = connect(Number(port), host, () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n')
        upstream.pipe(socket).pipe(upstream)
      })
      upstream.on('error', () => socket.destroy())
      socket.on('error', () => upstream.destroy())
      return undefined
    })
    return await this.#listen(server)
  }

  async #listen(server: Server): Promise<string> {
    const sockets = new Set<Socket>()
    this.#servers.set(server, sockets)
    server.on('connection', (socket: Socket) => {
      sockets.add(socket)
      socket.on('error', () => undefined).on('close', () => sockets.delete(socket))
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return `127.0.0.1:${(server.address() as AddressInfo).port}`
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const [server, sockets] of this.#servers) {
      server.close()
      for (const socket of sockets) socket.destroy()
    }
    rmSync(this.dir, { recursive: true })
  }
}
