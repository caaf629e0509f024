/**
 * Routes whose bodies are bytes of a protocol: handed on as they came, with their headers, answered with what comes back.
 *
 * - A place of the gate is taken before the body is read: such bodies are the largest thing that others can put into our memory.
 * - Whatever the sender calls its body: the handler itself says what it takes.
 * - The signal aborts when the caller goes or the server stops.
 */
import type { IncomingHttpHeaders } from 'node:http'
import { Readable } from 'node:stream'
import type { FastifyInstance, FastifyReply } from 'fastify'
import type { Callers } from './callers.ts'
import type { Gate } from './gate.ts'
import { BodyTooLargeError, readBody } from './read-body.ts'

export type RawRequest = { readonly headers: IncomingHttpHeaders; readonly body: Buffer }

/** An iterable body is sent as it comes, no faster than it is read. */
export type RawAnswer = {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array | AsyncIterable<Uint8Array>
}

export type RawRoute = {
  readonly paths: readonly string[]
  /** Most bytes of a body as it comes; 413 above. */
  readonly maxBytes: number
  readonly gate: Gate
  /** `signal`: asked for by those who wait for something; a small request is done before a signal were made. */
  readonly handle: (request: RawRequest, signal: () => AbortSignal) => Promise<RawAnswer>
  /** The answer to a body beyond `maxBytes`, of which no more was read; absent: that of the framework. */
  readonly tooLarge?: () => RawAnswer
}

export function registerRaw(app: FastifyInstance, route: RawRoute, callers: Callers): void {
  app.register(async (scope) => {
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser('*', (_request, payload, done) => {
      readBody(payload, route.maxBytes).then((body) => done(null, body), done)
    })
    scope.setErrorHandler((error, _request, reply) => {
      if (!(error instanceof BodyTooLargeError)) throw error
      // The rest of the body is on its way, and nobody reads it.
      reply.header('connection', 'close')
      if (route.tooLarge === undefined) throw error
      return sendRaw(reply, route.tooLarge())
    })
    const signals = new WeakMap<FastifyReply, AbortSignal>()
    const signalFor = (reply: FastifyReply): AbortSignal => {
      const signal = signals.get(reply) ?? callers.of(reply.raw).signal
      signals.set(reply, signal)
      return signal
    }
    scope.addHook('onRequest', (_request, reply, done) => {
      const hold = (place: Disposable) => {
        reply.raw.once('close', () => place[Symbol.dispose]())
        // Gone while it waited: its 'close' has been already.
        if (reply.raw.destroyed) place[Symbol.dispose]()
        done()
      }
      const place = route.gate.tryEnter()
      if (place === undefined) route.gate.enter(signalFor(reply)).then(hold, done)
      else hold(place)
    })
    for (const url of route.paths)
      scope.post(url, { bodyLimit: route.maxBytes }, async (request, reply) => {
        const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0)
        const answer = await route.handle({ headers: request.headers, body }, () => signalFor(reply))
        return sendRaw(reply, answer)
      })
  })
}

export function sendRaw(reply: FastifyReply, { status, headers = {}, body }: RawAnswer): FastifyReply {
  reply.code(status).headers(headers)
  if (body === undefined) return reply.send()
  if (typeof body === 'string') return reply.send(body)
  if (body instanceof Uint8Array) return reply.send(Buffer.from(body.buffer, body.byteOffset, body.byteLength))
  return reply.send(Readable.from(body, { objectMode: false }))
}
