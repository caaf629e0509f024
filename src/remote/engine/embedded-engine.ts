/** The engine of this very process: a store and what answers PromQL over it. */
import { byBytes, type Labels, type QueryFn } from '#core'
import { compareLabels, latestIn, type Querier, type Store } from '#storage'
import type { Lookup, MetricsEngine } from './types.ts'

export function embeddedEngine(store: Store, query: QueryFn): MetricsEngine {
  const over = <T>({ span }: Lookup, ask: (querier: Querier) => T): T => {
    using querier = store.querier(span.start, span.end)
    return ask(querier)
  }
  const texts = (lookup: Lookup, ask: (querier: Querier, set: Lookup['sets'][number]) => readonly string[]) =>
    over(lookup, (querier) => {
      const sets = lookup.sets.length === 0 ? [[]] : lookup.sets
      return [...new Set(sets.flatMap((set) => ask(querier, set)))].sort(byBytes).slice(0, lookup.limit)
    })
  return {
    appender: (options) => store.appender(options),
    query,
    latest: latestIn(store),
    series: async (lookup) =>
      over(lookup, (querier) => {
        const found = new Map<string, Labels>()
        for (const set of lookup.sets) for (const labels of querier.series(set)) found.set(labels.key, labels)
        return [...found.values()].sort(compareLabels).slice(0, lookup.limit)
      }),
    labelNames: async (lookup) => texts(lookup, (querier, set) => querier.labelNames(set)),
    labelValues: async (name, lookup) => texts(lookup, (querier, set) => querier.labelValues(name, set)),
  }
}
