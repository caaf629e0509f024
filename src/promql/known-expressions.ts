/**
 * Expressions that were parsed lately: dashboards and rules ask the same texts again and again. Trees are immutable, so they can be shared.
 *
 * Bounded in number and in length of text; what does not parse is not kept.
 */
import type { Feature } from '#core'
import type { Expr } from './ast.ts'
import { parse } from './parser.ts'

const MAX_EXPRESSIONS = 512
const MAX_CHARACTERS = 4096

/** By features, as they change what a text means; then by text, the one that was used longest ago first. */
const known = new WeakMap<ReadonlySet<Feature>, Map<string, Expr>>()

/** As `parse`. Throws `ParseError`. */
export function parseKnown(text: string, features: ReadonlySet<Feature>): Expr {
  if (text.length > MAX_CHARACTERS) return parse(text, features)
  let texts = known.get(features)
  if (texts === undefined) {
    texts = new Map()
    known.set(features, texts)
  }
  const found = texts.get(text)
  const expr = found ?? parse(text, features)
  if (found !== undefined) texts.delete(text)
  texts.set(text, expr)
  if (texts.size > MAX_EXPRESSIONS) texts.delete(texts.keys().next().value!)
  return expr
}
