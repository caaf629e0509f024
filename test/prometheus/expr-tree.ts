/**
 * A PromQL expression, as assay's parser reads it, as a tree that can be made smaller (`query-tree.ts`).
 *
 * Operands of operators stand in parentheses, so that whatever a change puts there stays one operand.
 */
import { type Expr, formatExpr, typeOf, type VectorSelector } from '#promql'
import { NOTHING, type NodeType, node, type QueryNode } from './query-tree.ts'

type Kind<K extends Expr['kind']> = Extract<Expr, { kind: K }>

export function treeOf(expr: Expr): QueryNode {
  switch (expr.kind) {
    case 'number':
    case 'string':
      return node(typeOf(expr) as NodeType, formatExpr(expr))
    case 'vector-selector':
      return node('vector', seriesOf(expr), ...modifiersOf(expr))
    case 'matrix-selector':
      return node('matrix', seriesOf(expr.selector), rangeText(expr), ...modifiersOf(expr.selector))
    case 'subquery': {
      const [, range = '', step = ''] = /\[([^\]]*):([^\]]*)\]/.exec(formatExpr({ ...expr, expr: ONE })) ?? []
      return node('matrix', operand(expr.expr), '[', range, ':', node('option', step), ']', ...modifiersOf(expr))
    }
    case 'call':
      return node(typeOf(expr) as NodeType, expr.name, '(', ...separated(expr.args.map(treeOf)), ')')
    case 'aggregate':
      return aggregateTree(expr)
    case 'binary':
      return binaryTree(expr)
    case 'unary':
      return node(typeOf(expr) as NodeType, expr.op, operand(expr.expr))
    case 'paren':
      return node(typeOf(expr) as NodeType, '(', treeOf(expr.expr), ')')
    default:
      return expr satisfies never
  }
}

const NOWHERE = { start: 0, end: 0 }
const ONE: Kind<'number'> = { kind: 'number', value: 1, duration: false, span: NOWHERE }

function operand(expr: Expr): QueryNode {
  const tree = treeOf(expr)
  // With arithmetic in durations, an operator behind an offset might belong to the offset.
  const alone =
    expr.kind === 'paren' || expr.kind === 'call' || (expr.kind === 'vector-selector' && expr.offset === undefined)
  return alone || (expr.kind === 'number' && expr.value >= 0) ? tree : node(tree.type, '(', tree, ')')
}

function separated(nodes: readonly QueryNode[]): (string | QueryNode)[] {
  return nodes.flatMap((one, i) => (i === 0 ? [one] : [', ', one]))
}

function aggregateTree(expr: Kind<'aggregate'>): QueryNode {
  const { op, without, grouping, param } = expr
  const labels = grouping.map((label) => node('option', labelText(label), ','))
  const by =
    without || grouping.length > 0 ? node('option', ` ${without ? 'without' : 'by'} (`, ...labels, ') ') : NOTHING
  const args = param === undefined ? [expr.expr] : [param, expr.expr]
  return node('vector', op, by, '(', ...separated(args.map(treeOf)), ')')
}

function binaryTree(expr: Kind<'binary'>): QueryNode {
  const { left, right, op, bool, matching } = expr
  const parts: (string | QueryNode)[] = [operand(left), ` ${op} `, bool ? node('option', 'bool ') : NOTHING]
  if (matching !== undefined) {
    const { card, on, labels, include } = matching
    const list = (names: readonly string[]) => names.map((name) => node('option', labelText(name), ','))
    const grouped = card === 'many-to-one' ? 'group_left' : card === 'one-to-many' ? 'group_right' : undefined
    const group = grouped === undefined ? NOTHING : node('option', grouped, ' (', ...list(include), ') ')
    const any = on || labels.length > 0 || grouped !== undefined
    parts.push(any ? node('option', on ? 'on' : 'ignoring', ' (', ...list(labels), ') ', group) : NOTHING)
  }
  return node(typeOf(expr) as NodeType, ...parts, operand(right))
}

function labelText(label: string): string {
  return /^[a-zA-Z_]\w*$/.test(label) && !/^(?:inf|nan)$/i.test(label) ? label : JSON.stringify(label)
}

function seriesOf({ name, matchers }: VectorSelector): QueryNode {
  const plain = /^[a-zA-Z_:][\w:]*$/.test(name)
  const rest = matchers.filter((one) => !plain || one.name !== '__name__' || one.op !== '=' || one.value !== name)
  const texts = rest.map((one) => {
    const text = `${labelText(one.name)}${one.op}${JSON.stringify(one.value)}`
    return node('option', text, ',')
  })
  return texts.length === 0 ? node('other', name) : node('other', plain ? name : '', '{', ...texts, '}')
}

/** `[5m]`, as it is printed behind a name. */
function rangeText(expr: Kind<'matrix-selector'>): string {
  return /\[[^\]]*\]/.exec(formatExpr({ ...expr, selector: PLAIN }))![0]
}

const PLAIN: VectorSelector = {
  kind: 'vector-selector',
  name: 'x',
  matchers: [{ name: '__name__', op: '=', value: 'x', test: (value) => value === 'x' }],
  span: NOWHERE,
}

function modifiersOf({ offset, at }: Pick<VectorSelector, 'offset' | 'at'>): QueryNode[] {
  const alone = (modifier: Pick<VectorSelector, 'offset' | 'at'>) =>
    node('option', formatExpr({ ...PLAIN, ...modifier }).slice(PLAIN.name.length))
  return [...(at === undefined ? [] : [alone({ at })]), ...(offset === undefined ? [] : [alone({ offset })])]
}

/** The same node, with something done to each that is below it. */
export function mapBelow(expr: Expr, change: (one: Expr) => Expr): Expr {
  switch (expr.kind) {
    case 'number':
    case 'string':
    case 'vector-selector':
      return expr
    case 'matrix-selector': {
      const selector = change(expr.selector)
      return selector.kind === 'vector-selector' ? { ...expr, selector } : expr
    }
    case 'subquery':
    case 'unary':
    case 'paren':
      return { ...expr, expr: change(expr.expr) }
    case 'call':
      return { ...expr, args: expr.args.map(change) }
    case 'aggregate':
      return { ...expr, expr: change(expr.expr), ...(expr.param === undefined ? {} : { param: change(expr.param) }) }
    case 'binary':
      return { ...expr, left: change(expr.left), right: change(expr.right) }
    default:
      return expr satisfies never
  }
}
