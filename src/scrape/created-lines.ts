/**
 * OpenMetrics' `_created` lines: when the counters of a metric began. They are taken out of the page, and the samples of the same
 * metric learn the instant.
 *
 * A metric is found as Prometheus finds it: of a counter, summary or histogram, the first `_created` line behind a sample and within
 * its family is looked at; it counts when its labels are the sample's but for `le` and `quantile`. What has been found holds for the
 * samples of the metric behind the line too.
 */
import { METRIC_NAME } from '#core'
import type { ExpositionPage, FamilyMark } from './exposition-page.ts'

const SUFFIX = '_created'

/** The page without its `_created` lines, with start times. Throws `ASSAY_SCRAPE_PARSE`: labels are read. */
export function takeCreated(page: ExpositionPage): ExpositionPage {
  const out = page.derived()
  const lines = linesOf(page)
  const ahead = createdAhead(lines)
  let found: Created | undefined
  for (let i = 0; i < page.count; i++) {
    const line = lines[i]
    if (line?.created !== undefined) continue
    if (line === undefined) found = undefined
    else if (found?.key !== line.key) {
      const next = ahead[i]
      found = next?.key === line.key ? next : undefined
    }
    out.take(page, i)
    if (found !== undefined && found.startAt > 0) out.startTimes.set(out.count - 1, found.startAt)
  }
  return out
}

type Created = { readonly key: string; readonly startAt: number }
/** A sample of a family that may have `_created` lines. */
type Line = { readonly key: string; readonly mark: FamilyMark; readonly created: Created | undefined }

function linesOf(page: ExpositionPage): readonly (Line | undefined)[] {
  return Array.from({ length: page.count }, (_, i) => {
    const mark = page.mark(i)
    if (mark === undefined || (mark.type !== 'counter' && mark.type !== 'histogram' && mark.type !== 'summary'))
      return undefined
    const labels = page.labels(i)
    const { name } = labels
    const isCreated = name.endsWith(SUFFIX)
    const part = mark.type === 'histogram' ? 'le' : mark.type === 'summary' ? 'quantile' : ''
    const metric = isCreated ? name.slice(0, -SUFFIX.length) : name.slice(0, mark.family.length)
    const key = `${metric}\0${labels.without(METRIC_NAME, part).key}`
    return { key, mark, created: isCreated ? { key, startAt: Math.trunc(page.values[i]! * 1000) } : undefined }
  })
}

/** For each sample the next `_created` line of its family. */
function createdAhead(lines: readonly (Line | undefined)[]): readonly (Created | undefined)[] {
  const ahead: (Created | undefined)[] = Array.from({ length: lines.length })
  let next: Created | undefined
  for (let i = lines.length - 1; i >= 0; i--) {
    const line = lines[i]
    if (line === undefined || lines[i + 1]?.mark !== line.mark) next = undefined
    if (line?.created !== undefined) next = line.created
    ahead[i] = next
  }
  return ahead
}
