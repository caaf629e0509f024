/**
 * Series as Prometheus' tests write them: `up{job="shop"} 1 2 _ stale 0+10x5 {{schema:0 count:1 sum:2 buckets:[1]}}`.
 *
 * - `a+bxn` is a, a+b, ..., n+1 samples; `axn` is a, n+1 times; `_xn` is n gaps. Native histograms repeat and grow likewise.
 */
import { AssayError, Labels, METRIC_NAME, tryParseValue } from '#core'
import { addHistograms, type ParsedHistogram, parseHistogram, subtractHistograms } from './histogram/index.ts'
import { tokenize } from './lexer.ts'

/** A sample of a described series; `undefined` is a gap. */
export type DescribedSample = number | 'stale' | ParsedHistogram | undefined
export type DescribedSeries = { readonly labels: Labels; readonly samples: readonly DescribedSample[] }

const MAX_SAMPLES = 1_000_000
/** Most buckets of all histograms that one repetition makes anew. */
const MAX_GROWN_BUCKETS = 4_000_000

/** One line: labels, then samples. Throws `ASSAY_PROMQL_SERIES`. */
export function parseSeries(line: string): DescribedSeries {
  const { labels, rest } = parseLabels(line)
  return { labels, samples: parseSamples(rest) }
}

/** The labels a line begins with, and what follows them. Throws `ASSAY_PROMQL_SERIES`. */
export function parseLabels(line: string): { readonly labels: Labels; readonly rest: string } {
  const name = /^\s*([a-zA-Z_:][\w:]*)?\s*/.exec(line)!
  const pairs: [string, string][] = name[1] === undefined ? [] : [[METRIC_NAME, name[1]]]
  let end = name[0].length
  if (line[end] === '{' && line[end + 1] !== '{') {
    const close = closingBrace(line, end)
    const tokens = tokenize(line.slice(end, close + 1))
    for (let i = 1; i < tokens.length - 2; ) {
      const token = tokens[i]!
      const text = token.type === 'string' ? token.value : token.type === 'word' ? token.text : ''
      const next = tokens[i + 1]!
      const value = tokens[i + 2]!
      if (text !== '' && next.type === 'punct' && next.text === '=' && value.type === 'string') {
        pairs.push([text, value.value])
        i += 3
      } else if (token.type === 'string') {
        pairs.push([METRIC_NAME, text])
        i += 1
      } else throw bad(line, 'labels read name="value"')
      const comma = tokens[i]
      if (comma?.type === 'punct' && comma.text === ',') i++
    }
    end = close + 1
  } else if (name[1] === undefined) throw bad(line, 'begin with a metric name or {')
  return { labels: Labels.fromPairs(pairs), rest: line.slice(end) }
}

function closingBrace(line: string, start: number): number {
  let quote = ''
  for (let i = start; i < line.length; i++) {
    const char = line[i]!
    if (quote !== '') {
      if (char === '\\' && quote !== '`') i++
      else if (char === quote) quote = ''
    } else if (char === '"' || char === "'" || char === '`') quote = char
    else if (char === '}') return i
  }
  throw bad(line, 'close the labels with }')
}

const ITEM = /\s*((?:\{\{[^{}]*\}\}|[^\s{}])+)/y

/** Samples in the notation above. Throws `ASSAY_PROMQL_SERIES`. */
export function parseSamples(text: string): readonly DescribedSample[] {
  const samples: DescribedSample[] = []
  let end = 0
  for (;;) {
    ITEM.lastIndex = end
    const item = ITEM.exec(text)
    if (item === null) break
    end = ITEM.lastIndex
    addItem(samples, item[1]!)
    if (samples.length > MAX_SAMPLES) throw bad(text.slice(0, 40), `no more than ${MAX_SAMPLES} samples`)
  }
  const rest = text.slice(end).trim()
  if (rest !== '') throw bad(rest.slice(0, 200), 'histograms stand in {{ and }}')
  return samples
}

const NUMBER = String.raw`[+-]?(?:0x[\da-f]+(?![\d.])|(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?|inf|nan)`
const REPEATED = new RegExp(`^(${NUMBER})(?:([+-])(${NUMBER}))?x(\\d+)$`, 'i')

function addItem(samples: DescribedSample[], item: string): void {
  const gaps = /^_(?:x(\d+))?$/.exec(item)
  const histogram = /^(\{\{[^{}]*\}\})(?:([+-])(\{\{[^{}]*\}\}))?(?:x(\d+))?$/.exec(item)
  const repeated = REPEATED.exec(item)
  if (gaps !== null) push(samples, undefined, Number(gaps[1] ?? 1), item)
  else if (item === 'stale') push(samples, 'stale', 1, item)
  else if (histogram !== null) addHistogramItem(samples, item, histogram)
  else if (repeated !== null) {
    const step = repeated[3] === undefined ? 0 : tryParseValue(repeated[3])! * (repeated[2] === '-' ? -1 : 1)
    const times = Number(repeated[4])
    limit(times, item)
    let value = tryParseValue(repeated[1]!)!
    for (let i = 0; i <= times; i++) {
      samples.push(value)
      value += step
    }
  } else {
    const value = tryParseValue(item)
    if (value === undefined) throw bad(item, 'write a number, _, stale, or a repetition such as 0+10x5')
    samples.push(value)
  }
}

function addHistogramItem(samples: DescribedSample[], item: string, parts: RegExpExecArray): void {
  const [, first = '', sign, increment, repetition] = parts
  const times = Number(repetition ?? 0)
  let sample = parseHistogram(first)
  if (increment === undefined) {
    push(samples, sample, times + 1, item)
    return
  }
  if (repetition === undefined) throw bad(item, 'say how often the increment is added, as in {{count:1}}+{{count:2}}x5')
  const step = parseHistogram(increment)
  const buckets = [sample, step].map(({ histogram: h }) => 1 + h.positive.indices.length + h.negative.indices.length)
  if (times * (buckets[0]! + buckets[1]!) > MAX_GROWN_BUCKETS)
    throw bad(item.slice(0, 200), `make no more than ${MAX_GROWN_BUCKETS} buckets`)
  limit(times, item)
  // Whether the hint counts is what the increment says, also for the first.
  const { hintStated } = step
  sample = { histogram: sample.histogram, hintStated }
  samples.push(sample)
  for (let i = 0; i < times; i++) {
    sample = { histogram: grown(sample, step, sign === '-', item), hintStated }
    samples.push(sample)
  }
}

function grown(
  { histogram }: ParsedHistogram,
  step: ParsedHistogram,
  down: boolean,
  item: string,
): ParsedHistogram['histogram'] {
  if (histogram.schema > step.histogram.schema)
    throw bad(item, `the increment needs a schema of at least ${histogram.schema}`)
  const sum = addHistograms(histogram, step.histogram)
  const next = down ? subtractHistograms(histogram, step.histogram) : sum
  if (sum === undefined || next === undefined) throw bad(item, 'both need exponential buckets, or both custom ones')
  // The difference of an expression is a gauge; one that is written down is what its parts are.
  return { ...next.histogram, resetHint: sum.histogram.resetHint }
}

function push(samples: DescribedSample[], sample: DescribedSample, times: number, item: string): void {
  limit(times, item)
  for (let i = 0; i < times; i++) samples.push(sample)
}

function limit(times: number, item: string): void {
  if (times > MAX_SAMPLES) throw bad(item, `repeat no more than ${MAX_SAMPLES} times`)
}

function bad(text: string, instead: string): AssayError<'ASSAY_PROMQL_SERIES'> {
  return new AssayError('ASSAY_PROMQL_SERIES', `not a series description: ${JSON.stringify(text)}; ${instead}`)
}
