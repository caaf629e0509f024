/**
 * Health as the loop means it: the condition's own measure, with data.
 *
 * - `good` needs a value, and every value on the good side; NaN is no value.
 * - No data, or a question that fails, is `blind`: not known, and so never recovery.
 */
import { Labels, type QueryFn, type UnixMs, vectorOf } from '#core'
import { dataNeedOf, withoutData } from '#rules'
import type { Condition } from './types.ts'

export type Health = 'good' | 'bad' | 'blind'
export type Probe = {
  readonly health: Health
  /** The worst element's. */
  readonly value?: number
  /** Why it is blind, when the question itself failed. */
  readonly error?: unknown
}

/** By the measure and its threshold. */
export async function probeCondition(
  query: QueryFn,
  condition: Condition,
  at: UnixMs,
  signal?: AbortSignal,
): Promise<Probe> {
  try {
    const values = vectorOf(await query(condition.measure, { at }, signal))
      .map(({ value }) => value)
      .filter((value) => !Number.isNaN(value))
    if (values.length === 0) return { health: 'blind' }
    const value = condition.op === '>' ? Math.max(...values) : Math.min(...values)
    const bad = condition.op === '>' ? value > condition.threshold : value < condition.threshold
    return { health: bad ? 'bad' : 'good', value }
  } catch (error) {
    return { health: 'blind', error }
  }
}

/** By a whole alerting expression, for rules without a single measure. */
export async function probeExpression(query: QueryFn, expr: string, at: UnixMs, signal?: AbortSignal): Promise<Probe> {
  try {
    const found = vectorOf(await query(expr, { at }, signal))
    if (found.length > 0) return { health: 'bad' }
    const missing = await withoutData(dataNeedOf(expr), [Labels.empty], query, at, signal)
    return { health: missing.size > 0 ? 'blind' : 'good' }
  } catch (error) {
    return { health: 'blind', error }
  }
}

/** The measure if one instance of `n` were away; `undefined` when that can't be said. */
export function withOneLess(value: number | undefined, n: number): number | undefined {
  return value === undefined || n < 2 ? undefined : (value * n) / (n - 1)
}
