/** Puts several blocks' series together, ordered by labels: the source of a larger block. Blocks come in order of time. */
import { compareLabels, grown } from '#storage'
import type { SeriesColumns } from './block-writer.ts'

export function* mergeSeries(
  sources: readonly Iterator<SeriesColumns, void, undefined>[],
): Generator<SeriesColumns, void, undefined> {
  const heads = sources.map((source) => next(source))
  let timestamps: Float64Array = new Float64Array(1024)
  let values: Float64Array = new Float64Array(1024)
  for (;;) {
    let least: SeriesColumns | undefined
    for (const one of heads) {
      if (one !== undefined && (least === undefined || compareLabels(one.labels, least.labels) < 0)) least = one
    }
    if (least === undefined) return
    const { labels } = least
    let count = 0
    for (const [i, one] of heads.entries()) {
      if (one === undefined || compareLabels(one.labels, labels) !== 0) continue
      if (count + one.count > timestamps.length) {
        timestamps = grown(timestamps, (count + one.count) * 2)
        values = grown(values, (count + one.count) * 2)
      }
      timestamps.set(one.timestamps.subarray(0, one.count), count)
      values.set(one.values.subarray(0, one.count), count)
      count += one.count
      heads[i] = next(sources[i]!)
    }
    yield { labels, timestamps, values, count }
  }
}

function next(source: Iterator<SeriesColumns, void, undefined>): SeriesColumns | undefined {
  const step = source.next()
  return step.done === true ? undefined : step.value
}
