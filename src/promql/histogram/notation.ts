/**
 * Native histograms as Prometheus' tests write them: `{{schema:1 count:3 sum:4.5 z_bucket:1 z_bucket_w:0.01 buckets:[1 0 1] offset:-1}}`.
 *
 * - Everything may be left out: schema, offsets, counts and sum are 0 then, and there are no buckets.
 * - What is read has a sound layout (`histogramFault`), but its counts may be anything: expected results may well be negative,
 *   and tests need not count right.
 *
 * Source: prometheus: promql/parser/generated_parser.y (`histogram_series_value`), `FloatHistogram.TestExpression`.
 */
import {
  AssayError,
  type Buckets,
  CUSTOM_SCHEMA,
  histogramFault,
  type NativeHistogram,
  NO_BUCKETS,
  type ResetHint,
  tryBucketsOf,
  tryParseValue,
} from '#core'
import { goFloat } from '../go-float.ts'
import { formatHistogram } from './format.ts'

export type ParsedHistogram = {
  readonly histogram: NativeHistogram
  /** The hint was written, so that a result must have it too. */
  readonly hintStated: boolean
}

const HINTS: Readonly<Record<string, ResetHint>> = {
  unknown: 'unknown',
  reset: 'reset',
  not_reset: 'none',
  gauge: 'gauge',
}
const KEYS = [
  'schema',
  'count',
  'sum',
  'z_bucket',
  'z_bucket_w',
  'custom_values',
  'buckets',
  'offset',
  'n_buckets',
  'n_offset',
  'counter_reset_hint',
] as const
const PROPERTY = /\s*([a-z_]+)\s*:\s*(\[[^[\]]*\]|[^\s[\]:]+)(?=\s|$)/y

/** Reads one, braces and all. Throws `ASSAY_PROMQL_SERIES`. */
export function parseHistogram(text: string): ParsedHistogram {
  const body = /^\{\{([^{}]*)\}\}$/.exec(text)?.[1]
  if (body === undefined) throw bad(text, 'a histogram reads {{schema:0 count:2 sum:3 buckets:[1 1]}}')
  const given = propertiesOf(text, body)
  const number = (key: string): number => {
    const raw = given.get(key)
    if (raw === undefined) return 0
    const value = tryParseValue(raw)
    if (value === undefined) throw bad(text, `${key} is a number, not ${JSON.stringify(raw)}`)
    return value
  }
  const whole = (key: string): number => {
    const value = number(key)
    if (!Number.isInteger(value) || Math.abs(value) >= 2 ** 31) throw bad(text, `${key} is a whole number of 32 bits`)
    return value
  }
  const list = (key: string): Float64Array => {
    const raw = given.get(key)
    if (raw === undefined) return new Float64Array(0)
    const items = /^\[(.*)\]$/s.exec(raw)?.[1]?.trim().split(/\s+/)
    const values = items?.map(tryParseValue)
    if (values === undefined || values.includes(undefined))
      throw bad(text, `${key} is a list of numbers, as in [1 2 3]`)
    return Float64Array.from(values as number[])
  }
  const side = (key: string, offset: string): Buckets => {
    const counts = list(key)
    const from = whole(offset)
    if (counts.length === 0) return NO_BUCKETS
    const buckets = tryBucketsOf([{ offset: from, length: counts.length }], counts)
    if (buckets === undefined) throw bad(text, `${key} has too many buckets, or they lie too far out`)
    return buckets
  }
  const hint = given.get('counter_reset_hint')
  const resetHint = hint === undefined ? 'unknown' : HINTS[hint]
  if (resetHint === undefined || (hint !== undefined && !Object.hasOwn(HINTS, hint)))
    throw bad(text, 'counter_reset_hint is unknown, reset, not_reset or gauge')
  const histogram: NativeHistogram = {
    schema: whole('schema'),
    zeroThreshold: number('z_bucket_w'),
    zeroCount: number('z_bucket'),
    count: number('count'),
    sum: number('sum'),
    positive: side('buckets', 'offset'),
    negative: side('n_buckets', 'n_offset'),
    customBounds: list('custom_values'),
    resetHint,
    isInteger: false,
  }
  const fault = histogramFault(layoutOf(histogram))
  if (fault !== undefined) throw bad(text, fault)
  return { histogram, hintStated: hint !== undefined }
}

function propertiesOf(text: string, body: string): ReadonlyMap<string, string> {
  const given = new Map<string, string>()
  let end = 0
  for (;;) {
    PROPERTY.lastIndex = end
    const part = PROPERTY.exec(body)
    if (part === null) break
    end = PROPERTY.lastIndex
    const [, key = '', value = ''] = part
    if (!KEYS.some((known) => known === key)) throw bad(text, `there is no ${key}; there are ${KEYS.join(', ')}`)
    if (given.has(key)) throw bad(text, `${key} is given twice`)
    given.set(key, value)
  }
  const rest = body.slice(end).trim()
  if (rest !== '')
    throw bad(text, `write key:value pairs with spaces between them, from ${JSON.stringify(rest.slice(0, 40))} on`)
  return given
}

/** The same without its counts, which may be as they like. */
function layoutOf(h: NativeHistogram): NativeHistogram {
  const empty = ({ indices }: Buckets): Buckets => ({ indices, counts: new Float64Array(indices.length) })
  return {
    ...h,
    zeroCount: h.schema === CUSTOM_SCHEMA ? h.zeroCount : 0,
    count: 0,
    positive: empty(h.positive),
    negative: empty(h.negative),
  }
}

/** Buckets of one side that the notation is still written for; gaps between them have to be written as zeros. */
const MAX_LISTED = 10_000

/**
 * Writes one so that it reads back the same, but for buckets that are listed without observations. One whose buckets lie more
 * than `MAX_LISTED` apart is printed as `formatHistogram` does.
 */
export function formatNotation(h: NativeHistogram): string {
  const parts: string[] = []
  const add = (key: string, value: number): void => {
    if (value !== 0) parts.push(`${key}:${goFloat(value)}`)
  }
  add('schema', h.schema)
  add('count', h.count)
  add('sum', h.sum)
  add('z_bucket', h.zeroCount)
  add('z_bucket_w', h.zeroThreshold)
  if (h.customBounds.length > 0) parts.push(`custom_values:[${[...h.customBounds].map(goFloat).join(' ')}]`)
  const hint = Object.keys(HINTS).find((key) => HINTS[key] === h.resetHint)!
  if (h.resetHint !== 'unknown') parts.push(`counter_reset_hint:${hint}`)
  for (const [side, key, offset] of [
    [h.positive, 'buckets', 'offset'],
    [h.negative, 'n_buckets', 'n_offset'],
  ] as const) {
    const listed = [...side.indices.keys()].filter((at) => side.counts[at] !== 0)
    if (listed.length === 0) continue
    const first = side.indices[listed[0]!]!
    const length = side.indices[listed.at(-1)!]! - first + 1
    if (length > MAX_LISTED) return formatHistogram(h)
    const counts = new Float64Array(length)
    for (const at of listed) counts[side.indices[at]! - first] = side.counts[at]!
    add(offset, first)
    parts.push(`${key}:[${[...counts].map(goFloat).join(' ')}]`)
  }
  return `{{${parts.join(' ')}}}`
}

function bad(text: string, instead: string): AssayError<'ASSAY_PROMQL_SERIES'> {
  const shown = text.length > 200 ? `${text.slice(0, 200)}...` : text
  return new AssayError('ASSAY_PROMQL_SERIES', `not a histogram: ${JSON.stringify(shown)}; ${instead}`)
}
