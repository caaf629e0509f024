/**
 * What an agent answers to `GET /-/assay/users`, parsed once: unknown until then. docs/formats/agent-users.md draws it.
 */
import { DAY_KIND, MINUTE_KIND, Sketch } from './sketch.ts'

/** A calendar day, yyyy-mm-dd: texts that sort. */
export type Day = string

export type UsersAnswer = {
  /** Which key its ids were hashed with: sketches of different keys do not merge. */
  readonly key: string
  readonly timeZone: string
  /** Unix ms, by the agent's clock. */
  readonly at: number
  readonly days: ReadonlyMap<Day, Sketch>
  /** By minutes of Unix time. */
  readonly minutes: ReadonlyMap<number, Sketch>
}

const FORMAT = 1
const MAX_DAYS = 8
const MAX_MINUTES = 64

/** Undefined for what is not an answer of this format. */
export function tryUsersAnswer(given: unknown): UsersAnswer | undefined {
  if (!isObject(given) || given['format'] !== FORMAT) return undefined
  const { key, timeZone, at } = given
  if (typeof key !== 'string' || !/^[0-9a-f]{16}$/.test(key) || typeof at !== 'number' || !Number.isFinite(at))
    return undefined
  if (typeof timeZone !== 'string' || !isZone(timeZone)) return undefined
  const [days, minutes] = [new Map<Day, Sketch>(), new Map<number, Sketch>()]
  for (const one of list(given['days'], MAX_DAYS)) {
    const sketch = Sketch.tryFrom(one, DAY_KIND)
    if (!isObject(one) || sketch === undefined || !isDay(one['day'])) return undefined
    days.set(one['day'], sketch)
  }
  for (const one of list(given['minutes'], MAX_MINUTES)) {
    const sketch = Sketch.tryFrom(one, MINUTE_KIND)
    if (!isObject(one) || sketch === undefined || !Number.isSafeInteger(one['minute'])) return undefined
    minutes.set(one['minute'] as number, sketch)
  }
  return { key, timeZone, at, days, minutes }
}

export function isDay(given: unknown): given is Day {
  return typeof given === 'string' && /^\d{4}-\d\d-\d\d$/.test(given) && !Number.isNaN(Date.parse(given))
}

/** The calendar day of a moment, in a zone that `tryUsersAnswer` let through. */
export function dayIn(timeZone: string, atMs: number): Day {
  if (timeZone === 'UTC') return new Date(atMs).toISOString().slice(0, 10)
  const parts = new Intl.DateTimeFormat('en', {
    ...{ timeZone, calendar: 'gregory', numberingSystem: 'latn' },
    ...{ year: 'numeric', month: '2-digit', day: '2-digit' },
  }).formatToParts(atMs)
  const part = (type: string) => parts.find((one) => one.type === type)?.value ?? ''
  return `${part('year').padStart(4, '0')}-${part('month')}-${part('day')}`
}

export function addDays(day: Day, days: number): Day {
  return new Date(Date.parse(day) + days * 86_400_000).toISOString().slice(0, 10)
}

function list(given: unknown, most: number): readonly unknown[] {
  return Array.isArray(given) && given.length <= most ? given : [undefined]
}

function isZone(name: string): boolean {
  try {
    return name.length < 100 && new Intl.DateTimeFormat('en', { timeZone: name }) !== undefined
  } catch {
    return false
  }
}

function isObject(given: unknown): given is Readonly<Record<string, unknown>> {
  return typeof given === 'object' && given !== null
}
