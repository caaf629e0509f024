/** Query answers as Prometheus writes them, the plain way: strings, joined. The twin of `renderAnswer`. */

import type { NativeHistogram } from '../histogram.ts'
import { boundaryRule, bucketsOf } from '../histogram-bounds.ts'
import type { Labels } from '../labels.ts'
import type { MatrixSeries, QueryAnswer, VectorSample } from '../query.ts'
import { formatPlainValue, formatValue } from '../value.ts'
import { instantJson } from './write-number.ts'

export function answerText(answer: QueryAnswer): string {
  return `{"status":"success","data":{"resultType":"${answer.kind}","result":${resultText(answer)}}${caveatsText(answer)}}`
}

/** Not by `JSON.stringify(labels)`: an object puts names that are whole numbers first. */
export function labelsText(labels: Labels): string {
  return `{${[...labels].map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`).join(',')}}`
}

function caveatsText({ warnings, infos }: QueryAnswer): string {
  return (
    (warnings.length === 0 ? '' : `,"warnings":${JSON.stringify(warnings)}`) +
    (infos.length === 0 ? '' : `,"infos":${JSON.stringify(infos)}`)
  )
}

function resultText(answer: QueryAnswer): string {
  switch (answer.kind) {
    case 'vector':
      return `[${answer.samples.map(sampleText).join(',')}]`
    case 'matrix':
      return `[${answer.series.map(seriesText).join(',')}]`
    case 'scalar':
      return `[${instantJson(answer.at)},"${formatPlainValue(answer.value)}"]`
    case 'string':
      return `[${instantJson(answer.at)},${JSON.stringify(answer.value)}]`
    default:
      return answer satisfies never
  }
}

function sampleText({ labels, at, value, histogram }: VectorSample): string {
  const point =
    histogram === undefined
      ? `"value":${pointText(at, value)}`
      : `"histogram":[${instantJson(at)},${histogramText(histogram)}]`
  return `{"metric":${labelsText(labels)},${point}}`
}

function seriesText({ labels, timestamps, values, histograms }: MatrixSeries): string {
  const points = Array.from(timestamps, (at, i) => pointText(at, values[i]!))
  const listed = (histograms?.values ?? []).map(
    (one, i) => `[${instantJson(histograms!.timestamps[i]!)},${histogramText(one)}]`,
  )
  return `{"metric":${labelsText(labels)}${listText('values', points)}${listText('histograms', listed)}}`
}

function listText(name: string, items: readonly string[]): string {
  return items.length === 0 ? '' : `,"${name}":[${items.join(',')}]`
}

function pointText(at: number, value: number): string {
  return `[${instantJson(at)},"${formatValue(value)}"]`
}

function histogramText(histogram: NativeHistogram): string {
  const buckets = Array.from(bucketsOf(histogram), (bucket) => {
    const numbers = [bucket.lower, bucket.upper, bucket.count].map((one) => `"${formatValue(one)}"`)
    return `[${boundaryRule(bucket)},${numbers.join(',')}]`
  })
  return `{"count":"${formatValue(histogram.count)}","sum":"${formatValue(histogram.sum)}"${listText('buckets', buckets)}}`
}
