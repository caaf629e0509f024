/**
 * Query answers as Prometheus writes them. The text is built by hand: a range answer holds up to millions of points, and
 * objects for each would cost more than the query. A long one is written piece by piece, as fast as its reader takes it: its text is
 * many times as large as its numbers.
 */
import {
  formatPlainValue,
  formatValue,
  type Labels,
  type MatrixSeries,
  type NativeHistogram,
  type QueryAnswer,
  type VectorSample,
} from '#core'
import { limitedAnnotations } from '#promql'
import { renderHistogram } from './render-histogram.ts'

/** JSON of a handler's `data`, whole or in pieces that are made when they are asked for, and the caveats beside it. */
export type Success = {
  readonly data: string | Pieces
  readonly warnings?: readonly string[]
  readonly infos?: readonly string[]
}

/** `points`: how much is held until it is sent. */
export type Pieces = { readonly points: number; readonly pieces: () => Iterable<string> }

/** Nothing to say: 204 without a body, as Prometheus answers where its result has no value. */
export const NO_CONTENT: Success = { data: '' }

export function success(data: unknown, warnings: readonly string[] = []): Success {
  return { data: JSON.stringify(data), warnings }
}

const HEAD = '{"status":"success","data":'

/** The whole body of a success: as a text when its data is one. */
export function envelope(success: Success & { readonly data: string }): string
export function envelope(success: Success): string | Pieces
export function envelope({ data, warnings = [], infos = [] }: Success): string | Pieces {
  const caveats =
    (warnings.length === 0 ? '' : `,"warnings":${JSON.stringify(warnings)}`) +
    (infos.length === 0 ? '' : `,"infos":${JSON.stringify(infos)}`)
  if (typeof data === 'string') return `${HEAD}${data}${caveats}}`
  const { points, pieces } = data
  return {
    points,
    *pieces() {
      yield HEAD
      yield* pieces()
      yield `${caveats}}`
    },
  }
}

/** The whole body of a refusal. */
export function errorEnvelope(errorType: string, error: string): string {
  return JSON.stringify({ status: 'error', errorType, error })
}

/** An answer with its first ten warnings and infos; at most `limit` series of it, with a warning when there were more. `stats`: JSON of what it took, or ''. */
export function renderAnswer(answer: QueryAnswer, limit = Number.POSITIVE_INFINITY, stats = ''): Success {
  const { shown, whole } = limited(answer, limit)
  const points = pointsOf(shown)
  const tail = `${stats === '' ? '' : `,"stats":${stats}`}}`
  const pieces = function* () {
    yield `{"resultType":"${answer.kind}","result":`
    yield* gathered(renderResult(shown))
    yield tail
  }
  return {
    data: points > MOST_AT_ONCE ? { points, pieces } : [...pieces()].join(''),
    warnings: [...limitedAnnotations('warning', answer.warnings), ...(whole ? [] : [TRUNCATED])],
    infos: limitedAnnotations('info', answer.infos),
  }
}

export const TRUNCATED = 'results truncated due to limit'

/** Points of an answer that is written whole: about 5 MB of text. */
const MOST_AT_ONCE = 200_000
/** Characters of a piece, and points of one series that are written before it is looked at. */
const PIECE_CHARACTERS = 256 * 1024
const POINTS_AT_ONCE = 10_000

function limited(answer: QueryAnswer, limit: number): { readonly shown: QueryAnswer; readonly whole: boolean } {
  if (answer.kind === 'vector' && answer.samples.length > limit)
    return { shown: { ...answer, samples: answer.samples.slice(0, limit) }, whole: false }
  if (answer.kind === 'matrix' && answer.series.length > limit)
    return { shown: { ...answer, series: answer.series.slice(0, limit) }, whole: false }
  return { shown: answer, whole: true }
}

/** A histogram counts for as many points as it has buckets. */
function pointsOf(answer: QueryAnswer): number {
  if (answer.kind === 'vector') return answer.samples.reduce((sum, { histogram }) => sum + sizeOf(histogram), 0)
  if (answer.kind !== 'matrix') return 1
  let points = answer.series.length
  for (const { timestamps, histograms } of answer.series) {
    points += timestamps.length
    for (const histogram of histograms?.values ?? []) points += sizeOf(histogram)
  }
  return points
}

function sizeOf(histogram: NativeHistogram | undefined): number {
  return histogram === undefined ? 1 : 1 + histogram.positive.indices.length + histogram.negative.indices.length
}

/** Few long texts instead of many short ones. */
function* gathered(texts: Iterable<string>): Iterable<string> {
  let piece = ''
  for (const text of texts) {
    piece += text
    if (piece.length < PIECE_CHARACTERS) continue
    yield piece
    piece = ''
  }
  yield piece
}

function* renderResult(answer: QueryAnswer): Iterable<string> {
  switch (answer.kind) {
    case 'vector':
      for (const [i, sample] of answer.samples.entries()) yield `${i === 0 ? '[' : ','}${renderSample(sample)}`
      yield answer.samples.length === 0 ? '[]' : ']'
      return
    case 'matrix':
      for (const [i, series] of answer.series.entries()) {
        yield i === 0 ? '[' : ','
        yield* renderSeries(series)
      }
      yield answer.series.length === 0 ? '[]' : ']'
      return
    case 'scalar':
      yield `[${renderInstant(answer.at)},"${formatPlainValue(answer.value)}"]`
      return
    case 'string':
      yield `[${renderInstant(answer.at)},${JSON.stringify(answer.value)}]`
      return
    default:
      answer satisfies never
  }
}

function renderSample({ labels, at, value, histogram }: VectorSample): string {
  const point =
    histogram === undefined
      ? `"value":${renderPoint(at, value)}`
      : `"histogram":[${renderInstant(at)},${renderHistogram(histogram)}]`
  return `{"metric":${renderLabels(labels)},${point}}`
}

/** Floats and histograms stand apart; a series without one of them has no such key. */
function* renderSeries({ labels, timestamps, values, histograms }: MatrixSeries): Iterable<string> {
  yield `{"metric":${renderLabels(labels)}`
  const count = timestamps.length
  for (let from = 0; from < count; from += POINTS_AT_ONCE) {
    let points = from === 0 ? ',"values":[' : ','
    const end = Math.min(count, from + POINTS_AT_ONCE)
    for (let i = from; i < end; i++) points += (i === from ? '' : ',') + renderPoint(timestamps[i]!, values[i]!)
    yield points
  }
  if (count > 0) yield ']'
  if (histograms !== undefined && histograms.values.length > 0) {
    for (const [i, one] of histograms.values.entries())
      yield `${i === 0 ? ',"histograms":[' : ','}[${renderInstant(histograms.timestamps[i]!)},${renderHistogram(one)}]`
    yield ']'
  }
  yield '}'
}

function renderLabels(labels: Labels): string {
  return JSON.stringify(labels)
}

function renderPoint(at: number, value: number): string {
  return `[${renderInstant(at)},"${formatValue(value)}"]`
}

/** Seconds with either no decimals or three: Prometheus' own spelling. */
export function renderInstant(at: number): string {
  const rest = Math.abs(at % 1000)
  if (rest === 0) return String(at / 1000)
  const whole = Math.trunc(at / 1000)
  return `${at < 0 && whole === 0 ? '-0' : whole}.${String(rest).padStart(3, '0')}`
}
