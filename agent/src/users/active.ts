/**
 * Who was active: one sketch for each of the last two days that were seen, one for each of the last six minutes, in one block of
 * shared memory (57 KiB: 2 x 16 for days, 6 x 4 for minutes, and heads), so that another thread can tell while this one is blocked. 8 KiB
 *   beside it hold who has been counted in this minute.
 *
 * - An id is hashed with a key as it comes. It is kept only as the last one of its connection, so that it need not be hashed again:
 *   who comes back on the same connection within the minute costs a comparison.
 * - Yesterday stays beside today: a server that asks every quarter of a minute would else lose the end of each day.
 * - Time enters as an argument and may jump: of two days the one that is further from the new one gives way.
 * - The five minutes are the current minute and the five before it: the window is between five and six minutes long.
 */
import { DayClock } from './day.ts'
import { type Hash64, hashId } from './hash.ts'
import type { UsersKey } from './key.ts'
import { SharedSketch } from './shared-sketch.ts'
import { DAY_KIND, MINUTE_KIND, type Sketch, type SketchKind } from './sketch.ts'
import type { ConnectionMemory } from './visit.ts'

export const MINUTE_MS = 60_000
export const WINDOW_MINUTES = 6
const DAYS = 2
/** A power of two. */
const RECENT = 1_024
const HEAD_BYTES = 64
/** Heads of all sketches, each on a cache line of its own, then the bodies. */
const BODIES_AT = HEAD_BYTES * (DAYS + WINDOW_MINUTES)
const DAY_BYTES = 2 ** DAY_KIND.p
const MINUTE_BYTES = 2 ** MINUTE_KIND.p
export const ACTIVE_USERS_BYTES = BODIES_AT + DAYS * DAY_BYTES + WINDOW_MINUTES * MINUTE_BYTES

/** What is known at a moment: days by yyyymmdd, minutes by minutes of Unix time. */
export type ActiveUsersReading = {
  readonly days: ReadonlyMap<number, Sketch>
  readonly minutes: ReadonlyMap<number, Sketch>
}

export class ActiveUsers {
  /** For `readActiveUsers` in any thread. */
  readonly memory: SharedArrayBuffer
  readonly #key: UsersKey
  readonly #clock: DayClock
  readonly #hash: Hash64 = { hi: 0, lo: 0 }
  readonly #days: readonly SharedSketch[]
  readonly #minutes: readonly SharedSketch[]
  #today: SharedSketch
  #minute = -1
  /** Unix ms: where that minute begins. */
  #from = Number.NaN
  /** Hashes that have been counted in this minute, by the last bits of each, two words a hash: one look here spares two into sketches. */
  readonly #recent = new Int32Array(2 * RECENT)
  #thisMinute: SharedSketch

  constructor(key: UsersKey, timeZone?: string) {
    this.memory = new SharedArrayBuffer(ACTIVE_USERS_BYTES)
    this.#key = key
    this.#clock = new DayClock(timeZone)
    const { days, minutes } = sketchesOf(this.memory)
    this.#days = days
    this.#minutes = minutes
    this.#today = days[0]!
    this.#thisMinute = minutes[0]!
  }

  /** Counts a user. With the memory of its connection, the hash of the id is in there afterwards. */
  see(id: string, nowMs: number, memory?: ConnectionMemory): void {
    this.at(nowMs)
    this.count(id, memory)
  }

  /** Sets the moment of the counts that follow. Apart from `count`, so that no double has to be handed on: V8 makes an object of it. */
  at(nowMs: number): void {
    if (!(nowMs >= this.#from && nowMs < this.#from + MINUTE_MS)) this.#turn(nowMs)
  }

  /** Counts a user at the moment that was set. */
  count(id: string, memory: ConnectionMemory | undefined): void {
    const minute = this.#minute
    if (memory !== undefined && memory.userText === id) {
      if (memory.userMinute === minute) return
      memory.userMinute = minute
      this.#add(memory.userHi, memory.userLo)
      return
    }
    const hash = this.#hash
    hashId(id, this.#key, hash)
    const [hi, lo] = [hash.hi | 0, hash.lo | 0]
    if (memory !== undefined) {
      memory.userText = memory.userHi === hi && memory.userLo === lo ? id : ''
      memory.userHi = hi
      memory.userLo = lo
      memory.userMinute = minute
    }
    this.#add(hi, lo)
  }

  #add(hi: number, lo: number): void {
    const recent = this.#recent
    const at = (lo & (RECENT - 1)) * 2
    // Empty places look like the hash of zeros, which is therefore never taken for counted.
    if (recent[at] === hi && recent[at + 1] === lo && (hi | lo) !== 0) return
    recent[at] = hi
    recent[at + 1] = lo
    this.#today.add(hi, lo)
    this.#thisMinute.add(hi, lo)
  }

  /** A day turns with a minute: time zones are whole minutes from UTC. */
  #turn(nowMs: number): void {
    const minute = Math.floor(nowMs / MINUTE_MS)
    this.#minute = minute
    this.#from = minute * MINUTE_MS
    this.#recent.fill(0)
    const place = ((minute % WINDOW_MINUTES) + WINDOW_MINUTES) % WINDOW_MINUTES
    this.#thisMinute = this.#minutes[place]!
    if (this.#thisMinute.stamp !== minute) this.#thisMinute.reset(minute)
    const day = this.#clock.at(nowMs)
    if (this.#today.stamp === day) return
    const known = this.#days.find(({ stamp }) => stamp === day)
    if (known !== undefined) {
      this.#today = known
      return
    }
    const [one, other] = this.#days as [SharedSketch, SharedSketch]
    const further = Math.abs(one.stamp - day) >= Math.abs(other.stamp - day) ? one : other
    further.reset(day)
    this.#today = further
  }
}

/** What the memory of an `ActiveUsers` holds, from any thread. What is being cleared all the while is left out. */
export function readActiveUsers(memory: SharedArrayBuffer): ActiveUsersReading {
  const { days, minutes } = sketchesOf(memory)
  return { days: read(days), minutes: read(minutes) }
}

function read(sketches: readonly SharedSketch[]): ReadonlyMap<number, Sketch> {
  const found = new Map<number, Sketch>()
  for (const shared of sketches) {
    const one = shared.read()
    // A clock that was before 1970 has been nowhere, and no reader takes such a minute.
    if (one !== undefined && one.stamp > 0) found.set(one.stamp, one.sketch)
  }
  return found
}

function sketchesOf(memory: SharedArrayBuffer): {
  readonly days: readonly SharedSketch[]
  readonly minutes: readonly SharedSketch[]
} {
  const make = (count: number, kind: SketchKind, head: number, body: number): SharedSketch[] =>
    Array.from(
      { length: count },
      (_, i) => new SharedSketch(memory, head + i * HEAD_BYTES, body + i * 2 ** kind.p, kind),
    )
  return {
    days: make(DAYS, DAY_KIND, 0, BODIES_AT),
    minutes: make(WINDOW_MINUTES, MINUTE_KIND, DAYS * HEAD_BYTES, BODIES_AT + DAYS * DAY_BYTES),
  }
}
