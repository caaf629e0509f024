/**
 * An expression as Prometheus tells its tree: what `parse_query` answers, and what UIs and linters read.
 *
 * Source of names and shapes: prometheus: web/api/v1/translate_ast.go, of version 3.14.
 */
import { METRIC_NAME } from '#core'
import { type Expr, FUNCTIONS, formatExpr, type ValueType, type VectorSelector } from '#promql'
import { translateDuration } from './translate-duration.ts'

/** Plain data for JSON. */
export type Tree = Readonly<Record<string, unknown>>

type Matching = NonNullable<Extract<Expr, { kind: 'binary' }>['matching']>

/** `text` is what `expr` was parsed from. */
export function translateAst(expr: Expr, text: string): Tree {
  const tree = (inner: Expr) => translateAst(inner, text)
  switch (expr.kind) {
    case 'aggregate':
      return {
        type: 'aggregation',
        op: expr.op,
        expr: tree(expr.expr),
        param: expr.param === undefined ? null : tree(expr.param),
        grouping: expr.grouping,
        without: expr.without,
      }
    case 'binary':
      return {
        type: 'binaryExpr',
        op: expr.op,
        lhs: tree(expr.left),
        rhs: tree(expr.right),
        matching: expr.matching === undefined ? null : matching(expr.matching),
        bool: expr.bool,
      }
    case 'call':
      return { type: 'call', func: signature(expr.name), args: expr.args.map(tree) }
    case 'matrix-selector':
      return { ...selector('matrixSelector', expr.selector, text), ...translateDuration('range', expr.range, text) }
    case 'vector-selector':
      return selector('vectorSelector', expr, text)
    case 'subquery':
      return {
        type: 'subquery',
        expr: tree(expr.expr),
        ...translateDuration('range', expr.range, text),
        ...translateDuration('step', expr.step, text),
        ...when(expr, text),
      }
    case 'number':
      return { type: 'numberLiteral', val: formatExpr({ ...expr, duration: false }) }
    case 'string':
      return { type: 'stringLiteral', val: expr.value }
    case 'paren':
      return { type: 'parenExpr', expr: tree(expr.expr) }
    case 'unary':
      return { type: 'unaryExpr', op: expr.op, expr: tree(expr.expr) }
    default:
      return expr satisfies never
  }
}

function selector(type: string, node: VectorSelector, text: string): Tree {
  const name = text[node.span.start] === '{' ? '' : node.name
  return {
    type,
    name,
    matchers: matchers(node.matchers, name),
    ...when(node, text),
    anchored: node.extension === 'anchored',
    smoothed: node.extension === 'smoothed',
  }
}

/** A name in front of the braces is the last matcher there, one in quotes inside them stays in its place. */
function matchers(all: VectorSelector['matchers'], name: string): readonly Tree[] {
  const inFront = all.find((one) => name !== '' && one.name === METRIC_NAME && one.op === '=' && one.value === name)
  const ordered = inFront === undefined ? all : [...all.filter((one) => one !== inFront), inFront]
  return ordered.map(({ name: label, op, value }) => ({ name: label, value, type: op }))
}

function when({ at, offset }: Pick<VectorSelector, 'at' | 'offset'>, text: string): Tree {
  return {
    ...translateDuration('offset', offset, text),
    timestamp: at?.kind === 'time' ? at.ms : null,
    startOrEnd: at === undefined || at.kind === 'time' ? null : at.kind,
  }
}

function matching({ card, labels, on, include, fillLeft, fillRight }: Matching): Tree {
  return { card, labels, on, include, fillValues: { lhs: fillLeft ?? null, rhs: fillRight ?? null } }
}

function signature(name: string): Tree {
  const doc = FUNCTIONS.get(name)
  if (doc === undefined) throw new TypeError(`BUG: ${name} was parsed and is not in the table`)
  return {
    name,
    argTypes: doc.args satisfies readonly ValueType[],
    variadic: doc.repeats ? -1 : doc.optional,
    returnType: doc.returns,
  }
}
