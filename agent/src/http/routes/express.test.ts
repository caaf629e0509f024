import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { Guard } from '../../guard.ts'
import { onRequire } from '../../libraries/require-hook.ts'
import { Store } from '../../store/index.ts'
import { freshRequire } from '../../test-support/fresh-require.ts'
import { pageOf } from '../../test-support/page-of.ts'
import { parsePage, samplesOf } from '../../test-support/parse-page.ts'
import { HttpServerMetrics } from '../server.ts'
import { expressPatch } from './express.ts'
import { PathGuesser } from './guess.ts'

// biome-ignore lint/suspicious/noExplicitAny: two releases of Express, of which one has no types.
type Express = any

/** An Express of its own with the agent, and what its requests are told as. */
class Bench implements Disposable {
  readonly express: Express
  readonly #store = new Store()
  readonly #guard = new Guard(this.#store, (code, text) => assert.fail(`${code}: ${text}`))
  readonly #server = createServer()

  constructor(name: 'express' | 'express4') {
    const metrics = new HttpServerMetrics({
      store: this.#store,
      guard: this.#guard,
      guesser: new PathGuesser(),
      onServer: () => {},
    })
    onRequire(this.#guard, expressPatch(metrics, this.#guard))
    this.express = freshRequire(name, [name, 'router'])
  }

  /** The routes so far, after these requests. */
  async routes(app: Express, paths: readonly string[]): Promise<readonly string[]> {
    this.#server.removeAllListeners('request').on('request', app)
    if (!this.#server.listening) await once(this.#server.listen(0, '127.0.0.1'), 'listening')
    const base = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
    for (const path of paths) await (await fetch(base + path)).text()
    const page = await pageOf(this.#store)
    parsePage(page, 'text')
    return samplesOf(page, 'http_server_request_duration_seconds_count')
      .flatMap(({ labels, value }) => Array<string>(value).fill(labels['http_route'] ?? ''))
      .sort()
  }

  [Symbol.dispose](): void {
    this.#guard[Symbol.dispose]()
    this.#server.close()
    this.#server.closeAllConnections()
  }
}

function routed(express: Express): Express {
  const router = express.Router({ mergeParams: true })
  router.get('/items/:id', (_request: unknown, response: Express) => response.send('one'))
  router.get('/fails/:id', (_request: unknown, _response: unknown, next: (cause: unknown) => void) =>
    next(new Error('x')),
  )
  return router
}

function application(express: Express): Express {
  const app = express()
  app.set('env', 'test')
  return app
}

const failing = (_cause: unknown, _request: unknown, response: Express, _next: unknown): void =>
  response.status(500).send('failed')

test('Express 5: a router that is hung a second time, after its first request, is told by where the request came', async () => {
  using bench = new Bench('express')
  const { express } = bench
  const app = application(express)
  const router = routed(express)
  app.use('/left', router)
  assert.deepEqual(await bench.routes(app, ['/left/items/1']), ['/left/items/:id'])
  app.use('/right/:side', router)
  app.use(failing)
  const all = await bench.routes(app, ['/right/a/items/1', '/left/fails/1', '/right/b/fails/1', '/left/items/2'])
  assert.deepEqual(all, [
    '/left/fails/:id',
    '/left/items/:id',
    '/left/items/:id',
    '/right/:side/fails/:id',
    '/right/:side/items/:id',
  ])
})

test('Express 5: an application in an application has its whole path, also when the outer one answers an error', async () => {
  using bench = new Bench('express')
  const { express } = bench
  const app = application(express)
  const inner = application(express)
  inner.use('/rooms', routed(express))
  app.use('/houses/:house', inner)
  app.use(failing)
  const paths = ['/houses/1/rooms/fails/1', '/houses/1/rooms/items/1']
  assert.deepEqual(await bench.routes(app, [...paths, ...paths]), [
    '/houses/:house/rooms/fails/:id',
    '/houses/:house/rooms/fails/:id',
    '/houses/:house/rooms/items/:id',
    '/houses/:house/rooms/items/:id',
  ])
})

test('Express 4: a router that hangs in two places is told by where the request came, after an error too', async () => {
  using bench = new Bench('express4')
  const { express } = bench
  const app = application(express)
  app.use(['/a', '/b'], routed(express))
  app.use(failing)
  assert.deepEqual(await bench.routes(app, ['/a/items/1', '/b/fails/1']), ['/a/items/:id', '/b/fails/:id'])
})

test('an application whose routers are hung with each request is told right', async () => {
  using bench = new Bench('express')
  const { express } = bench
  const app = application(express)
  const router = routed(express)
  app.use((_request: unknown, _response: unknown, next: () => void) => {
    app.use('/late', router)
    next()
  })
  const all = await bench.routes(app, Array<string>(100).fill('/late/items/1'))
  assert.deepEqual(all, Array<string>(100).fill('/late/items/:id'))
})
