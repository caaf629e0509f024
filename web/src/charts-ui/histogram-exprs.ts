/**
 * The questions behind the lines of a histogram: what a heatmap shows, as numbers that the engine calculates. Pure.
 *
 * - Nothing is calculated in the page: a quantile is what PromQL says it is.
 * - An expression is put into parentheses with a line of its own, so that a comment at its end swallows nothing.
 */
import type { Unit } from '../api/wire.ts'

export const MEASURES = ['count', 'average', 'quantiles'] as const
export type Measure = (typeof MEASURES)[number]

const QUANTILES = [
  [0.5, 'p50'],
  [0.9, 'p90'],
  [0.99, 'p99'],
] as const

export type MeasureQuestion = { readonly expr: string; readonly unit: Unit; readonly title: string }

/** `unit` is that of what was observed. */
export function questionOf(measure: Measure, expr: string, unit: Unit): MeasureQuestion {
  const inner = `(${expr}\n)`
  switch (measure) {
    case 'count': {
      const count = countUnit(expr)
      return {
        expr: `histogram_count(${inner})`,
        unit: count,
        title: count === 'per_second' ? 'observations per second' : 'observations',
      }
    }
    case 'average':
      return { expr: `histogram_avg(${inner})`, unit, title: 'average' }
    case 'quantiles':
      return {
        expr: QUANTILES.map(
          ([share, name]) => `label_replace(histogram_quantile(${share}, ${inner}), "quantile", "${name}", "", "")`,
        ).join(' or '),
        unit,
        title: 'p50, p90 and p99',
      }
    default:
      return measure satisfies never
  }
}

/** Counts of a rate are per second; all others are plain numbers. */
export function countUnit(expr: string): Unit {
  return /\bi?rate\s*\(/.test(expr) ? 'per_second' : 'count'
}

/** `rate(x[1m])` for the bare selector `x`; `undefined` for everything else, whose rate is another question. */
export function rateOf(expr: string): string | undefined {
  const text = expr.trim()
  const bare = /^(?:[a-zA-Z_:][\w:]*)?(?:\{(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`|[^"'`{}])*\})?$/.test(text)
  return bare && text !== '' ? `rate(${text}[1m])` : undefined
}
