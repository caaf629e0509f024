/**
 * Requests over kept connections, one at a time on each, as a proxy sends them: to 50 paths, from 200 users.
 *
 * Written to the socket as they are; an answer is known by its first bytes, so that this side costs a third of the cheapest server.
 */
import { once } from 'node:events'
import { connect } from 'node:net'

const CONNECTIONS = 32
const TEXTS = Array.from({ length: 200 }, (_, i) => {
  const path = `/r${String.fromCharCode(97 + (i % 25))}/${i % 50}`
  return Buffer.from(`GET ${path} HTTP/1.1\r\nHost: a\r\nX-User-Id: user-${i}\r\n\r\n`)
})

/** Sends that many; gives the milliseconds it took. */
export async function load(port: number, requests: number): Promise<number> {
  let left = requests
  const sockets = await Promise.all(
    Array.from({ length: CONNECTIONS }, async () => {
      const socket = connect(port, '127.0.0.1')
      await once(socket, 'connect')
      return socket
    }),
  )
  const from = performance.now()
  await Promise.all(
    sockets.map(
      (socket) =>
        new Promise<void>((resolve, reject) => {
          socket.on('error', reject)
          socket.on('data', () => {
            if (left > 0) socket.write(TEXTS[left-- % TEXTS.length]!)
            else resolve()
          })
          socket.write(TEXTS[left-- % TEXTS.length]!)
        }),
    ),
  )
  const milliseconds = performance.now() - from
  for (const socket of sockets) socket.destroy()
  return milliseconds
}
