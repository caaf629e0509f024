/**
 * Durations of an expression in milliseconds, now that the query's range and step are known.
 */
import { type Duration, type Expr, literalOf, walk } from '../ast.ts'
import { ParseError, type Span } from '../position.ts'
import type { Context } from './context.ts'

/**
 * Calculates every duration of an expression once, so that none is found wrong after something was read: as in Prometheus they
 * are part of the question. Throws `ParseError`.
 */
export function checkDurations(expr: Expr, context: Context): void {
  for (const node of walk(expr)) {
    if (node.kind === 'vector-selector') offsetMs(node.offset, context)
    if (node.kind === 'matrix-selector' || node.kind === 'subquery') rangeMs(node.range, context)
    if (node.kind !== 'subquery') continue
    offsetMs(node.offset, context)
    if (node.step !== undefined) positiveMs(node.step, context)
  }
}

function fault(span: Span, what: string, { text }: Context): ParseError {
  return new ParseError(text, span, what)
}

/** A range: above 0, though it may be less than a millisecond, which is 0 and empty. Throws `ParseError`. */
export function rangeMs(duration: Duration, context: Context): number {
  if (!(seconds(duration, context) > 0)) positiveMs(duration, context)
  return signedMs(duration, context)
}

/** A step: above 0. Throws `ParseError`. */
export function positiveMs(duration: Duration, context: Context): number {
  const ms = signedMs(duration, context)
  if (ms <= 0) throw fault(duration.span, 'duration must be greater than 0; write one as in 5m', context)
  return ms
}

/** An offset, of either sign; 0 when there is none. */
export function offsetMs(duration: Duration | undefined, context: Context): number {
  return duration === undefined ? 0 : signedMs(duration, context)
}

function signedMs(duration: Duration, context: Context): number {
  // What is written is rounded to nanoseconds, so that 1.001 s are 1001 ms; what is calculated is not, as in Prometheus.
  const literal = literalOf(duration)
  const ms =
    literal === undefined
      ? Math.trunc(seconds(duration, context) * 1000)
      : Math.trunc(Math.round(literal.value * 1e9) / 1e6)
  if (!Number.isSafeInteger(ms)) throw fault(duration.span, 'duration is out of range; write less than 292y', context)
  return ms
}

function seconds(node: Duration, context: Context): number {
  switch (node.kind) {
    case 'seconds':
      return node.value
    case 'wrapped':
      return seconds(node.of, context)
    case 'sign':
      return node.op === '-' ? -seconds(node.of, context) : seconds(node.of, context)
    case 'step':
      return context.bounds.stepMs / 1000
    case 'range':
      return (context.bounds.end - context.bounds.start) / 1000
    case 'min_of':
      return Math.min(seconds(node.left, context), seconds(node.right, context))
    case 'max_of':
      return Math.max(seconds(node.left, context), seconds(node.right, context))
    case 'arithmetic':
      return arithmetic(node, seconds(node.left, context), seconds(node.right, context), context)
    default:
      return node satisfies never
  }
}

function arithmetic(
  node: Extract<Duration, { kind: 'arithmetic' }>,
  left: number,
  right: number,
  context: Context,
): number {
  const { op } = node
  switch (op) {
    case '+':
      return left + right
    case '-':
      return left - right
    case '*':
      return left * right
    case '/':
      if (right === 0) throw fault(node.span, 'division by zero; write another divisor', context)
      return left / right
    case '%':
      if (right === 0) throw fault(node.span, 'modulo by zero; write another divisor', context)
      return left % right
    case '^':
      return left ** right
    default:
      return op satisfies never
  }
}
