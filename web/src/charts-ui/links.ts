/** Addresses of charts. */
import type { Unit } from '../api/wire.ts'

/** Explore with this question asked. */
export function exploreHref(expr: string, unit: Unit): string {
  return `#/explore?${new URLSearchParams({ expr, unit })}`
}

/** The value of `?chart=` that opens a signal's chart. */
export function doorOf(part: string, signal: string): string {
  return `${part}/${signal}`
}
