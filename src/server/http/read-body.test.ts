import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { test } from 'node:test'
import { messageOf } from '#core'
import { readBody } from './read-body.ts'

/** A server that answers with the length of what it read, or why it did not; `read` has every outcome. */
async function openServer(maxBytes: number) {
  const read: string[] = []
  const server = createServer((request, response) => {
    readBody(request, maxBytes)
      .then((body) => `${body.length} ${body.subarray(-3)}`, messageOf)
      .then((outcome) => {
        read.push(outcome)
        response.end(outcome)
        server.emit('read')
      })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    read,
    port,
    url: `http://127.0.0.1:${port}/`,
    outcome: () => once(server, 'read'),
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

test('a body is read whole, in one piece or in many', async () => {
  await using server = await openServer(1000)
  const post = async (body: string | ReadableStream, more: object = {}) =>
    (await fetch(server.url, { method: 'POST', body, ...more } as RequestInit)).text()
  assert.equal(await post(`${'x'.repeat(997)}end`), '1000 end')
  const pieces = new ReadableStream({
    start(controller) {
      for (const piece of ['one', 'two', 'end']) controller.enqueue(Buffer.from(piece))
      controller.close()
    },
  })
  assert.equal(await post(pieces, { duplex: 'half' }), '9 end')
  assert.equal(await post(''), '0 ')
})

test('a body beyond the bound is refused by its head, or as soon as too much has come', async () => {
  await using server = await openServer(1000)
  for (const head of [
    'Content-Length: 1001\r\n\r\n',
    'Transfer-Encoding: chunked\r\n\r\n3e9\r\n'.concat('x'.repeat(1001)),
  ]) {
    const socket = connect(server.port, '127.0.0.1')
    socket.write(`POST / HTTP/1.1\r\nHost: a\r\n${head}`)
    const [answer] = (await once(socket, 'data')) as [Buffer]
    assert.match(String(answer), /the body has more than 1000 bytes/)
    socket.destroy()
  }
})

test('a caller that goes in the middle is an error, and nobody waits for the rest', async () => {
  await using server = await openServer(1000)
  const socket = connect(server.port, '127.0.0.1')
  const outcome = server.outcome()
  socket.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf')
  await once(socket, 'connect')
  socket.end()
  await outcome
  assert.match(server.read[0]!, /aborted|ended before/)
})
