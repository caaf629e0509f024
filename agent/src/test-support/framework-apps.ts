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
  register(plugin: (instance: FastifyApp) => Promise<void>, options: { prefix: string }): void
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
  routes(): Middleware
  allowedMethods(): Middleware
}
type Koa = new () => {
  use(middleware: Middleware): void
  callback(): RequestListener
  on(event: string, listener: () => void): void
}
type HonoContext = { text(body: string, status?: number): unknown; json(body: unknown): unknown }
type HonoApp = {
  get(path: string, ...handlers: ((context: HonoContext, next: () => Promise<void>) => unknown)[]): void
  all(path: string, handler: (context: HonoContext) => unknown): void
  use(path: string, handler: (context: HonoContext, next: () => Promise<void>) => unknown): void
  route(path: string, app: HonoApp): void
  fetch: unknown
}
// biome-ignore lint/suspicious/noExplicitAny: what frameworks hand to handlers is theirs, and their tests are not ours.
type Bag = any

export type Frameworks = {
  readonly express4: Express
  readonly express5: Express
  readonly fastify4: Fastify
  readonly fastify5: Fastify
  readonly koa3: { readonly Koa: Koa; readonly Router: new (options?: object) => KoaRouter }
  readonly koa2: { readonly Koa: Koa; readonly Router: new (options?: object) => KoaRouter } | undefined
  readonly hono: { readonly Hono: new () => HonoApp; readonly getRequestListener: (fetch: never) => RequestListener }
}

/** The port of each, by name. */
export async function serveFrameworks(given: Frameworks): Promise<Record<string, number>> {
  const ports: Record<string, number> = {}
  for (const name of ['express4', 'express5'] as const)
    ports[name] = await listen(createServer(expressApp(given[name], name)))
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
    if (koa !== undefined) ports[name] = await listen(createServer(koaApp(koa, name)))
  }
  const listener = given.hono.getRequestListener(honoApp(given.hono).fetch as never)
  ports['hono'] = await listen(createServer(listener))
  ports['honoOverHttp2'] = await listen(createHttp2Server(listener as never))
  return ports
}

function expressApp(express: Express, name: 'express4' | 'express5'): RequestListener {
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

function fastifyApp(fastify: Fastify, options: object = {}): FastifyApp {
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

function koaApp({ Koa, Router }: NonNullable<Frameworks['koa2']>, name: 'koa2' | 'koa3'): RequestListener {
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
  app.use(items.routes())
  app.use(router.routes())
  app.use(router.allowedMethods())
  return app.callback()
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
  return app
}

export async function listen(server: Server | Http2Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()))
  return portOf(server)
}

function portOf(server: { address(): unknown }): number {
  return (server.address() as AddressInfo).port
}
