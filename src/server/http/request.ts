/** Requests and answers of the HTTP layer as our handlers see them. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import { requireFew, requireUtf8 } from './forms.ts'
import { Params } from './params.ts'
import { tryPlainPairs } from './plain-pairs.ts'

/** The parameters of a request: its form, then its address. Names keep their order and may come more than once. */
export function paramsOf(request: FastifyRequest): Params {
  const { body } = request
  // Go puts a form before the address, and a form of many parts behind it.
  if (body instanceof URLSearchParams) return new Params(body, addressPairs(request.url))
  if (isMultipart(body)) return new Params(addressPairs(request.url), body.multipart)
  return new Params(addressPairs(request.url))
}

/** The parameters behind the `?` of an address. Throws `bad_data` when they are too many or no UTF-8. */
export function addressPairs(url: string): readonly string[] | URLSearchParams {
  const mark = url.indexOf('?')
  return mark === -1 ? [] : pairsOf(url.slice(mark + 1), false)
}

/** `written`: whether U+FFFD stands in the text itself. Throws as `addressPairs`. */
export function pairsOf(text: string, written: boolean): readonly string[] | URLSearchParams {
  const plain = tryPlainPairs(text)
  if (plain !== undefined) return plain
  requireFew(text, '&')
  const params = new URLSearchParams(text)
  requireUtf8(params, text, written)
  return params
}

function isMultipart(body: unknown): body is { readonly multipart: URLSearchParams } {
  return typeof body === 'object' && body !== null && 'multipart' in body && body.multipart instanceof URLSearchParams
}

/** Sends JSON that is text already. As bytes, since the HTTP layer would add a charset to text, which Prometheus does not. */
export function sendJson(reply: FastifyReply, text: string): FastifyReply {
  return reply.type('application/json').send(Buffer.from(text))
}
