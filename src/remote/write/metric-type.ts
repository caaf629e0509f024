/**
 * Metric types as both versions of remote write number them, and which family a series of a type belongs to.
 */
import type { MetricType } from '#storage'

const TYPES: readonly MetricType[] = [
  'unknown',
  'counter',
  'gauge',
  'histogram',
  'gaugehistogram',
  'summary',
  'info',
  'stateset',
]

export function metricType(number: number): MetricType {
  return TYPES[number] ?? 'unknown'
}

export function metricTypeNumber(type: MetricType): number {
  return TYPES.indexOf(type)
}

/** Endings of the series of one classic family. */
const ENDINGS: Partial<Record<MetricType, readonly string[]>> = {
  histogram: ['_bucket', '_count', '_sum'],
  gaugehistogram: ['_bucket', '_gcount', '_gsum', '_count', '_sum'],
  summary: ['_count', '_sum'],
}

/** 2.0 tells metadata with each series, and we keep it by family: `x_bucket` of type histogram belongs to `x`. */
export function familyOf(name: string, type: MetricType): string {
  const ending = ENDINGS[type]?.find((one) => name.endsWith(one) && name.length > one.length)
  return ending === undefined ? name : name.slice(0, -ending.length)
}

/** The names under which metadata of a series may stand, the likeliest first: what a sender looks up. */
export function familiesOf(name: string): readonly string[] {
  const ending = /_(?:bucket|count|sum|gcount|gsum|total|created|info)$/.exec(name)?.[0]
  return ending === undefined ? [name] : [name, name.slice(0, -ending.length)]
}
