import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { test } from 'node:test'
import { ManualClock } from '#core'
import { type ConnectionLimits, Connections, MOST_BEHIND, SILENT_MS } from './connections.ts'

const REQUEST = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'

async function open(limits: Partial<ConnectionLimits> = {}) {
  const clock = new ManualClock(0)
  const connections = new Connections({ served: 1, waiting: 1, waitMs: 30_000, ...limits }, clock)
  const server = createServer((_request, response) => response.end('ok'))
  connections.guard(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const sockets: Socket[] = []
  return {
    clock,
    connections,
    async join() {
      const before = connections.served + connections.waiting + connections.refused
      const socket = connect((server.address() as AddressInfo).port, '127.0.0.1').on('error', () => {})
      socket.resume() // or its end would never be seen
      sockets.push(socket)
      await until(() => connections.served + connections.waiting + connections.refused > before)
      return socket
    },
    [Symbol.asyncDispose]: async () => {
      connections[Symbol.dispose]()
      for (const socket of sockets) socket.destroy()
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** The kernel tells of connections when it pleases. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve))
}

const counts = ({ served, waiting, refused }: Connections) => ({ served, waiting, refused })

test('a connection beyond the places waits, and is served when one is free', async () => {
  await using world = await open()
  const first = await world.join()
  const second = await world.join()
  second.write(REQUEST)
  assert.deepEqual(counts(world.connections), { served: 1, waiting: 1, refused: 0 })
  first.destroy()
  const [answer] = await once(second, 'data')
  assert.match(String(answer), /^HTTP\/1.1 200 OK.*ok$/s)
  assert.deepEqual(counts(world.connections), { served: 1, waiting: 0, refused: 0 })
})

test('a connection beyond the line is closed at once', async () => {
  await using world = await open()
  await world.join()
  await world.join()
  const third = await world.join()
  await until(() => third.closed)
  assert.deepEqual(counts(world.connections), { served: 1, waiting: 1, refused: 1 })
})

test('one that is kept open without a request gives up its place to one that waits', async () => {
  await using world = await open()
  const idle = await world.join()
  idle.write(REQUEST)
  await once(idle, 'data')
  const next = await world.join()
  next.write(REQUEST)
  await once(next, 'data')
  await until(() => idle.closed)
})

test('one that brings no request gives up its place when another waits, but not at once', async () => {
  await using world = await open({ waiting: 2 })
  const silent = await world.join()
  silent.write('GET / HT')
  await world.join()
  assert.deepEqual(counts(world.connections), { served: 1, waiting: 1, refused: 0 })
  await world.clock.advance(SILENT_MS)
  await world.join()
  await until(() => silent.closed)
  assert.deepEqual(counts(world.connections), { served: 1, waiting: 1, refused: 0 })
})

test('one that has waited too long is closed, and its place in the line is free', async () => {
  await using world = await open()
  await world.join()
  const second = await world.join()
  await world.clock.advance(30_000)
  await until(() => second.closed)
  assert.deepEqual(counts(world.connections), { served: 1, waiting: 0, refused: 1 })
  await world.join()
  assert.equal(world.connections.waiting, 1)
})

test('nothing is read of one that waits', async () => {
  await using world = await open()
  const first = await world.join()
  const second = await world.join()
  // More than all buffers of the kernel hold: what is taken in stays bounded, and the rest waits with its sender.
  const bytes = Buffer.alloc(64 * 2 ** 20)
  second.write(bytes)
  for (let i = 0; i < 200; i++) await new Promise((resolve) => setImmediate(resolve))
  assert.ok(second.writableLength > bytes.length / 4, `${second.writableLength} bytes wait`)
  first.destroy()
})

test('requests that come one behind the other are refused from a number on, and answered in their order', async () => {
  const connections = new Connections({ served: 1, waiting: 1, waitMs: 30_000 }, new ManualClock(0))
  const held: (() => void)[] = []
  const server = createServer(connections.spared((_request, response) => void held.push(() => response.end('ok'))))
  connections.guard(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1').setEncoding('utf8')
  let text = ''
  socket.on('data', (part: string) => void (text += part))
  try {
    socket.write(REQUEST.repeat(MOST_BEHIND + 3))
    await until(() => connections.refusedRequests === 3)
    assert.equal(held.length, MOST_BEHIND)
    for (const answer of held) answer()
    const statuses = () => [...text.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status)
    await until(() => statuses().length === MOST_BEHIND + 3)
    assert.deepEqual(statuses(), [...Array<string>(MOST_BEHIND).fill('200'), '503', '503', '503'])
    // Those that were answered wait no longer.
    socket.write(REQUEST)
    await until(() => held.length === MOST_BEHIND + 1)
  } finally {
    connections[Symbol.dispose]()
    socket.destroy()
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
})
