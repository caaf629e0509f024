/** Reads over a socket of our own against the library's: whatever a server answers, and however it is cut, the outcome is the same. */
import assert from 'node:assert/strict'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { AssayError, createHttpClient, type HttpClient } from '#core'
import { httpReader } from './http-reader.ts'

/** What a server sends to each request, and whether it ends the connection then. */
type Script = { readonly pieces: readonly Buffer[]; readonly ends: boolean }

const LIMIT = 4000

class ScriptedServer implements AsyncDisposable {
  script: Script = { pieces: [], ends: true }
  connections = 0
  requests = 0
  readonly #sockets = new Set<Socket>()
  readonly #ending = new Set<Socket>()
  readonly #server = createServer((socket) => this.#serve(socket))

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/metrics`
  }

  /** Resolves when both sides have seen the ends of connections that the script ends. */
  async quiet(): Promise<void> {
    while (this.#ending.size > 0) await new Promise((resolve) => setImmediate(resolve))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  #serve(socket: Socket): void {
    this.connections++
    this.#sockets.add(socket)
    socket.setNoDelay(true)
    socket
      .on('error', () => {})
      .on('close', () => {
        this.#sockets.delete(socket)
        this.#ending.delete(socket)
      })
    let asked = ''
    socket.on('data', (data) => {
      asked += data.toString('latin1')
      for (let end = asked.indexOf('\r\n\r\n'); end >= 0; end = asked.indexOf('\r\n\r\n')) {
        asked = asked.slice(end + 4)
        this.requests++
        void this.#answer(socket, this.script)
      }
    })
  }

  async #answer(socket: Socket, { pieces, ends }: Script): Promise<void> {
    if (ends) this.#ending.add(socket)
    for (const piece of pieces) {
      if (socket.destroyed) return
      socket.write(piece)
      await new Promise((resolve) => setImmediate(resolve))
    }
    if (ends) socket.end()
  }
}

const library = (): HttpClient => {
  const client = createHttpClient({})
  return {
    request: (request, signal) => client.request(request, signal),
    plainGet: () => undefined,
    [Symbol.dispose]: () => client[Symbol.dispose](),
  }
}

const STARTS = [
  ...Array<string>(8).fill('HTTP/1.1 200 OK'),
  'HTTP/1.0 200 OK',
  'HTTP/1.1 200',
  'HTTP/1.1 200 ',
  'HTTP/1.1 500 It is broken',
  'HTTP/1.1 404 Not Found',
  'HTTP/1.1 204 No Content',
  'HTTP/1.1 302 Found',
  'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK',
  'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK',
  'HTTP/2 200 OK',
  'HTTP/1.1 20 OK',
  'SSH-2.0-OpenSSH',
]
const HEADERS = [
  'Content-Type: text/plain; version=0.0.4',
  'content-TYPE:text/plain',
  'Content-Type: text/html',
  'Connection: close',
  'Connection: keep-alive',
  'Connection: Keep-Alive, x',
  'Date: Sat, 21 Nov 2026 15:00:00 GMT',
  'Set-Cookie: a=b',
  'X-Empty:',
  'X-Latin: \xe9',
  'No colon here',
  'X-Control: \x01',
  ' folded',
  'Transfer-Encoding: identity',
  'Content-Length: 12, 12',
]

const answers = fc
  .record({
    start: fc.constantFrom(...STARTS),
    headers: fc.array(fc.constantFrom(...HEADERS), { maxLength: 3 }),
    typed: fc.boolean(),
    body: fc.string({ unit: fc.constantFrom('a', ' ', '1', '\n', '{', '"'), maxLength: 300 }),
    repeat: fc.constantFrom(1, 1, 1, 40),
    encoding: fc.constantFrom('', '', '', 'identity', 'gzip', 'gzip', 'GZIP', 'cut', 'lie', 'br'),
    framing: fc.constantFrom('length', 'length', 'length', 'chunked', 'chunked', 'close', 'longer', 'shorter', 'both'),
    chunk: fc.integer({ min: 1, max: 400 }),
    behind: fc.constantFrom('', '', '', '', 'x', 'HTTP/1.1 200 OK\r\n\r\n'),
    cut: fc.option(fc.nat(2000), { freq: 4 }),
    pieces: fc.array(fc.nat(1500), { maxLength: 4 }),
    ends: fc.boolean(),
  })
  .map((given) => ({ given, script: scriptOf(given) }))

type Given = {
  readonly start: string
  readonly headers: readonly string[]
  readonly typed: boolean
  readonly body: string
  readonly repeat: number
  readonly encoding: string
  readonly framing: string
  readonly chunk: number
  readonly behind: string
  readonly cut: number | null
  readonly pieces: readonly number[]
  readonly ends: boolean
}

function scriptOf(given: Given): Script {
  const { start, headers, typed, repeat, encoding, framing, chunk, behind, cut, pieces, ends } = given
  const text = Buffer.from(given.body.repeat(repeat))
  const packed = gzipSync(text)
  const body =
    encoding.toLowerCase() === 'gzip' ? packed : encoding === 'cut' ? packed.subarray(0, packed.length - 5) : text
  const lines = [start, ...(typed ? [HEADERS[0]!] : []), ...headers]
  if (encoding !== '') lines.push(`Content-Encoding: ${encoding === 'cut' || encoding === 'lie' ? 'gzip' : encoding}`)
  if (framing === 'chunked' || framing === 'both') lines.push('Transfer-Encoding: chunked')
  if (framing !== 'chunked' && framing !== 'close') {
    const length = body.length + (framing === 'longer' ? 3 : framing === 'shorter' ? -3 : 0)
    lines.push(`Content-Length: ${length}`)
  }
  const chunks: Buffer[] = []
  for (let i = 0; i < body.length; i += chunk) {
    const part = body.subarray(i, i + chunk)
    chunks.push(Buffer.from(`${part.length.toString(16)}\r\n`), part, Buffer.from('\r\n'))
  }
  const framed = framing === 'chunked' || framing === 'both' ? [...chunks, Buffer.from('0\r\n\r\n')] : [body]
  let whole = Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), ...framed, Buffer.from(behind)])
  const isCut = cut !== null && cut < whole.length
  if (isCut) whole = whole.subarray(0, cut)
  const places = [...new Set([0, ...pieces.filter((at) => at < whole.length), whole.length])].sort((a, b) => a - b)
  return {
    pieces: places.slice(1).map((to, i) => whole.subarray(places[i]!, to)),
    // Where the end of the answer is in doubt, the connection says it.
    ends:
      ends ||
      isCut ||
      behind !== '' ||
      headers.length > 0 ||
      !start.startsWith('HTTP/1.1 200') ||
      !/^(length|chunked)$/.test(framing),
  }
}

/** What came of one read; numbers of bytes that came before a cut depend on how they came. */
async function outcomeOf(url: string, client: HttpClient, server: ScriptedServer): Promise<readonly string[]> {
  const read = httpReader({ url, timeoutMs: 10_000, bodySizeBytes: LIMIT, client })
  const outcomes: string[] = []
  for (let i = 0; i < 2; i++) {
    await server.quiet()
    try {
      const page = await read(new AbortController().signal)
      outcomes.push(`${page.contentType}: ${Buffer.from(page.body as Uint8Array).toString('latin1')}`)
      page.release?.()
    } catch (thrown) {
      assert.ok(thrown instanceof AssayError, String(thrown))
      // Of an answer that is cut and wrong besides, one of the two is told.
      const isBroken = /before the page was complete|it is gzip, but|is not smaller than/.test(thrown.message)
      outcomes.push(isBroken && server.script.ends ? 'broken' : `${thrown.code}: ${thrown.message}`)
    }
  }
  return outcomes
}

test('a read by our own socket ends as one by the library, whatever comes and however it is cut', async () => {
  await using server = new ScriptedServer()
  const url = await server.listen()
  await fc.assert(
    fc.asyncProperty(answers, async ({ script }) => {
      server.script = script
      const expected = await outcomeOf(url, library(), server)
      assert.deepEqual(await outcomeOf(url, createHttpClient({}), server), expected)
    }),
    { numRuns: Number(process.env['ASSAY_FUZZ_RUNS'] ?? 300) },
  )
})

const TEXT = 'Content-Type: text/plain; version=0.0.4'
const whole = (body: string) =>
  Buffer.from(`HTTP/1.1 200 OK\r\n${TEXT}\r\nContent-Length: ${body.length}\r\n\r\n${body}`)

test('a connection is kept; one that died while it was idle costs no scrape', async () => {
  await using server = new ScriptedServer()
  const read = httpReader({ url: await server.listen(), timeoutMs: 10_000 })
  const next = async () => {
    const { body, release } = await read(new AbortController().signal)
    const text = Buffer.from(body as Uint8Array).toString()
    release?.()
    return text
  }
  server.script = { pieces: [whole('a 1\n')], ends: false }
  assert.deepEqual([await next(), await next(), await next()], ['a 1\n', 'a 1\n', 'a 1\n'])
  assert.equal(server.connections, 1)
  // Ended together with the answer to a request that it does not read any more.
  server.script = { pieces: [], ends: true }
  const dying = next()
  while (server.requests < 4) await new Promise((resolve) => setImmediate(resolve))
  server.script = { pieces: [whole('a 2\n')], ends: false }
  assert.equal(await dying, 'a 2\n')
  assert.equal(server.connections, 2)
  assert.equal(server.requests, 5, 'the request went out once more, on a fresh connection')
})

test('a fresh connection that ends without an answer is not tried twice', async () => {
  await using server = new ScriptedServer()
  const read = httpReader({ url: await server.listen(), timeoutMs: 10_000 })
  await assert.rejects(read(new AbortController().signal), /closed the connection without an answer/)
  assert.equal(server.connections, 1)
})

test('a name or a value that would break the request is never sent', async () => {
  await using server = new ScriptedServer()
  const url = await server.listen()
  for (const headers of [{ 'X-A': ['b\r\nHost: evil'] }, { 'X A': ['b'] }]) {
    const read = httpReader({ url, timeoutMs: 10_000, client: createHttpClient({ headers }) })
    await assert.rejects(read(new AbortController().signal), { code: 'ASSAY_SCRAPE_CONNECTION' })
  }
  assert.equal(server.requests, 0)
})

test('a read that is given up ends its connection, and says how far it came', async () => {
  await using server = new ScriptedServer()
  const url = await server.listen()
  const cases = [
    { pieces: [], says: /nothing had come/ },
    { pieces: [whole('a 1\nb 2\n').subarray(0, -4)], says: /4 bytes had come, and no end/ },
  ]
  for (const { pieces, says } of cases) {
    server.script = { pieces, ends: false }
    const before = server.requests
    const over = new AbortController()
    const read = httpReader({ url, timeoutMs: 10_000 })(over.signal)
    while (server.requests === before) await new Promise((resolve) => setImmediate(resolve))
    for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve))
    over.abort(new AssayError('ASSAY_SCRAPE_TIMEOUT', 'no whole answer within 1s'))
    await assert.rejects(read, says)
  }
  assert.equal(server.connections, 2)
})
