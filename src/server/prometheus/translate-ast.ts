/**
 * An expression as Prometheus tells its tree: what `parse_query` answers, and what UIs and linters read.
 *
 * Lengths of time are milliseconds. One that depends on the query's own range and step is not known before it is asked, and is 0,
 * as in Prometheus.
 *
 * Source of names and shapes: prometheus: web/api/v1/translate_ast.go, of version 3.10.
 */
import { isLegacyName, METRIC_NAME } from '#core'
import { type Expr, FUNCTIONS, formatExpr, type ValueType, type VectorSelector } from '#promql'

/** Plain data for JSON. */
export type Tree = Readonly<Record<string, unknown>>

type Duration = NonNullable<VectorSelector['offset']>
type Matching = NonNullable<Extract<Expr, { kind: 'binary' }>['matching']>

export function translateAst(expr: Expr): Tree {
  switch (expr.kind) {
    case 'aggregate':
      return {
        type: 'aggregation',
        op: expr.op,
        expr: translateAst(expr.expr),
        param: expr.param === undefined ? null : translateAst(expr.param),
        grouping: expr.grouping,
        without: expr.without,
      }
    case 'binary':
      return {
        type: 'binaryExpr',
        op: expr.op,
        lhs: translateAst(expr.left),
        rhs: translateAst(expr.right),
        matching: expr.matching === undefined ? null : matching(expr.matching),
        bool: expr.bool,
      }
    case 'call':
      return { type: 'call', func: signature(expr.name), args: expr.args.map(translateAst) }
    case 'matrix-selector':
      return { ...selector('matrixSelector', expr.selector), range: milliseconds(expr.range) }
    case 'vector-selector':
      return selector('vectorSelector', expr)
    case 'subquery':
      return {
        type: 'subquery',
        expr: translateAst(expr.expr),
        range: milliseconds(expr.range),
        step: milliseconds(expr.step),
        ...when(expr),
      }
    case 'number':
      return { type: 'numberLiteral', val: formatExpr({ ...expr, duration: false }) }
    case 'string':
      return { type: 'stringLiteral', val: expr.value }
    case 'paren':
      return { type: 'parenExpr', expr: translateAst(expr.expr) }
    case 'unary':
      return { type: 'unaryExpr', op: expr.op, expr: translateAst(expr.expr) }
    default:
      return expr satisfies never
  }
}

function selector(type: string, node: VectorSelector): Tree {
  return {
    type,
    name: node.name,
    matchers: matchers(node),
    ...when(node),
    anchored: node.extension === 'anchored',
    smoothed: node.extension === 'smoothed',
  }
}

/** A name in front of the braces is the last matcher there. */
function matchers({ name, matchers: all }: VectorSelector): readonly Tree[] {
  const inFront = isLegacyName(name)
    ? all.find((one) => one.name === METRIC_NAME && one.op === '=' && one.value === name)
    : undefined
  const ordered = inFront === undefined ? all : [...all.filter((one) => one !== inFront), inFront]
  return ordered.map(({ name: label, op, value }) => ({ name: label, value, type: op }))
}

function when({ at, offset }: Pick<VectorSelector, 'at' | 'offset'>): Tree {
  return {
    offset: milliseconds(offset),
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

function milliseconds(node: Duration | undefined): number {
  if (node?.kind === 'seconds') return Math.trunc(node.value * 1000)
  if (node?.kind === 'sign' && node.of.kind === 'seconds') return (node.op === '-' ? -1 : 1) * milliseconds(node.of)
  return 0
}
