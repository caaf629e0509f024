/** `POST /api/v1/write`: the room `remote` takes it, this file turns its answer into HTTP. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import { MAX_WRITE_BODY_BYTES, receiveWrite as receive, type WriteCounts } from '#remote'
import type { ServerDeps } from '../types.ts'

/** Most bytes of a body as it comes. */
export const MAX_BODY_BYTES: number = MAX_WRITE_BODY_BYTES

export { noWrites, type WriteCounts } from '#remote'

export async function receiveWrite(
  deps: ServerDeps,
  request: FastifyRequest,
  reply: FastifyReply,
  counts: WriteCounts,
): Promise<FastifyReply> {
  const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0)
  const answer = await receive(deps, { headers: request.headers, body }, counts)
  reply.code(answer.status).headers(answer.headers)
  return answer.body === '' ? reply.send() : reply.send(answer.body)
}
