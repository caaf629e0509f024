import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type RequestListener } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { UnseenExpress } from './express-unseen.ts'
import { RouteBook } from './route-book.ts'

const load = createRequire(import.meta.url)

// biome-ignore lint/suspicious/noExplicitAny: two releases of Express, of which one has no types.
type Express = any

/** The routes of requests, one after another, as they are seen when each has been answered. */
async function routesOf(listener: RequestListener, paths: readonly string[]): Promise<string[]> {
  const unseen = new UnseenExpress(new RouteBook(() => 100))
  const told: string[] = []
  const server = createServer((request, response) => {
    response.on('finish', () => told.push(unseen.routeOf(request)?.template ?? 'not of Express'))
    listener(request, response)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  for (const path of paths)
    await (await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`)).text()
  server.closeAllConnections()
  server.close()
  return told
}

/** What router 2.3 keeps, and the ones before it did not. */
function forgetPaths(router: Express): void {
  for (const layer of router.stack) {
    delete layer.rawPath
    if (layer.handle.stack !== undefined) forgetPaths(layer.handle)
  }
}

function application(express: Express): Express {
  const app = express()
  const items = express.Router({ mergeParams: true })
  items.param('item', (_request: unknown, _response: unknown, next: (cause?: unknown) => void, id: string) =>
    next(id === 'refused' ? new Error('refused') : undefined),
  )
  items.get('/', (_request: unknown, response: Express) => response.send('all'))
  items.get('/items/:item', (_request: unknown, response: Express) => response.send('one'))
  items.get('/fails/:id', (_request: unknown, _response: unknown, next: (cause: unknown) => void) =>
    next(new Error('x')),
  )
  app.use('/tenants/:tenant', items)
  app.use(['/left', '/right/:side'], items)
  const twice = express.Router()
  twice.use('/deep/:floor', items)
  app.use('/a', twice)
  app.use('/b/:b', twice)
  const inner = express()
  inner.get('/rooms/:room', (_request: unknown, response: Express) => response.send('room'))
  app.use(['/houses/:house', '/huts'], inner)
  app.use('/closed', (_request: unknown, response: Express) => response.status(401).send('who?'))
  app.use((_cause: unknown, _request: unknown, response: Express, _next: unknown) =>
    response.status(500).send('failed'),
  )
  return app
}

const CASES = {
  '/tenants/acme/items/1': '/tenants/:tenant/items/:item',
  '/tenants/tenants/items/tenants': '/tenants/:tenant/items/:item',
  '/tenants/a%20b/items/refused': '/tenants/:tenant/items/:item',
  '/tenants/other': '/tenants/:tenant',
  '/tenants/acme/fails/2': '/tenants/:tenant/fails/:id',
  '/left/items/1': '/left/items/:item',
  '/right/x/items/1': '/right/:side/items/:item',
  '/a/deep/2/fails/1': '/a/deep/:floor/fails/:id',
  '/b/1/deep/2/items/3': '/b/:b/deep/:floor/items/:item',
  '/houses/red/rooms/5': '/houses/:house/rooms/:room',
  '/huts/rooms/5': '/huts/rooms/:room',
  '/closed/by/all': '',
  '/nowhere/5': '',
  '/tenants/%zz/items/1': '',
}

for (const name of ['express', 'express4']) {
  for (const forgets of [false, true]) {
    test(`${name}${forgets ? ', its routers without their paths' : ''}: what it leaves on a request is enough, whatever comes first`, async () => {
      for (const order of [Object.keys(CASES), Object.keys(CASES).reverse()]) {
        const app = application(load(name))
        if (forgets) forgetPaths(app._router ?? app.router)
        const told = await routesOf(app, [...order, ...order])
        assert.deepEqual(
          told,
          [...order, ...order].map((path) => CASES[path as keyof typeof CASES]),
        )
      }
    })
  }
}

test('what is not of Express is not taken for it, and what has another shape has no route', () => {
  const unseen = new UnseenExpress(new RouteBook(() => 100))
  const ask = (request: object): string | undefined => unseen.routeOf(request as IncomingMessage)?.template
  assert.equal(ask({ url: '/x' }), undefined)
  assert.equal(ask({ url: '/x', app: () => {}, route: { path: '/x' } }), undefined)
  const app = Object.assign(() => {}, { handle() {} })
  const route = { path: '/x' }
  assert.equal(ask({ url: '/x', app, route }), '')
  for (const stack of [null, 5, [null], [{ handle: 5 }], [{ handle: Object.assign(() => {}, { stack: 'x' }) }]])
    assert.equal(ask({ url: '/x', app: Object.assign(() => {}, { handle() {}, router: { stack } }), route }), '')
  const around: { stack: object[] } = { stack: [] }
  around.stack.push({
    handle: Object.assign(() => {}, around),
    matchers: [
      () => {
        throw new Error('odd')
      },
    ],
  })
  assert.equal(ask({ url: '/x', app: Object.assign(() => {}, { handle() {}, router: around }), route }), '')
})
