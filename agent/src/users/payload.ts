/**
 * What `GET /-/assay/users` answers, and what workers of one address hand to each other: sketches that anyone with the same key id
 * may merge. `docs/formats/agent-users.md` draws it.
 *
 * - `decode . encode` gives the same sketches; merging payloads is the payload of all their users together.
 * - Bounded both ways: at most MAX_DAYS days, MAX_MINUTES minutes, some 80 KiB of text. What is not one of ours is refused whole.
 * - There is no id in it and nothing an id could be found from without the key.
 */
import { type ActiveUsersReading, MINUTE_MS, WINDOW_MINUTES } from './active.ts'
import { DayClock, DEFAULT_TIME_ZONE, formatDay, parseTimeZone, tryParseDay } from './day.ts'
import { DAY_KIND, MINUTE_KIND, Sketch, type SketchData, type SketchKind } from './sketch.ts'

export const USERS_FORMAT = 1
const MAX_DAYS = 8
const MAX_MINUTES = 64
const MAX_NAME = 200

/** Whose users they are. */
export type UsersOrigin = {
  readonly service: string
  /** Unix ms; of several processes the oldest. */
  readonly startedAt: number
  /** The id of the key their ids were hashed with. Sketches of different keys do not merge. */
  readonly key: string
  readonly timeZone: string
}

export type UsersReading = UsersOrigin & ActiveUsersReading & { readonly at: number }

export type UsersPayload = UsersOrigin & {
  readonly format: typeof USERS_FORMAT
  /** Unix ms, when it was written. */
  readonly at: number
  readonly days: readonly ({ readonly day: string } & SketchData)[]
  readonly minutes: readonly ({ readonly minute: number } & SketchData)[]
}

export function encodeUsers({ service, startedAt, key, timeZone, at, days, minutes }: UsersReading): UsersPayload {
  return {
    format: USERS_FORMAT,
    service,
    startedAt,
    key,
    timeZone,
    at,
    days: newest(days, MAX_DAYS).map(([day, sketch]) => ({ day: formatDay(day), ...sketch.toData() })),
    minutes: newest(minutes, MAX_MINUTES).map(([minute, sketch]) => ({ minute, ...sketch.toData() })),
  }
}

/** Undefined for what is not a payload of this format. */
export function tryDecodeUsers(given: unknown): UsersReading | undefined {
  if (typeof given !== 'object' || given === null) return undefined
  const { format, service, startedAt, key, timeZone, at, days, minutes } = given as Record<string, unknown>
  if (format !== USERS_FORMAT || !isName(service) || !isZone(timeZone)) return undefined
  if (typeof key !== 'string' || !/^[0-9a-f]{16}$/.test(key) || !isTime(startedAt) || !isTime(at)) return undefined
  const ofDays = sketches(days, MAX_DAYS, DAY_KIND, ({ day }) => tryParseDay(day))
  const ofMinutes = sketches(minutes, MAX_MINUTES, MINUTE_KIND, ({ minute }) =>
    Number.isSafeInteger(minute) && (minute as number) > 0 ? (minute as number) : undefined,
  )
  if (ofDays === undefined || ofMinutes === undefined) return undefined
  return { service, startedAt, key, timeZone, at, days: ofDays, minutes: ofMinutes }
}

/** All of them together. They must be of one key; the first one gives service and zone. */
export function mergeUsers(readings: readonly UsersReading[]): UsersReading | undefined {
  const [first] = readings
  if (first === undefined) return undefined
  const days = new Map<number, Sketch>()
  const minutes = new Map<number, Sketch>()
  for (const reading of readings) {
    mergeAll(days, reading.days)
    mergeAll(minutes, reading.minutes)
  }
  return {
    ...first,
    startedAt: Math.min(...readings.map(({ startedAt }) => startedAt)),
    at: Math.max(...readings.map(({ at }) => at)),
    days,
    minutes,
  }
}

export type ActiveUserCounts = { readonly day: number; readonly fiveMinutes: number }

/** Users of the calendar day and of the last five to six minutes. Users of different keys cannot be told apart: they are added up. */
export function countUsers(readings: readonly UsersReading[], nowMs: number): ActiveUserCounts {
  let day = 0
  let fiveMinutes = 0
  for (const key of new Set(readings.map((reading) => reading.key))) {
    const together = mergeUsers(readings.filter((reading) => reading.key === key))!
    day += together.days.get(new DayClock(together.timeZone).at(nowMs))?.count() ?? 0
    const recent = new Sketch(MINUTE_KIND)
    const now = Math.floor(nowMs / MINUTE_MS)
    for (let minute = now - WINDOW_MINUTES + 1; minute <= now; minute++) {
      const sketch = together.minutes.get(minute)
      if (sketch !== undefined) recent.merge(sketch)
    }
    fiveMinutes += recent.count()
  }
  return { day, fiveMinutes }
}

function mergeAll(into: Map<number, Sketch>, from: ReadonlyMap<number, Sketch>): void {
  for (const [stamp, sketch] of from) {
    const known = into.get(stamp)
    if (known !== undefined) known.merge(sketch)
    else {
      const copy = new Sketch(sketch.kind)
      copy.merge(sketch)
      into.set(stamp, copy)
    }
  }
}

function newest(sketches: ReadonlyMap<number, Sketch>, most: number): [number, Sketch][] {
  return [...sketches].sort(([a], [b]) => a - b).slice(-most)
}

function sketches(
  given: unknown,
  most: number,
  kind: SketchKind,
  stampOf: (one: Record<string, unknown>) => number | undefined,
): Map<number, Sketch> | undefined {
  if (!Array.isArray(given) || given.length > most) return undefined
  const found = new Map<number, Sketch>()
  for (const one of given) {
    const sketch = Sketch.tryFrom(one, kind)
    const stamp = sketch === undefined ? undefined : stampOf(one as Record<string, unknown>)
    if (sketch === undefined || stamp === undefined || found.has(stamp)) return undefined
    found.set(stamp, sketch)
  }
  return found
}

function isName(given: unknown): given is string {
  return typeof given === 'string' && given.length <= MAX_NAME
}

function isZone(given: unknown): given is string {
  if (!isName(given)) return false
  try {
    return given === DEFAULT_TIME_ZONE || parseTimeZone(given) === given
  } catch {
    return false
  }
}

function isTime(given: unknown): given is number {
  return typeof given === 'number' && Number.isFinite(given) && given >= 0
}
