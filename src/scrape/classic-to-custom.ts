/**
 * Classic histograms of a text page put together to native ones with custom bounds (`convert_classic_histograms_to_nhcb`).
 *
 * - Only what stands under a TYPE histogram of its own name; lines of one histogram stand together, as both formats demand.
 * - A histogram that does not add up is left out, as in Prometheus, and so are its lines.
 */
import { ClassicHistogram, type Labels, METRIC_NAME } from '#core'
import type { ExpositionPage, FamilyMark, PageExemplar } from './exposition-page.ts'
import { slowNumber } from './parse-number.ts'
import { quoted } from './series-text.ts'

/** `keep`: the classic series stay beside it. Throws `ASSAY_SCRAPE_PARSE`: labels are read. */
export function convertClassic(page: ExpositionPage, { keep }: { readonly keep: boolean }): ExpositionPage {
  const out = page.derived()
  const texts: string[] = []
  let end = page.body.length
  let open: Open | undefined
  const close = () => {
    const histogram = open?.histogram.convert()
    if (open !== undefined && histogram !== undefined) {
      const text = seriesText(open.base)
      texts.push(text)
      const start = end
      end += Buffer.byteLength(text)
      const i = out.count
      out.join(open.mark)
      out.histograms.set(i, histogram)
      if (open.exemplars.length > 0) out.exemplars.set(i, open.exemplars)
      if (open.startAt !== undefined) out.startTimes.set(i, open.startAt)
      out.push(start, end, Number.NaN, open.at)
    }
    open = undefined
  }
  for (let i = 0; i < page.count; i++) {
    const mark = page.mark(i)
    if (mark?.from === i) close()
    const labels = page.labels(i)
    const part = mark?.type === 'histogram' ? partOf(labels, mark.family) : undefined
    if (mark === undefined || part === undefined) {
      close()
      out.take(page, i)
      continue
    }
    const base = labels.without('le', METRIC_NAME).with(METRIC_NAME, mark.family)
    if (open !== undefined && !open.base.equals(base)) close()
    open ??= {
      base,
      mark,
      histogram: new ClassicHistogram(),
      exemplars: [],
      startAt: page.startTimes.get(i),
      at: Number.NaN,
    }
    open.at = page.timestamps[i]!
    open.exemplars.push(...(page.exemplars.get(i) ?? []))
    const value = page.values[i]!
    if (part.kind === 'count') open.histogram.count(value)
    else if (part.kind === 'sum') open.histogram.sum(value)
    else open.histogram.bucket(part.bound, value)
    if (keep) out.take(page, i)
  }
  close()
  if (texts.length > 0) out.body = Buffer.concat([page.body, Buffer.from(texts.join(''))])
  return out
}

type Open = {
  readonly mark: FamilyMark
  readonly base: Labels
  readonly histogram: ClassicHistogram
  readonly exemplars: PageExemplar[]
  readonly startAt: number | undefined
  at: number
}
type Part = { readonly kind: 'count' } | { readonly kind: 'sum' } | { readonly kind: 'bucket'; readonly bound: number }

/** What of the histogram `family` the series is. */
function partOf(labels: Labels, family: string): Part | undefined {
  const { name } = labels
  if (!name.startsWith(family)) return undefined
  const suffix = name.slice(family.length)
  if (suffix === '_count') return { kind: 'count' }
  if (suffix === '_sum') return { kind: 'sum' }
  const bound = suffix === '_bucket' ? slowNumber(labels.get('le')) : undefined
  return bound === undefined || Number.isNaN(bound) ? undefined : { kind: 'bucket', bound }
}

function seriesText(labels: Labels): string {
  const pairs = [...labels].map(([name, value]) =>
    name === METRIC_NAME ? quoted(value) : `${quoted(name)}=${quoted(value)}`,
  )
  return `{${pairs.join(',')}}`
}
