/**
 * What holds of every text that the parser is given; each law throws with the text that breaks it.
 *
 * - What is printed, on one line or over several, reads back as what was printed, and means what was written.
 * - Places lie in the text and in each other, and the text at a place reads as what stands there.
 * - What is refused is refused with a place in the text and with a next step.
 */
import assert from 'node:assert/strict'
import type { Matcher } from '#core'
import { childrenOf, type Duration, type Expr, literalOf } from './ast.ts'
import { parseAll } from './features.test-support.ts'
import { ParseError, type Span } from './position.ts'
import { prettyExpr } from './pretty.ts'
import { formatExpr } from './print.ts'

/** How every message goes on behind what is wrong: what to do about it. */
export const NEXT_STEP =
  /; (?:add|ask for|close|keep|move|name|put|remove|set|split|write) [^;]+$|; set it, or write it without$/s

/** Checks all laws on one text, that is PromQL or not. True when it is. */
export function checkLaws(text: string): boolean {
  const expr = parsed(text)
  if (expr === undefined) return false
  const meant = meaning(expr)
  for (const print of [formatExpr, prettyExpr]) {
    const printed = print(expr)
    const again = read(printed, text)
    assert.equal(print(again), printed, `printed twice: ${text}`)
    assert.deepEqual(meaning(again), meant, `${text} is not what ${printed} is`)
  }
  checkPlaces(text, expr, { start: 0, end: text.length })
  return true
}

/** The expression, or `undefined` where the text is refused as it should be. */
function parsed(text: string): Expr | undefined {
  try {
    return parseAll(text)
  } catch (thrown) {
    checkRefusal(text, thrown)
    return undefined
  }
}

function read(printed: string, text: string): Expr {
  try {
    return parseAll(printed)
  } catch (cause) {
    throw new assert.AssertionError({ message: `${text} is printed as ${printed}, which is refused: ${cause}` })
  }
}

/** A refusal names a place in the text, or its end, and says what to do. */
export function checkRefusal(text: string, thrown: unknown): void {
  assert.ok(thrown instanceof ParseError, `${JSON.stringify(text)} throws ${String(thrown)}`)
  const { message, place, span } = thrown
  assert.ok(span.start >= 0 && span.start <= text.length, `${JSON.stringify(text)}: ${message} is not in it`)
  assert.ok(span.end >= span.start && span.end <= text.length, `${JSON.stringify(text)}: ${message} ends behind it`)
  assert.ok(message.startsWith(`${place.line}:${place.column}: `), message)
  const line = text.split('\n')[place.line - 1]
  assert.ok(line !== undefined && place.column <= Buffer.byteLength(line) + 1, `${JSON.stringify(text)}: ${message}`)
  assert.match(message, NEXT_STEP, JSON.stringify(text))
}

/** The tree without what does not change its meaning: places, the order of matchers, what is written out but default. */
export function meaning(node: Expr): unknown {
  return JSON.parse(JSON.stringify(plain(node), (_key, value) => (typeof value === 'number' ? spelled(value) : value)))
}

/** Numbers that JSON would lose. */
function spelled(value: number): number | string {
  return Number.isFinite(value) && !Object.is(value, -0) ? value : Object.is(value, -0) ? '-0' : String(value)
}

function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== 'object' || value === null) return value
  if ('kind' in value && value.kind === 'sign' && 'op' in value && value.op === '+' && 'of' in value)
    return plain(value.of)
  // Of a plain number in parentheses the number alone is kept.
  const literal = 'kind' in value && 'of' in value ? literalOf(value as Duration) : undefined
  if (literal !== undefined) return { kind: 'seconds', value: literal.value }
  const out: Record<string, unknown> = {}
  for (const [key, part] of Object.entries(value)) {
    // `duration` says how a number was spelled, not what it is.
    if (key === 'span' || key === 'duration' || part === undefined) continue
    if (key === 'matchers') out[key] = (part as Matcher[]).map(({ name, op, value }) => `${name} ${op} ${value}`).sort()
    else if (key === 'matching' && isDefault(part)) continue
    else if (key === 'offset' && isZero(part)) continue
    else out[key] = plain(part)
  }
  return out
}

/** `+ ignoring () b` is `+ b`. */
function isDefault(matching: unknown): boolean {
  const { on, labels, card, fillLeft, fillRight } = matching as NonNullable<
    Extract<Expr, { kind: 'binary' }>['matching']
  >
  const isFilled = fillLeft !== undefined || fillRight !== undefined
  return !on && labels.length === 0 && (card === 'one-to-one' || card === 'many-to-many') && !isFilled
}

function isZero(offset: unknown): boolean {
  const { kind, value } = plain(offset) as { kind: string; value?: number }
  return kind === 'seconds' && value === 0
}

function checkPlaces(text: string, node: Expr, within: Span): void {
  const { start, end } = node.span
  const slice = text.slice(start, end)
  assert.ok(start >= within.start && end <= within.end && start < end, `${slice} sticks out in ${text}`)
  assert.deepEqual(meaning(alone(slice, text)), meaning(node), `${slice} of ${text}`)
  for (const duration of durationsOf(node)) checkDuration(text, duration, node.span)
  for (const [i, child] of childrenOf(node).entries()) {
    // These two have no meaning of their own: modifiers belong to the whole range, and info() takes any matcher.
    if (node.kind === 'matrix-selector') checkWithin(child.span, node.span, text)
    else if (node.kind === 'call' && node.name === 'info' && i === 1) checkWithin(child.span, node.span, text)
    else checkPlaces(text, child, node.span)
  }
}

function checkWithin(inner: Span, outer: Span, text: string): void {
  assert.ok(inner.start >= outer.start && inner.end <= outer.end && inner.start < inner.end, text)
}

function alone(slice: string, text: string): Expr {
  try {
    return parseAll(slice)
  } catch (cause) {
    throw new assert.AssertionError({ message: `${slice} of ${text} does not stand alone: ${cause}` })
  }
}

function durationsOf(node: Expr): readonly Duration[] {
  const all =
    node.kind === 'matrix-selector'
      ? [node.range, node.selector.offset]
      : node.kind === 'subquery'
        ? [node.range, node.step, node.offset]
        : node.kind === 'vector-selector'
          ? [node.offset]
          : []
  return all.filter((one) => one !== undefined)
}

function checkDuration(text: string, duration: Duration, within: Span): void {
  checkWithin(duration.span, within, text)
  const slice = text.slice(duration.span.start, duration.span.end)
  const holder = alone(`x offset (${slice})`, text)
  assert.ok(holder.kind === 'vector-selector' && holder.offset?.kind === 'wrapped')
  assert.deepEqual(plain(holder.offset.of), plain(duration), `${slice} of ${text}`)
}
