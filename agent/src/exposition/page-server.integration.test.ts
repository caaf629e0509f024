import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { test } from 'node:test'
import { openDoor } from './door.ts'
import { type PageQuestion, PageServer, type PageServerOptions } from './page-server.ts'

type Served = Disposable & { readonly port: number; readonly asked: PageQuestion[] }

async function serve(options: Partial<PageServerOptions> = {}): Promise<Served> {
  const asked: PageQuestion[] = []
  const server = new PageServer({
    token: undefined,
    page: async (question) => {
      asked.push(question)
      // Scrapers of the same moment meet here.
      await new Promise((resolve) => setImmediate(resolve))
      return Buffer.from('a 1\n')
    },
    paths: new Map([['/-/x', () => ({ status: 200, contentType: 'text/plain', body: 'x' })]]),
    onUpgrade: (_request, socket) => socket.destroy(),
    onServer: () => {},
    isOwnThread: false,
    ...options,
  })
  const door = await openDoor({ host: '127.0.0.1', port: 0 }, (socket) => server.take(socket))
  return {
    port: door.address.port,
    asked,
    [Symbol.dispose]() {
      door.close()
      server[Symbol.dispose]()
    },
  }
}

/** What is answered to these bytes, until the connection ends. */
async function raw(port: number, text: string): Promise<string> {
  const socket = connect(port, '127.0.0.1').setEncoding('utf8')
  let answer = ''
  socket.on('data', (piece: string) => {
    answer += piece
  })
  socket.on('error', () => {})
  socket.end(text)
  // A connection may also end with an error: that is an answer, too.
  await new Promise((resolve) => socket.once('close', resolve))
  return answer
}

test('scrapers of the same moment share a page, if they ask for the same', async () => {
  using served = await serve()
  const get = (query: string): Promise<string> =>
    fetch(`http://127.0.0.1:${served.port}/metrics${query}`).then((one) => one.text())
  const all = await Promise.all([
    get(''),
    get(''),
    get('?name[]=a'),
    get('?name[]=b&name[]=a'),
    get('?name[]=a&name[]=b'),
  ])
  assert.deepEqual(new Set(all), new Set(['a 1\n']))
  assert.ok(served.asked.length <= 5)
  assert.deepEqual(
    new Set(served.asked.map(({ names }) => [...(names ?? ['all'])].toSorted().join())),
    new Set(['all', 'a', 'a,b']),
  )
})

test('what is not a request costs its connection and nothing else', async () => {
  using served = await serve()
  const cases = [
    ['', ''],
    ['\u0000\u0001\u0002\r\n\r\n', ''],
    [`GET /metrics HTTP/1.1\r\nHost: x\r\nX: ${'y'.repeat(1_000_000)}\r\n\r\n`, ''],
    ['GET //[ HTTP/1.1\r\nHost: x\r\n\r\n', 'HTTP/1.1 400'],
    ['GET /other HTTP/1.1\r\nHost: x\r\n\r\n', 'HTTP/1.1 404'],
    ['DELETE /metrics HTTP/1.1\r\nHost: x\r\n\r\n', 'HTTP/1.1 405'],
    ['GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n', ''],
  ] as const
  for (const [request, answer] of cases) {
    const given = await raw(served.port, request)
    assert.equal(given.slice(0, answer.length), answer, JSON.stringify(request.slice(0, 40)))
    if (answer === '') assert.equal(given, '', JSON.stringify(request.slice(0, 40)))
  }
  assert.match(await raw(served.port, 'GET /metrics HTTP/1.0\r\n\r\n'), /a 1\n$/)
})

test('a page that fails is told as that, and the next one is tried', async () => {
  let fails = true
  using served = await serve({
    page: () => (fails ? Promise.reject(new Error('no memory')) : Promise.resolve(Buffer.from('a 1\n'))),
  })
  const failed = await fetch(`http://127.0.0.1:${served.port}/metrics`)
  assert.equal(failed.status, 500)
  assert.match(await failed.text(), /no memory/)
  fails = false
  assert.equal(await (await fetch(`http://127.0.0.1:${served.port}/metrics`)).text(), 'a 1\n')
})

test('every path asks for the token, and how long others are waited for is half of what the scraper waits', async () => {
  using served = await serve({ token: 'secret' })
  const ask = (path: string, headers: Record<string, string>): Promise<Response> =>
    fetch(`http://127.0.0.1:${served.port}${path}`, { headers })
  for (const path of ['/metrics', '/-/x']) {
    assert.equal((await ask(path, {})).status, 401)
    assert.equal((await ask(path, { authorization: 'Bearer secret' })).status, 200)
  }
  for (const seconds of ['0.1', '10', 'soon', '-1']) {
    await ask('/metrics', { authorization: 'Bearer secret', 'x-prometheus-scrape-timeout-seconds': seconds })
  }
  assert.deepEqual(
    served.asked.map(({ waitMs }) => waitMs),
    [500, 50, 500, 500, 500],
  )
})

test('an address that is taken is refused, and free again at once when its door closes', async () => {
  const first = await openDoor({ host: '127.0.0.1', port: 0 }, (socket) => socket.destroy())
  await assert.rejects(
    openDoor(first.address, () => {}),
    { code: 'EADDRINUSE' },
  )
  first.close()
  await first.closed
  const second = await openDoor(first.address, (socket) => socket.destroy())
  assert.equal(second.address.port, first.address.port)
  second.close()
})
