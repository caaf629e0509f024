/**
 * The exposition formats, text 0.0.4 (with 1.0.0's quoted names) and OpenMetrics 1.0 text: bytes to columns.
 *
 * - Strict where Prometheus is: one bad line fails the page, and nothing of it is used.
 * - One pass over the bytes, no string per sample: a sample is where its series stands in the page, a value and an
 *   instant. `ExpositionPage.labels` reads the series; who knows the bytes already need not.
 * - Exemplars are checked and left out. Protobuf is refused with a sentence; it is never asked for.
 */
import { AssayError, type Labels } from '#core'
import type { Metadata, MetricType } from '#storage'
import { parseError } from './parse-error.ts'
import { tryParseNumber } from './parse-number.ts'
import {
  BYTE_KIND,
  NAME_START,
  quotedEnd,
  readSeries,
  scanSeries,
  skipBlanks,
  textOf,
  unescaped,
} from './series-syntax.ts'

export type ExpositionFormat = 'text' | 'openmetrics'
export type ExpositionOptions = {
  readonly format: ExpositionFormat
  /** Most samples of a page; one more is `ASSAY_SCRAPE_TOO_MANY_SAMPLES`. Absent: no limit. */
  readonly maxSamples?: number
}

const LF = 10
const SPACE = 32
const TAB = 9
const HASH = 35

const TEXT_TYPES: Readonly<Record<string, MetricType>> = {
  counter: 'counter',
  gauge: 'gauge',
  histogram: 'histogram',
  summary: 'summary',
  untyped: 'unknown',
}
const OPEN_METRICS_TYPES: Readonly<Record<string, MetricType>> = {
  counter: 'counter',
  gauge: 'gauge',
  histogram: 'histogram',
  gaugehistogram: 'gaugehistogram',
  summary: 'summary',
  info: 'info',
  stateset: 'stateset',
  unknown: 'unknown',
}

/** A parsed page: columns of `count` samples, in the page's order. */
export class ExpositionPage {
  readonly body: Buffer
  readonly openMetrics: boolean
  count = 0
  /** Where the series of a sample stands in `body`: [start, end). */
  starts = new Uint32Array(64)
  ends = new Uint32Array(64)
  values = new Float64Array(64)
  /** Unix milliseconds; NaN where the line has none. */
  timestamps = new Float64Array(64)
  readonly metadata = new Map<string, Metadata>()
  readonly #pool = new Map<string, string>()

  constructor(body: Buffer, openMetrics: boolean) {
    this.body = body
    this.openMetrics = openMetrics
  }

  /** The series of sample `i`. Throws `ASSAY_SCRAPE_PARSE`: labels are checked when they are read. */
  labels(i: number): Labels {
    return readSeries(this.body, {
      start: this.starts[i]!,
      end: this.ends[i]!,
      openMetrics: this.openMetrics,
      pool: this.#pool,
    })
  }

  /** For the parser. */
  push(start: number, end: number, value: number, at: number): void {
    if (this.count === this.starts.length) {
      this.starts = doubled(this.starts, new Uint32Array(this.count * 2))
      this.ends = doubled(this.ends, new Uint32Array(this.count * 2))
      this.values = doubled(this.values, new Float64Array(this.count * 2))
      this.timestamps = doubled(this.timestamps, new Float64Array(this.count * 2))
    }
    this.starts[this.count] = start
    this.ends[this.count] = end
    this.values[this.count] = value
    this.timestamps[this.count++] = at
  }

  /** For the parser. */
  describe(family: string, part: Partial<Metadata>): void {
    const known = this.metadata.get(family)
    this.metadata.set(family, { type: 'unknown', help: '', unit: '', ...known, ...part })
  }
}

/**
 * Parses one page. The page keeps `body`; do not write to it afterwards.
 * Throws `ASSAY_SCRAPE_PARSE` with the line, or `ASSAY_SCRAPE_TOO_MANY_SAMPLES`.
 */
export function parseExposition(body: Uint8Array | string, options: ExpositionOptions): ExpositionPage {
  const parser = new ExpositionParser(body, options)
  parser.step(Number.POSITIVE_INFINITY)
  return parser.page
}

/** The same in steps, so that a large page does not hold the process. */
export class ExpositionParser {
  /** Whole once `step` has returned true. */
  readonly page: ExpositionPage
  readonly #maxSamples: number
  #at = 0

  constructor(body: Uint8Array | string, { format, maxSamples = Number.POSITIVE_INFINITY }: ExpositionOptions) {
    const bytes =
      typeof body === 'string' ? Buffer.from(body) : Buffer.from(body.buffer, body.byteOffset, body.byteLength)
    this.page = new ExpositionPage(bytes, format === 'openmetrics')
    this.#maxSamples = maxSamples
  }

  /** Goes on for at most `samples` more; true when the page is whole. Throws as `parseExposition`. */
  step(samples: number): boolean {
    const { page } = this
    const { body, openMetrics } = page
    const length = body.length
    const pause = page.count + samples
    let i = this.#at
    while (i < length) {
      const c = body[i]!
      if (c === HASH) {
        i = openMetrics ? openMetricsComment(page, i) : textComment(page, i)
        if (i >= 0) continue
        if (-i < length) throw parseError(body, -i, 'there is more after # EOF')
        return true
      }
      if (openMetrics || (c !== LF && c !== SPACE && c !== TAB)) {
        if (page.count >= this.#maxSamples) throw tooManySamples(this.#maxSamples)
        if (page.count >= pause) {
          this.#at = i
          return false
        }
        i = sampleLine(page, i)
      } else i++
    }
    if (openMetrics) throw parseError(body, length, 'the page does not end with # EOF; it may have been cut off')
    return true
  }
}

function tooManySamples(max: number): AssayError {
  return new AssayError(
    'ASSAY_SCRAPE_TOO_MANY_SAMPLES',
    `the page has more than ${max} samples; drop labels with many values at the target, or split it into several targets`,
  )
}

/** One sample line from `start`; returns where the next line starts. */
function sampleLine(page: ExpositionPage, start: number): number {
  const { body, openMetrics } = page
  const end = scanSeries(body, start, openMetrics)
  let i = blank(body, end, openMetrics)
  const value = i
  i = tokenEnd(body, i)
  const number = tryParseNumber(body, value, i)
  if (number === undefined) {
    throw parseError(
      body,
      start,
      body[i - 1] === 13 ? 'the line ends with CR; write LF alone' : 'a number was expected',
    )
  }
  let at = Number.NaN
  if (openMetrics) {
    if (body[i] === SPACE && body[i + 1] !== HASH) {
      const from = i + 1
      i = tokenEnd(body, from)
      const seconds = tryParseNumber(body, from, i)
      if (seconds === undefined || !Number.isFinite(seconds))
        throw parseError(body, start, 'a timestamp in seconds was expected')
      at = Math.round(seconds * 1000)
    }
    if (body[i] === SPACE && body[i + 1] === HASH) i = exemplarEnd(body, i + 2)
    if (body[i] !== LF) throw parseError(body, start, 'the end of the line was expected')
    page.push(start, end, number, at)
    return i + 1
  }
  i = skipBlanks(body, i)
  if (i < body.length && body[i] !== LF) {
    at = 0
    let c = body[i]! - 48
    if (c < 0 || c > 9) throw parseError(body, start, 'a timestamp in whole milliseconds was expected')
    for (; c >= 0 && c <= 9; c = body[++i]! - 48) at = at * 10 + c
    i = skipBlanks(body, i)
    if (i < body.length && body[i] !== LF)
      throw parseError(body, start, 'the end of the line was expected after the timestamp')
    if (at > 8.64e15) throw parseError(body, start, 'the timestamp is out of range')
  }
  page.push(start, end, number, at)
  return i + 1
}

/** OpenMetrics parts tokens by exactly one space, text by any number of blanks (none after a closing brace). */
function blank(body: Buffer, i: number, openMetrics: boolean): number {
  if (!openMetrics) return skipBlanks(body, i)
  if (body[i] !== SPACE) throw parseError(body, i, 'one space was expected before the value')
  return i + 1
}

function tokenEnd(body: Buffer, from: number): number {
  let i = from
  for (; i < body.length; i++) {
    const c = body[i]
    if (c === SPACE || c === LF || c === TAB) break
  }
  return i
}

/** Skips ` {labels} value [timestamp]` after the `#` of an exemplar; returns the index of the line break. */
function exemplarEnd(body: Buffer, from: number): number {
  if (body[from] !== SPACE || body[from + 1] !== 123)
    throw parseError(body, from, 'an exemplar was expected: # {trace_id="..."} 1')
  let i = from + 2
  for (; body[i] !== 125; i++) {
    if (body[i] === 34) i = quotedEnd(body, i, true)
    if (i >= body.length || body[i] === LF)
      throw parseError(body, from, 'the labels of the exemplar are not closed; write }')
  }
  for (let part = 0; part < 2 && body[i + 1] !== LF; part++) {
    const start = i + 2
    i = tokenEnd(body, start)
    const number = body[start - 1] === SPACE ? tryParseNumber(body, start, i) : undefined
    if (number === undefined) throw parseError(body, from, 'the exemplar needs a value, and may have a timestamp')
    i--
  }
  if (body[i] === 125) throw parseError(body, from, 'the exemplar has no value')
  return i + 1
}

/** `# HELP`, `# TYPE` or any comment; returns where the next line starts. */
function textComment(page: ExpositionPage, start: number): number {
  const { body } = page
  const end = lineEnd(body, start)
  let i = skipBlanks(body, start + 1)
  const keyword = i > start + 1 ? body.toString('latin1', i, Math.min(i + 4, end)) : ''
  const after = body[i + 4]
  if ((keyword !== 'HELP' && keyword !== 'TYPE') || (after !== SPACE && after !== TAB)) return end + 1
  i = skipBlanks(body, i + 4)
  const nameEnd = familyEnd(body, i, keyword)
  const family = familyOf(body, i, nameEnd)
  const text = textOfHelp(body, skipBlanks(body, nameEnd), end)
  if (keyword === 'HELP') page.describe(family, { help: text.includes('\\') ? unescapeHelp(text) : text })
  else page.describe(family, { type: typeOf(TEXT_TYPES, text, body, start) })
  return end + 1
}

/** `# HELP`, `# TYPE`, `# UNIT`, `# EOF`: OpenMetrics knows no other comments. Negative: the page ends here. */
function openMetricsComment(page: ExpositionPage, start: number): number {
  const { body } = page
  const end = lineEnd(body, start)
  if (body.toString('latin1', start, end) === '# EOF') return -Math.min(end + 1, body.length)
  const keyword = body.toString('latin1', start, Math.min(start + 7, end))
  if (keyword !== '# HELP ' && keyword !== '# TYPE ' && keyword !== '# UNIT ') {
    throw parseError(body, start, 'a comment was found; OpenMetrics takes # HELP, # TYPE, # UNIT and # EOF alone')
  }
  const nameEnd = familyEnd(body, start + 7, keyword.slice(2, 6))
  const family = familyOf(body, start + 7, nameEnd)
  if (nameEnd < end && body[nameEnd] !== SPACE) throw parseError(body, start, 'one space was expected after the name')
  const text = textOfHelp(body, Math.min(nameEnd + 1, end), end)
  if (keyword === '# HELP ') page.describe(family, { help: text.includes('\\') ? unescaped(text) : text })
  else if (keyword === '# TYPE ') page.describe(family, { type: typeOf(OPEN_METRICS_TYPES, text, body, start) })
  else {
    if (text !== '' && !family.endsWith(`_${text}`))
      throw parseError(body, start, `the name of ${family} must end with its unit, _${text}`)
    page.describe(family, { unit: text })
  }
  return end + 1
}

function lineEnd(body: Buffer, from: number): number {
  const end = body.indexOf(LF, from)
  return end === -1 ? body.length : end
}

function familyEnd(body: Buffer, from: number, keyword: string): number {
  let i = from
  if (body[i] === 34) return quotedEnd(body, i, true) + 1
  if (i >= body.length || (BYTE_KIND[body[i]!]! & NAME_START) === 0)
    throw parseError(body, i - 1, `a metric name was expected after ${keyword}`)
  while (i < body.length && BYTE_KIND[body[i]!] !== 0) i++
  return i
}

function familyOf(body: Buffer, start: number, end: number): string {
  return body[start] === 34 ? textOf(body, start + 1, end - 1) : body.toString('latin1', start, end)
}

function textOfHelp(body: Buffer, start: number, end: number): string {
  const text = body.toString('utf8', Math.min(start, end), end)
  if (text.includes('\ufffd') && !Buffer.from(text).equals(body.subarray(start, end))) {
    throw parseError(body, start, 'the text is not valid UTF-8')
  }
  return text
}

/** In HELP of the text format a quote stands for itself, so `\"` is two characters. */
function unescapeHelp(text: string): string {
  return text.replace(/\\([\\n])/g, (_, c: string) => (c === 'n' ? '\n' : c))
}

function typeOf(types: Readonly<Record<string, MetricType>>, word: string, body: Buffer, at: number): MetricType {
  const type = Object.hasOwn(types, word) ? types[word] : undefined
  if (type === undefined)
    throw parseError(body, at, `${JSON.stringify(word)} is no metric type; write ${Object.keys(types).join(', ')}`)
  return type
}

function doubled<Column extends Uint32Array | Float64Array>(from: Column, into: Column): Column {
  into.set(from)
  return into
}
