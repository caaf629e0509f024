/**
 * The clients of one dimension in one window of time, in shared memory: Space-Saving (Metwally, Agrawal and El Abbadi, 2005) behind a
 * gate. While there is room everyone is kept exactly; when it is full, who stands out takes the place of the least.
 *
 * - What an entry holds is exact from the moment it was entered; `missed` is the most weight it may have had in the window before.
 * - Whoever weighs more in a window than the least entry and the gate's noise together is in the table.
 * - A request costs a look-up and some thirty additions at known places. Replacing an entry costs some 2 us and is paid for in advance
 *   by requests that replace nobody (CREDIT), so that no stream of addresses can make it the rule.
 * - One thread writes. Another may read at any moment: an entry's sequence is odd while it is given to somebody else, the table's
 *   while it is emptied for another window. A counter that is read while it is written is at most one request behind.
 */
import { addDistinct, DISTINCT_BYTES } from './distinct.ts'
import type { Gate } from './gate.ts'
import { COUNTERS, DISTINCT, GAPS, gapOf, type Observation } from './observation.ts'
import type { ClientEntry, ClientWindow } from './summary.ts'

/** Words of the table's head. */
const SEQUENCE = 0
const WINDOW = 1
const SIZE = 2
const FLOOR = 3
const HEAD_BYTES = 64
/** Doubles of the head, behind its words. */
const SEEN = 4
const OTHERS = 5

/**
 * Words of an entry, by lines of the processor's cache: an ordinary request touches the first, one of its gaps and one of its sketches. In
 * columns, and with the routes, agents and peers looked up each time, it touched eight lines.
 */
const ENTRY_SEQUENCE = 0
const HI = 1
const LO = 2
const SCORE = 3
const REQUESTS = 4
/** The hashes that came last: what comes again is in its sketch already. */
const LAST_ROUTE = 5
const LAST_AGENT = 6
const LAST_PEER = 7
const CHANNEL = 14
const MISSED = 15
const NAME_LENGTH = 16
const AGENT_LENGTH = 17
/** All counters but the requests. */
const FIRST_COUNTER = 18
const FIRST_GAP = 32
/** Doubles of an entry, between its words. */
const LAST = 4
const BYTES = 5
const FIRST = 6
/** Bytes of an entry: its words, its sketches, its name and agent. */
const SKETCHES_AT = 256
const NAME_AT = SKETCHES_AT + DISTINCT.length * DISTINCT_BYTES
export const NAME_BYTES = 64
const AGENT_BYTES = 64
const ENTRY_BYTES = NAME_AT + NAME_BYTES + AGENT_BYTES
const WORDS = ENTRY_BYTES / 4
const DOUBLES = ENTRY_BYTES / 8
const [
  REDIRECTS,
  CLIENT_ERRORS,
  SERVER_ERRORS,
  S401,
  S403,
  S404,
  S429,
  ABORTED,
  UNMATCHED,
  WRITES,
  LOGINS,
  LOGIN_FAILURES,
] = COUNTERS.slice(1).map((_, i) => FIRST_COUNTER + i) as [
  number,
  number,
  number,
  number,
  number,
  number,
  number,
  number,
  number,
  number,
  number,
  number,
]
const [ROUTES, PATHS, ACCOUNTS, AGENTS, PEERS] = DISTINCT.map((_, i) => SKETCHES_AT + i * DISTINCT_BYTES) as [
  number,
  number,
  number,
  number,
  number,
]

/** A replacement takes that many requests' credit; at most so much is saved. */
const CREDIT = 128
const MOST_CREDIT = 1_024

export function tableBytes(capacity: number): number {
  return HEAD_BYTES + capacity * ENTRY_BYTES
}

/** The same bytes, as numbers of three kinds. */
type Memory = {
  readonly head: Int32Array
  readonly headDoubles: Float64Array
  readonly words: Int32Array
  readonly doubles: Float64Array
  readonly bytes: Uint8Array
}

function memoryOf(memory: SharedArrayBuffer, at: number, capacity: number): Memory {
  const entries = at + HEAD_BYTES
  return {
    head: new Int32Array(memory, at, 8),
    headDoubles: new Float64Array(memory, at, HEAD_BYTES / 8),
    words: new Int32Array(memory, entries, capacity * WORDS),
    doubles: new Float64Array(memory, entries, capacity * DOUBLES),
    bytes: new Uint8Array(memory, entries, capacity * ENTRY_BYTES),
  }
}

export class ClientTable {
  // Each a field of its own: a step less to the entry than by an object that holds them.
  readonly #head: Int32Array
  readonly #headDoubles: Float64Array
  readonly #words: Int32Array
  readonly #doubles: Float64Array
  readonly #bytes: Uint8Array
  readonly #capacity: number
  readonly #gate: Gate
  /** Open addressing over hashes: an entry's number and one, or 0. Four places an entry. */
  readonly #index: Int16Array
  readonly #encoder = new TextEncoder()
  #size = 0
  #credit = 0
  /** The least score when it was last looked for; scores only grow, so it is never too high. */
  #floor = 0

  /** `at`: divisible by 8. `capacity`: a power of two. Tables that are never in use at the same time may share a gate. */
  constructor(memory: SharedArrayBuffer, at: number, capacity: number, gate: Gate) {
    this.#gate = gate
    const { head, headDoubles, words, doubles, bytes } = memoryOf(memory, at, capacity)
    this.#head = head
    this.#headDoubles = headDoubles
    this.#words = words
    this.#doubles = doubles
    this.#bytes = bytes
    this.#capacity = capacity
    this.#index = new Int16Array(capacity * 4)
  }

  get window(): number {
    return this.#head[WINDOW]!
  }

  /** Empties it for another window. */
  reset(window: number): void {
    const head = this.#head
    const headDoubles = this.#headDoubles
    Atomics.add(head, SEQUENCE, 1)
    head[WINDOW] = window
    head[SIZE] = 0
    head[FLOOR] = 0
    headDoubles[SEEN] = 0
    headDoubles[OTHERS] = 0
    Atomics.add(head, SEQUENCE, 1)
    this.#size = 0
    this.#floor = 0
    this.#index.fill(0)
    this.#gate.clear()
  }

  /**
   * The entry of a client, for `again`; -1: it has none, for `meet`. To read its gaps and paths here as well, so that they are fetched with its
   * first line and not after it, made a request slower, not faster.
   */
  find(hi: number, lo: number, channel: number): number {
    const own = withChannel(hi, channel)
    const words = this.#words
    const index = this.#index
    const mask = index.length - 1
    for (let place = lo & mask; ; place = (place + 1) & mask) {
      const entry = index[place]! - 1
      if (entry < 0) return -1
      const at = entry * WORDS
      if (words[at + HI] === own && words[at + LO] === lo) return entry
    }
  }

  /** Counts a request of a client that `find` has just found. `peer`: hash of whom it came with; 0: nobody. */
  again(entry: number, peer: number, seen: Observation): void {
    this.#headDoubles[SEEN]! += 1
    if (this.#credit < MOST_CREDIT) this.#credit++
    this.#write(entry, peer, seen)
  }

  /** As `again`, of a client that `find` has just not found. `name` is only looked at when it is entered; without one it is known by its hash. */
  meet(hi: number, lo: number, name: string | undefined, peer: number, seen: Observation): void {
    const headDoubles = this.#headDoubles
    headDoubles[SEEN]! += 1
    if (this.#credit < MOST_CREDIT) this.#credit++
    const entry = this.#enter(withChannel(hi, seen.channel), lo, name, seen)
    if (entry < 0) headDoubles[OTHERS]! += 1
    else this.#write(entry, peer, seen)
  }

  /** Either of both. */
  observe(hi: number, lo: number, name: string | undefined, peer: number, seen: Observation): void {
    const entry = this.find(hi, lo, seen.channel)
    if (entry >= 0) this.again(entry, peer, seen)
    else this.meet(hi, lo, name, peer, seen)
  }

  #write(entry: number, peer: number, seen: Observation): void {
    const words = this.#words
    const doubles = this.#doubles
    const bytes = this.#bytes
    const at = entry * WORDS
    const b = entry * ENTRY_BYTES
    const d = entry * DOUBLES
    const { status, route, agent } = seen
    words[at + SCORE]! += seen.weight
    const gap = seen.nowMs - doubles[d + LAST]!
    // A clock that was set back makes no gap; the first request of an entry has none.
    if ((words[at + REQUESTS]! += 1) > 1 && gap >= 0) words[at + FIRST_GAP + gapOf(gap)]! += 1
    doubles[d + LAST] = seen.nowMs
    doubles[d + BYTES]! += seen.bytes
    addDistinct(bytes, b + PATHS, seen.path)
    if (route !== words[at + LAST_ROUTE]! && route !== 0) {
      words[at + LAST_ROUTE] = route
      addDistinct(bytes, b + ROUTES, route)
    }
    if (agent !== words[at + LAST_AGENT]! && agent !== 0) {
      words[at + LAST_AGENT] = agent
      addDistinct(bytes, b + AGENTS, agent)
    }
    if (peer !== words[at + LAST_PEER]! && peer !== 0) {
      words[at + LAST_PEER] = peer
      addDistinct(bytes, b + PEERS, peer)
    }
    if (seen.usual) return
    if (seen.account !== 0) addDistinct(bytes, b + ACCOUNTS, seen.account)
    if (status >= 400) {
      if (status >= 500) words[at + SERVER_ERRORS]! += 1
      else {
        words[at + CLIENT_ERRORS]! += 1
        if (status === 404) words[at + S404]! += 1
        else if (status === 401) words[at + S401]! += 1
        else if (status === 403) words[at + S403]! += 1
        else if (status === 429) words[at + S429]! += 1
        if (seen.login) words[at + LOGIN_FAILURES]! += 1
      }
    } else if (status >= 300) words[at + REDIRECTS]! += 1
    if (seen.aborted) words[at + ABORTED]! += 1
    if (seen.unmatched) words[at + UNMATCHED]! += 1
    if (seen.writes) words[at + WRITES]! += 1
    if (seen.login) words[at + LOGINS]! += 1
  }

  /** The entry of a client that has none, or -1 when it does not stand out. */
  #enter(hi: number, lo: number, name: string | undefined, seen: Observation): number {
    if (this.#size < this.#capacity) {
      const entry = this.#size++
      this.#take(entry, hi, lo, name, 0, seen)
      Atomics.store(this.#head, SIZE, this.#size)
      this.#place(entry)
      return entry
    }
    const { weight } = seen
    const most = this.#gate.add(hi, lo, weight)
    if (this.#credit < CREDIT || most <= this.#floor + this.#gate.noise) return -1
    this.#credit -= CREDIT
    const least = this.#least()
    if (most <= this.#floor + this.#gate.noise) return -1
    // Who leaves goes on where it was: what it has is what the gate knows of it.
    const words = this.#words
    this.#gate.add(words[least * WORDS + HI]!, words[least * WORDS + LO]!, this.#floor)
    this.#take(least, hi, lo, name, most - weight, seen)
    this.#index.fill(0)
    for (let entry = 0; entry < this.#size; entry++) this.#place(entry)
    return least
  }

  #least(): number {
    const head = this.#head
    const words = this.#words
    let least = 0
    let score = Number.POSITIVE_INFINITY
    for (let entry = 0; entry < this.#size; entry++) {
      const own = words[entry * WORDS + SCORE]!
      if (own < score) {
        score = own
        least = entry
      }
    }
    this.#floor = score
    head[FLOOR] = score
    return least
  }

  #take(entry: number, hi: number, lo: number, name: string | undefined, missed: number, seen: Observation): void {
    const words = this.#words
    const doubles = this.#doubles
    const bytes = this.#bytes
    const at = entry * WORDS
    const b = entry * ENTRY_BYTES
    Atomics.add(words, at + ENTRY_SEQUENCE, 1)
    words.fill(0, at + 1, at + NAME_AT / 4)
    words[at + HI] = hi
    words[at + LO] = lo
    words[at + CHANNEL] = seen.channel
    words[at + SCORE] = missed
    words[at + MISSED] = missed
    const known = name ?? hexOf(withChannel(hi, seen.channel), lo)
    words[at + NAME_LENGTH] = this.#encode(known, bytes, b + NAME_AT, NAME_BYTES)
    words[at + AGENT_LENGTH] = this.#encode(seen.agentText, bytes, b + NAME_AT + NAME_BYTES, AGENT_BYTES)
    doubles[entry * DOUBLES + FIRST] = seen.nowMs
    Atomics.add(words, at + ENTRY_SEQUENCE, 1)
  }

  /** `encodeInto` does not write to shared memory; entries are made seldom enough for a copy. */
  #encode(text: string, into: Uint8Array, at: number, most: number): number {
    const bytes = this.#encoder.encode(text.slice(0, most))
    let length = Math.min(bytes.length, most)
    // Not in the middle of a character.
    while (length < bytes.length && length > 0 && (bytes[length]! & 0xc0) === 0x80) length--
    into.set(bytes.subarray(0, length), at)
    return length
  }

  #place(entry: number): void {
    const index = this.#index
    const mask = index.length - 1
    let place = this.#words[entry * WORDS + LO]! & mask
    while (index[place] !== 0) place = (place + 1) & mask
    index[place] = entry + 1
  }
}

/** The same client by another channel is another client. Done twice it is undone. */
function withChannel(hi: number, channel: number): number {
  return hi ^ Math.imul(channel + 2, 0x9e37_79b1)
}

/** API keys are known by 16 hexadecimal digits. */
function hexOf(hi: number, lo: number): string {
  return (hi >>> 0).toString(16).padStart(8, '0') + (lo >>> 0).toString(16).padStart(8, '0')
}

/** What a table holds, from any thread; undefined when it holds nothing or was emptied meanwhile. */
export function readTable(
  memory: SharedArrayBuffer,
  at: number,
  capacity: number,
): { readonly window: number; readonly clients: ClientWindow } | undefined {
  const table = memoryOf(memory, at, capacity)
  const { head, headDoubles } = table
  const before = Atomics.load(head, SEQUENCE)
  const window = head[WINDOW]!
  if ((before & 1) === 1 || window === 0) return undefined
  const entries: ClientEntry[] = []
  const size = Math.min(Atomics.load(head, SIZE), capacity)
  for (let entry = 0; entry < size; entry++) {
    const read = readEntry(table, entry)
    if (read !== undefined) entries.push(read)
  }
  const clients = { seen: headDoubles[SEEN]!, others: headDoubles[OTHERS]!, floor: head[FLOOR]!, entries }
  return Atomics.add(head, SEQUENCE, 0) === before ? { window, clients } : undefined
}

function readEntry({ words, doubles, bytes }: Memory, entry: number): ClientEntry | undefined {
  const at = entry * WORDS
  const b = entry * ENTRY_BYTES
  const d = entry * DOUBLES
  const before = Atomics.load(words, at + ENTRY_SEQUENCE)
  if ((before & 1) === 1) return undefined
  const text = (from: number, length: number): string =>
    new TextDecoder().decode(new Uint8Array(bytes.subarray(b + from, b + from + length)))
  const sketch = (from: number): Uint8Array => new Uint8Array(bytes.subarray(b + from, b + from + DISTINCT_BYTES))
  const found: ClientEntry = {
    id: text(NAME_AT, words[at + NAME_LENGTH]! & (2 * NAME_BYTES - 1)),
    agent: text(NAME_AT + NAME_BYTES, words[at + AGENT_LENGTH]! & (2 * AGENT_BYTES - 1)),
    channel: words[at + CHANNEL]!,
    missed: words[at + MISSED]!,
    bytes: doubles[d + BYTES]!,
    first: doubles[d + FIRST]!,
    last: doubles[d + LAST]!,
    counts: [words[at + REQUESTS]!, ...words.subarray(at + FIRST_COUNTER, at + FIRST_COUNTER + COUNTERS.length - 1)],
    gaps: Array.from(words.subarray(at + FIRST_GAP, at + FIRST_GAP + GAPS)),
    distinct: [sketch(ROUTES), sketch(PATHS), sketch(ACCOUNTS), sketch(AGENTS), sketch(PEERS)],
  }
  // Given to somebody else meanwhile, or entered and not yet written.
  if (Atomics.add(words, at + ENTRY_SEQUENCE, 0) !== before || found.counts[0] === 0) return undefined
  return found
}
