/**
 * What a query took, for `stats=`: the shape of Prometheus.
 *
 * Times are seconds. What assay does not measure apart (sorting, preparation) is 0; samples are told when the engine counted them.
 */
import type { QueryStats } from '../query.ts'
import { instantJson } from './write-number.ts'

export type QueryTimes = { readonly queuedMs: number; readonly evaluatedMs: number }

export function renderStats({ queuedMs, evaluatedMs }: QueryTimes, samples: QueryStats | undefined): string {
  const evaluated = seconds(evaluatedMs)
  const timings = {
    evalTotalTime: evaluated,
    resultSortTime: 0,
    queryPreparationTime: 0,
    innerEvalTime: evaluated,
    execQueueTime: seconds(queuedMs),
    execTotalTime: seconds(queuedMs + evaluatedMs),
  }
  if (samples === undefined) return `{"timings":${JSON.stringify(timings)}}`
  const { total, read, peak } = samples
  const fields = [
    ...steps('totalQueryableSamplesPerStep', samples.perStep),
    `"totalQueryableSamples":${total}`,
    ...steps('samplesReadPerStep', samples.readPerStep),
    ...(read === undefined ? [] : [`"samplesRead":${read}`]),
    `"peakSamples":${peak}`,
  ]
  return `{"timings":${JSON.stringify(timings)},"samples":{${fields.join(',')}}}`
}

function steps(name: string, counts: QueryStats['perStep']): readonly string[] {
  if (counts === undefined) return []
  return [`"${name}":[${counts.map(([at, count]) => `[${instantJson(at)},${count}]`).join(',')}]`]
}

/** To the nanosecond: what is behind it is noise of subtracting clocks. */
function seconds(ms: number): number {
  return Math.round(ms * 1e6) / 1e9
}
