/** The `handler` label of a request: the pattern of its route, without the prefix. Few values, whatever is asked for. */

/** Files of the UI have a route each, and new names with each build: they are one handler. Nothing found: `/*`. */
export function handlerOf(pattern: string | undefined, prefix: string): string {
  if (pattern === undefined) return '/*'
  const path = pattern.slice(prefix.length) || '/'
  return path === '/' || OURS.test(path) ? path : '/static/*'
}

const OURS = /^\/(?:api|-)\/|^\/(?:metrics|federate|version|healthz|readyz)$/
