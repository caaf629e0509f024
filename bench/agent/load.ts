/**
 * Requests over kept connections, one at a time on each, as a proxy sends them: to 50 paths, from 200 users.
 *
 * - Written to the socket as they are; an answer is known by its first bytes, so that this side costs a third of the cheapest server.
 * - Connections stay from window to window: accepting them anew would be a part of each short window. One that the server has closed
 *   meanwhile is made again before the next window begins.
 */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

const CONNECTIONS = 32
const TEXTS = Array.from({ length: 200 }, (_, i) => {
  const path = `/r${String.fromCharCode(97 + (i % 25))}/${i % 50}`
  return Buffer.from(`GET ${path} HTTP/1.1\r\nHost: a\r\nX-User-Id: user-${i}\r\n\r\n`)
})

export class Load implements Disposable {
  readonly #port: number
  #sockets: Socket[] = []

  constructor(port: number) {
    this.#port = port
  }

  /** Makes the connections that are missing. */
  async connect(): Promise<void> {
    const living = this.#sockets.filter((socket) => !socket.destroyed && socket.readable && socket.writable)
    const missing = Array.from({ length: CONNECTIONS - living.length }, async () => {
      const socket = connect(this.#port, '127.0.0.1')
      await once(socket, 'connect')
      // An idle one that is closed is replaced by the next `connect`.
      socket.on('error', () => {})
      return socket
    })
    this.#sockets = [...living, ...(await Promise.all(missing))]
  }

  /** Sends that many, at least one on each connection; gives the milliseconds it took. */
  async send(requests: number): Promise<number> {
    let left = requests
    const from = performance.now()
    await Promise.all(
      this.#sockets.map(
        (socket) =>
          new Promise<void>((resolve, reject) => {
            const end = (settle: () => void): void => {
              socket.off('data', onData)
              socket.off('close', onClose)
              settle()
            }
            const onClose = (): void => end(() => reject(new Error('the service has closed a connection in use')))
            const onData = (): void => {
              if (left > 0) socket.write(TEXTS[left-- % TEXTS.length]!)
              else end(resolve)
            }
            socket.on('data', onData)
            socket.on('close', onClose)
            socket.write(TEXTS[left-- % TEXTS.length]!)
          }),
      ),
    )
    return performance.now() - from
  }

  [Symbol.dispose](): void {
    for (const socket of this.#sockets) socket.destroy()
  }
}
