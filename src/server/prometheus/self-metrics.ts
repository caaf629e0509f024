/**
 * `status/self_metrics`: our own metrics as JSON, for pages that show them: `io.prometheus.client.MetricFamily` in the JSON of
 * protocol buffers.
 *
 * - They are read off the page that `/metrics` shows, so that both say the same.
 * - `metric_name_pattern` is an RE2 expression that matches the whole name of a family.
 * - 64-bit numbers are texts, and numbers that JSON does not have are `"NaN"`, `"Infinity"`, `"-Infinity"`: so that format has it.
 *
 * Source of the names: prometheus/client_model: io/prometheus/client/metrics.proto; protobuf.dev: ProtoJSON.
 */
import { compileRegex, METRIC_NAME, messageOf } from '#core'
import { type ExpositionPage, parseExposition } from '#scrape'
import { invalidParam } from '../http/api-error.ts'
import type { Handler } from './call.ts'
import { success } from './render.ts'

type Family = { readonly name: string; readonly help: string; readonly type: string; readonly metric: unknown[] }
/** Buckets and quantiles of one label set, gathered from their lines. */
type Composed = { sum: number; count: number; readonly parts: unknown[] }

/** `page`: what `/metrics` answers. */
export function selfMetrics(page: () => string): Handler {
  return ({ params }) => {
    const pattern = params.get('metric_name_pattern')
    return success(familiesOf(parseExposition(page(), { format: 'text' }), matches(pattern)))
  }
}

function matches(pattern: string): (name: string) => boolean {
  if (pattern === '') return () => true
  try {
    return compileRegex(pattern)
  } catch (thrown) {
    throw invalidParam('metric_name_pattern', messageOf(thrown), thrown)
  }
}

/** Ascending by name, as a gatherer hands them out. */
export function familiesOf(page: ExpositionPage, keeps: (name: string) => boolean): readonly Family[] {
  const families = new Map<string, Family>()
  const composed = new Map<string, Composed>()
  for (let i = 0; i < page.count; i++) {
    const mark = page.mark(i)
    const labels = page.labels(i)
    const name = mark?.family ?? labels.name
    if (!keeps(name)) continue
    const type = TYPES[mark?.type ?? 'unknown'] ?? 'UNTYPED'
    let family = families.get(name)
    if (family === undefined) {
      family = { name, help: page.metadata.get(name)?.help ?? '', type, metric: [] }
      families.set(name, family)
    }
    const value = page.values[i]!
    if (type !== 'HISTOGRAM' && type !== 'SUMMARY') {
      family.metric.push({ ...labelsOf(labels.without(METRIC_NAME)), [type.toLowerCase()]: { value: number(value) } })
      continue
    }
    const part = type === 'HISTOGRAM' ? 'le' : 'quantile'
    const own = labels.without(METRIC_NAME, part)
    const key = `${name}\0${own.key}`
    let one = composed.get(key)
    if (one === undefined) {
      one = { sum: 0, count: 0, parts: [] }
      composed.set(key, one)
      family.metric.push(lazily(one, type, own))
    }
    if (labels.name === `${name}_sum`) one.sum = value
    else if (labels.name === `${name}_count`) one.count = value
    else if (type === 'SUMMARY') one.parts.push({ quantile: number(Number(labels.get(part))), value: number(value) })
    else if (labels.get(part) !== '+Inf')
      one.parts.push({ cumulativeCount: String(value), upperBound: number(Number(labels.get(part))) })
  }
  return [...families.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
}

const TYPES: Readonly<Record<string, string>> = {
  counter: 'COUNTER',
  gauge: 'GAUGE',
  histogram: 'HISTOGRAM',
  summary: 'SUMMARY',
  unknown: 'UNTYPED',
}

/** Written when all its lines have been seen. */
function lazily(one: Composed, type: string, labels: Parameters<typeof labelsOf>[0]): unknown {
  return {
    toJSON: () => {
      const counts = { sampleCount: String(one.count), sampleSum: number(one.sum) }
      return type === 'HISTOGRAM'
        ? { ...labelsOf(labels), histogram: { ...counts, bucket: one.parts } }
        : { ...labelsOf(labels), summary: { ...counts, quantile: one.parts } }
    },
  }
}

function labelsOf(labels: Iterable<readonly [string, string]>): { readonly label?: readonly unknown[] } {
  const label = [...labels].map(([name, value]) => ({ name, value }))
  return label.length === 0 ? {} : { label }
}

function number(value: number): number | string {
  return Number.isFinite(value) ? value : String(value)
}
