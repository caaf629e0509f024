/**
 * Query answers as Prometheus writes them. The text is built by hand: a range answer holds up to millions of points, and
 * objects for each would cost more than the query.
 */
import { formatValue, type Labels, type MatrixSeries, type QueryAnswer, type VectorSample } from '#core'
import { limitedAnnotations } from '#promql'
import { renderHistogram } from './render-histogram.ts'

/** JSON of a handler's `data`, and the caveats beside it. */
export type Success = {
  readonly data: string
  readonly warnings?: readonly string[]
  readonly infos?: readonly string[]
}

/** Nothing to say: 204 without a body, as Prometheus answers where its result has no value. */
export const NO_CONTENT: Success = { data: '' }

export function success(data: unknown, warnings: readonly string[] = []): Success {
  return { data: JSON.stringify(data), warnings }
}

/** The whole body of a success. */
export function envelope({ data, warnings = [], infos = [] }: Success): string {
  const caveats =
    (warnings.length === 0 ? '' : `,"warnings":${JSON.stringify(warnings)}`) +
    (infos.length === 0 ? '' : `,"infos":${JSON.stringify(infos)}`)
  return `{"status":"success","data":${data}${caveats}}`
}

/** The whole body of a refusal. */
export function errorEnvelope(errorType: string, error: string): string {
  return JSON.stringify({ status: 'error', errorType, error })
}

/** An answer with its first ten warnings and infos; at most `limit` series of it, with a warning when there were more. `stats`: JSON of what it took, or ''. */
export function renderAnswer(answer: QueryAnswer, limit = Number.POSITIVE_INFINITY, stats = ''): Success {
  const [result, whole] = renderResult(answer, limit)
  return {
    data: `{"resultType":"${answer.kind}","result":${result}${stats === '' ? '' : `,"stats":${stats}`}}`,
    warnings: [...limitedAnnotations('warning', answer.warnings), ...(whole ? [] : [TRUNCATED])],
    infos: limitedAnnotations('info', answer.infos),
  }
}

export const TRUNCATED = 'results truncated due to limit'

function renderResult(answer: QueryAnswer, limit: number): [text: string, whole: boolean] {
  switch (answer.kind) {
    case 'vector': {
      const samples = answer.samples.slice(0, Math.min(limit, answer.samples.length))
      return [`[${samples.map(renderSample).join(',')}]`, samples.length === answer.samples.length]
    }
    case 'matrix': {
      const series = answer.series.slice(0, Math.min(limit, answer.series.length))
      return [`[${series.map(renderSeries).join(',')}]`, series.length === answer.series.length]
    }
    case 'scalar':
      return [renderPoint(answer.at, answer.value), true]
    case 'string':
      return [`[${renderInstant(answer.at)},${JSON.stringify(answer.value)}]`, true]
    default:
      return answer satisfies never
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
function renderSeries({ labels, timestamps, values, histograms }: MatrixSeries): string {
  let points = ''
  for (let i = 0; i < timestamps.length; i++) points += (i === 0 ? '' : ',') + renderPoint(timestamps[i]!, values[i]!)
  let text = `{"metric":${renderLabels(labels)}`
  if (points !== '') text += `,"values":[${points}]`
  if (histograms !== undefined && histograms.values.length > 0)
    text += `,"histograms":[${histograms.values.map((one, i) => `[${renderInstant(histograms.timestamps[i]!)},${renderHistogram(one)}]`).join(',')}]`
  return `${text}}`
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
