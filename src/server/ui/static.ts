/**
 * The built UI, served as files.
 *
 * - Every other path that asks for a page leads to the UI's own, with the path behind a `#`, where the UI keeps it: so that a
 *   link like `/incidents/7` works, and the UI's files, named relative to its page, are found under any prefix.
 * - Files with a hash in their name never change and are kept for a year; the page itself is asked for anew each time.
 */
import fastifyStatic from '@fastify/static'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { sendJson } from '../http/request.ts'
import { errorEnvelope } from '../prometheus/render.ts'

const HASHED = /[-.][\w-]{8,}\.(?:js|css|woff2?|png|svg|webp)$/
const NOT_BUILT = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>assay</title>
<h1>assay is running</h1>
<p>Its UI is not built here. Build it with <code>npm run build -w web</code> and start again.</p>
<p>The API answers: <a href="api/assay/v1/overview">overview</a>, <a href="api/assay/v1/incidents">incidents</a>,
<a href="api/assay/v1/openapi.json">its description</a>, <a href="metrics">metrics</a>.</p>
</html>
`

/** `methods`: what each path of the server takes. */
export function registerUi(
  app: FastifyInstance,
  webRoot: string | undefined,
  methods: ReadonlyMap<string, ReadonlySet<string>>,
): void {
  if (webRoot !== undefined) {
    app.register(fastifyStatic, {
      root: webRoot,
      // Looked up when asked for: a UI that is built anew while we run is served, not half of the old one.
      wildcard: true,
      setHeaders: (response, path) =>
        response.header('cache-control', HASHED.test(path) ? 'public, max-age=31536000, immutable' : 'no-cache'),
    })
  } else {
    app.route({
      method: 'GET',
      url: '/',
      handler: async (_, reply) => reply.type('text/html; charset=utf-8').send(NOT_BUILT),
    })
  }
  app.setNotFoundHandler((request, reply) => {
    const allowed = [...methodsOf(methods, request.url.split('?', 1)[0] ?? '/')]
    if (allowed.length === 0 || allowed.includes(request.method))
      return notFound(app, request, reply, webRoot !== undefined)
    return reply
      .code(405)
      .header('allow', allowed.join(', '))
      .type('text/plain; charset=utf-8')
      .send('Method Not Allowed\n')
  })
}

/** Not by the router: the address is the caller's, and it takes a `*` in it for a pattern. */
function methodsOf(methods: ReadonlyMap<string, ReadonlySet<string>>, path: string): ReadonlySet<string> {
  const found = methods.get(path)
  if (found !== undefined) return found
  const parts = path.split('/')
  for (const [pattern, allowed] of methods) {
    const wanted = pattern.split('/')
    if (!pattern.includes(':') || wanted.length !== parts.length) continue
    if (wanted.every((part, i) => part === parts[i] || (part.startsWith(':') && parts[i] !== ''))) return allowed
  }
  return new Set()
}

function notFound(app: FastifyInstance, request: FastifyRequest, reply: FastifyReply, built: boolean): unknown {
  const path = request.url.split('?', 1)[0] ?? '/'
  const wantsPage = request.method === 'GET' && String(request.headers.accept ?? '').includes('text/html')
  if (built && wantsPage && !/(?:^|\/)(?:api|-)\//.test(path))
    return reply.redirect(`${app.prefix}/#${request.url.slice(app.prefix.length)}`)
  return sendJson(reply.code(404), errorEnvelope('not_found', `there is nothing at ${request.method} ${path}`))
}
