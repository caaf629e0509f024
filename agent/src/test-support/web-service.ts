/** A service with node:http, Express and Fastify side by side, each on a port of its own. */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import express from 'express'
import fastify from 'fastify'

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()))
  return (server.address() as AddressInfo).port
}

const plain = createServer((request, response) => {
  if (request.url === '/never') return
  if (request.url === '/half') {
    response.writeHead(200).write('half')
    return
  }
  if (request.url?.startsWith('/missing')) response.statusCode = 404
  response.end('ok')
})

const app = express()
const tenant = express.Router({ mergeParams: true })
tenant.get('/boom/:id', (_request, _response, next) => next(new Error('boom')))
tenant.get('/fine/:id', (_request, response) => void response.send('fine'))
tenant.get(['/one/:id', '/two/:id'], (_request, response) => void response.send('either'))
const deep = express.Router()
deep.get('/', (_request, response) => void response.send('deep'))
tenant.use('/deep/:floor', deep)
app.use('/tenants/:tenant', tenant)
const twice = express.Router()
twice.get('/x/:id', (_request, response) => void response.send('twice'))
app.use('/first', twice)
app.use('/second', twice)
const inner = express()
inner.get('/item/:id', (_request, response) => void response.send('item'))
app.use('/inner', inner)
app.get(/^\/re(.*)gex$/, (_request, response) => void response.send('regex'))
app.get('/never', () => {})
app.use(
  ((_error, _request, response, _next) => void response.status(500).send('failed')) as express.ErrorRequestHandler,
)

const api = fastify()
api.get('/items/:id', async () => ({ ok: true }))
api.get('/fails', async () => {
  throw new Error('fails')
})
api.register(
  async (guarded) => {
    guarded.addHook('onRequest', async (_request, reply) => reply.code(401).send('who?'))
    guarded.get('/secret/:id', async () => 'secret')
  },
  { prefix: '/guarded' },
)
await api.listen({ port: 0, host: '127.0.0.1' })

console.log(
  JSON.stringify({
    plain: await listen(plain),
    express: await listen(createServer(app)),
    fastify: (api.server.address() as AddressInfo).port,
  }),
)
