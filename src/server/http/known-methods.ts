/** Which methods each path takes, so that the wrong one is told the right ones instead of "not found". */
import type { FastifyInstance } from 'fastify'

/** Methods by path, filled as routes are registered after this call. Paths with parameters stand under their pattern. */
export function knownMethods(app: FastifyInstance): ReadonlyMap<string, ReadonlySet<string>> {
  const known = new Map<string, Set<string>>()
  app.addHook('onRoute', ({ url, method }) => {
    const methods = known.get(url) ?? new Set()
    for (const one of [method].flat()) methods.add(one)
    known.set(url, methods)
  })
  return known
}
