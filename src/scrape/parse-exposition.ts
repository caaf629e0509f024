/**
 * The text formats, 0.0.4 and 1.0.0 (with quoted names) and OpenMetrics 0.0.1 and 1.0: bytes to columns.
 *
 * - Strict where Prometheus is: one bad line fails the page, and nothing of it is used.
 * - One pass over the bytes, no string per sample: a sample is where its series stands in the page, a value and an
 *   instant. `ExpositionPage.labels` reads the series; who knows the bytes already need not.
 * - Instants of OpenMetrics are seconds with fractions, cut (not rounded) to milliseconds, as Prometheus cuts them.
 */
import type { MetricType } from '#storage'
import { ExpositionPage } from './exposition-page.ts'
import { tooManySamples } from './limits.ts'
import type { PageOptions, PageParser } from './page-parser.ts'
import { parseError } from './parse-error.ts'
import { tryParseNumber } from './parse-number.ts'
import {
  BYTE_KIND,
  NAME_START,
  quotedEnd,
  readExemplarLabels,
  scanSeries,
  skipBlanks,
  textOf,
  unescaped,
} from './series-syntax.ts'

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

/** One page in steps, so that a large one does not hold the process. It keeps `body`; do not write to it afterwards. */
export class TextParser implements PageParser {
  readonly page: ExpositionPage
  readonly #maxSamples: number
  #at = 0

  constructor(body: Buffer, { format, maxSamples = Number.POSITIVE_INFINITY, typeAndUnitLabels }: PageOptions) {
    this.page = new ExpositionPage(body, format === 'openmetrics', typeAndUnitLabels)
    this.#maxSamples = maxSamples
  }

  /** Goes on for at most `samples` more; true when the page is whole. Throws `ASSAY_SCRAPE_PARSE` with the line, or `ASSAY_SCRAPE_TOO_MANY_SAMPLES`. */
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
        i = readSampleLine(page, i)
      } else i++
    }
    if (openMetrics) throw parseError(body, length, 'the page does not end with # EOF; it may have been cut off')
    return true
  }
}

/** Reads one sample line from `start` into `page`; returns where the next line starts. Throws `ASSAY_SCRAPE_PARSE`. */
export function readSampleLine(page: ExpositionPage, start: number): number {
  const { body, openMetrics } = page
  const end = scanSeries(body, start, openMetrics)
  let i = blank(body, end, openMetrics)
  const value = i
  i = tokenEnd(body, i)
  const number = tryParseNumber(body, value, i)
  if (number === undefined) {
    if (body[i - 1] === 13) throw parseError(body, i - 1, 'the line ends with CR; write LF alone')
    throw parseError(body, value, 'a number was expected')
  }
  let at = Number.NaN
  if (openMetrics) {
    if (body[i] === SPACE && body[i + 1] !== HASH) {
      const from = i + 1
      i = tokenEnd(body, from)
      const seconds = tryParseNumber(body, from, i)
      if (seconds === undefined || !Number.isFinite(seconds))
        throw parseError(body, from, 'a timestamp in seconds was expected')
      at = Math.trunc(seconds * 1000)
    }
    if (body[i] === SPACE && body[i + 1] === HASH) i = exemplar(page, i + 2)
    if (body[i] !== LF) throw parseError(body, i, 'the end of the line was expected')
    page.push(start, end, number, at)
    return i + 1
  }
  i = skipBlanks(body, i)
  if (i < body.length && body[i] !== LF) {
    at = 0
    let c = body[i]! - 48
    const from = i
    if (c < 0 || c > 9) throw parseError(body, i, 'a timestamp in whole milliseconds was expected')
    for (; c >= 0 && c <= 9; c = body[++i]! - 48) at = at * 10 + c
    i = skipBlanks(body, i)
    if (i < body.length && body[i] !== LF)
      throw parseError(body, i, 'the end of the line was expected after the timestamp')
    if (at >= 2 ** 63 && isBeyondInt64(body, from)) throw parseError(body, from, 'the timestamp is out of range')
  }
  page.push(start, end, number, at)
  return i + 1
}

const MOST_INT64 = 2n ** 63n - 1n

/** A double cannot tell the largest timestamp from the first one that is none. */
function isBeyondInt64(body: Buffer, from: number): boolean {
  // Twenty digits are enough to be beyond; leading zeros are not worth more.
  return BigInt(/^\d+/.exec(body.toString('latin1', from, from + 40))?.[0] ?? 0) > MOST_INT64
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

/** Reads ` {labels} value [timestamp]` after the `#` of an exemplar of the next sample; returns the index of the line break. */
function exemplar(page: ExpositionPage, from: number): number {
  const { body } = page
  if (body[from] !== SPACE || body[from + 1] !== 123)
    throw parseError(body, from, 'an exemplar was expected: # {trace_id="..."} 1')
  const { labels, end } = readExemplarLabels(body, from + 2, page.pool)
  const value = exemplarNumber(body, end)
  let i = value.end
  let at: number | undefined
  if (body[i] === SPACE) {
    const seconds = exemplarNumber(body, i)
    if (!Number.isFinite(seconds.number)) throw parseError(body, i, 'the timestamp of the exemplar is not finite')
    at = Math.trunc(seconds.number * 1000)
    i = seconds.end
  }
  page.exemplars.set(page.count, [{ labels, value: value.number, at }])
  return i
}

/** The number behind the one space at `from`. */
function exemplarNumber(body: Buffer, from: number): { readonly number: number; readonly end: number } {
  const end = tokenEnd(body, from + 1)
  const number = body[from] === SPACE ? tryParseNumber(body, from + 1, end) : undefined
  if (number === undefined) throw parseError(body, from, 'the exemplar needs a value, and may have a timestamp')
  return { number, end }
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
  const textStart = Math.min(skipBlanks(body, nameEnd), end)
  const text = textOfHelp(body, textStart, end)
  if (keyword === 'HELP') page.describe(family, { help: text.includes('\\') ? unescapeHelp(text) : text })
  else page.describe(family, { type: typeOf(TEXT_TYPES, text, body, textStart) })
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
  if (nameEnd < end && body[nameEnd] !== SPACE) throw parseError(body, nameEnd, 'one space was expected after the name')
  const textStart = Math.min(nameEnd + 1, end)
  const text = textOfHelp(body, textStart, end)
  if (keyword === '# HELP ') page.describe(family, { help: text.includes('\\') ? unescaped(text) : text })
  else if (keyword === '# TYPE ') page.describe(family, { type: typeOf(OPEN_METRICS_TYPES, text, body, textStart) })
  else {
    if (text !== '' && !family.endsWith(`_${text}`))
      throw parseError(body, textStart, `the name of ${family} must end with its unit, _${text}`)
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
    throw parseError(body, Math.min(i, lineEnd(body, from - 1)), `a metric name was expected after ${keyword}`)
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
