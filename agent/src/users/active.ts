/**
 * Distinct users of the calendar day (in the process's time zone) and of the last five minutes.
 *
 * - An id is hashed with a key as it comes and not kept; sketches of workers with the same key merge without counting anyone twice.
 * - The day is one sketch (p = 14); the five minutes are a ring of six one-minute sketches (p = 12), the current one included,
 *   so that the window is between five and six minutes long.
 * - Time enters as an argument.
 */
import { type Hash64, type HashKey, hashId } from './hash.ts'
import { Sketch, type SketchData } from './sketch.ts'

const MINUTE_MS = 60_000
const WINDOW_MINUTES = 6
const DAY_P = 14
const MINUTE_P = 12

/** What a worker hands to the one that answers for all. `minute` counts minutes of Unix time. */
export type ActiveUsersData = {
  readonly day: number
  readonly ofDay: SketchData
  readonly minutes: readonly { readonly minute: number; readonly sketch: SketchData }[]
}

export type ActiveUserCounts = { readonly day: number; readonly fiveMinutes: number }

export class ActiveUsers {
  readonly #key: HashKey
  readonly #hash: Hash64 = { hi: 0, lo: 0 }
  #day = Number.NaN
  #dayEndsAt = Number.NEGATIVE_INFINITY
  #ofDay = new Sketch(DAY_P)
  readonly #minutes: { minute: number; sketch: Sketch }[] = []

  constructor(key: HashKey) {
    this.#key = key
  }

  see(id: string, nowMs: number): void {
    hashId(id, this.#key, this.#hash)
    const { hi, lo } = this.#hash
    if (nowMs >= this.#dayEndsAt) this.#turnDay(nowMs)
    this.#ofDay.add(hi, lo)
    const minute = Math.floor(nowMs / MINUTE_MS)
    const place = minute % WINDOW_MINUTES
    const current = this.#minutes[place]
    if (current?.minute === minute) {
      current.sketch.add(hi, lo)
      return
    }
    const sketch = new Sketch(MINUTE_P)
    sketch.add(hi, lo)
    this.#minutes[place] = { minute, sketch }
  }

  counts(nowMs: number): ActiveUserCounts {
    return countTogether([this.toData(nowMs)], nowMs)
  }

  toData(nowMs: number): ActiveUsersData {
    if (nowMs >= this.#dayEndsAt) this.#turnDay(nowMs)
    return {
      day: this.#day,
      ofDay: this.#ofDay.toData(),
      minutes: this.#minutes
        .filter((one) => one !== undefined)
        .map(({ minute, sketch }) => ({ minute, sketch: sketch.toData() })),
    }
  }

  #turnDay(nowMs: number): void {
    const { day, endsAt } = dayOf(nowMs)
    if (day !== this.#day) this.#ofDay = new Sketch(DAY_P)
    this.#day = day
    this.#dayEndsAt = endsAt
  }
}

/** Counts over several workers; what is not a sketch of ours, or not of today, is passed over. */
export function countTogether(all: readonly unknown[], nowMs: number): ActiveUserCounts {
  const ofDay = new Sketch(DAY_P)
  const recent = new Sketch(MINUTE_P)
  const today = dayOf(nowMs).day
  const now = Math.floor(nowMs / MINUTE_MS)
  for (const data of all) {
    if (typeof data !== 'object' || data === null) continue
    const { day, ofDay: sketch, minutes } = data as Partial<ActiveUsersData>
    if (day === today) mergeInto(ofDay, sketch)
    for (const one of Array.isArray(minutes) ? minutes.slice(0, WINDOW_MINUTES) : []) {
      if (one !== null && typeof one === 'object' && now - one.minute >= 0 && now - one.minute < WINDOW_MINUTES)
        mergeInto(recent, one.sketch)
    }
  }
  return { day: ofDay.count(), fiveMinutes: recent.count() }
}

function mergeInto(target: Sketch, data: unknown): void {
  const sketch = Sketch.tryFrom(data)
  if (sketch?.p === target.p) target.merge(sketch)
}

/** Today as yyyymmdd, and when it ends. */
function dayOf(nowMs: number): { readonly day: number; readonly endsAt: number } {
  const now = new Date(nowMs)
  const [year, month, date] = [now.getFullYear(), now.getMonth(), now.getDate()]
  return { day: year * 10_000 + (month + 1) * 100 + date, endsAt: new Date(year, month, date + 1).getTime() }
}
