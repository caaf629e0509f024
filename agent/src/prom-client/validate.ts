/**
 * What prom-client refuses, in its words: callers match its messages.
 */
import { format, inspect } from 'node:util'

export type Labels = Readonly<Record<string, string | number | undefined>>

const METRIC_NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/
const LABEL_NAME = /^[a-zA-Z_][a-zA-Z0-9_]*$/

export function validateMetricName(name: string): boolean {
  return METRIC_NAME.test(name)
}

export function validateLabelNames(names: readonly string[] = []): boolean {
  return names.every((name) => LABEL_NAME.test(name))
}

export function unknownLabel(label: string, names: readonly string[]): Error {
  return new Error(`Added label "${label}" is not included in initial labelset: ${inspect(names)}`)
}

export function notANumber(value: unknown, what: 'Value' | 'Delta' = 'Value'): TypeError {
  return new TypeError(`${what} is not a valid number: ${format(value)}`)
}

export function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

/** The labels that `labels(...)` and `remove(...)` were given: an object, or one value for each name in order. */
export function labelsOf(names: readonly string[], given: readonly unknown[]): Labels {
  if (typeof given[0] === 'object') return (given[0] ?? {}) as Labels
  if (names.length !== given.length) {
    throw new Error(
      `Invalid number of arguments (${given.length}): "${given.join(', ')}" for label names (${names.length}): "${names.join(', ')}".`,
    )
  }
  const labels: Record<string, string> = {}
  for (const [i, name] of names.entries()) labels[name] = given[i] as string
  return labels
}
