/** What the blocks in `testdata/blocks` hold: each was written by the program that wrote its format. */
import { Labels, writeStale } from '#core'
import { sampleHistogram } from '#storage'
import type { SeriesColumns } from '../columns/series-columns.ts'

export const OLD_SPAN = { start: 0, end: 2_000_000, merged: 1 }

/** Seven series, sorted: every form of a column, instants that are shared and that are not, extras where the format knows them. */
export function oldSeries(format: number): readonly SeriesColumns[] {
  const shapes: readonly ((k: number) => number)[] = [
    () => 7,
    (k) => k * 3,
    (k) => Math.floor(k * k * 1.5) / 100,
    (k) => Math.sin(k),
    (k) => (k % 5 === 0 ? Number.POSITIVE_INFINITY : -0),
    (k) => 2 ** 40 + (k % 7),
    () => 0,
  ]
  return shapes.map((shape, i) => {
    const count = i === 1 ? 90 : 700
    const timestamps = Float64Array.from({ length: count }, (_, k) => k * 1000 + (i > 4 ? k % 3 : 0))
    const values = Float64Array.from({ length: count }, (_, k) => shape(k))
    if (i === 1) writeStale(values, count - 1)
    const hasExtras = format > 1
    return {
      labels: Labels.of({ __name__: `old_${i}`, job: 'test', when: i % 2 === 0 ? 'even' : '' }),
      timestamps,
      values,
      count,
      ...(hasExtras && i === 6
        ? {
            histograms: Array.from({ length: count }, (_, k) => (k % 9 === 8 ? undefined : sampleHistogram([k, 2, 3]))),
          }
        : {}),
      ...(hasExtras && i === 5
        ? { starts: Float64Array.from({ length: count }, (_, k) => Math.floor(k / 100) * 50) }
        : {}),
    }
  })
}
