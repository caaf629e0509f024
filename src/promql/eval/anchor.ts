/**
 * Moments that `@` pins.
 */
import type { Subquery, VectorSelector } from '../ast.ts'
import type { Bounds } from './context.ts'

/** When a selector or subquery with `at` is evaluated instead of at `time`. */
export function anchor(node: VectorSelector | Subquery, time: number, bounds: Bounds): number {
  if (node.at === undefined) return time
  return node.at.kind === 'time' ? node.at.ms : node.at.kind === 'start' ? bounds.start : bounds.end
}
