/**
 * What one request says about a client, worked out once and then written to each dimension the request belongs to; and the names
 * under which that is kept. One object, filled anew for each request.
 */

/** In the order in which they are kept and travel. */
export const COUNTERS = [
  'requests',
  'redirects',
  'clientErrors',
  'serverErrors',
  's401',
  's403',
  's404',
  's429',
  'aborted',
  'unmatched',
  'writes',
  'logins',
  'loginFailures',
] as const
export type CounterName = (typeof COUNTERS)[number]

/** How many different ones of these. Peers: of an address the users and keys that came from it; of all others the addresses. */
export const DISTINCT = ['routes', 'paths', 'accounts', 'agents', 'peers'] as const
export type DistinctName = (typeof DISTINCT)[number]

/** Times between two requests of a client, in powers of two: [0], [1], [2, 3], [4 to 7] ... ms; the last from 2^18 ms (4.4 min). */
export const GAPS = 20

export const DIMENSIONS = ['address', 'user', 'key', 'account', 'login'] as const
export type Dimension = (typeof DIMENSIONS)[number]

export class Observation {
  nowMs = 0
  channel = -1
  status = 0
  aborted = false
  unmatched = false
  writes = false
  login = false
  /** Bytes of the answer; 0 when not known. */
  bytes = 0
  /** 32-bit hashes; 0: there is none. */
  route = 0
  path = 0
  account = 0
  agent = 0
  /** What the client said it is, where somebody may be entered; kept from the first request of an entry. */
  agentText = ''
  /** As `weigh` has found. */
  weight = 1
  usual = false

  /**
   * Once all is filled in: how much the request counts for who is kept, as refusals and login tries are what attacks are made of; and whether it
   * is nothing but a request of its kind, answered well, as nearly all are.
   */
  weigh(): void {
    const { status, unmatched, login } = this
    const refused = status >= 400 && status < 500
    this.weight = 1 + (refused ? 3 : 0) + (unmatched ? 2 : 0) + (login ? 3 : 0)
    this.usual = this.weight === 1 && status < 300 && !this.aborted && !this.writes && this.account === 0
  }
}

export function gapOf(milliseconds: number): number {
  return milliseconds < 1 ? 0 : Math.min(GAPS - 1, 32 - Math.clz32(Math.min(milliseconds, 0x7fff_ffff)))
}
