/**
 * What the HTTP room tells of a request that has been settled, and what users and clients remember about its connection.
 *
 * - A `Visit` is one object that is filled anew for each request: read it during the call, keep nothing of it but strings.
 * - A `ConnectionMemory` belongs to one connection (HTTP/2: one session) and ends with it. It spares the work that keep-alive makes
 *   needless: an id that comes again on the same connection is not hashed again, an address is hashed once.
 * - A text is remembered when it comes for the second time in a row, which its hash tells. A proxy's connection carries another user's request
 *   each time: to remember all of them would cost 17 ns each, for V8 notes every young object that an old one is given.
 */
export class ConnectionMemory {
  /** The last user's id as it was read, where that was no text; the id as a text; the two halves of its hash. */
  user: unknown = undefined
  userText = ''
  userHi = 0
  userLo = 0
  /** The minute of Unix time in which that user was counted; -1: not yet. */
  userMinute = -1
  /** The last Cookie header, and what was found in it. */
  cookies: string | undefined = undefined
  cookieUser: string | undefined = undefined
  address = ''
  addressHi = 0
  addressLo = 0
  apiKey = ''
  apiKeyHi = 0
  apiKeyLo = 0
  agent = ''
  agentHash = 0
  /** What the connection had written when its last request was settled. */
  bytesWritten = 0
}

export type Visit = {
  /** Node's request, HTTP/1 or HTTP/2's compatibility request: whatever has `headers`, `method` and `url`. */
  request: VisitedRequest
  /** The framework's own request (Fastify, Hono) or context (Koa); undefined: Node's is the framework's. */
  framework: unknown
  memory: ConnectionMemory
  /** 0: the connection ended before a head was sent. */
  status: number
  aborted: boolean
  /** Index into the names of channels; -1: none. */
  channel: number
  /** The route's template with its mounts; '' when nothing matched. */
  route: string
  /** The route's number, from 1 on; the same template may have two. 0: it has none. */
  routeId: number
  /** The client's address, behind trusted proxies the forwarded one; '' when it is not known. */
  address: string
  /** Bytes of the answer; -1 when not known. */
  bytesOut: number
  /** Unix ms. */
  nowMs: number
}

export type VisitedRequest = {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly method?: string | undefined
  readonly url?: string | undefined
}
