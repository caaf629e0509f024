/**
 * One header of a request, whoever made the request.
 *
 * - Node has built `request.headers` of every HTTP/1.1 request before an application sees it (it looks for `Host` and `Expect` there), so that to
 *   search the lines as they came saves nothing.
 * - Names that every object has (`constructor`) are no headers. Of a value that is a list the first counts.
 */
import type { VisitedRequest } from './visit.ts'

/** `name` in lower case. */
export function headerOf({ headers }: VisitedRequest, name: string): string | undefined {
  const value = Object.hasOwn(headers, name) ? headers[name] : undefined
  return typeof value === 'object' ? value[0] : value
}
