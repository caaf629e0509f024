/** Every way a target can be bad, over real sockets: each has its own sentence, and none harms the others. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createServer, type RequestListener, type Server } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { createHttpClient, ManualClock, matcher, silentLog, unixMs } from '#core'
import { MetadataStore, memoryStore } from '#storage'
import { type HttpReaderOptions, httpReader } from './http-reader.ts'
import { jobOf } from './scrape.test-support.ts'
import { createScraper } from './scraper.ts'
import { targetsOf } from './targets-of.ts'

const TEXT = { 'content-type': 'text/plain; version=0.0.4' }

interface Listening extends AsyncDisposable {
  readonly address: string
}

async function listening(server: Server | ReturnType<typeof createTcpServer>): Promise<Listening> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.on('error', () => {}).on('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

const http = (listener: RequestListener) => listening(createServer(listener))
const tcp = (onSocket: (socket: Socket) => void) => listening(createTcpServer(onSocket))

/** Writes for ever, as fast as the reader takes it. */
function endless(write: (chunk: Buffer) => boolean, onDrain: (next: () => void) => void): void {
  const chunk = Buffer.from('a_metric_that_never_ends 1\n'.repeat(2000))
  const more = () => {
    while (write(chunk));
    onDrain(more)
  }
  more()
}

const BAD: readonly {
  readonly name: string
  readonly serve: () => Promise<Listening>
  readonly says: RegExp
  readonly code?: string
  /** Ends by the deadline alone. */
  readonly hangs?: boolean
}[] = [
  {
    name: 'not HTTP',
    serve: () => tcp((socket) => socket.end('220 mail.example ESMTP\r\n')),
    says: /answers, but not in HTTP/,
  },
  {
    name: 'closes at once',
    serve: () => tcp((socket) => socket.destroy()),
    says: /closed the connection without an answer/,
  },
  { name: 'silent', hangs: true, serve: () => tcp(() => {}), says: /^no whole answer within 400ms; nothing had come/ },
  {
    name: 'dripping without end',
    hangs: true,
    serve: () =>
      http((_, response) => {
        response.writeHead(200, TEXT)
        response.write('a 1\n')
      }),
    says: /^no whole answer within 400ms; 4 bytes had come, and no end$/,
  },
  {
    name: 'endless at full speed',
    serve: () =>
      http((_, response) => {
        response.writeHead(200, TEXT)
        endless(
          (chunk) => !response.destroyed && response.write(chunk),
          (next) => response.once('drain', next),
        )
      }),
    says: /^the answer is not smaller than 1048576 bytes \(body_size_limit\)/,
  },
  {
    name: 'a hundred megabytes, packed into a small gzip',
    serve: () =>
      http((_, response) => {
        response.writeHead(200, { ...TEXT, 'content-encoding': 'gzip' })
        response.end(BOMB)
      }),
    says: /not smaller than 1048576 bytes/,
  },
  {
    name: 'closes half way',
    serve: () =>
      http((_, response) => {
        response.writeHead(200, { ...TEXT, 'content-length': '100' })
        response.write('a 1\n')
        setImmediate(() => response.destroy())
      }),
    says: /^the target closed the connection after \d+ bytes, before the page was complete$/,
  },
  {
    name: 'a gzip that is cut off',
    serve: () =>
      http((_, response) => {
        response.writeHead(200, { ...TEXT, 'content-encoding': 'gzip' })
        response.end(gzipSync('a 1\n'.repeat(100)).subarray(0, 20))
      }),
    says: /says it is gzip, but it is not, or it was cut off/,
  },
  {
    name: 'redirects for ever',
    serve: () => http((_, response) => response.writeHead(302, { location: '/again' }).end()),
    says: /redirects without end/,
  },
  {
    name: 'redirects away from HTTP',
    serve: () => http((_, response) => response.writeHead(302, { location: 'file:///etc/hosts' }).end()),
    says: /no HTTP address/,
  },
  {
    name: '500',
    serve: () => http((_, response) => response.writeHead(500).end('oh')),
    says: /^the target answers 500 Internal Server Error, not 200$/,
  },
  {
    name: '404',
    serve: () => http((_, response) => response.writeHead(404).end()),
    says: /nothing at \/metrics; set metrics_path/,
  },
  { name: '401', serve: () => http((_, response) => response.writeHead(401).end()), says: /check the credentials/ },
  {
    name: 'a web page',
    serve: () => http((_, response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<html>')),
    says: /a web page/,
  },
  {
    name: 'no content type',
    serve: () => http((_, response) => response.writeHead(200).end('a 1\n')),
    says: /has no content type/,
  },
  {
    name: 'an encoding nobody asked for',
    serve: () => http((_, response) => response.writeHead(200, { ...TEXT, 'content-encoding': 'br' }).end('x')),
    says: /compressed with "br"/,
  },
]
const BOMB = gzipSync(Buffer.alloc(100 * 2 ** 20, 'a 1\n'))

const bearing = (credentials: string) => createHttpClient({ authorization: { type: 'Bearer', credentials } })

/** As the scrape loop calls it. */
async function readOnce(
  address: string,
  { timeoutMs = 10_000, ...more }: Partial<HttpReaderOptions> = {},
): Promise<string> {
  const { AssayError } = await import('#core')
  const deadline = new AbortController()
  const timer = setTimeout(
    () => deadline.abort(new AssayError('ASSAY_SCRAPE_TIMEOUT', `no whole answer within ${timeoutMs}ms`)),
    timeoutMs,
  )
  try {
    const read = httpReader({ url: `http://${address}/metrics`, timeoutMs, bodySizeBytes: 2 ** 20, ...more })
    return Buffer.from((await read(deadline.signal)).body as Uint8Array).toString()
  } finally {
    clearTimeout(timer)
  }
}

for (const { name, serve, says, hangs } of BAD) {
  test(`a target that is bad this way has its own sentence: ${name}`, async () => {
    await using server = await serve()
    const read = readOnce(server.address, hangs === true ? { timeoutMs: 400 } : {})
    await assert.rejects(read, (error: Error & { code?: string }) => {
      assert.match(error.message, says)
      assert.match(error.code ?? '', /^ASSAY_(SCRAPE|HTTP)_/)
      return true
    })
  })
}

test('a port where nobody listens, and a name that nobody has', async () => {
  const server = await tcp(() => {})
  const { address } = server
  await server[Symbol.asyncDispose]()
  await assert.rejects(
    readOnce(address),
    /^AssayError: connection refused at 127\.0\.0\.1:\d+; is it running, and is this its port\?$/,
  )
  await assert.rejects(readOnce('no-such-host.invalid:80'), /cannot be resolved/)
})

test('a scrape says who it is, what it takes and how long it waits; connections are kept', async () => {
  const seen: Record<string, unknown>[] = []
  const ports = new Set<number | undefined>()
  await using server = await http((request, response) => {
    seen.push({ ...request.headers })
    ports.add(request.socket.remotePort)
    response.writeHead(200, { ...TEXT, 'content-encoding': 'gzip' }).end(gzipSync('a 1\n'))
  })
  assert.equal(await readOnce(server.address, { version: '1.2.3', client: bearing('token') }), 'a 1\n')
  assert.equal(await readOnce(server.address), 'a 1\n')
  assert.match(
    String(seen[0]?.['accept']),
    /^application\/openmetrics-text;version=1\.0\.0.*text\/plain;version=0\.0\.4/,
  )
  assert.equal(seen[0]?.['x-prometheus-scrape-timeout-seconds'], '10')
  assert.equal(seen[0]?.['accept-encoding'], 'gzip')
  assert.equal(seen[0]?.['user-agent'], 'assay/1.2.3')
  assert.equal(seen[0]?.['authorization'], 'Bearer token')
  assert.equal(ports.size, 1)
})

test('a certificate that is not accepted is told with what to write', async () => {
  const pem = (name: string) => readFileSync(join(import.meta.dirname, `../core/http/testdata/${name}.pem`))
  const server = createSecureServer({ key: pem('server-key'), cert: pem('server') }, (_, response) => {
    response.writeHead(200, TEXT).end('a 1\n')
  })
  await using listens = await listening(server)
  const url = `https://${listens.address}/metrics`
  await assert.rejects(readOnce('', { url }), {
    code: 'ASSAY_SCRAPE_TLS',
    message:
      /UNABLE_TO_VERIFY_LEAF_SIGNATURE\); name its authority as ca_file and its host as server_name in tls_config/,
  })
  const client = createHttpClient({ tls: { ca: pem('ca').toString(), serverName: 'server.test' } })
  assert.equal(await readOnce('', { url, client }), 'a 1\n')
  const old = createHttpClient({ tls: { minVersion: 'TLS10', maxVersion: 'TLS11' } })
  await assert.rejects(readOnce('', { url, client: old }), { code: 'ASSAY_SCRAPE_TLS' })
})

test('a redirect is followed, and another host does not get the credentials', async () => {
  const seen: (string | undefined)[] = []
  await using other = await http((request, response) => {
    seen.push(request.headers.authorization)
    response.writeHead(200, TEXT).end('b 1\n')
  })
  await using server = await http((_, response) =>
    response.writeHead(301, { location: `http://${other.address}/x` }).end(),
  )
  assert.equal(await readOnce(server.address, { client: bearing('token') }), 'b 1\n')
  assert.deepEqual(seen, [undefined])
  await assert.rejects(
    readOnce(server.address, { client: createHttpClient({ followRedirects: false }) }),
    /a redirect that is not followed/,
  )
})

test('a page without a content type is read when the job says how', async () => {
  await using server = await http((_, response) => response.writeHead(200).end('a 1\n'))
  assert.equal(await readOnce(server.address, { fallbackFormat: 'text' }), 'a 1\n')
})

test('ten bad targets at once never cost the good one a scrape', async () => {
  const clock = new ManualClock(1_700_000_000_000)
  const million = `${Array.from({ length: 600_000 }, (_, i) => `m{i="${i}"} 1`).join('\n')}\n`
  await using owned = new AsyncDisposableStack()
  const bad: Listening[] = []
  const hanging = new Set<string>()
  for (const { serve, hangs = false } of BAD) {
    const one = owned.use(await serve())
    bad.push(one)
    if (hangs) hanging.add(one.address)
  }
  const large = owned.use(await http((_, response) => response.writeHead(200, TEXT).end(million)))
  bad.push(large)
  bad.push(owned.use(await http((_, response) => response.writeHead(200, TEXT).end('\u0000\u0001nonsense\n'))))
  const good = owned.use(await http((_, response) => response.writeHead(200, TEXT).end('orders 1\n')))
  const urlOf = ({ address }: Listening) => `http://${address}/metrics`

  /** In order: reads that end, and scrapes that are done. */
  const events: { readonly kind: 'read' | 'scraped'; readonly url: string }[] = []
  const reads = (one: Listening) => events.filter(({ kind, url }) => kind === 'read' && url === urlOf(one)).length
  const scrapes = (one: Listening) => events.filter(({ kind, url }) => kind === 'scraped' && url === urlOf(one)).length
  /** What has to end before time goes on, so that a slow machine makes no target late: only those that hang are. */
  const pending = new Set<object>()
  let happened = Promise.withResolvers<void>()
  /** While the large page is parsed for the first time. */
  let turnsOfOthers = 0
  const countTurns = () => {
    if (scrapes(large) > 0) return
    turnsOfOthers++
    setImmediate(countTurns)
  }
  const tell = (kind: 'read' | 'scraped', url: string) => {
    events.push({ kind, url })
    if (kind === 'read' && url === urlOf(large) && reads(large) === 1) countTurns()
    happened.resolve()
    happened = Promise.withResolvers()
  }
  const found = (job: string, targets: readonly Listening[]) =>
    targetsOf(
      jobOf({ jobName: job, intervalMs: 500, timeoutMs: 400 }),
      [{ targets: targets.map(({ address }) => address), labels: {} }],
      ({ url, timeoutMs }) => {
        const read = httpReader({ url, timeoutMs, bodySizeBytes: 20 * 2 ** 20 })
        const hangs = [...hanging].some((address) => url.includes(address))
        return {
          read: async (signal) => {
            const reading = {}
            if (!hangs) pending.add(reading)
            try {
              return await read(signal)
            } finally {
              pending.delete(reading)
              tell('read', url)
            }
          },
        }
      },
    ).targets
  const store = memoryStore()
  const scraper = createScraper({
    clock,
    log: silentLog,
    store,
    metadata: new MetadataStore(),
    onScrape: ({ target }) => tell('scraped', target.url),
  })
  scraper.apply([...found('good', [good]), ...found('bad', bad)])
  while (scrapes(good) < 8 || bad.some((one) => scrapes(one) < 2)) {
    await clock.advance(50)
    while (pending.size > 0 || reads(good) > scrapes(good)) await happened.promise
  }
  const statuses = scraper.status()
  await scraper[Symbol.asyncDispose]()

  assert.equal(statuses[0]?.health, 'up')
  for (const { health, lastError, target } of statuses.slice(1)) {
    assert.equal(health, 'down', target.url)
    assert.ok(lastError.length > 10, target.url)
  }
  using querier = store.querier(unixMs(0), unixMs(clock.now() + 1))
  const up = querier.select([matcher('__name__', '=', 'up'), matcher('job', '=', 'good')])[0]!.samples()
  assert.ok(up.count >= 8)
  for (let i = 0; i < up.count; i++) {
    assert.equal(up.values[i], 1)
    if (i > 0) assert.equal(up.timestamps[i]! - up.timestamps[i - 1]!, 500, 'no scrape of the good target is missing')
  }
  assert.ok(turnsOfOthers >= 400, 'others have their turns while the large page is parsed, a slice of it at a time')
})
