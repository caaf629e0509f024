/** A store as another thread reads it, in plain values. */
import { isAbsent, OVERFLOW_LABELS, type Store, StoreReader } from './index.ts'

export const OTHER_LABELS = OVERFLOW_LABELS

/** By family, by labels: a number, or of a histogram the counts of its buckets. Gauges without a value are left out. */
export function readAll(
  store: Store,
  reader: StoreReader = new StoreReader(store.shared),
): Map<string, Map<string, number | readonly number[]>> {
  reader.read()
  const { doubles, words, journal } = reader
  return new Map(
    reader.families.map(({ record, places, labelsAt, labelsLength, scale }) => {
      const series = new Map<string, number | readonly number[]>()
      for (let i = 0; i < places.length; i++) {
        const place = places.items[i]!
        if (record.kind !== 'histogram' && isAbsent(words, place)) continue
        const from = labelsAt.items[i]!
        const labels = Buffer.from(journal.slice(from, from + labelsLength.items[i]!)).toString()
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
