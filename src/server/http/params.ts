/**
 * The parameters of one request, from its address and its form body; and what Prometheus lets be written in them.
 *
 * - A form's values come before those of the address, as in Go's `FormValue`.
 * - Instants and durations are milliseconds once they are parsed. Instants beyond what a date can hold are clamped:
 *   clients send the ends of 64-bit time for "always".
 */
import { tryParseDuration, type UnixMs, unixMs } from '#core'
import { ApiError, invalidParam } from './api-error.ts'

/** The ends of time, as a JavaScript date knows them. */
export const MIN_TIME: UnixMs = unixMs(-8.64e15)
export const MAX_TIME: UnixMs = unixMs(8.64e15)

const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i
const RFC3339 = /^(\d{4})-(\d\d)-(\d\d)T\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/

export class Params {
  readonly #values = new Map<string, string[]>()

  constructor(...sources: readonly URLSearchParams[]) {
    for (const source of sources) {
      for (const [name, value] of source) {
        const values = this.#values.get(name)
        if (values === undefined) this.#values.set(name, [value])
        else values.push(value)
      }
    }
  }

  /** The first value, or '' when there is none: Prometheus takes an empty parameter for an absent one. */
  get(name: string): string {
    return this.#values.get(name)?.[0] ?? ''
  }

  all(name: string): readonly string[] {
    return this.#values.get(name) ?? []
  }

  /** An instant that must be there. Throws `bad_data`. */
  time(name: string): UnixMs {
    const at = tryParseTime(this.get(name))
    if (at === undefined) throw invalidParam(name, cannotParse(this.get(name), 'timestamp'))
    return at
  }

  /** An instant, or `otherwise` when it is not given. Throws `bad_data`. */
  timeOr(name: string, otherwise: UnixMs): UnixMs {
    const text = this.get(name)
    if (text === '') return otherwise
    const at = tryParseTime(text)
    if (at === undefined)
      throw invalidParam(name, `invalid time value for '${name}': ${cannotParse(text, 'timestamp')}`)
    return at
  }

  /** Milliseconds, or `undefined` when it is not given. Throws `bad_data`. */
  duration(name: string): number | undefined {
    const text = this.get(name)
    return text === '' ? undefined : this.requiredDuration(name)
  }

  requiredDuration(name: string): number {
    const ms = tryParseSeconds(this.get(name))
    if (ms === undefined) throw invalidParam(name, cannotParse(this.get(name), 'duration'))
    return ms
  }

  /** The `limit` of a list; `undefined`: none. 0 means none too, as in Prometheus. Throws `bad_data`. */
  limit(): number | undefined {
    const text = this.get('limit')
    if (text === '') return undefined
    if (!/^[+-]?\d+$/.test(text))
      throw invalidParam('limit', `strconv.Atoi: parsing ${JSON.stringify(text)}: invalid syntax`)
    const limit = Number(text)
    if (limit < 0) throw invalidParam('limit', 'limit must be non-negative')
    return limit === 0 ? undefined : limit
  }

  /** A whole number, or `undefined` when it is not given. Throws `bad_data`: `limit must be a number`. */
  count(name: string): number | undefined {
    const text = this.get(name)
    if (text === '') return undefined
    if (!/^[+-]?\d+$/.test(text)) throw new ApiError('bad_data', `${name} must be a number`)
    return Number(text)
  }
}

/** Unix seconds, with fractions, or RFC 3339. Fractions of a millisecond are rounded. */
export function tryParseTime(text: string): UnixMs | undefined {
  if (NUMBER.test(text)) return clamp(Math.round(Number(text) * 1000))
  const parts = RFC3339.exec(text)
  if (parts !== null) {
    const [, year, month, day] = parts
    // Date.parse takes the 30th of February for the 1st of March.
    const daysInMonth = new Date(Date.UTC(Number(year), Number(month), 0)).getUTCDate()
    const at = Date.parse(text)
    return Number.isNaN(at) || Number(day) > daysInMonth ? undefined : unixMs(at)
  }
  // How Go's clients spell the ends of their time.
  if (text === '-292273086-05-16T16:47:06Z') return MIN_TIME
  if (text === '292277025-08-18T07:12:54.999999999Z') return MAX_TIME
  return undefined
}

/** Seconds as a number, or a duration like `1h30m`; milliseconds come out. */
export function tryParseSeconds(text: string): number | undefined {
  if (NUMBER.test(text)) {
    const ms = Number(text) * 1000
    return Math.abs(ms) > Number.MAX_SAFE_INTEGER ? undefined : ms
  }
  return tryParseDuration(text)
}

function clamp(ms: number): UnixMs {
  return unixMs(Math.min(MAX_TIME, Math.max(MIN_TIME, ms)))
}

function cannotParse(text: string, what: string): string {
  return `cannot parse ${JSON.stringify(text)} to a valid ${what}`
}
