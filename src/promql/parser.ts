/**
 * Tokens to a tree: precedence climbing over the operators, recursive descent for the rest.
 *
 * - Words become keywords by their place: `sum` followed by `(`, `by` or `without` aggregates, alone it is a metric.
 * - Bounded: no text over MAX_LENGTH, no tree deeper than MAX_DEPTH, so that neither parser, printer nor evaluator
 *   can run out of stack.
 * - Types are checked here (`check.ts`): what `parse` returns can be evaluated.
 * - Here are the rules that call each other; durations, selectors and types are apart.
 */
import type { Feature, Matcher } from '#core'
import {
  AGGREGATOR_PARAMS,
  AGGREGATORS,
  type Aggregator,
  type AtModifier,
  type BinaryOp,
  type Expr,
  literalOf,
  type Matching,
  type VectorSelector,
} from './ast.ts'
import { check, typeOf } from './check.ts'
import { checkFeatures } from './check-features.ts'
import { goFloat } from './go-float.ts'
import type { Token } from './lexer.ts'
import { parseDuration, parseOffset } from './parse-duration.ts'
import { operatorModifiers } from './parse-modifiers.ts'
import { isReserved, labelList, vectorSelector } from './parse-selector.ts'
import { ParseError } from './position.ts'
import { numberOf, TokenReader } from './token-reader.ts'

const MAX_LENGTH = 262_144
const MAX_DEPTH = 400
/** As far away as leaves room for ranges and offsets among the whole numbers. */
const FAR_MS = 8e15

const NO_FEATURES: ReadonlySet<Feature> = new Set()

/**
 * Parses and type-checks one expression; of what is experimental only what `features` name, as in Prometheus. Throws
 * `ParseError`.
 */
export function parse(text: string, features: ReadonlySet<Feature> = NO_FEATURES): Expr {
  if (text.length > MAX_LENGTH) {
    throw new ParseError(
      text.slice(0, 1),
      { start: 0, end: 1 },
      `the expression has ${text.length} characters, ${MAX_LENGTH} are allowed; split it with recording rules`,
    )
  }
  const parser = new Parser(text)
  const expr = parser.whole()
  checkFeatures(text, expr, features)
  check(text, expr)
  return expr
}

/** The matchers of a selector such as `up{job="shop"}`, as `match[]` takes it. Throws `ParseError`. */
export function parseSelector(text: string): readonly Matcher[] {
  const expr = parse(text)
  if (expr.kind !== 'vector-selector' || expr.offset !== undefined || expr.at !== undefined)
    throw new ParseError(text, expr.span, 'a plain series selector is needed; write one as in up{job="shop"}')
  return expr.matchers
}

const PRECEDENCE: Readonly<Record<BinaryOp, number>> = {
  or: 1,
  and: 2,
  unless: 2,
  '==': 3,
  '!=': 3,
  '<=': 3,
  '<': 3,
  '>=': 3,
  '>': 3,
  '</': 3,
  '>/': 3,
  '+': 4,
  '-': 4,
  '*': 5,
  '/': 5,
  '%': 5,
  atan2: 5,
  '^': 6,
}

class Parser {
  readonly #in: TokenReader
  #depth = 0

  constructor(text: string) {
    this.#in = new TokenReader(text)
  }

  whole(): Expr {
    if (this.#in.isEnd())
      throw this.#in.error(this.#in.peek.span, 'no expression found in input; write one, as in up == 0')
    const expr = this.#binary(1)
    if (!this.#in.isEnd()) throw this.#in.unexpected('an operator or the end')
    return expr
  }

  #nested<T>(inner: () => T): T {
    if (++this.#depth > MAX_DEPTH) throw this.#tooDeep()
    const result = inner()
    this.#depth--
    return result
  }

  #tooDeep(): ParseError {
    return this.#in.error(
      this.#in.peek.span,
      `nested deeper than ${MAX_DEPTH} levels; split the expression with recording rules`,
    )
  }

  /** Operators of at least this precedence. `^` groups to the right, all others to the left. */
  #binary(precedence: number): Expr {
    return this.#nested(() => {
      let left = this.#unary()
      // Each turn makes the tree one deeper on its left side: counted, so that a long chain is bounded as well.
      for (let turns = 0; ; turns++) {
        const op = this.#peekOperator()
        if (op === undefined || PRECEDENCE[op] < precedence) return left
        if (turns + this.#depth > MAX_DEPTH) throw this.#tooDeep()
        const opSpan = this.#in.next().span
        const modifiers = operatorModifiers(this.#in, op, opSpan)
        const right = this.#binary(op === '^' ? PRECEDENCE[op] : PRECEDENCE[op] + 1)
        const span = { start: left.span.start, end: right.span.end }
        const isIdle = says(modifiers.matching) && (typeOf(left) === 'scalar' || typeOf(right) === 'scalar')
        left = { kind: 'binary', op, left, right, span, ...(isIdle ? { bool: modifiers.bool } : modifiers) }
      }
    })
  }

  #peekOperator(): BinaryOp | undefined {
    const token = this.#in.peek
    if (token.type === 'punct') return Object.hasOwn(PRECEDENCE, token.text) ? (token.text as BinaryOp) : undefined
    if (token.type !== 'word') return undefined
    const word = token.text.toLowerCase()
    return Object.hasOwn(PRECEDENCE, word) ? (word as BinaryOp) : undefined
  }

  #unary(): Expr {
    if (!this.#in.isPunct('-') && !this.#in.isPunct('+')) return this.#postfix()
    const sign = this.#in.next()
    // A sign binds like `*`, so that -2^2 is -(2^2) and -a*b is (-a)*b.
    const expr = this.#binary(PRECEDENCE['^'])
    const span = { start: sign.span.start, end: expr.span.end }
    const op = this.#in.textOf(sign.span) === '-' ? '-' : '+'
    if (expr.kind === 'number') return { ...expr, value: op === '-' ? -expr.value : expr.value, span }
    return { kind: 'unary', op, expr, span }
  }

  /** A primary expression with its ranges, offsets and `@`. */
  #postfix(): Expr {
    let expr = this.#primary()
    for (let turns = 0; ; turns++) {
      if (turns > MAX_DEPTH) throw this.#tooDeep()
      if (this.#in.isPunct('[')) expr = this.#range(expr)
      else if (this.#in.isWord('offset')) expr = this.#offset(expr)
      else if (this.#in.isPunct('@')) expr = this.#at(expr)
      else if (this.#in.isWord('anchored') || this.#in.isWord('smoothed')) expr = this.#extension(expr)
      else return expr
    }
  }

  #range(expr: Expr): Expr {
    const open = this.#in.next()
    const range = parseDuration(this.#in)
    if (this.#in.isPunct(':')) {
      this.#in.next()
      const step = this.#in.isPunct(']') ? undefined : parseDuration(this.#in)
      const close = this.#in.expect(']', { in: 'subquery selector', expected: '"]"' })
      const span = { start: expr.span.start, end: close.span.end }
      return { kind: 'subquery', expr, range, span, ...(step === undefined ? {} : { step }) }
    }
    const close = this.#in.expect(']', { in: 'subquery or range', expected: '":" or "]"' })
    const span = { start: expr.span.start, end: close.span.end }
    const brackets = { start: open.span.start, end: close.span.end }
    if (expr.kind !== 'vector-selector')
      throw this.#in.error(brackets, 'ranges only allowed for vector selectors; write [5m:] for a subquery')
    // As in Prometheus, which sees but these: an offset that is calculated, or start(), may stand in front as well.
    if ((literalOf(expr.offset)?.value ?? 0) !== 0)
      throw this.#in.error(brackets, 'no offset modifiers allowed before range; write x[5m] offset 1h')
    if (expr.at?.kind === 'time') throw this.#in.error(brackets, 'no @ modifiers allowed before range; write x[5m] @ 0')
    return { kind: 'matrix-selector', selector: expr, range, span }
  }

  #offset(expr: Expr): Expr {
    this.#in.next()
    const offset = parseOffset(this.#in)
    return this.#modified(expr, 'offset', (node) => {
      if (node.offset !== undefined && literalOf(node.offset)?.value !== 0)
        throw this.#in.error(expr.span, 'offset may not be set multiple times; remove one of them')
      return { ...node, offset }
    })
  }

  #at(expr: Expr): Expr {
    this.#in.next()
    const at = this.#instant(expr)
    return this.#modified(expr, '@', (node) => {
      if (node.at !== undefined)
        throw this.#in.error(expr.span, '@ <timestamp> may not be set multiple times; remove one of them')
      return { ...node, at }
    })
  }

  #instant(of: Expr): AtModifier {
    const word = this.#in.peek
    const name = word.type === 'word' ? word.text.toLowerCase() : ''
    if (name === 'start' || name === 'end') {
      this.#in.next()
      this.#in.expect('(')
      this.#in.expect(')')
      return { kind: name }
    }
    const seconds = this.#in.signedNumber({ in: '@', expected: 'timestamp' })
    if (!(Math.abs(seconds) < 2 ** 63)) {
      const shown = Number.isFinite(seconds) ? `${BigInt(seconds)}.000000` : goFloat(seconds)
      throw this.#in.error(of.span, `timestamp out of bounds for @ modifier: ${shown}; write Unix seconds`)
    }
    // Beyond what anything is stored at one moment is like another.
    return { kind: 'time', ms: Math.round(Math.max(-FAR_MS, Math.min(FAR_MS, seconds * 1000))) }
  }

  #extension(expr: Expr): Expr {
    const word = this.#in.next()
    const extension = this.#in.textOf(word.span).toLowerCase() === 'anchored' ? 'anchored' : 'smoothed'
    if (expr.kind !== 'vector-selector' && expr.kind !== 'matrix-selector' && expr.kind !== 'subquery')
      throw this.#in.error(expr.span, `${extension} modifier not implemented; move it behind the selector`)
    return this.#modified(expr, extension, (node) => {
      if (node.kind === 'subquery')
        throw this.#in.error(expr.span, `${extension} modifier is not supported for subqueries; remove it`)
      if (node.extension !== undefined && node.extension !== extension)
        throw this.#in.error(expr.span, 'anchored and smoothed modifiers cannot be used together; keep one of them')
      return { ...node, extension }
    })
  }

  /** Applies a modifier to the selector or subquery it belongs to, and widens its span. */
  #modified<T extends VectorSelector | Extract<Expr, { kind: 'subquery' }>>(
    expr: Expr,
    what: string,
    change: (node: VectorSelector | Extract<Expr, { kind: 'subquery' }>) => VectorSelector | T,
  ): Expr {
    const span = { start: expr.span.start, end: this.#in.lastEnd }
    if (expr.kind === 'matrix-selector') return { ...expr, selector: change(expr.selector) as VectorSelector, span }
    if (expr.kind === 'vector-selector' || expr.kind === 'subquery') return { ...change(expr), span }
    throw this.#in.error(
      expr.span,
      `${what} modifier must be preceded by an instant vector selector or range vector selector or a subquery; move it behind the selector`,
    )
  }

  #primary(): Expr {
    const token = this.#in.peek
    switch (token.type) {
      case 'number':
        this.#in.next()
        return { kind: 'number', value: token.value, duration: token.duration, span: token.span }
      case 'string':
        this.#in.next()
        return { kind: 'string', value: token.value, span: token.span }
      case 'word':
        return this.#word(token)
      case 'punct':
        if (token.text === '(') return this.#paren()
        if (token.text === '{') return vectorSelector(this.#in, '', token.span)
        throw this.#in.unexpected('an expression')
      default:
        throw this.#in.unexpected('an expression')
    }
  }

  #paren(): Expr {
    const open = this.#in.next()
    const expr = this.#binary(1)
    const close = this.#in.expect(')')
    return { kind: 'paren', expr, span: { start: open.span.start, end: close.span.end } }
  }

  #word(token: Extract<Token, { type: 'word' }>): Expr {
    const lower = token.text.toLowerCase()
    if (isAggregator(lower) && (this.#in.isPunct('(', 1) || this.#in.isWord('by', 1) || this.#in.isWord('without', 1)))
      return this.#aggregate(lower)
    const value = numberOf(token)
    this.#in.next()
    if (value !== undefined) return { kind: 'number', value, duration: false, span: token.span }
    if (this.#in.isPunct('(')) return this.#call(token)
    if (isReserved(lower))
      throw this.#in.error(
        token.span,
        `unexpected ${lower === 'atan2' ? '<op:' : '<'}${token.text}>, which is no metric; write {"${token.text}"} when it is the name of one`,
      )
    return vectorSelector(this.#in, token.text, token.span)
  }

  #call(name: Extract<Token, { type: 'word' }>): Expr {
    const args = this.#arguments()
    return { kind: 'call', name: name.text, args, span: { start: name.span.start, end: this.#in.lastEnd } }
  }

  #arguments(): readonly Expr[] {
    this.#in.expect('(')
    const args: Expr[] = []
    while (!this.#in.isPunct(')')) {
      args.push(this.#binary(1))
      if (!this.#in.isPunct(',')) break
      const comma = this.#in.next()
      if (this.#in.isPunct(')'))
        throw this.#in.error(comma.span, 'trailing commas not allowed in function call args; remove it')
    }
    this.#in.expect(')')
    return args
  }

  #aggregate(op: Aggregator): Expr {
    const word = this.#in.next()
    let clause = this.#groupingClause()
    const args = this.#arguments()
    const argsEnd = this.#in.lastEnd
    if (clause === undefined) clause = this.#groupingClause()
    else if (this.#in.isWord('by') || this.#in.isWord('without'))
      throw this.#in.error(this.#in.peek.span, 'grouping is given twice; keep one by or without')
    const wanted = AGGREGATOR_PARAMS[op] === undefined ? 1 : 2
    const span = { start: word.span.start, end: this.#in.lastEnd }
    if (args.length !== wanted) {
      const usage = wanted === 1 ? `${op}(v)` : `${op}(${op === 'count_values' ? '"label"' : 'k'}, v)`
      const fault =
        args.length === 0
          ? 'no arguments for aggregate expression provided'
          : `wrong number of arguments for aggregate expression provided, expected ${wanted}, got ${args.length}`
      throw this.#in.error({ start: word.span.start, end: argsEnd }, `${fault}; write ${usage}`)
    }
    return {
      kind: 'aggregate',
      op,
      expr: args[wanted - 1]!,
      without: clause?.without ?? false,
      grouping: clause?.labels ?? [],
      span,
      ...(wanted === 2 ? { param: args[0]! } : {}),
    }
  }

  #groupingClause(): { readonly without: boolean; readonly labels: readonly string[] } | undefined {
    if (!this.#in.isWord('by') && !this.#in.isWord('without')) return undefined
    const without = this.#in.isWord('without')
    this.#in.next()
    return { without, labels: labelList(this.#in) }
  }
}

/** Whether a matching names nothing that a scalar could not have: beside one it is passed over, as in Prometheus. */
function says(matching: Matching | undefined): boolean {
  return matching?.labels.length === 0 && matching.fillLeft === undefined && matching.fillRight === undefined
}

function isAggregator(word: string): word is Aggregator {
  return (AGGREGATORS as readonly string[]).includes(word)
}
