/** Requests and answers of the HTTP layer as our handlers see them. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import { requireFew, requireUtf8 } from './forms.ts'
import { Params } from './params.ts'

/** The parameters of a request: its form, then its address. Names keep their order and may come more than once. */
export function paramsOf(request: FastifyRequest): Params {
  const mark = request.url.indexOf('?')
  const query = mark === -1 ? '' : request.url.slice(mark + 1)
  requireFew(query, '&')
  const address = new URLSearchParams(query)
  // Go puts a form before the address, and a form of many parts behind it.
  const { body } = request
  const params =
    body instanceof URLSearchParams
      ? new Params(body, address)
      : new Params(address, ...(isMultipart(body) ? [body.multipart] : []))
  requireUtf8(address, query, false)
  return params
}

function isMultipart(body: unknown): body is { readonly multipart: URLSearchParams } {
  return typeof body === 'object' && body !== null && 'multipart' in body && body.multipart instanceof URLSearchParams
}

/** Sends JSON that is text already. As bytes, since the HTTP layer would add a charset to text, which Prometheus does not. */
export function sendJson(reply: FastifyReply, text: string): FastifyReply {
  return reply.type('application/json').send(Buffer.from(text))
}
