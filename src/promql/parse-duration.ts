/**
 * Durations inside `[]` and behind `offset`: numbers of seconds, `5m`, arithmetic, `step()`, `range()`.
 *
 * - In brackets all operators are taken; behind `offset` only a sign, a call or parentheses, because
 *   `x offset 5m + 2` adds 2 to x.
 */
import { DURATION_OPS, type Duration, type DurationOp, literalOf } from './ast.ts'
import type { TokenReader } from './token-reader.ts'

const PRECEDENCE: Readonly<Record<DurationOp, number>> = { '+': 1, '-': 1, '*': 2, '/': 2, '%': 2, '^': 3 }
const MAX_SECONDS = 2 ** 63 / 1e9
const MAX_DEPTH = 100
const EXPECTED = 'number, duration, step(), or range()'

/** The whole arithmetic. A plain duration must be positive. */
export function parseDuration(tokens: TokenReader): Duration {
  const duration = arithmetic(tokens, 1, 0)
  const literal = literalOf(duration)
  if (literal !== undefined && literal.value <= 0)
    throw tokens.error(duration.span, 'duration must be greater than 0; write one as in 5m')
  return duration
}

/** Signs, each turning the one behind it, and one operand. */
export function parseOffset(tokens: TokenReader, depth = 0): Duration {
  if (!tokens.isPunct('-') && !tokens.isPunct('+')) {
    const { type } = tokens.peek
    if (type !== 'number' && type !== 'word' && !tokens.isPunct('('))
      throw tokens.unexpected('a duration, as in 5m,', { in: 'offset', expected: EXPECTED })
    return operand(tokens, 0)
  }
  const sign = tokens.next()
  if (depth > MAX_DEPTH) throw tokens.error(sign.span, `more than ${MAX_DEPTH} signs before an offset; write one`)
  return signed(tokens.textOf(sign.span) === '-' ? '-' : '+', sign.span.start, parseOffset(tokens, depth + 1))
}

function arithmetic(tokens: TokenReader, precedence: number, depth: number): Duration {
  if (depth > MAX_DEPTH)
    throw tokens.error(tokens.peek.span, `durations nested deeper than ${MAX_DEPTH} levels; write the sum`)
  let left = unary(tokens, depth)
  for (let turns = depth; ; turns++) {
    const op = DURATION_OPS.find((one) => tokens.isPunct(one))
    if (op === undefined || PRECEDENCE[op] < precedence) return left
    if (turns > MAX_DEPTH)
      throw tokens.error(tokens.peek.span, `more than ${MAX_DEPTH} terms in a duration; write the sum`)
    const sign = tokens.next()
    const right = arithmetic(tokens, op === '^' ? PRECEDENCE[op] : PRECEDENCE[op] + 1, depth + 1)
    if ((op === '/' || op === '%') && literalOf(right)?.value === 0)
      throw tokens.error(sign.span, `${op === '/' ? 'division' : 'modulo'} by zero; write another divisor`)
    left = { kind: 'arithmetic', op, left, right, span: { start: left.span.start, end: right.span.end } }
  }
}

function unary(tokens: TokenReader, depth: number): Duration {
  if (!tokens.isPunct('-') && !tokens.isPunct('+')) return operand(tokens, depth)
  const sign = tokens.next()
  // As for numbers, a sign binds weaker than `^`.
  const of = arithmetic(tokens, PRECEDENCE['^'], depth + 1)
  return signed(tokens.textOf(sign.span) === '-' ? '-' : '+', sign.span.start, of)
}

function signed(op: '+' | '-', start: number, of: Duration): Duration {
  const span = { start, end: of.span.end }
  if (of.kind === 'seconds') return { ...of, value: op === '-' ? -of.value : of.value, span }
  return { kind: 'sign', op, of, span }
}

function operand(tokens: TokenReader, depth: number): Duration {
  const token = tokens.peek
  if (token.type === 'number') {
    tokens.next()
    if (Math.abs(token.value) > MAX_SECONDS)
      throw tokens.error(token.span, `duration out of range: ${token.value} s; write less than 292y`)
    return { kind: 'seconds', value: token.value, duration: token.duration, span: token.span }
  }
  if (tokens.isPunct('(')) {
    tokens.next()
    const of = arithmetic(tokens, 1, depth + 1)
    const close = tokens.expect(')')
    return { kind: 'wrapped', of, span: { start: token.span.start, end: close.span.end } }
  }
  if (token.type === 'word') {
    const word = token.text.toLowerCase()
    if (word === 'step' || word === 'range') {
      tokens.next()
      tokens.expect('(')
      const close = tokens.expect(')')
      return { kind: word, span: { start: token.span.start, end: close.span.end } }
    }
    if (word === 'min_of' || word === 'max_of') {
      tokens.next()
      tokens.expect('(')
      const left = arithmetic(tokens, 1, depth + 1)
      tokens.expect(',')
      const right = arithmetic(tokens, 1, depth + 1)
      const close = tokens.expect(')')
      return { kind: word, left, right, span: { start: token.span.start, end: close.span.end } }
    }
  }
  throw tokens.unexpected('a duration, as in 5m,', {
    in: 'subquery or range selector',
    expected: EXPECTED,
  })
}
