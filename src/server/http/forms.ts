/**
 * Bodies of Prometheus' API: forms, in either of their two shapes. Any other body is read and not looked at, as Prometheus does:
 * the parameters of its address are all it has then.
 */
import type { FastifyInstance } from 'fastify'
import { messageOf } from '#core'
import { ApiError } from './api-error.ts'

export function registerForms(scope: FastifyInstance): void {
  scope.removeAllContentTypeParsers()
  scope.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string' }, (_request, body, done) =>
    done(null, new URLSearchParams(String(body))),
  )
  scope.addContentTypeParser('multipart/form-data', { parseAs: 'buffer' }, (request, body, done) => {
    parseMultipart(request.headers['content-type'] ?? '', body as Buffer).then(
      (multipart) => done(null, { multipart }),
      (thrown: unknown) => done(new ApiError('bad_data', `error parsing form values: ${messageOf(thrown)}`)),
    )
  })
  scope.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, _body, done) => done(null, undefined))
}

/** Files in it are left out: no parameter is one. */
async function parseMultipart(contentType: string, body: Buffer): Promise<URLSearchParams> {
  const form = await new Response(new Uint8Array(body), { headers: { 'content-type': contentType } }).formData()
  const params = new URLSearchParams()
  for (const [name, value] of form) if (typeof value === 'string') params.append(name, value)
  return params
}
