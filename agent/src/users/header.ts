/**
 * One header of a request, without making Node build all of them.
 *
 * - Node builds `request.headers` when it is first read: 400 ns for four headers, more for the twenty of a browser. Frameworks have read
 *   it by the time a request is settled; a server of plain node:http often has not, and then the lines as they came are looked at.
 * - Whether it has been built stands in a field of Node's own, found by its description on the first request. A Node without that field
 *   (and HTTP/2, whose requests have none) is asked for `headers`, which is always right.
 * - Of a header that came several times the first one counts.
 */
import type { VisitedRequest } from './visit.ts'

type Lines = {
  readonly rawHeaders?: readonly string[]
  readonly httpVersionMajor?: unknown
  readonly [built: symbol]: unknown
}

/** Requests of HTTP/1 that are looked at for the field before it is given up. */
const TRIES = 8
let built: symbol | undefined
let tries = 0

/** `name` in lower case. */
export function headerOf(request: VisitedRequest, name: string): string | undefined {
  const headers = builtHeaders(request)
  if (headers === undefined) return lineOf(request, name)
  const value = Object.hasOwn(headers, name) ? headers[name] : undefined
  return typeof value === 'object' ? value[0] : value
}

/** All headers when Node has built them, or when that cannot be told; undefined: look with `lineOf`. */
export function builtHeaders(request: VisitedRequest): VisitedRequest['headers'] | undefined {
  const { rawHeaders, httpVersionMajor } = request as Lines
  if (built === undefined && tries < TRIES && rawHeaders !== undefined && httpVersionMajor !== 2) {
    tries++
    built = Object.getOwnPropertySymbols(request).find(({ description }) => description === 'kHeaders')
  }
  return built !== undefined && (request as Lines)[built] === null && rawHeaders !== undefined
    ? undefined
    : request.headers
}

export function lineOf(request: VisitedRequest, name: string): string | undefined {
  const { rawHeaders: lines = [] } = request as Lines
  for (let i = 0; i + 1 < lines.length; i += 2) {
    const given = lines[i]!
    if (given.length === name.length && (given === name || given.toLowerCase() === name)) return lines[i + 1]
  }
  return undefined
}
