/**
 * Types, checked once after parsing, so that the evaluator never meets a rate of a scalar.
 *
 * - Every message says what stands there and what would fit.
 */
import { editDistance } from '#core'
import {
  AGGREGATOR_PARAMS,
  type Binary,
  type Call,
  type Expr,
  isComparison,
  isSetOp,
  type Matching,
  unwrap,
  type ValueType,
  type VectorSelector,
} from './ast.ts'
import { EXTENDED_FUNCTIONS, FUNCTIONS, type FunctionDoc } from './functions.ts'
import { ParseError, type Span, shown } from './position.ts'

const NAMES: Readonly<Record<ValueType, string>> = {
  scalar: 'scalar',
  string: 'string',
  vector: 'instant vector',
  matrix: 'range vector',
}

/** What an expression yields. Unknown functions count as vectors: they have been refused before. */
export function typeOf(expr: Expr): ValueType {
  switch (expr.kind) {
    case 'number':
      return 'scalar'
    case 'string':
      return 'string'
    case 'vector-selector':
    case 'aggregate':
      return 'vector'
    case 'matrix-selector':
    case 'subquery':
      return 'matrix'
    case 'call':
      return FUNCTIONS.get(expr.name)?.returns ?? 'vector'
    case 'binary':
      return typeOf(expr.left) === 'scalar' && typeOf(expr.right) === 'scalar' ? 'scalar' : 'vector'
    case 'unary':
    case 'paren':
      return typeOf(expr.expr)
    default:
      return expr satisfies never
  }
}

/** Throws `ParseError` at the first thing that does not fit. */
export function check(text: string, expr: Expr): ValueType {
  switch (expr.kind) {
    case 'number':
      return 'scalar'
    case 'string':
      return 'string'
    case 'vector-selector':
      if (expr.extension === 'anchored')
        throw new ParseError(
          text,
          expr.span,
          'anchored modifier can only be used with range vectors; write x[5m] anchored',
        )
      checkMatchers(text, expr)
      return 'vector'
    case 'matrix-selector':
      checkMatchers(text, expr.selector)
      return 'matrix'
    case 'subquery': {
      const type = check(text, expr.expr)
      if (type !== 'vector')
        throw new ParseError(
          text,
          expr.span,
          `subquery is only allowed on instant vector, got ${type} instead; write vector(...) around a scalar`,
        )
      return 'matrix'
    }
    case 'call':
      return checkCall(text, expr)
    case 'aggregate': {
      const wanted = AGGREGATOR_PARAMS[expr.op]
      expect(text, expr.expr, 'vector', 'aggregation expression')
      if (wanted !== undefined && expr.param !== undefined) expect(text, expr.param, wanted, 'aggregation parameter')
      return 'vector'
    }
    case 'binary':
      return checkBinary(text, expr)
    case 'unary': {
      const type = check(text, expr.expr)
      if (type !== 'scalar' && type !== 'vector')
        throw new ParseError(
          text,
          expr.span,
          `unary expression only allowed on expressions of type scalar or instant vector, got "${NAMES[type]}"; remove the ${expr.op}`,
        )
      return type
    }
    case 'paren':
      return check(text, expr.expr)
    default:
      return expr satisfies never
  }
}

function expect(text: string, expr: Expr, wanted: ValueType, where: string): void {
  const type = check(text, expr)
  if (type === wanted) return
  throw new ParseError(
    text,
    expr.span,
    `expected type ${NAMES[wanted]} in ${where}, got ${NAMES[type]}; ${remedy(expr, type, wanted)}`,
  )
}

function remedy(expr: Expr, got: ValueType, wanted: ValueType): string {
  if (wanted === 'matrix' && got === 'vector')
    return expr.kind === 'vector-selector' && expr.name !== '' ? `write ${expr.name}[5m]` : 'write (...)[5m:]'
  if (wanted === 'vector' && got === 'matrix') return 'remove the range, or put a function such as rate() around it'
  if (wanted === 'vector' && got === 'scalar') return 'write vector(...) around it'
  if (wanted === 'scalar' && got === 'vector') return 'write scalar(...) around it'
  if (wanted === 'string') return 'write a string in quotes'
  return `write one of type ${NAMES[wanted]}`
}

function checkCall(text: string, call: Call): ValueType {
  const known = FUNCTIONS.get(call.name)
  if (known === undefined) {
    throw new ParseError(
      text,
      call.span,
      `unknown function with name ${shown(JSON.stringify(call.name))}; write ${nearest(call.name)}`,
    )
  }
  const { args, optional, repeats, usage } = known
  // `sort_by_label(v)` is taken by Prometheus too; `histogram_quantiles` takes one quantile to ten.
  const [least, most] =
    call.name === 'histogram_quantiles'
      ? [args.length, args.length + 9]
      : [args.length - (repeats ? 1 : optional), repeats ? Infinity : args.length]
  const given = call.args.length
  if (given < least || given > most) {
    const count = least === most ? `${least}` : given < least ? `at least ${least}` : `at most ${most}`
    throw new ParseError(
      text,
      call.span,
      `expected ${count} argument(s) in call to ${JSON.stringify(call.name)}, got ${given}; write ${usage}`,
    )
  }
  checkExtension(text, call)
  const described = call.name === 'info' ? call.args[1] : undefined
  if (described !== undefined) checkInfoSelector(text, call, described)
  for (const [i, arg] of call.args.entries()) {
    const wanted = args[Math.min(i, args.length - 1)]!
    if (arg === described) continue
    expect(text, arg, wanted, `call to function ${JSON.stringify(call.name)}`)
  }
  return known.returns
}

/** The usage of the function that was meant, as far as can be told from its name. */
function nearest(name: string): string {
  const wanted = name.toLowerCase().slice(0, 50)
  const away = ({ name: known }: FunctionDoc) =>
    known.startsWith(wanted) || wanted.startsWith(known) ? 0 : editDistance(known, wanted)
  const [first] = [...FUNCTIONS.values()].sort((a, b) => away(a) - away(b))
  return first === undefined || away(first) > 3 ? 'one of PromQL, as in rate(v[5m])' : first.usage
}

/** A selector of everything is refused: it would read the whole store. */
function checkMatchers(text: string, { matchers, span }: VectorSelector): void {
  if (matchers.some((one) => !one.test(''))) return
  throw new ParseError(
    text,
    span,
    'vector selector must contain at least one non-empty matcher; name a metric or a label, as in {job="shop"}',
  )
}

/** `anchored` and `smoothed` change what a few functions mean, and nothing else. */
function checkExtension(text: string, call: Call): void {
  for (const arg of call.args) {
    const range = unwrap(arg)
    if (range.kind !== 'matrix-selector' || range.selector.extension === undefined) continue
    const { extension } = range.selector
    const takers: readonly string[] = EXTENDED_FUNCTIONS[extension]
    if (!takers.includes(call.name))
      throw new ParseError(
        text,
        range.span,
        `${extension} modifier can only be used with: ${takers.join(', ')} - not with ${call.name}; remove ${extension}`,
      )
  }
}

function checkInfoSelector(text: string, call: Call, arg: Expr): void {
  if (arg.kind === 'vector-selector' && arg.name === '') return
  const type = typeOf(arg)
  if (type !== 'vector')
    throw new ParseError(
      text,
      call.span,
      `expected type instant vector in call to function "info", got ${NAMES[type]}; write {label="value"}`,
    )
  const got = arg.kind === 'vector-selector' ? ', got vector selector instead' : ''
  throw new ParseError(text, arg.span, `expected label selectors only${got}; write {label="value"}`)
}

/** The operator and what belongs to it, without the space around. */
function operatorSpan(text: string, { left, right }: Binary): Span {
  const between = text.slice(left.span.end, right.span.start)
  const start = left.span.end + between.length - between.trimStart().length
  return { start, end: start + between.trim().length }
}

function checkBinary(text: string, node: Binary): ValueType {
  const left = check(text, node.left)
  const right = check(text, node.right)
  for (const [side, type] of [
    [node.left, left],
    [node.right, right],
  ] as const) {
    if (type !== 'scalar' && type !== 'vector')
      throw new ParseError(
        text,
        side.span,
        `binary expression must contain only scalar and instant vector types; ${type === 'string' ? 'write a number or a vector here, not a string' : 'put a function such as rate() around the range vector'}`,
      )
  }
  const scalars = left === 'scalar' && right === 'scalar'
  if (scalars && isComparison(node.op) && !node.bool)
    throw new ParseError(
      text,
      operatorSpan(text, node),
      `comparisons between scalars must use BOOL modifier; write ${node.op} bool`,
    )
  const scalar = left === 'scalar' || right === 'scalar'
  if (node.matching !== undefined) checkMatching(text, node, node.matching, scalar)
  if (isSetOp(node.op) && scalar)
    throw new ParseError(
      text,
      node.span,
      `set operator ${JSON.stringify(node.op)} not allowed in binary scalar expression; write vector(...) around the scalar`,
    )
  return scalars ? 'scalar' : 'vector'
}

function checkMatching(text: string, { op, span }: Binary, matching: Matching, scalar: boolean): void {
  const fails = (what: string) => new ParseError(text, span, what)
  const { labels, card, fillLeft, fillRight } = matching
  const fills = fillLeft !== undefined || fillRight !== undefined
  if (scalar && labels.length > 0)
    throw fails('vector matching only allowed between instant vectors; remove on, ignoring and fill')
  if (scalar && fills) throw fails('filling in missing series only allowed between instant vectors; remove fill')
  if (scalar || !isSetOp(op)) return
  if (card !== 'many-to-many')
    throw fails(
      `no grouping allowed for "${op}" operation; remove ${card === 'many-to-one' ? 'group_left' : 'group_right'}`,
    )
  if (fills) throw fails('filling in missing series not allowed for set operators; remove fill')
}
