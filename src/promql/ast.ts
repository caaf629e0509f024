/**
 * What an expression is made of. Plain data, immutable, every node with its place in the text.
 *
 * - `offset`, `at` and the range modifier of `x[5m] offset 1h` sit on the vector selector inside, as in Prometheus.
 * - Parentheses are kept, so that a printed expression reads like the one that was written.
 */
import type { Matcher } from '#core'
import type { Span } from './position.ts'

export const VALUE_TYPES = ['scalar', 'string', 'vector', 'matrix'] as const
export type ValueType = (typeof VALUE_TYPES)[number]

export const ARITHMETIC_OPS = ['+', '-', '*', '/', '%', '^', 'atan2'] as const
export const COMPARISON_OPS = ['==', '!=', '<=', '<', '>=', '>'] as const
export const SET_OPS = ['and', 'or', 'unless'] as const
/** Native histograms cut at a bound: `</` keeps what is below, `>/` what is above. */
export const TRIM_OPS = ['</', '>/'] as const
export type ArithmeticOp = (typeof ARITHMETIC_OPS)[number]
export type ComparisonOp = (typeof COMPARISON_OPS)[number]
export type SetOp = (typeof SET_OPS)[number]
export type TrimOp = (typeof TRIM_OPS)[number]
export type BinaryOp = ArithmeticOp | ComparisonOp | SetOp | TrimOp

export const AGGREGATORS = [
  'sum',
  'avg',
  'count',
  'min',
  'max',
  'group',
  'stddev',
  'stdvar',
  'topk',
  'bottomk',
  'count_values',
  'quantile',
  'limitk',
  'limit_ratio',
] as const
export type Aggregator = (typeof AGGREGATORS)[number]

/** Aggregators whose first argument is a parameter, and its type. */
export const AGGREGATOR_PARAMS: Readonly<Partial<Record<Aggregator, 'scalar' | 'string'>>> = {
  topk: 'scalar',
  bottomk: 'scalar',
  quantile: 'scalar',
  limitk: 'scalar',
  limit_ratio: 'scalar',
  count_values: 'string',
}

type At = { readonly span: Span }

export type NumberLiteral = At & {
  readonly kind: 'number'
  readonly value: number
  /** Written as a duration, `5m`: printed as one. */
  readonly duration: boolean
}
export type StringLiteral = At & { readonly kind: 'string'; readonly value: string }

export const DURATION_OPS = ['+', '-', '*', '/', '%', '^'] as const
export type DurationOp = (typeof DURATION_OPS)[number]

/** A length of time in seconds; may depend on the query's own range and step. */
export type Duration =
  /** `duration`: written with a unit. */
  | (At & { readonly kind: 'seconds'; readonly value: number; readonly duration: boolean })
  | (At & { readonly kind: 'sign'; readonly op: '+' | '-'; readonly of: Duration })
  | (At & { readonly kind: 'arithmetic'; readonly op: DurationOp; readonly left: Duration; readonly right: Duration })
  | (At & { readonly kind: 'step' | 'range' })
  | (At & { readonly kind: 'min_of' | 'max_of'; readonly left: Duration; readonly right: Duration })
  | (At & { readonly kind: 'wrapped'; readonly of: Duration })

/** `@ 1609746000` in Unix milliseconds, `@ start()`, `@ end()`. */
export type AtModifier = { readonly kind: 'time'; readonly ms: number } | { readonly kind: 'start' | 'end' }

export type VectorSelector = At & {
  readonly kind: 'vector-selector'
  /** The name in front of the braces; '' when there is none, or when it is quoted inside them. */
  readonly name: string
  /** All matchers, the one for the name included. */
  readonly matchers: readonly Matcher[]
  readonly offset?: Duration
  readonly at?: AtModifier
  readonly extension?: 'anchored' | 'smoothed'
}
export type MatrixSelector = At & {
  readonly kind: 'matrix-selector'
  readonly selector: VectorSelector
  readonly range: Duration
}
export type Subquery = At & {
  readonly kind: 'subquery'
  readonly expr: Expr
  readonly range: Duration
  /** Absent: the engine's default step. */
  readonly step?: Duration
  readonly offset?: Duration
  readonly at?: AtModifier
}
export type Call = At & { readonly kind: 'call'; readonly name: string; readonly args: readonly Expr[] }
export type Aggregate = At & {
  readonly kind: 'aggregate'
  readonly op: Aggregator
  readonly param?: Expr
  readonly expr: Expr
  readonly without: boolean
  readonly grouping: readonly string[]
}
export type Cardinality = 'one-to-one' | 'many-to-one' | 'one-to-many' | 'many-to-many'
export type Matching = {
  readonly card: Cardinality
  readonly on: boolean
  readonly labels: readonly string[]
  /** Labels taken over from the "one" side by `group_left` or `group_right`. */
  readonly include: readonly string[]
  readonly fillLeft?: number
  readonly fillRight?: number
}
export type Binary = At & {
  readonly kind: 'binary'
  readonly op: BinaryOp
  readonly left: Expr
  readonly right: Expr
  readonly bool: boolean
  /** Present when both sides are vectors. */
  readonly matching?: Matching
}
export type Unary = At & { readonly kind: 'unary'; readonly op: '+' | '-'; readonly expr: Expr }
export type Paren = At & { readonly kind: 'paren'; readonly expr: Expr }

export type Expr =
  | NumberLiteral
  | StringLiteral
  | VectorSelector
  | MatrixSelector
  | Subquery
  | Call
  | Aggregate
  | Binary
  | Unary
  | Paren

export function isComparison(op: BinaryOp): op is ComparisonOp {
  return (COMPARISON_OPS as readonly string[]).includes(op)
}

export function isSetOp(op: BinaryOp): op is SetOp {
  return (SET_OPS as readonly string[]).includes(op)
}

/** The expression inside any number of parentheses. */
export function unwrap(expr: Expr): Expr {
  let inner = expr
  while (inner.kind === 'paren') inner = inner.expr
  return inner
}

export function childrenOf(expr: Expr): readonly Expr[] {
  switch (expr.kind) {
    case 'number':
    case 'string':
    case 'vector-selector':
      return []
    case 'matrix-selector':
      return [expr.selector]
    case 'subquery':
    case 'unary':
    case 'paren':
      return [expr.expr]
    case 'call':
      return expr.args
    case 'aggregate':
      return expr.param === undefined ? [expr.expr] : [expr.param, expr.expr]
    case 'binary':
      return [expr.left, expr.right]
    default:
      return expr satisfies never
  }
}

/** All nodes, parents before children. */
export function* walk(expr: Expr): Generator<Expr, void, undefined> {
  yield expr
  for (const child of childrenOf(expr)) yield* walk(child)
}

/** Every vector selector with its matchers, in reading order. */
export function selectorsOf(expr: Expr): readonly VectorSelector[] {
  return [...walk(expr)].filter((node) => node.kind === 'vector-selector')
}

/** The metric names an expression names outright (not those that only a pattern covers), each once. */
export function metricNamesOf(expr: Expr): readonly string[] {
  const names = selectorsOf(expr).flatMap(({ matchers }) =>
    matchers
      .filter(({ name, op, value }) => name === '__name__' && op === '=' && value !== '')
      .map(({ value }) => value),
  )
  return [...new Set(names)]
}

/** A length of time that is a plain number, whatever signs and parentheses are around it: Prometheus keeps no more of it. */
export function literalOf(
  node: Duration | undefined,
): { readonly value: number; readonly duration: boolean } | undefined {
  if (node?.kind === 'seconds') return node
  if (node?.kind === 'wrapped') return literalOf(node.of)
  if (node?.kind !== 'sign') return undefined
  const of = literalOf(node.of)
  return of === undefined || node.op === '+' ? of : { ...of, value: -of.value }
}
