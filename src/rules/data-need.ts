/**
 * What must be there for an empty answer to mean health.
 *
 * `latency > 0.5` is empty when latency is low, and also when there is no latency: the second is no recovery. So each
 * rule's expression is asked for its measures, the sides of its comparisons without the threshold.
 *
 * - `absent(...)`, constants and `ALERTS` need nothing: their emptiness is itself the answer.
 * - Of `a and b` all measures must be there, of `a or b` any, of `a unless b` those of `a`.
 */
import { FEATURES, type Feature, type Labels, type QueryFn, type UnixMs, vectorOf } from '#core'
import { type Expr, formatExpr, parse, selectorsOf, typeOf, walk } from '#promql'

export type DataNeed =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'measure'; readonly promql: string }
  | { readonly kind: 'all' | 'any'; readonly of: readonly DataNeed[] }

const NOTHING: DataNeed = { kind: 'nothing' }
const COMPARISONS: ReadonlySet<string> = new Set(['==', '!=', '<=', '<', '>=', '>'])

/** Which features are on was checked when the rule was read; here every one is understood. */
const EVERY_FEATURE: ReadonlySet<Feature> = new Set(FEATURES)

/** Throws what the parser throws. */
export function dataNeedOf(promql: string): DataNeed {
  return needOf(parse(promql, EVERY_FEATURE))
}

function needOf(expr: Expr): DataNeed {
  switch (expr.kind) {
    case 'paren':
      return needOf(expr.expr)
    case 'call':
      if (expr.name === 'absent' || expr.name === 'absent_over_time') return NOTHING
      return filters(expr) ? all(expr.args.map(needOf)) : measure(expr)
    case 'aggregate':
      return filters(expr) ? needOf(expr.expr) : measure(expr)
    case 'unary':
      return filters(expr) ? needOf(expr.expr) : measure(expr)
    case 'binary': {
      if (expr.op === 'unless') return needOf(expr.left)
      const sides = [expr.left, expr.right].map(needOf)
      if (expr.op === 'or') return any(sides)
      return filters(expr) ? all(sides) : measure(expr)
    }
    default:
      return measure(expr)
  }
}

/** Whether something inside can drop elements of data that is there. */
function filters(expr: Expr): boolean {
  for (const node of walk(expr)) {
    if (node.kind !== 'binary') continue
    if (COMPARISONS.has(node.op) && !node.bool) return true
    if (node.op === 'and' || node.op === 'unless') return true
  }
  return false
}

function measure(expr: Expr): DataNeed {
  const selectors = selectorsOf(expr)
  const isState = selectors.some(({ matchers }) =>
    matchers.some(({ name, op, value }) => name === '__name__' && op === '=' && value === 'ALERTS'),
  )
  if (selectors.length === 0 || isState || typeOf(expr) !== 'vector') return NOTHING
  return { kind: 'measure', promql: formatExpr(expr) }
}

function all(of: readonly DataNeed[]): DataNeed {
  return joined(
    'all',
    of.filter((need) => need.kind !== 'nothing'),
  )
}

/** A side that needs nothing is always there. */
function any(of: readonly DataNeed[]): DataNeed {
  return of.some((need) => need.kind === 'nothing') ? NOTHING : joined('any', of)
}

function joined(kind: 'all' | 'any', of: readonly DataNeed[]): DataNeed {
  return of.length === 0 ? NOTHING : of.length === 1 ? of[0]! : { kind, of }
}

/** The elements that have no data at `at`. A question that fails counts as no data: what is not known is not health. */
export async function withoutData(
  need: DataNeed,
  elements: readonly Labels[],
  query: QueryFn,
  at: UnixMs,
  signal?: AbortSignal,
): Promise<ReadonlySet<Labels>> {
  switch (need.kind) {
    case 'nothing':
      return new Set()
    case 'measure': {
      const found = await query(need.promql, { at }, signal).then(
        (answer) => vectorOf(answer).filter(({ value }) => !Number.isNaN(value)),
        () => [],
      )
      return new Set(elements.filter((element) => !found.some(({ labels }) => sameElement(labels, element))))
    }
    case 'all':
    case 'any': {
      const missing = await Promise.all(need.of.map((one) => withoutData(one, elements, query, at, signal)))
      const hit = (element: Labels) => missing.map((set) => set.has(element))
      return new Set(
        elements.filter((element) => (need.kind === 'all' ? hit(element).some(Boolean) : hit(element).every(Boolean))),
      )
    }
    default:
      return need satisfies never
  }
}

/** A side of a comparison may carry fewer labels than its result, or more: those that both have must agree. */
function sameElement(measured: Labels, element: Labels): boolean {
  for (const [name, value] of element) {
    const other = measured.get(name)
    if (name !== '__name__' && other !== '' && other !== value) return false
  }
  return true
}
