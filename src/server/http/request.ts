/** Requests and answers of the HTTP layer as our handlers see them. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import { ApiError } from './api-error.ts'
import { Params } from './params.ts'

/** The parameters of a request: its form, then its address. Names keep their order and may come more than once. */
export function paramsOf(request: FastifyRequest): Params {
  const mark = request.url.indexOf('?')
  const address = new URLSearchParams(mark === -1 ? '' : request.url.slice(mark + 1))
  // Go puts a form before the address, and a form of many parts behind it.
  const { body } = request
  const params =
    body instanceof URLSearchParams
      ? new Params(body, address)
      : new Params(address, ...(isMultipart(body) ? [body.multipart] : []))
  // Decoding makes this character of bytes that are no UTF-8, and the answer would be that to another question.
  if (address.toString().includes('%EF%BF%BD') && !/%EF%BF%BD/i.test(request.url))
    throw new ApiError('bad_data', 'the address holds a parameter that is no UTF-8')
  return params
}

function isMultipart(body: unknown): body is { readonly multipart: URLSearchParams } {
  return typeof body === 'object' && body !== null && 'multipart' in body && body.multipart instanceof URLSearchParams
}

/** Sends JSON that is text already. As bytes, since the HTTP layer would add a charset to text, which Prometheus does not. */
export function sendJson(reply: FastifyReply, text: string): FastifyReply {
  return reply.type('application/json').send(Buffer.from(text))
}
