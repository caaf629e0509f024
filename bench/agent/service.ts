/**
 * The service under test, in a process of its own: 25 routes with an id, answering a small JSON text.
 *
 *     node service.ts KIND WAY
 *
 * It sends `{ port }` and its usage when it has listened for a tenth of a second, and what it has used so far for each message.
 */
import type { RequestListener, Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { getHeapStatistics } from 'node:v8'
import type real from 'prom-client'
import { requirePeer } from './peers.ts'
import { DROP_IN, type Kind, type Way } from './ways.ts'

/** What a service says of itself. CPU is in microseconds, of the whole process; `threadCpu` of the main thread. */
export type Usage = {
  readonly cpu: number
  readonly threadCpu: number
  readonly rss: number
  /** Bytes ever allocated on V8's heap; 0 where Node does not tell. */
  readonly allocated: number
}

/** Required, not imported: OpenTelemetry's register sees nothing else. */
const { createServer } = requirePeer('node:http') as typeof import('node:http')

const ROUTES = Array.from({ length: 25 }, (_, i) => `/r${String.fromCharCode(97 + i)}`)
const ANSWER = JSON.stringify({ ok: true, name: 'assay' })

const [kind, way] = process.argv.slice(2) as [Kind, Way]
const server = kind === 'fastify' ? await fastifyServer() : kind === 'express' ? await expressServer() : await plain()
if (!server.listening) await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()))
process.on('message', () => process.send?.(usage()))
process.on('disconnect', () => process.exit())
// What a way loads by itself after the server listens belongs to its start.
await new Promise((resolve) => setTimeout(resolve, 100))
process.send?.({ port: (server.address() as AddressInfo).port, ...usage() })

function usage(): Usage {
  const { user, system } = process.cpuUsage()
  const thread = process.threadCpuUsage()
  const statistics = getHeapStatistics() as { total_allocated_bytes?: number }
  return {
    cpu: user + system,
    threadCpu: thread.user + thread.system,
    rss: process.memoryUsage.rss(),
    allocated: statistics.total_allocated_bytes ?? 0,
  }
}

async function plain(): Promise<Server> {
  const histogram = await byHand()
  return createServer((request, response) => {
    if (histogram !== undefined) {
      const end = histogram.startTimer()
      response.on('finish', () => {
        const route = request.url?.slice(0, request.url.indexOf('/', 1)) ?? ''
        end({ method: request.method ?? '', route, status: response.statusCode })
      })
    }
    response.setHeader('content-type', 'application/json')
    response.end(ANSWER)
  })
}

async function expressServer(): Promise<Server> {
  const express = requirePeer('express') as typeof import('express')
  const app = express()
  const histogram = await byHand()
  if (histogram !== undefined) {
    app.use((request, response, next) => {
      const end = histogram.startTimer()
      response.on('finish', () => {
        const { path = '' } = (request.route as { path?: string } | undefined) ?? {}
        end({ method: request.method, route: `${request.baseUrl}${path}`, status: response.statusCode })
      })
      next()
    })
  }
  if (way === 'express-prom-bundle') {
    const bundle = requirePeer('express-prom-bundle') as (options: object) => RequestListener
    app.use(bundle({ includeMethod: true, includePath: true, promClient: { collectDefaultMetrics: {} } }) as never)
  }
  const router = express.Router()
  for (const route of ROUTES)
    router.get(`${route}/:id`, (_request, response) => void response.type('json').send(ANSWER))
  app.use('/', router)
  return createServer(app)
}

async function fastifyServer(): Promise<Server> {
  const fastify = requirePeer('fastify') as typeof import('fastify').default
  const app = fastify()
  const histogram = await byHand()
  if (histogram !== undefined) {
    app.addHook('onResponse', (request, reply, done) => {
      const labels = { method: request.method, route: request.routeOptions.url ?? '', status: reply.statusCode }
      histogram.observe(labels, reply.elapsedTime / 1_000)
      done()
    })
  }
  if (way === 'fastify-metrics') {
    const metrics = requirePeer('fastify-metrics') as { default?: unknown }
    await app.register((metrics.default ?? metrics) as never, { endpoint: '/metrics' } as never)
  }
  for (const route of ROUTES)
    app.get(`${route}/:id`, (_request, reply) => void reply.header('content-type', 'application/json').send(ANSWER))
  await app.listen({ port: 0, host: '127.0.0.1' })
  return app.server
}

/** The histogram that a team writes for itself, and the default metrics beside it. */
async function byHand(): Promise<real.Histogram<'method' | 'route' | 'status'> | undefined> {
  if (way !== 'prom-client, by hand' && way !== 'drop-in, by hand') return undefined
  const client =
    way === 'drop-in, by hand'
      ? ((await import(DROP_IN)) as { default: typeof real }).default
      : (requirePeer('prom-client') as typeof real)
  client.collectDefaultMetrics()
  return new client.Histogram({
    name: 'http_request_duration_seconds',
    help: 'Duration of requests.',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10],
  })
}
