/** Tests of the whole language read it with everything experimental. */
import { FEATURES, type Feature } from '#core'
import type { Expr } from './ast.ts'
import { parse } from './parser.ts'

export const ALL_FEATURES: ReadonlySet<Feature> = new Set(FEATURES)

export function parseAll(text: string): Expr {
  return parse(text, ALL_FEATURES)
}
