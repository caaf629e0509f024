/**
 * A length of time in a tree of `parse_query`: milliseconds, and beside them the expression it was written as.
 *
 * - What is a plain number has no expression: `range: 300000, rangeExpr: null`.
 * - What is computed is known when the query is asked, so its milliseconds are 0, as in Prometheus.
 * - Parentheses and signs around a plain number are part of it.
 *
 * Source of names and shapes: prometheus: web/api/v1/translate_ast.go and promql/parser/generated_parser.y, of version 3.14.
 */
import { formatExpr, type VectorSelector } from '#promql'

type Duration = NonNullable<VectorSelector['offset']>
/** `written`: with a unit, as `5m`. */
type Literal = { readonly seconds: number; readonly written: boolean }
type Computed = {
  readonly op: string
  readonly lhs: Node | undefined
  readonly rhs: Node | undefined
  readonly wrapped: boolean
}
type Node = Literal | Computed

/** The members `name` and `nameExpr`. `text` is what the duration was parsed from. */
export function translateDuration(
  name: 'range' | 'offset' | 'step',
  duration: Duration | undefined,
  text: string,
): Readonly<Record<string, unknown>> {
  const node = duration === undefined ? undefined : resolve(duration, text)
  const literal = node !== undefined && 'seconds' in node ? node : undefined
  return {
    [name]: literal === undefined ? 0 : milliseconds(literal.seconds),
    [`${name}Expr`]: literal === undefined ? render(node) : null,
  }
}

function resolve(duration: Duration, text: string): Node {
  const of = (inner: Duration) => resolve(inner, text)
  switch (duration.kind) {
    case 'seconds':
      return { seconds: duration.value, written: UNIT.test(text.slice(duration.span.start, duration.span.end)) }
    case 'wrapped': {
      const inner = of(duration.of)
      return 'seconds' in inner ? inner : { ...inner, wrapped: true }
    }
    case 'sign': {
      const inner = of(duration.of)
      if (duration.op === '+') return inner
      return 'seconds' in inner ? { ...inner, seconds: -inner.seconds } : computed('-', undefined, inner)
    }
    case 'step':
    case 'range':
      return computed(duration.kind)
    case 'min_of':
    case 'max_of':
      return computed(duration.kind, of(duration.left), of(duration.right))
    case 'arithmetic':
      return computed(duration.op, of(duration.left), of(duration.right))
    default:
      return duration satisfies never
  }
}

/** Hexadecimal digits are no units. */
const UNIT = /^[-+\s]*\d+(?:ms|[smhdwy])/

function computed(op: string, lhs?: Node, rhs?: Node): Computed {
  return { op, lhs, rhs, wrapped: false }
}

function render(node: Node | undefined): unknown {
  if (node === undefined) return null
  if ('seconds' in node) return { type: 'numberLiteral', val: decimal(node.seconds), duration: node.written }
  return { type: 'durationExpr', op: node.op, lhs: render(node.lhs), rhs: render(node.rhs), wrapped: node.wrapped }
}

function decimal(value: number): string {
  return formatExpr({ kind: 'number', value, duration: false, span: { start: 0, end: 0 } })
}

/** Go keeps whole nanoseconds, and cuts those off behind the millisecond. */
function milliseconds(seconds: number): number {
  return Math.trunc(Math.round(seconds * 1e9) / 1e6)
}
