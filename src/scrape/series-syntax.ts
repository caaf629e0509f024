/**
 * The series part of a sample line, `name{label="value"}` or `{"quoted name",label="value"}`: found fast, read strictly.
 *
 * - `scanSeries` finds where it ends and checks the bare name; `readSeries` checks and reads the rest. A scrape reads
 *   a series once and recognises its bytes afterwards, so only the scan is a hot path.
 * - Text 0.0.4 allows blanks between the parts and line breaks inside values; OpenMetrics allows neither.
 */
import { isAscii, isUtf8 } from 'node:buffer'
import { byBytes, Labels, METRIC_NAME } from '#core'
import { formatOpenMetricsNumber } from './openmetrics-number.ts'
import { parseError } from './parse-error.ts'
import { slowNumber } from './parse-number.ts'

export const NAME_START = 1
const NAME_REST = 2
const LABEL_START = 4
const LABEL_REST = 8

/** What a byte may be, as a set of the flags above. */
export const BYTE_KIND = Uint8Array.from({ length: 256 }, (_, code) => {
  const c = String.fromCharCode(code)
  if (/[a-zA-Z_]/.test(c)) return NAME_START | NAME_REST | LABEL_START | LABEL_REST
  if (c === ':') return NAME_START | NAME_REST
  return /[0-9]/.test(c) ? NAME_REST | LABEL_REST : 0
})

/** Values that are all different are not worth keeping track of. */
const POOL_SIZE = 4096

const LF = 10
const TAB = 9
const SPACE = 32
const QUOTE = 34
const COMMA = 44
const EQUAL = 61
const BACKSLASH = 92
const OPEN = 123
const CLOSE = 125

/** The end (exclusive) of the series that starts at `start`. Throws `ASSAY_SCRAPE_PARSE`. */
export function scanSeries(body: Buffer, start: number, openMetrics: boolean): number {
  const length = body.length
  let i = start
  if (body[i] !== OPEN) {
    if ((BYTE_KIND[body[i]!]! & NAME_START) === 0) throw parseError(body, i, 'a metric name was expected')
    while (++i < length && (BYTE_KIND[body[i]!]! & NAME_REST) !== 0);
    const nameEnd = i
    if (!openMetrics) i = skipBlanks(body, i)
    if (body[i] !== OPEN) return nameEnd
  }
  for (i++; i < length; i++) {
    const c = body[i]
    if (c === QUOTE) i = quotedEnd(body, i, openMetrics)
    else if (c === CLOSE) return i + 1
    else if (c === LF) break
  }
  throw parseError(body, start, 'the labels are not closed; write }')
}

export type SeriesSpan = {
  readonly start: number
  readonly end: number
  readonly openMetrics: boolean
  /** Texts of the page, each kept once: a thousand series of one family hold one copy of their names. */
  readonly pool: Map<string, string>
  /** The label whose value is a number and is written as OpenMetrics writes it: `le` of a histogram, `quantile` of a summary. */
  readonly numeric?: string | undefined
  /** Labels that the page's own ones of the same name yield to: the family's type and unit. */
  readonly fixed?: readonly (readonly [name: string, value: string])[] | undefined
}

/** Reads the series in `[start, end)`, sorted and checked, empty labels left out. Throws `ASSAY_SCRAPE_PARSE`. */
export function readSeries(body: Buffer, span: SeriesSpan): Labels {
  const { start, end, numeric, fixed } = span
  const flat: string[] = []
  let i = start
  if (body[i] !== OPEN) {
    while (i < end && (BYTE_KIND[body[i]!]! & NAME_REST) !== 0) i++
    insert(flat, METRIC_NAME, one(span.pool, body.toString('latin1', start, i)))
    if (!span.openMetrics) i = skipBlanks(body, i)
  }
  if (i < end) readPairs(body, i + 1, span, { flat, named: true })
  if (numeric !== undefined) normalizeNumber(flat, numeric, span.pool)
  if (fixed !== undefined) for (const [name, value] of fixed) replace(flat, name, value)
  let kept = flat
  for (let k = 1; k < flat.length; k += 2) {
    if (flat[k] === '') {
      kept = flat.filter((_, n) => flat[n | 1] !== '')
      break
    }
  }
  if (placeOf(kept, METRIC_NAME) < 0) throw parseError(body, start, 'the metric has no name')
  return Labels.fromSorted(kept)
}

/** The labels of an exemplar; `start` behind the brace, `end` behind the one that closes. Throws `ASSAY_SCRAPE_PARSE`. */
export function readExemplarLabels(
  body: Buffer,
  start: number,
  pool: Map<string, string>,
): { labels: Labels; end: number } {
  const flat: string[] = []
  const end = readPairs(body, start, { openMetrics: true, pool }, { flat, named: false })
  return { labels: Labels.fromPairs(pairsOf(flat)), end }
}

type PairsInto = {
  readonly flat: string[]
  /** A quoted text without a value is the metric's name; an exemplar has none. */
  readonly named: boolean
}

/** Reads label pairs up to the closing brace into a sorted list; returns the index behind the brace. */
function readPairs(
  body: Buffer,
  from: number,
  { openMetrics, pool }: Pick<SeriesSpan, 'openMetrics' | 'pool'>,
  { flat, named }: PairsInto,
): number {
  const blanks = (at: number) => (openMetrics ? at : skipBlanks(body, at))
  const twice = (name: string, at: number) =>
    parseError(body, at, name === METRIC_NAME ? 'the metric has two names' : `the label ${name} comes twice`)
  let isSorted = true
  const add = (name: string, value: string, at: number) => {
    // Beyond a few, each out of its order would move all the others; then they are sorted once, at the end.
    if (flat.length >= MOST_LABELS * 2)
      throw parseError(body, at, `a series has more than ${MOST_LABELS} labels; let the target send fewer`)
    if (isSorted && flat.length > MANY && byBytes(name, flat.at(-2)!) < 0) isSorted = false
    if (!isSorted) flat.push(name, value)
    else if (!insert(flat, name, value)) throw twice(name, at)
  }
  let i = from
  for (;;) {
    i = blanks(i)
    if (body[i] === CLOSE) {
      const double = isSorted ? undefined : sortPairs(flat)
      if (double !== undefined) throw twice(double, from)
      return i + 1
    }
    const at = i
    let name: string
    const quoted = body[i] === QUOTE
    if (quoted) {
      i = quotedEnd(body, i, openMetrics) + 1
      name = one(pool, textOf(body, at + 1, i - 1))
      if (name === '') throw parseError(body, at, 'a name is empty')
    } else {
      if ((BYTE_KIND[body[i]!]! & LABEL_START) === 0) throw parseError(body, i, 'a label name was expected')
      while ((BYTE_KIND[body[i]!]! & LABEL_REST) !== 0) i++
      name = one(pool, body.toString('latin1', at, i))
    }
    i = blanks(i)
    if (body[i] === EQUAL) {
      i = blanks(i + 1)
      if (body[i] !== QUOTE) throw parseError(body, i, `the value of ${name} was expected; write ${name}="..."`)
      const value = i + 1
      i = quotedEnd(body, i, openMetrics)
      add(name, one(pool, textOf(body, value, i)), at)
      i = blanks(i + 1)
    } else if (named && quoted && (body[i] === COMMA || body[i] === CLOSE)) add(METRIC_NAME, name, at)
    else throw parseError(body, i, `= was expected after the label ${name}`)
    if (body[i] === COMMA) i++
    else if (body[i] !== CLOSE) throw parseError(body, i, 'a comma or } was expected between labels')
  }
}

/** Puts a pair at its place; false when the name is there already. */
function insert(flat: string[], name: string, value: string): boolean {
  let place = flat.length
  while (place > 0 && byBytes(name, flat[place - 2]!) < 0) place -= 2
  if (place > 0 && flat[place - 2] === name) return false
  if (place === flat.length) flat.push(name, value)
  else flat.splice(place, 0, name, value)
  return true
}

/** Of one series, read in one go: it bounds how long the process is held. (50,000 take about 0.2 s.) */
const MOST_LABELS = 50_000
/** Entries of a list of pairs that are few enough to be put in order one by one. */
const MANY = 200

/** By name, in place; the name that is there twice, if there is one. */
function sortPairs(flat: string[]): string | undefined {
  const pairs = [...pairsOf(flat)].sort(([a], [b]) => byBytes(a, b))
  for (const [k, [name, value]] of pairs.entries()) {
    if (k > 0 && pairs[k - 1]![0] === name) return name
    flat[k * 2] = name
    flat[k * 2 + 1] = value
  }
  return undefined
}

function replace(flat: string[], name: string, value: string): void {
  const place = placeOf(flat, name)
  if (place < 0) insert(flat, name, value)
  else flat[place + 1] = value
}

function placeOf(flat: readonly string[], name: string): number {
  for (let k = 0; k < flat.length; k += 2) if (flat[k] === name) return k
  return -1
}

function* pairsOf(flat: readonly string[]): Generator<[string, string]> {
  for (let k = 0; k < flat.length; k += 2) yield [flat[k]!, flat[k + 1]!]
}

function normalizeNumber(flat: string[], name: string, pool: Map<string, string>): void {
  const place = placeOf(flat, name)
  if (place < 0) return
  const number = slowNumber(flat[place + 1]!)
  if (number !== undefined) flat[place + 1] = one(pool, formatOpenMetricsNumber(number))
}

function one(pool: Map<string, string>, text: string): string {
  const known = pool.get(text)
  if (known !== undefined) return known
  if (pool.size < POOL_SIZE) pool.set(text, text)
  return text
}

/** Index of the quote that closes the one at `open`. */
export function quotedEnd(body: Buffer, open: number, openMetrics: boolean): number {
  for (let i = open + 1; i < body.length; i++) {
    const c = body[i]
    if (c === QUOTE) return i
    if (c === BACKSLASH) i++
    else if (c === LF && openMetrics) break
  }
  throw parseError(body, open, 'a quote is not closed; write " or escape the one inside as \\"')
}

/** Text between quotes, unescaped: `\\`, `\"`, `\n`; any other backslash stands for itself. */
export function textOf(body: Buffer, start: number, end: number): string {
  const bytes = body.subarray(start, end)
  const ascii = isAscii(bytes)
  if (!ascii && !isUtf8(bytes)) throw parseError(body, start, 'the text is not valid UTF-8')
  const text = ascii ? body.toString('latin1', start, end) : bytes.toString()
  return text.includes('\\') ? unescaped(text) : text
}

export function unescaped(text: string): string {
  return text.replace(/\\([\\"n])/g, (_, c: string) => (c === 'n' ? '\n' : c))
}

export function skipBlanks(body: Buffer, from: number): number {
  let i = from
  while (body[i] === SPACE || body[i] === TAB) i++
  return i
}
