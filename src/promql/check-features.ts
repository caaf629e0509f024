/**
 * What is experimental in PromQL is refused unless its feature flag is on. Prometheus' words, and then which flag to set.
 */
import type { Feature } from '#core'
import { childrenOf, type Expr, type VectorSelector } from './ast.ts'
import { EXPERIMENTAL_FUNCTIONS } from './functions.ts'
import { ParseError, type Span } from './position.ts'

const EXPERIMENTAL_AGGREGATORS: ReadonlySet<string> = new Set(['limitk', 'limit_ratio'])

/** Throws `ParseError` at the first thing, in reading order, that needs a flag which is off. */
export function checkFeatures(text: string, expr: Expr, features: ReadonlySet<Feature>): void {
  new FeatureCheck(text, features).node(expr)
}

class FeatureCheck {
  readonly #text: string
  readonly #features: ReadonlySet<Feature>

  constructor(text: string, features: ReadonlySet<Feature>) {
    this.#text = text
    this.#features = features
  }

  node(expr: Expr): void {
    for (const child of childrenOf(expr)) this.node(child)
    switch (expr.kind) {
      case 'vector-selector':
        this.#selector(expr, expr.span)
        return
      case 'call':
        if (EXPERIMENTAL_FUNCTIONS.has(expr.name))
          this.#need(
            'promql-experimental-functions',
            { start: expr.span.start, end: expr.span.start + expr.name.length },
            `function "${expr.name}" is not enabled`,
          )
        return
      case 'aggregate':
        if (EXPERIMENTAL_AGGREGATORS.has(expr.op))
          this.#need(
            'promql-experimental-functions',
            expr.span,
            `${expr.op}() is experimental and must be enabled with --enable-feature=promql-experimental-functions`,
          )
        return
      case 'binary':
        if (expr.matching?.fillLeft !== undefined || expr.matching?.fillRight !== undefined)
          this.#need('promql-binop-fill-modifiers', expr.span, 'binop fill modifiers are experimental and not enabled')
        return
      default:
    }
  }

  #selector({ extension }: VectorSelector, span: Span): void {
    if (extension !== undefined)
      this.#need('promql-extended-range-selectors', span, `${extension} modifier is experimental and not enabled`)
  }

  #need(feature: Feature, span: Span, what: string): void {
    if (this.#features.has(feature)) return
    const instead = what.includes('--enable-feature') ? 'set it' : `set --enable-feature=${feature}`
    throw new ParseError(this.#text, span, `${what}; ${instead}, or write it without`)
  }
}
