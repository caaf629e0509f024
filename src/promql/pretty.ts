/**
 * Trees to text over several lines: what `format_query` answers. What fits into a line stays in it.
 *
 * Law: parsing what is printed gives what was printed. Source of the layout: prometheus: promql/parser/prettier.go.
 */
import { AGGREGATOR_PARAMS, type Expr } from './ast.ts'
import { aggregatorText, formatExpr, operatorText, subquerySuffix } from './print.ts'

/** Bytes that a line may have before it is split. */
const MAX_LINE = 100

export function prettyExpr(expr: Expr, level = 0): string {
  const indent = '  '.repeat(level)
  const line = formatExpr(expr)
  const fits = Buffer.byteLength(line) <= MAX_LINE
  switch (expr.kind) {
    case 'number':
    case 'string':
    case 'vector-selector':
    case 'matrix-selector':
      return indent + line
    case 'subquery':
      // Prometheus does not indent one that fits; kept, so that both print the same.
      return fits ? line : `${prettyExpr(expr.expr, level)}${subquerySuffix(expr)}`
    case 'unary':
      return `${indent}${expr.op}${prettyExpr(expr.expr, level).trim()}`
    case 'aggregate': {
      if (fits) return indent + line
      const withParam = expr.param !== undefined && AGGREGATOR_PARAMS[expr.op] !== undefined
      const param = withParam ? `${prettyExpr(expr.param!, level + 1)},\n` : ''
      return `${indent}${aggregatorText(expr)}(\n${param}${prettyExpr(expr.expr, level + 1)}\n${indent})`
    }
    case 'binary':
      if (fits) return indent + line
      return `${prettyExpr(expr.left, level + 1)}\n${indent}${operatorText(expr)}\n${prettyExpr(expr.right, level + 1)}`
    case 'call':
      if (fits) return indent + line
      return `${indent}${expr.name}(\n${expr.args.map((one) => prettyExpr(one, level + 1)).join(',\n')}\n${indent})`
    case 'paren':
      return fits ? indent + line : `${indent}(\n${prettyExpr(expr.expr, level + 1)}\n${indent})`
    default:
      return expr satisfies never
  }
}
