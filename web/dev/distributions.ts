/**
 * The stub's native histograms: `order_seconds` of two services, with exemplars, a caveat, and a gap that is a gap.
 * The real ones are fed by `feed-histograms.ts`.
 */
import type { HistogramWire } from '../src/charts/distribution.ts'

/** Minutes ago: nothing came in between. */
const SILENT = [8, 6] as const
const SERVICES = ['mes', 'shop'] as const

export type DistributionSeries = {
  readonly labels: Readonly<Record<string, string>>
  /** `undefined`: nothing came. `t` in Unix seconds. */
  readonly at: (t: number) => HistogramWire | undefined
}

export const DISTRIBUTIONS: readonly DistributionSeries[] = SERVICES.map((service, i) => ({
  labels: { __name__: 'order_seconds', service },
  at: (t) => {
    const minutesAgo = (Date.now() / 1000 - t) / 60
    if (minutesAgo < SILENT[0] && minutesAgo > SILENT[1]) return undefined
    const buckets = Array.from({ length: 14 }, (_, k): [number, string, string, string] => {
      const lower = 0.005 * 2 ** (k / 2)
      const height = Math.exp(-((k - 5 - i * 3 - Math.sin(t / 200)) ** 2) / 6)
      return [0, `${lower}`, `${lower * Math.SQRT2}`, `${Math.round(height * 40)}`]
    }).filter((bucket) => bucket[3] !== '0')
    const all = [[3, '-0.001', '0.001', '3'] as [number, string, string, string], ...buckets]
    const count = all.reduce((sum, bucket) => sum + Number(bucket[3]), 0)
    return { count: `${count}`, sum: `${count * 0.04 * (i + 1)}`, buckets: all }
  },
}))

/** As `query_exemplars` answers. */
export function exemplarsBetween(start: number, end: number): unknown {
  return SERVICES.map((service) => ({
    seriesLabels: { __name__: 'order_seconds', service },
    exemplars: [0.25, 0.5, 0.75].map((share) => ({
      labels: { trace_id: `${service}-${share * 100}` },
      value: `${0.05 * (1 + share)}`,
      timestamp: start + (end - start) * share,
    })),
  }))
}

/** What the engine would remark of this expression. */
export function infosOf(expr: string): readonly string[] {
  const at = expr.indexOf('order_seconds')
  if (!/rate\(/.test(expr) || at < 0) return []
  return [
    `PromQL info: metric might not be a counter, name does not end in _total/_sum/_count/_bucket: "order_seconds" (1:${at + 1})`,
  ]
}

/** The lines of a histogram are floats again. */
export function drawsHistograms(expr: string): boolean {
  return expr.includes('order_seconds') && !expr.includes('histogram_')
}

/** What the editor asks to complete. */
export function lookup(path: string): unknown {
  const names = ['order_seconds', 'up', 'http_server_request_duration_seconds_count']
  if (path.endsWith('/label/__name__/values')) return { status: 'success', data: names }
  if (path.endsWith('/metadata') || path.endsWith('/flags')) return { status: 'success', data: {} }
  if (path.endsWith('/labels') || path.endsWith('/series') || path.endsWith('/values'))
    return { status: 'success', data: [] }
  return undefined
}
