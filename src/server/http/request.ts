/** A request of the HTTP layer as our handlers see it. */
import type { FastifyRequest } from 'fastify'
import { Params } from './params.ts'

/** The parameters of a request: its form, then its address. Names keep their order and may come more than once. */
export function paramsOf(request: FastifyRequest): Params {
  const mark = request.url.indexOf('?')
  const address = new URLSearchParams(mark === -1 ? '' : request.url.slice(mark + 1))
  return request.body instanceof URLSearchParams ? new Params(request.body, address) : new Params(address)
}
