/**
 * What is known of the users of one service, over all its instances: merged as answers come, and never taken back. An instance that is
 * restarted, or gone, takes nobody with it.
 *
 * - Time enters as an argument. Days further than a day from now are not taken: a clock that is wrong must not make days of its own.
 * - Users hashed with different keys cannot be told apart; their counts are added up, and `keys` says how many keys there were.
 * - Bounded: MONTH_DAYS days here (older ones lie where `dirty` has put them), MAX_KEYS keys a day, the minutes of the window.
 */
import { addDays, type Day, dayIn, type UsersAnswer } from './answer.ts'
import { DAY_KIND, MINUTE_KIND, Sketch } from './sketch.ts'

const MINUTE_MS = 60_000
/** The current minute and the five before it: the window is five to six minutes long. */
const WINDOW_MINUTES = 6
const WEEK_DAYS = 7
export const MONTH_DAYS = 30
export const MAX_KEYS = 16

export type KnownDay = { readonly day: Day; readonly key: string; readonly timeZone: string; readonly sketch: Sketch }

export type UserCounts = {
  readonly fiveMinutes: number
  /** The calendar day so far, and with the days before it. */
  readonly day: number
  readonly week: number
  readonly month: number
  /** The whole day before; undefined when nothing is known of it. */
  readonly yesterday: number | undefined
  /** Of today; more than one count people twice. */
  readonly keys: number
}

export class KnownUsers {
  /** By day, then by key. */
  readonly #days = new Map<Day, Map<string, KnownDay>>()
  readonly #minutes = new Map<string, Map<number, Sketch>>()
  readonly #dirty = new Set<KnownDay>()
  #timeZone = 'UTC'
  #refusedKeys = false

  /** Whether anybody has ever told anything. */
  get isEmpty(): boolean {
    return this.#days.size === 0
  }

  /** Whether there were more keys in a day than are kept. */
  get hasTooManyKeys(): boolean {
    return this.#refusedKeys
  }

  /** A day as it was kept. */
  restore(known: KnownDay): void {
    this.#into(known.day, known.key, known.timeZone)?.sketch.merge(known.sketch)
    this.#timeZone = known.timeZone
  }

  /** Answers the days that were refused because they are not about now. */
  take({ key, timeZone, days, minutes }: UsersAnswer, nowMs: number): readonly Day[] {
    this.#timeZone = timeZone
    const today = dayIn(timeZone, nowMs)
    const refused: Day[] = []
    for (const [day, sketch] of days) {
      // Yesterday may still be told all through today; a clock may be a little ahead at midnight.
      if (day > addDays(today, 1)) refused.push(day)
      else if (day >= addDays(today, -2)) {
        const known = this.#into(day, key, timeZone)
        if (known?.sketch.merge(sketch) === true) this.#dirty.add(known)
      }
    }
    const now = Math.floor(nowMs / MINUTE_MS)
    const of = this.#minutes.get(key) ?? new Map<number, Sketch>()
    if (this.#minutes.size < MAX_KEYS || this.#minutes.has(key)) this.#minutes.set(key, of)
    for (const [minute, sketch] of minutes) {
      if (minute <= now - WINDOW_MINUTES || minute > now + 1) continue
      const known = of.get(minute) ?? new Sketch(MINUTE_KIND)
      known.merge(sketch)
      of.set(minute, known)
    }
    return refused
  }

  counts(nowMs: number): UserCounts {
    this.#forget(nowMs)
    const today = dayIn(this.#timeZone, nowMs)
    const yesterday = addDays(today, -1)
    const now = Math.floor(nowMs / MINUTE_MS)
    let fiveMinutes = 0
    for (const of of this.#minutes.values()) {
      const recent = new Sketch(MINUTE_KIND)
      for (const [minute, sketch] of of) if (minute > now - WINDOW_MINUTES) recent.merge(sketch)
      fiveMinutes += recent.count()
    }
    return {
      fiveMinutes,
      day: this.#count(today, today),
      week: this.#count(addDays(today, 1 - WEEK_DAYS), today),
      month: this.#count(addDays(today, 1 - MONTH_DAYS), today),
      yesterday: this.#days.has(yesterday) ? this.#count(yesterday, yesterday) : undefined,
      keys: this.#days.get(today)?.size ?? 0,
    }
  }

  /** What has changed since it was last asked. Who asks keeps it; what could not be kept is given back with `keepDirty`. */
  takeDirty(): readonly KnownDay[] {
    const dirty = [...this.#dirty]
    this.#dirty.clear()
    return dirty
  }

  keepDirty(days: readonly KnownDay[]): void {
    for (const day of days) this.#dirty.add(day)
  }

  /** Users of all days from one to the other, both included: nobody of one key twice. */
  #count(from: Day, to: Day): number {
    const together = new Map<string, Sketch>()
    for (const [day, keys] of this.#days) {
      if (day < from || day > to) continue
      for (const { key, sketch } of keys.values()) {
        const sum = together.get(key) ?? new Sketch(DAY_KIND)
        sum.merge(sketch)
        together.set(key, sum)
      }
    }
    return [...together.values()].reduce((sum, sketch) => sum + sketch.count(), 0)
  }

  #into(day: Day, key: string, timeZone: string): KnownDay | undefined {
    const keys = this.#days.get(day) ?? new Map<string, KnownDay>()
    const known = keys.get(key)
    if (known !== undefined) return known
    if (keys.size >= MAX_KEYS) {
      this.#refusedKeys = true
      return undefined
    }
    const begun: KnownDay = { day, key, timeZone, sketch: new Sketch(DAY_KIND) }
    keys.set(key, begun)
    this.#days.set(day, keys)
    return begun
  }

  #forget(nowMs: number): void {
    const oldest = addDays(dayIn(this.#timeZone, nowMs), -MONTH_DAYS)
    for (const day of this.#days.keys()) if (day < oldest) this.#days.delete(day)
    const now = Math.floor(nowMs / MINUTE_MS)
    for (const [key, of] of this.#minutes) {
      for (const minute of of.keys()) if (minute <= now - WINDOW_MINUTES || minute > now + 1) of.delete(minute)
      if (of.size === 0) this.#minutes.delete(key)
    }
  }
}
