/**
 * The parameters of one request, from its address and its form body; and what Prometheus lets be written in them.
 *
 * - A form's values come before those of the address, as in Go's `FormValue`.
 * - Instants and durations are milliseconds once they are parsed. Instants beyond what a date can hold are clamped:
 *   clients send the ends of 64-bit time for "always".
 */
import { tryParseDuration, type UnixMs, unixMs } from '#core'
import { ApiError, invalidParam } from './api-error.ts'
import { tryParseGoFloat } from './go-float.ts'

/** The ends of time, as a JavaScript date knows them. */
export const MIN_TIME: UnixMs = unixMs(-8.64e15)
export const MAX_TIME: UnixMs = unixMs(8.64e15)

const RFC3339 = /^(\d{4})-(\d\d)-(\d\d)T([01]\d|2[0-3]):\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:\d\d)$/
/** Go's int64 of nanoseconds ends here: about 292 years. */
const MAX_DURATION_MS = 2 ** 63 / 1e6

export class Params {
  /** Name, value, name, value, ... A few: to look through them is faster than to sort them. */
  readonly #flat: readonly string[]

  /** Sources are flat lists too, or read already. */
  constructor(...sources: readonly (readonly string[] | URLSearchParams)[]) {
    const [only] = sources
    this.#flat =
      sources.length === 1 && only !== undefined && !(only instanceof URLSearchParams)
        ? only
        : sources.flatMap((source) => (source instanceof URLSearchParams ? [...source].flat() : source))
  }

  /** The first value, or '' when there is none: Prometheus takes an empty parameter for an absent one. */
  get(name: string): string {
    const flat = this.#flat
    for (let i = 0; i < flat.length; i += 2) if (flat[i] === name) return flat[i + 1]!
    return ''
  }

  all(name: string): readonly string[] {
    return this.#flat.filter((_, i) => i % 2 === 1 && this.#flat[i - 1] === name)
  }

  /** All of them, as another server is asked. */
  form(): URLSearchParams {
    const form = new URLSearchParams()
    for (let i = 0; i < this.#flat.length; i += 2) form.append(this.#flat[i]!, this.#flat[i + 1]!)
    return form
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
    return parseSeconds(this.get(name), (message) => invalidParam(name, message))
  }

  /** `lookback_delta`, whose errors Prometheus words differently; milliseconds, 0 when it is not given. Throws `bad_data`. */
  lookbackDelta(): number {
    const text = this.get('lookback_delta')
    if (text === '') return 0
    return parseSeconds(
      text,
      (message) => new ApiError('bad_data', `error parsing lookback delta duration: ${message}`),
    )
  }

  /** The `limit` of a list; `undefined`: none. 0 means none too, as in Prometheus. Throws `bad_data`. */
  limit(): number | undefined {
    const text = this.get('limit')
    if (text === '') return undefined
    const limit = tryParseInt(text)
    if (typeof limit === 'string')
      throw invalidParam('limit', `strconv.Atoi: parsing ${JSON.stringify(text)}: ${limit}`)
    if (limit < 0) throw invalidParam('limit', 'limit must be non-negative')
    return limit === 0 ? undefined : limit
  }

  /** A whole number, or `undefined` when it is not given. Throws `bad_data`: `limit must be a number`. */
  count(name: string): number | undefined {
    const text = this.get(name)
    if (text === '') return undefined
    const count = tryParseInt(text)
    if (typeof count === 'string') throw new ApiError('bad_data', `${name} must be a number`)
    return count
  }

  /** As Go's `ParseBool`: `1`, `t`, `true` in any case. `undefined` when it is not given; a string when it is none: why. */
  flag(name: string): boolean | string | undefined {
    const text = this.get(name).toLowerCase()
    if (text === '') return undefined
    if (['1', 't', 'true'].includes(text)) return true
    if (['0', 'f', 'false'].includes(text)) return false
    return `strconv.ParseBool: parsing ${JSON.stringify(text)}: invalid syntax`
  }
}

/** A whole number as Go reads it into 64 bits, or what is wrong with the text, in Go's words. */
export function tryParseInt(text: string): number | string {
  if (!/^[+-]?\d+$/.test(text)) return 'invalid syntax'
  const value = Number(text)
  // Doubles are exact far enough from the ends; there the largest of 64 bits would be taken for one more.
  if (Math.abs(value) !== 2 ** 63) return Math.abs(value) < 2 ** 63 ? value : 'value out of range'
  const exact = BigInt(text.replace('+', ''))
  return BigInt.asIntN(64, exact) === exact ? value : 'value out of range'
}

/** Unix seconds, with fractions, or RFC 3339. Of seconds, fractions of a millisecond are rounded; of RFC 3339 they are cut off. */
export function tryParseTime(text: string): UnixMs | undefined {
  const seconds = tryParseGoFloat(text)
  if (seconds !== undefined) return Number.isFinite(seconds) ? clamp(toMs(seconds)) : undefined
  const parts = RFC3339.exec(text)
  if (parts !== null) {
    const [, year, month, day] = parts
    // Date.parse takes the 30th of February for the 1st of March.
    const daysInMonth = new Date(Date.UTC(Number(year), Number(month), 0)).getUTCDate()
    const at = Date.parse(text.replace(',', '.'))
    return Number.isNaN(at) || Number(day) > daysInMonth ? undefined : unixMs(at)
  }
  // How Go's clients spell the ends of their time.
  if (text === '-292273086-05-16T16:47:06Z') return MIN_TIME
  if (text === '292277025-08-18T07:12:54.999999999Z') return MAX_TIME
  return undefined
}

/** Halves are rounded away from zero, as Go does. */
function toMs(seconds: number): number {
  const whole = Math.trunc(seconds)
  const rest = seconds - whole
  return whole * 1000 + Math.sign(rest) * Math.round(Math.abs(rest) * 1000)
}

/** Seconds as a number, or a duration like `1h30m`; milliseconds come out. `undefined`: it is none, or too long. */
export function tryParseSeconds(text: string): number | undefined {
  const seconds = tryParseGoFloat(text)
  const ms = seconds === undefined ? (tryParseDuration(text) ?? Number.NaN) : seconds * 1000
  return Math.abs(ms) >= MAX_DURATION_MS || Number.isNaN(ms) ? undefined : ms
}

function parseSeconds(text: string, refuse: (message: string) => ApiError): number {
  const ms = tryParseSeconds(text)
  if (ms !== undefined) return ms
  const tooLong = tryParseGoFloat(text) !== undefined && !/nan/i.test(text)
  throw refuse(`${cannotParse(text, 'duration')}${tooLong ? '. It overflows int64' : ''}`)
}

function clamp(ms: number): UnixMs {
  return unixMs(Math.min(MAX_TIME, Math.max(MIN_TIME, ms)))
}

function cannotParse(text: string, what: string): string {
  return `cannot parse ${JSON.stringify(text)} to a valid ${what}`
}
