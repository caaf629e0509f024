/** A store as another thread reads it, in plain values. */
import { isAbsent, OVERFLOW_LABELS, SERIES, type Store, StoreReader } from './index.ts'

export const OTHER_LABELS = OVERFLOW_LABELS

/** By family, by labels: a number, or of a histogram the counts of its buckets, of a summary all its numbers. Gauges without a value are left out. */
export function readAll(
  store: Store,
  reader: StoreReader = new StoreReader(store.shared),
): Map<string, Map<string, number | readonly number[]>> {
  reader.read()
  const { doubles, words } = reader
  return new Map(
    reader.families.map((view) => {
      const { record, scale } = view
      const series = new Map<string, number | readonly number[]>()
      for (let i = 0; i < view.count; i++) {
        const place = view.series[i * SERIES.size]!
        if (record.kind !== 'histogram' && isAbsent(words, place)) continue
        const labels = reader.labels(view, i)
        if (record.kind === 'summary') {
          const all = Array.from({ length: view.width }, (_, k) => place + k)
          series.set(
            labels,
            all.map((at) => (isAbsent(words, at) ? Number.NaN : doubles[at]!)),
          )
          continue
        }
        const wide = words[place * 2 + 2]! - 1
        const counts = Array.from(
          { length: scale.bounds.length + 1 },
          (_, k) => words[place * 2 + 3 + k]! + (wide < 0 ? 0 : doubles[wide + k]!),
        )
        series.set(labels, record.kind === 'histogram' ? counts : doubles[place]!)
      }
      return [record.name, series]
    }),
  )
}
