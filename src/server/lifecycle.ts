/** Paths for those who run us: health, readiness, our own metrics, reload and quit. */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { messageOf } from '#core'
import { ApiError } from './http/api-error.ts'
import { requireSameOrigin } from './http/origin.ts'
import type { ServerDeps } from './types.ts'

const PLAIN = 'text/plain; charset=utf-8'

export function registerLifecycle(app: FastifyInstance, deps: ServerDeps, metricsPage: () => string): void {
  // The server listens only when everything it needs is open, so whoever reaches it finds it ready.
  const health = { '/-/healthy': 'healthy', '/-/ready': 'ready', '/healthz': 'healthy', '/readyz': 'ready' } as const
  for (const [url, word] of Object.entries(health))
    app.route({ method: 'GET', url, handler: async (_, reply) => reply.type(PLAIN).send(`assay is ${word}.\n`) })

  app.route({
    method: 'GET',
    url: '/metrics',
    handler: async (_, reply) => reply.type('text/plain; version=0.0.4; charset=utf-8').send(metricsPage()),
  })

  const { reload, quit } = deps
  app.route({
    method: ['POST', 'PUT'],
    url: '/-/reload',
    handler: async (request, reply) => {
      allow(request, reload !== undefined)
      try {
        await reload?.()
      } catch (thrown) {
        deps.log.warn({ err: thrown }, 'the configuration was refused; the old one stays')
        return reply
          .code(500)
          .type(PLAIN)
          .send(`failed to reload config: ${messageOf(thrown)}\n`)
      }
      return reply.type(PLAIN).send('')
    },
  })
  app.route({
    method: ['POST', 'PUT'],
    url: '/-/quit',
    handler: async (request, reply) => {
      allow(request, quit !== undefined)
      // Only when the answer is out: quitting closes this very connection.
      reply.raw.once('finish', () => quit?.())
      return reply.type(PLAIN).send('Requesting termination... Goodbye!')
    },
  })
}

function allow(request: FastifyRequest, enabled: boolean): void {
  requireSameOrigin(request.headers)
  if (!enabled) throw new ApiError('forbidden', 'Lifecycle API is not enabled; start with --web.enable-lifecycle')
}
