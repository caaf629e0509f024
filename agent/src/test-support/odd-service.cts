/**
 * Services that do what an agent does not expect; with and without it they must answer the same bytes. One line tells the ports.
 *
 * Another tool that patches the same methods is played by `apmBefore` and `apmAfter`; packages of another shape stand in ODD_PACKAGES.
 */
const http = require('node:http')
const { createRequire } = require('node:module')

function wrapDispatch(router: { Route: { prototype: { dispatch: (...given: unknown[]) => unknown } } }): void {
  const original = router.Route.prototype.dispatch
  router.Route.prototype.dispatch = function dispatch(...given) {
    return original.apply(this, given)
  }
}

const inExpress = createRequire(require.resolve('express'))
const router = inExpress('router')
wrapDispatch(router) // Another tool, after us.
const express = require('express')
const app = express()
app.use('/early', (request: object, _response: unknown, next: () => void) => {
  // Before the route: it is read by who tells routes.
  Object.defineProperty(request, 'app', {
    get() {
      throw new Error('app is not yours')
    },
  })
  next()
})
app.get('/items/:id', (request: { params: { id: string } }, response: { send(text: string): void }) =>
  response.send(request.params.id),
)
app.get('/throwing/:id', (request: object, response: { send(text: string): void }) => {
  for (const name of ['baseUrl', 'route', 'app', 'url']) {
    Object.defineProperty(request, name, {
      configurable: true,
      get() {
        throw new Error(`${name} is not yours`)
      },
    })
  }
  response.send('thrown')
})
app.get('/early/:id', (_request: object, response: { send(text: string): void }) => response.send('early'))
app.get('/boom/:id', (_request: unknown, _response: unknown, next: (error: Error) => void) => next(new Error('boom')))
app.use(
  (
    _error: unknown,
    _request: unknown,
    response: { status(code: number): { send(text: string): void } },
    _next: unknown,
  ) => response.status(500).send('failed'),
)
Object.freeze(router.Route.prototype)
Object.freeze(router.prototype)
Object.freeze(express)

const plain = http.createServer(
  { maxHeaderSize: 4 * 1024 * 1024 },
  (
    request: Record<string, unknown>,
    response: { end(text?: string): void; setHeader(name: string, value: string): void },
  ) => {
    response.setHeader(
      'x-length',
      String(String((request['headers'] as Record<string, string> | undefined)?.['x-big'] ?? '').length),
    )
    if (request['url'] === '/throwing') {
      for (const name of ['route', 'baseUrl', 'url', 'headers']) {
        Object.defineProperty(request, name, {
          get() {
            throw new Error(`${name} is not yours`)
          },
        })
      }
    }
    response.end('ok')
  },
)

const odd: Record<string, string> = {}
if (process.env['ODD_PACKAGES'] !== undefined) {
  const foreign = createRequire(process.env['ODD_PACKAGES'])
  for (const name of ['router', 'koa', 'express', 'hono', 'fastify']) odd[name] = String(foreign(name).answer())
}

const listen = (server: {
  listen(port: number, host: string, done: () => void): void
  address(): { port: number }
}): Promise<number> => new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server.address().port)))
Promise.all([listen(http.createServer(app)), listen(plain)]).then(([expressPort, plainPort]) =>
  console.log(JSON.stringify({ express: expressPort, plain: plainPort, odd })),
)
