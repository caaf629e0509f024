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

/** Words of an entry. */
const ENTRY_SEQUENCE = 0
const HI = 1
const LO = 2
const CHANNEL = 3
const SCORE = 4
const MISSED = 5
const NAME_LENGTH = 6
const AGENT_LENGTH = 7
const FIRST_COUNTER = 8
const FIRST_GAP = FIRST_COUNTER + COUNTERS.length
const WORDS = FIRST_GAP + GAPS + 1
/** Doubles of an entry. */
const BYTES = 0
const FIRST = 1
const LAST = 2
const DOUBLES = 3
export const NAME_BYTES = 64
const AGENT_BYTES = 64
const SKETCH_BYTES = DISTINCT.length * DISTINCT_BYTES
const [
  REQUESTS,
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
] = COUNTERS.map((_, i) => FIRST_COUNTER + i) as [
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
  number,
]
const [ROUTES, PATHS, ACCOUNTS, AGENTS, PEERS] = DISTINCT.map((_, i) => i * DISTINCT_BYTES) as [
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
  return HEAD_BYTES + capacity * (WORDS * 4 + DOUBLES * 8 + SKETCH_BYTES + NAME_BYTES + AGENT_BYTES)
}

type Columns = {
  readonly head: Int32Array
  readonly headDoubles: Float64Array
  readonly words: Int32Array
  readonly doubles: Float64Array
  readonly sketches: Uint8Array
  readonly texts: Uint8Array
}

function columnsOf(memory: SharedArrayBuffer, at: number, capacity: number): Columns {
  const doubles = at + HEAD_BYTES
  const words = doubles + capacity * DOUBLES * 8
  const sketches = words + capacity * WORDS * 4
  return {
    head: new Int32Array(memory, at, 8),
    headDoubles: new Float64Array(memory, at, HEAD_BYTES / 8),
    words: new Int32Array(memory, words, capacity * WORDS),
    doubles: new Float64Array(memory, doubles, capacity * DOUBLES),
    sketches: new Uint8Array(memory, sketches, capacity * SKETCH_BYTES),
    texts: new Uint8Array(memory, sketches + capacity * SKETCH_BYTES, capacity * (NAME_BYTES + AGENT_BYTES)),
  }
}

export class ClientTable {
  readonly #columns: Columns
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
    this.#columns = columnsOf(memory, at, capacity)
    this.#capacity = capacity
    this.#index = new Int16Array(capacity * 4)
  }

  get window(): number {
    return this.#columns.head[WINDOW]!
  }

  /** Empties it for another window. */
  reset(window: number): void {
    const { head, headDoubles } = this.#columns
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

  /** `name` is only looked at when the client is entered. `peer`: hash of whom it came with; 0: nobody. */
  observe(hi: number, lo: number, name: string, peer: number, seen: Observation): void {
    const { headDoubles } = this.#columns
    headDoubles[SEEN]! += 1
    if (this.#credit < MOST_CREDIT) this.#credit++
    // The same client by another channel is another client.
    const own = hi ^ Math.imul(seen.channel + 2, 0x9e37_79b1)
    let entry = this.#find(own, lo)
    if (entry < 0) {
      entry = this.#enter(own, lo, name, seen)
      if (entry < 0) {
        headDoubles[OTHERS]! += 1
        return
      }
    }
    this.#write(entry, peer, seen)
  }

  #write(entry: number, peer: number, seen: Observation): void {
    const { words, doubles, sketches } = this.#columns
    const at = entry * WORDS
    const { status } = seen
    words[at + SCORE]! += seen.weight
    words[at + REQUESTS]! += 1
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
    const d = entry * DOUBLES
    doubles[d + BYTES]! += seen.bytes
    const gap = seen.nowMs - doubles[d + LAST]!
    // A clock that was set back makes no gap; the first request of an entry has none.
    if (words[at + REQUESTS]! > 1 && gap >= 0) words[at + FIRST_GAP + gapOf(gap)]! += 1
    doubles[d + LAST] = seen.nowMs
    const s = entry * SKETCH_BYTES
    if (seen.route !== 0) addDistinct(sketches, s + ROUTES, seen.route)
    addDistinct(sketches, s + PATHS, seen.path)
    if (seen.account !== 0) addDistinct(sketches, s + ACCOUNTS, seen.account)
    if (seen.agent !== 0) addDistinct(sketches, s + AGENTS, seen.agent)
    if (peer !== 0) addDistinct(sketches, s + PEERS, peer)
  }

  #find(hi: number, lo: number): number {
    const { words } = this.#columns
    const index = this.#index
    const mask = index.length - 1
    for (let place = lo & mask; ; place = (place + 1) & mask) {
      const entry = index[place]! - 1
      if (entry < 0) return -1
      const at = entry * WORDS
      if (words[at + HI] === hi && words[at + LO] === lo) return entry
    }
  }

  /** The entry of a client that has none, or -1 when it does not stand out. */
  #enter(hi: number, lo: number, name: string, seen: Observation): number {
    if (this.#size < this.#capacity) {
      const entry = this.#size++
      this.#take(entry, hi, lo, name, 0, seen)
      Atomics.store(this.#columns.head, SIZE, this.#size)
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
    const { words } = this.#columns
    this.#gate.add(words[least * WORDS + HI]!, words[least * WORDS + LO]!, this.#floor)
    this.#take(least, hi, lo, name, most - weight, seen)
    this.#index.fill(0)
    for (let entry = 0; entry < this.#size; entry++) this.#place(entry)
    return least
  }

  #least(): number {
    const { head, words } = this.#columns
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

  #take(entry: number, hi: number, lo: number, name: string, missed: number, seen: Observation): void {
    const { words, doubles, sketches, texts } = this.#columns
    const at = entry * WORDS
    Atomics.add(words, at + ENTRY_SEQUENCE, 1)
    words.fill(0, at + 1, at + WORDS)
    doubles.fill(0, entry * DOUBLES, (entry + 1) * DOUBLES)
    sketches.fill(0, entry * SKETCH_BYTES, (entry + 1) * SKETCH_BYTES)
    const text = entry * (NAME_BYTES + AGENT_BYTES)
    words[at + HI] = hi
    words[at + LO] = lo
    words[at + CHANNEL] = seen.channel
    words[at + SCORE] = missed
    words[at + MISSED] = missed
    words[at + NAME_LENGTH] = this.#encode(name, texts, text, NAME_BYTES)
    words[at + AGENT_LENGTH] = this.#encode(seen.agentText, texts, text + NAME_BYTES, AGENT_BYTES)
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
    let place = this.#columns.words[entry * WORDS + LO]! & mask
    while (index[place] !== 0) place = (place + 1) & mask
    index[place] = entry + 1
  }
}

/** What a table holds, from any thread; undefined when it holds nothing or was emptied meanwhile. */
export function readTable(
  memory: SharedArrayBuffer,
  at: number,
  capacity: number,
): { readonly window: number; readonly clients: ClientWindow } | undefined {
  const columns = columnsOf(memory, at, capacity)
  const { head, headDoubles } = columns
  const before = Atomics.load(head, SEQUENCE)
  const window = head[WINDOW]!
  if ((before & 1) === 1 || window === 0) return undefined
  const entries: ClientEntry[] = []
  const size = Math.min(Atomics.load(head, SIZE), capacity)
  for (let entry = 0; entry < size; entry++) {
    const read = readEntry(columns, entry)
    if (read !== undefined) entries.push(read)
  }
  const clients = { seen: headDoubles[SEEN]!, others: headDoubles[OTHERS]!, floor: head[FLOOR]!, entries }
  return Atomics.add(head, SEQUENCE, 0) === before ? { window, clients } : undefined
}

function readEntry({ words, doubles, sketches, texts }: Columns, entry: number): ClientEntry | undefined {
  const at = entry * WORDS
  const before = Atomics.load(words, at + ENTRY_SEQUENCE)
  if ((before & 1) === 1) return undefined
  const text = entry * (NAME_BYTES + AGENT_BYTES)
  const read = (from: number, length: number): string =>
    new TextDecoder().decode(new Uint8Array(texts.subarray(from, from + length)))
  const sketch = (which: number): Uint8Array =>
    new Uint8Array(sketches.subarray(entry * SKETCH_BYTES + which, entry * SKETCH_BYTES + which + DISTINCT_BYTES))
  const found: ClientEntry = {
    id: read(text, words[at + NAME_LENGTH]! & (2 * NAME_BYTES - 1)),
    agent: read(text + NAME_BYTES, words[at + AGENT_LENGTH]! & (2 * AGENT_BYTES - 1)),
    channel: words[at + CHANNEL]!,
    missed: words[at + MISSED]!,
    bytes: doubles[entry * DOUBLES + BYTES]!,
    first: doubles[entry * DOUBLES + FIRST]!,
    last: doubles[entry * DOUBLES + LAST]!,
    counts: Array.from(words.subarray(at + FIRST_COUNTER, at + FIRST_COUNTER + COUNTERS.length)),
    gaps: Array.from(words.subarray(at + FIRST_GAP, at + FIRST_GAP + GAPS)),
    distinct: [sketch(ROUTES), sketch(PATHS), sketch(ACCOUNTS), sketch(AGENTS), sketch(PEERS)],
  }
  // Given to somebody else meanwhile, or entered and not yet written.
  if (Atomics.add(words, at + ENTRY_SEQUENCE, 0) !== before || found.counts[0] === 0) return undefined
  return found
}
