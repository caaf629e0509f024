/**
 * Answers are packed with gzip when the caller takes it and they are long enough to gain by it.
 *
 * Only text and JSON that is there as a whole: a stream of events must reach its reader at once, files have their own way.
 */
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import type { FastifyInstance } from 'fastify'

const pack = promisify(gzip)
/** Below this a packed answer takes the same one packet. */
const MIN_BYTES = 1024
/** Level 1 is three times as fast as the default and 10 % larger on range answers. */
const LEVEL = 1

export function registerCompression(app: FastifyInstance): void {
  app.addHook('onSend', async (request, reply, payload) => {
    if (typeof payload !== 'string' && !Buffer.isBuffer(payload)) return payload
    if (payload.length < MIN_BYTES || reply.hasHeader('content-encoding')) return payload
    if (!/^(?:text\/|application\/json)/.test(String(reply.getHeader('content-type') ?? ''))) return payload
    reply.header('vary', 'Accept-Encoding')
    if (!accepts(request.headers['accept-encoding'])) return payload
    const packed = await pack(payload, { level: LEVEL })
    reply.header('content-encoding', 'gzip')
    reply.header('content-length', packed.length)
    return packed
  })
}

/** Whether `Accept-Encoding` takes gzip: named, and not with a weight of zero. */
export function accepts(header: string | readonly string[] | undefined): boolean {
  const parts = String(header ?? '')
    .toLowerCase()
    .split(',')
  return parts.some((part) => {
    const [name, ...rest] = part.split(';').map((one) => one.trim())
    return (name === 'gzip' || name === 'x-gzip') && !rest.some((one) => /^q=0(?:\.0*)?$/.test(one))
  })
}
