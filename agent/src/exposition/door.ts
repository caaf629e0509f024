/**
 * The listening socket of the metrics address: a plain `node:net` server that hands its connections on.
 *
 * - Whoever only waits for a first scrape needs no HTTP: its modules are loaded by the first connection (see `page-server.ts`). The HTTP
 *   server is never told that it listens, so it starts no interval: at rest nothing wakes the process.
 * - Bounded and exclusive: at most MAX_CONNECTIONS, and past a primary of node:cluster this process's own socket. `reusePort` is left
 *   alone on purpose: with it a second process would bind the same address unseen, and each scrape would show another process.
 * - It never keeps its thread or process alive.
 */
import { createServer, type Server, type Socket } from 'node:net'
import type { Listen } from '../config.ts'

const MAX_CONNECTIONS = 300

export type Door = {
  /** As it is bound, when port 0 was asked for. */
  readonly address: Listen
  /** Stops listening before it returns; connections go on. */
  close(): void
  /** Resolves when it does not listen any more. */
  readonly closed: Promise<void>
}

/** Listens, or rejects with the system's error (EADDRINUSE, EACCES). Sockets are handed over paused. */
export function openDoor(address: Listen, onSocket: (socket: Socket) => void): Promise<Door> {
  const server = createServer({ pauseOnConnect: true }, (socket) => {
    socket.unref()
    socket.on('error', () => socket.destroy())
    onSocket(socket)
  })
  server.maxConnections = MAX_CONNECTIONS
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host: address.host, port: address.port, exclusive: true }, () => {
      server.removeListener('error', reject)
      // An accept that fails (EMFILE) is the scraper's bad luck, not the application's end.
      server.on('error', () => {})
      resolve(doorOf(server, address))
    })
    server.unref()
  })
}

function doorOf(server: Server, asked: Listen): Door {
  const place = server.address()
  const { promise, resolve } = deferred()
  let isOpen = true
  return {
    address: { host: asked.host, port: typeof place === 'object' && place !== null ? place.port : asked.port },
    // The server's own `close` event waits for its last connection: what counts here is that the address is free.
    close: () => {
      if (!isOpen) return
      isOpen = false
      server.close()
      resolve()
    },
    closed: promise,
  }
}

/** `Promise.withResolvers` is not in Node 20. */
function deferred(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve = (): void => {}
  const promise = new Promise<void>((done) => {
    resolve = done
  })
  return { promise, resolve }
}
