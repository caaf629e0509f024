/**
 * `/federate`: the latest samples of the selected series, as a page of the exposition format.
 *
 * A series whose last sample is a stale marker, or older than the lookback, is not there. External labels are added where
 * the series has none of that name, and `instance` is always written, so that a scrape with `honor_labels` keeps both.
 */
import { formatSeries, formatValue, isLegacyName, isStaleAt, type Labels, METRIC_NAME, unixMs } from '#core'
import { compareLabels } from '#storage'
import { bounded, type Call } from './call.ts'
import { parseMatchers } from './matchers.ts'

const LOOKBACK_MS = 300_000

export function federate(call: Call): Promise<string> {
  const { deps, params } = call
  const selectors = params.all('match[]')
  const sets = parseMatchers(selectors)
  return bounded(call, async () => {
    const now = deps.clock.now()
    using querier = deps.store.querier(unixMs(now - LOOKBACK_MS + 1), now)
    const found = new Map<string, { readonly labels: Labels; readonly at: number; readonly value: number }>()
    for (const matchers of sets) {
      for (const { labels, samples } of querier.select(matchers)) {
        const { timestamps, values, count } = samples()
        const last = count - 1
        if (count === 0 || labels.name === '' || isStaleAt(values, last) || found.has(labels.key)) continue
        found.set(labels.key, { labels, at: timestamps[last]!, value: values[last]! })
      }
    }
    const external = deps.plan().externalLabels
    const lines: string[] = []
    let family = ''
    for (const { labels, at, value } of [...found.values()].sort((a, b) => compareLabels(a.labels, b.labels))) {
      if (labels.name !== family || lines.length === 0) {
        family = labels.name
        lines.push(`# TYPE ${isLegacyName(family) ? family : JSON.stringify(family)} untyped`)
      }
      lines.push(`${seriesText(labels, external)} ${formatValue(value)} ${at}`)
    }
    return lines.length === 0 ? '' : `${lines.join('\n')}\n`
  })
}

function seriesText(labels: Labels, external: Readonly<Record<string, string>>): string {
  const added = Object.fromEntries(Object.entries(external).filter(([name]) => !labels.has(name)))
  const own = labels.without(METRIC_NAME).toJSON()
  const instance = labels.has('instance') || external['instance'] !== undefined ? {} : { instance: '' }
  return formatSeries(labels.name, { ...own, ...added, ...instance })
}
