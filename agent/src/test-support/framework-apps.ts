/**
 * One application a framework, with the same routes as far as the framework can say them; each on a port of its own.
 *
 * Handed the frameworks' modules rather than importing them, so that a CommonJS and an ES module service are the same application.
 */
import { createServer, type RequestListener, type Server } from 'node:http'
import { createServer as createHttp2Server, type Http2Server } from 'node:http2'
import type { AddressInfo } from 'node:net'

/** As much of Express as is used here; 4 and 5 alike. */
type Handler = (request: Bag, response: Bag, next: (error?: unknown) => void) => void
type ExpressRouter = {
  get(path: unknown, handler: Handler): void
  all(path: unknown, handler: Handler): void
  use(...given: unknown[]): void
  route(path: string): ExpressRouter & { post(handler: Handler): void }
}
type Express = { (): ExpressRouter & RequestListener; Router(options?: { mergeParams: boolean }): ExpressRouter }
type FastifyApp = {
  server: Server
  get(path: string, handler: (request: Bag, reply: Bag) => Promise<unknown>): void
  get(path: string, options: object, handler: (request: Bag, reply: Bag) => Promise<unknown>): void
  register(plugin: (instance: FastifyApp) => Promise<void>, options: { prefix: string }): void
  setNotFoundHandler(handler: (request: Bag, reply: Bag) => unknown): void
  addHook(name: string, hook: (request: Bag, reply: Bag) => Promise<unknown>): void
  decorateRequest(name: string, value: unknown): void
  listen(where: { port: number; host: string }): Promise<unknown>
}
type Fastify = (options?: object) => FastifyApp
type Context = { body: unknown; status: number; params: Bag; path: string }
type Middleware = (context: Context, next: () => Promise<void>) => unknown
type KoaRouter = {
  get(path: unknown, ...handlers: Middleware[]): KoaRouter
  use(...given: unknown[]): KoaRouter
  prefix(path: string): KoaRouter
  routes(): Middleware
  allowedMethods(): Middleware
}
type Koa = new () => {
  use(middleware: Middleware): void
  callback(): RequestListener
  on(event: string, listener: () => void): void
}
type KoaParts = { readonly Koa: Koa; readonly Router: new (options?: object) => KoaRouter }
type KoaMount = (prefix: string, app: object) => Middleware
type HonoContext = { text(body: string, status?: number): unknown; json(body: unknown): unknown }
type HonoApp = {
  get(path: string, ...handlers: ((context: HonoContext, next: () => Promise<void>) => unknown)[]): void
  all(path: string, handler: (context: HonoContext) => unknown): void
  use(path: string, handler: (context: HonoContext, next: () => Promise<void>) => unknown): void
  on(methods: readonly string[], paths: readonly string[], handler: (context: HonoContext) => unknown): void
  route(path: string, app: HonoApp): void
  basePath(path: string): HonoApp
  mount(path: string, handler: (request: Request) => Response): void
  notFound(handler: (context: HonoContext) => unknown): void
  onError(handler: (error: Error, context: HonoContext) => unknown): void
  fetch: unknown
}
// biome-ignore lint/suspicious/noExplicitAny: what frameworks hand to handlers is theirs, and their tests are not ours.
type Bag = any

export type Frameworks = {
  readonly express4: Express
  readonly express5: Express
  readonly fastify4: Fastify
  readonly fastify5: Fastify
  readonly koa3: KoaParts
  readonly koa2: KoaParts | undefined
  readonly koaMount: KoaMount
  readonly hono: { readonly Hono: new () => HonoApp; readonly getRequestListener: (fetch: never) => RequestListener }
}

/** The port of each, by name. */
export async function serveFrameworks(given: Frameworks): Promise<Record<string, number>> {
  const ports: Record<string, number> = {}
  for (const name of ['express4', 'express5'] as const)
    ports[name] = await listen(createServer(expressApp(given[name], name, given)))
  for (const name of ['fastify4', 'fastify5'] as const) {
    const app = fastifyApp(given[name])
    await app.listen({ port: 0, host: '127.0.0.1' })
    ports[name] = portOf(app.server)
  }
  const http2 = fastifyApp(given.fastify5, { http2: true })
  await http2.listen({ port: 0, host: '127.0.0.1' })
  ports['fastify5OverHttp2'] = portOf(http2.server)
  for (const name of ['koa2', 'koa3'] as const) {
    const koa = given[name]
    if (koa !== undefined) ports[name] = await listen(createServer(koaApp(koa, name, given.koaMount)))
  }
  const listener = given.hono.getRequestListener(honoApp(given.hono).fetch as never)
  ports['hono'] = await listen(createServer(listener))
  ports['honoOverHttp2'] = await listen(createHttp2Server(listener as never))
  return ports
}

export function expressApp(
  express: Express,
  name: 'express4' | 'express5',
  { express4, express5 }: Pick<Frameworks, 'express4' | 'express5'>,
): RequestListener {
  const app = express()
  const tenant = express.Router({ mergeParams: true })
  tenant.get('/boom/:id', (_request, _response, next) => next(new Error('boom')))
  tenant.get('/fine/:id', (_request, response) => response.send('fine'))
  tenant.get(['/one/:id', '/two/:id'], (_request, response) => response.send('either'))
  const deep = express.Router()
  deep.get('/', (_request, response) => response.send('deep'))
  tenant.use('/deep/:floor', deep)
  app.use('/tenants/:tenant', tenant)
  const twice = express.Router()
  twice.get('/x/:id', (_request, response) => response.send('twice'))
  app.use('/first', twice)
  app.use('/second', twice)
  app.use(['/third', '/fourth/:place'], twice)
  const root = express.Router()
  root.use('/twice', twice)
  app.use(root)
  const other = express.Router()
  other.use('/:house', twice)
  app.use('/houses', other)
  app.use(/^\/(?:left|right)/, twice)
  app.use('/checked', (_request: Bag, _response: Bag, next: () => void) => next(), [[deep]])
  // An application of the other release, mounted, with a router of its own.
  const guest = (name === 'express4' ? express5 : express4)()
  const inGuest = (name === 'express4' ? express5 : express4).Router()
  inGuest.get('/room/:id', (_request, response) => response.send('room'))
  guest.get('/hall/:id', (_request, response) => response.send('hall'))
  guest.use('/floors/:floor', inGuest)
  app.use('/guests/:guest', guest)
  const inner = express()
  inner.get('/item/:id', (_request, response) => response.send('item'))
  app.use('/inner', inner)
  app.use('/guarded', (_request: Bag, response: Bag) => response.status(401).send('who?'))
  app.get(/^\/re(.*)gex$/, (_request, response) => response.send('regex'))
  app.get(name === 'express4' ? '/files/*' : '/files/*rest', (_request, response) => response.send('file'))
  app.route('/posted').post((_request, response) => response.send('posted'))
  app.get('/late/:id', (_request, _response, next) => setImmediate(() => next(new Error('late'))))
  app.get('/passed/:id', (_request, _response, next) => next())
  app.use((_error: unknown, _request: Bag, response: Bag, _next: unknown) => response.status(500).send('failed'))
  return app
}

export function fastifyApp(fastify: Fastify, options: object = {}): FastifyApp {
  const app = fastify(options)
  app.decorateRequest('who', '')
  app.get('/items/:id', async () => ({ ok: true }))
  app.get('/files/*', async () => 'file')
  app.get('/fails/:id', async () => {
    throw new Error('fails')
  })
  app.register(
    async (guarded) => {
      guarded.addHook('onRequest', async (_request, reply) => reply.code(401).send('who?'))
      guarded.get('/secret/:id', async () => 'secret')
    },
    { prefix: '/guarded' },
  )
  app.register(
    async (version) => {
      version.setNotFoundHandler((_request, reply) => reply.code(404).send('not in this version'))
      version.get('/', async () => 'version')
      version.get('/only/:id', { constraints: { version: '2.0.0' } }, async () => 'by a header')
      version.get('/given-up/:id', async (_request, reply) => reply.callNotFound())
      version.register(
        async (pages) => {
          pages.setNotFoundHandler((_request, reply) => reply.code(200).send('<html>'))
          pages.get('/page/:id', async () => 'page')
        },
        { prefix: '/pages' },
      )
    },
    { prefix: '/v2' },
  )
  app.register(
    async (outer) => {
      outer.decorateRequest('depth', 1)
      outer.register(async (inner) => inner.get('/deep/:id', async (request) => String(request.depth)), {
        prefix: '/inner',
      })
    },
    { prefix: '/outer/:tenant' },
  )
  return app
}

function koaApp({ Koa, Router }: KoaParts, name: 'koa2' | 'koa3', mount: KoaMount): RequestListener {
  const app = new Koa()
  app.on('error', () => {})
  const items = new Router({ prefix: '/items' })
  items.use(async (context: Context, next: () => Promise<void>) => {
    if (context.path.endsWith('/refused')) context.status = 403
    else await next()
  })
  items.get('/:id', (context) => {
    context.body = 'item'
  })
  const nested = new Router()
  nested.get('/boom/:id', () => {
    throw new Error('boom')
  })
  const router = new Router()
  router.use('/tenants/:tenant', nested.routes(), nested.allowedMethods())
  router.get(name === 'koa2' ? '/files/(.*)' : '/files/*rest', (context) => {
    context.body = 'file'
  })
  const deepest = new Router()
  deepest.get('/', (context) => {
    context.body = 'deepest'
  })
  const deeper = new Router({ prefix: '/floors/:floor' })
  deeper.use('/rooms/:room', deepest.routes())
  router.use('/houses/:house', deeper.routes())
  router.use('/huts/:hut', deeper.routes())
  const later = new Router()
  later.get('/x/:id', (context) => {
    context.body = 'later'
  })
  later.prefix('/later/:kind')
  app.use(items.routes())
  app.use(mount('/shop', shopApp({ Koa, Router }, mount)))
  // What a mount passes on, and what was rewritten before one.
  app.use(async (context, next) => {
    context.path = context.path.replace(/^\/tenant-\d+\/old\//, '/old/')
    await next()
  })
  app.use(mount('/old', shopApp({ Koa, Router }, mount)))
  app.use(later.routes())
  app.use(router.routes())
  app.use(router.allowedMethods())
  return app.callback()
}

/** An application to be mounted, with another one mounted in it. */
function shopApp({ Koa, Router }: KoaParts, mount: KoaMount): object {
  const [shop, admin] = [new Koa(), new Koa()]
  const inner = new Router()
  inner.get('/users/:id', (context) => {
    context.body = 'user'
  })
  inner.get('/boom/:id', () => {
    throw new Error('boom')
  })
  admin.use(inner.routes())
  const router = new Router()
  router.get('/', (context) => {
    context.body = 'shop'
  })
  router.get('/items/:id', (context) => {
    context.body = 'item'
  })
  router.get('/admin/passed/:id', (context) => {
    context.body = 'the one before has passed it on'
  })
  shop.use(mount('/admin', admin))
  shop.use(router.routes())
  return shop
}

function honoApp({ Hono }: Frameworks['hono']): HonoApp {
  const app = new Hono()
  app.use('*', (_context, next) => next())
  app.get('/items/:id', (context) => context.text('item'))
  app.get(
    '/checked/:id',
    (_context, next) => next(),
    (context) => context.json({ ok: true }),
  )
  app.use('/guarded/*', (context) => context.text('who?', 401))
  app.get('/guarded/secret/:id', (context) => context.text('secret'))
  app.get('/fails/:id', () => {
    throw new Error('fails')
  })
  app.all('/any/:id', (context) => context.text('any'))
  const tenant = new Hono()
  tenant.get('/orders/:id', (context) => context.text('order'))
  app.route('/tenants/:tenant', tenant)
  const based = new Hono().basePath('/v1/:region')
  based.get('/shops/:id', (context) => context.text('shop'))
  const inner = new Hono()
  inner.onError((_error, context) => context.text('its own', 503))
  inner.get('/', (context) => context.text('root'))
  inner.get('/fails/:id', () => {
    throw new Error('fails')
  })
  inner.use('/closed/*', (context) => context.text('who?', 401))
  inner.get('/closed/:id', (context) => context.text('closed'))
  based.route('/inner', inner)
  app.route('/based', based)
  app.basePath('/versions').get('/:version', (context) => context.text('version'))
  app.on(['GET', 'PUT'], ['/either/:id', '/or/:id'], (context) => context.text('either'))
  app.get('/optional/:id?', (context) => context.text('optional'))
  app.get('/digits/:id{[0-9]+}', (context) => context.text('digits'))
  app.mount('/mounted', (request) => new Response(new URL(request.url).pathname))
  return app
}

export async function listen(server: Server | Http2Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()))
  return portOf(server)
}

export function portOf(server: { address(): unknown }): number {
  return (server.address() as AddressInfo).port
}
