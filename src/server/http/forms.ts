/**
 * Bodies of Prometheus' API: forms, in either of their two shapes. Any other body is read and not looked at, as Prometheus does:
 * the parameters of its address are all it has then.
 *
 * - Parameters are counted before they are read: each costs many times its bytes. Go's limit is the same.
 * - A body that came packed is refused with a sentence: read as it is, it would be a question nobody asked.
 */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { messageOf } from '#core'
import { ApiError } from './api-error.ts'

/** As Go's `urlmaxqueryparams`. */
export const MAX_PARAMETERS = 10_000

export function registerForms(scope: FastifyInstance): void {
  scope.removeAllContentTypeParsers()
  scope.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'buffer' }, (request, body, done) =>
    attempt(done, () => {
      requirePlain(request)
      const bytes = body as Buffer
      requireFew(bytes, '&')
      const text = bytes.toString()
      const form = new URLSearchParams(text)
      requireUtf8(form, text, bytes.includes('\ufffd'))
      return form
    }),
  )
  scope.addContentTypeParser('multipart/form-data', { parseAs: 'buffer' }, (request, body, done) => {
    attempt(
      (refused) => {
        if (refused !== null) return done(refused)
        parseMultipart(request.headers['content-type'] ?? '', body as Buffer).then(
          (multipart) => done(null, { multipart }),
          (thrown: unknown) => done(new ApiError('bad_data', `error parsing form values: ${messageOf(thrown)}`)),
        )
      },
      () => {
        requirePlain(request)
        requireFew(body as Buffer, '\r\n--')
      },
    )
  })
  scope.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, _body, done) => done(null, undefined))
}

function attempt<T>(done: (refused: Error | null, value?: T) => void, parse: () => T): void {
  let value: T
  try {
    value = parse()
  } catch (thrown) {
    done(thrown as Error)
    return
  }
  done(null, value)
}

function requirePlain({ headers }: FastifyRequest): void {
  const packed = headers['content-encoding']
  if (packed === undefined || packed === '' || packed === 'identity') return
  throw new ApiError(
    'bad_data',
    `the form came packed (Content-Encoding: ${JSON.stringify(packed)}), which is not read here; send it as it is`,
  )
}

/** `between`: what parts one parameter from the next. Throws `bad_data`. */
export function requireFew(text: Buffer | string, between: string): void {
  let count = 1
  for (let at = text.indexOf(between); at !== -1; at = text.indexOf(between, at + between.length))
    if (++count > MAX_PARAMETERS)
      throw new ApiError(
        'bad_data',
        `more than ${MAX_PARAMETERS.toLocaleString('en-US')} parameters; write one expression for what many select, or ask several times`,
      )
}

/**
 * Throws `bad_data` when a parameter is no UTF-8: decoding makes U+FFFD of such bytes, and the answer would be that to another
 * question. `text`: as it was written; `written`: whether U+FFFD itself stands in it.
 */
export function requireUtf8(params: URLSearchParams, text: string, written: boolean): void {
  if (written || /%EF%BF%BD/i.test(text) || !params.toString().includes('%EF%BF%BD')) return
  throw new ApiError('bad_data', 'a parameter is no UTF-8; send its text as UTF-8, each byte beyond ASCII as %XX')
}

/** Files in it are left out: no parameter is one. */
async function parseMultipart(contentType: string, body: Buffer): Promise<URLSearchParams> {
  const form = await new Response(new Uint8Array(body), { headers: { 'content-type': contentType } }).formData()
  const params = new URLSearchParams()
  for (const [name, value] of form) if (typeof value === 'string') params.append(name, value)
  return params
}
