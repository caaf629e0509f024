/**
 * Which calendar day a moment belongs to.
 *
 * - The day is UTC's unless `ASSAY_USERS_TIMEZONE` names a zone. It must be the same for every process whose users are to be counted
 *   together, and UTC is what containers, laptops and machines of other regions have in common; the process's own `TZ` is not.
 * - A day is a number, yyyymmdd, so that it fits a word of shared memory and sorts.
 * - Formatting a date in a zone is dear (some 2 us, and ICU's tables at first): it happens when a day turns, never for a request.
 */
const MINUTE_MS = 60_000
const DAY_MS = 86_400_000
/** No calendar day is longer: a zone moves by an hour, or, once in a generation, by a day (then a date is missing, not longer). */
const LONGEST_DAY_MINUTES = 26 * 60

export const DEFAULT_TIME_ZONE = 'UTC'

/** The name as given, `local` as the zone of this process. Throws a sentence that says what to write instead. */
export function parseTimeZone(text: string): string {
  try {
    const { timeZone } = new Intl.DateTimeFormat('en', text === 'local' ? {} : { timeZone: text }).resolvedOptions()
    return text === 'local' ? timeZone : text
  } catch {
    throw new Error(`"${text}" is not a time zone; write UTC, Europe/Prague or local`)
  }
}

/** The day that was asked for last, kept: `turn` only when a moment is outside of it. */
export class DayClock {
  readonly timeZone: string
  day = 0
  /** Unix ms: the day is [from, to). */
  from = 0
  to = 0
  #format: Intl.DateTimeFormat | undefined

  constructor(timeZone: string = DEFAULT_TIME_ZONE) {
    this.timeZone = timeZone
  }

  /** The day of that moment. */
  at(nowMs: number): number {
    if (nowMs < this.from || nowMs >= this.to) this.#turn(nowMs)
    return this.day
  }

  #turn(nowMs: number): void {
    if (this.timeZone === 'UTC') {
      this.from = Math.floor(nowMs / DAY_MS) * DAY_MS
      this.to = this.from + DAY_MS
    } else {
      const day = this.#dayOf(nowMs)
      const minute = Math.floor(nowMs / MINUTE_MS)
      this.to = firstMinute(minute, minute + LONGEST_DAY_MINUTES, (at) => this.#dayOf(at * MINUTE_MS) > day) * MINUTE_MS
      this.from =
        firstMinute(minute - LONGEST_DAY_MINUTES, minute, (at) => this.#dayOf(at * MINUTE_MS) >= day) * MINUTE_MS
    }
    this.day = this.#dayOf(nowMs)
  }

  #dayOf(nowMs: number): number {
    if (this.timeZone === 'UTC') {
      const date = new Date(nowMs)
      return date.getUTCFullYear() * 10_000 + (date.getUTCMonth() + 1) * 100 + date.getUTCDate()
    }
    this.#format ??= new Intl.DateTimeFormat('en', {
      timeZone: this.timeZone,
      calendar: 'gregory',
      numberingSystem: 'latn',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
    })
    let day = 0
    for (const { type, value } of this.#format.formatToParts(nowMs)) {
      if (type === 'year') day += Number(value) * 10_000
      else if (type === 'month') day += Number(value) * 100
      else if (type === 'day') day += Number(value)
    }
    return day
  }
}

/** The first minute in (low, high] for which `is` holds, given that it holds from some minute on. */
function firstMinute(low: number, high: number, is: (minute: number) => boolean): number {
  let [no, yes] = [low, high]
  while (yes - no > 1) {
    const middle = Math.floor((no + yes) / 2)
    if (is(middle)) yes = middle
    else no = middle
  }
  return yes
}

/** 20260505 as 2026-05-05. */
export function formatDay(day: number): string {
  const text = String(day).padStart(8, '0')
  return `${text.slice(0, 4)}-${text.slice(4, 6)}-${text.slice(6)}`
}

export function tryParseDay(text: unknown): number | undefined {
  if (typeof text !== 'string') return undefined
  const parts = /^(\d{4})-(\d\d)-(\d\d)$/.exec(text)
  if (parts === null || Number.isNaN(Date.parse(text))) return undefined
  return Number(parts[1]) * 10_000 + Number(parts[2]) * 100 + Number(parts[3])
}
