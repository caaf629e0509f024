/**
 * Pages of other origins that may read Prometheus' API: those that `--web.cors.origin` names, and none without it.
 *
 * Prometheus names all by default. Here a page anywhere could then read what this machine measures, so it must be asked for.
 * Headers are Prometheus' own.
 */
import type { FastifyReply, FastifyRequest } from 'fastify'

const HEADERS = {
  'access-control-allow-headers': 'Accept, Authorization, Content-Type, Origin',
  'access-control-allow-methods': 'GET, POST, OPTIONS',
  'access-control-expose-headers': 'Date',
  vary: 'Origin',
} as const

/** Whether a page of this origin may read. */
export type CorsOrigin = (origin: string) => boolean

export function setCors(allowed: CorsOrigin | undefined, request: FastifyRequest, reply: FastifyReply): void {
  const { origin } = request.headers
  if (allowed === undefined || origin === undefined || origin === '') return
  reply.headers(HEADERS)
  if (allowed(origin)) reply.header('access-control-allow-origin', origin)
}
