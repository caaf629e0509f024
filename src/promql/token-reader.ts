/**
 * A cursor over tokens with the few questions a parser asks, and errors that say where.
 */
import { AGGREGATORS, ARITHMETIC_OPS, COMPARISON_OPS, SET_OPS, TRIM_OPS } from './ast.ts'
import { type Token, tokenize } from './lexer.ts'
import { ParseError, type Span, shown } from './position.ts'
import { quote } from './strings.ts'

/** For the message of an error: `in grouping opts, expected label`. */
export type Expected = { readonly in: string; readonly expected: string }

const OPERATORS: ReadonlySet<string> = new Set([
  ...ARITHMETIC_OPS,
  ...COMPARISON_OPS,
  ...SET_OPS,
  ...TRIM_OPS,
  '=~',
  '!~',
  '@',
])
const KEYWORDS: ReadonlySet<string> = new Set(
  'anchored bool by end fill fill_left fill_right group_left group_right ignoring max_of min_of offset on range smoothed start step without'.split(
    ' ',
  ),
)

export class TokenReader {
  readonly text: string
  readonly #tokens: readonly Token[]
  #at = 0

  constructor(text: string) {
    this.text = text
    this.#tokens = tokenize(text)
  }

  get peek(): Token {
    return this.#ahead(0)
  }

  /** Where the last token taken ended. */
  get lastEnd(): number {
    return this.#at === 0 ? 0 : this.#tokens[this.#at - 1]!.span.end
  }

  next(): Token {
    const token = this.peek
    if (this.#at < this.#tokens.length - 1) this.#at++
    return token
  }

  isEnd(): boolean {
    return this.peek.type === 'end'
  }

  isPunct(text: string, ahead = 0): boolean {
    const token = this.#ahead(ahead)
    return token.type === 'punct' && token.text === text
  }

  /** A keyword, in any case. */
  isWord(keyword: string, ahead = 0): boolean {
    const token = this.#ahead(ahead)
    return token.type === 'word' && token.text.toLowerCase() === keyword
  }

  isMatchOperator(ahead = 0): boolean {
    return ['=', '!=', '=~', '!~'].some((op) => this.isPunct(op, ahead))
  }

  /** Whether an operand can begin there: tells `x == bool y` from a metric that is called bool. */
  startsOperand(ahead: number): boolean {
    const token = this.#ahead(ahead)
    return token.type !== 'end' && (token.type !== 'punct' || ['(', '{', '-', '+'].includes(token.text))
  }

  /** `as`: the place and what Prometheus expects there, for the message. */
  expect(punct: string, as?: Expected): Token {
    if (!this.isPunct(punct)) throw this.unexpected(punct, as)
    return this.next()
  }

  /** A number with an optional sign. */
  signedNumber(as?: Expected): number {
    const sign = this.isPunct('-') ? -1 : 1
    if (this.isPunct('-') || this.isPunct('+')) this.next()
    const token = this.peek
    const value = numberOf(token)
    if (value === undefined) throw this.unexpected('a number', as)
    this.next()
    return sign * value
  }

  textOf(span: Span): string {
    return this.text.slice(span.start, span.end)
  }

  error(span: Span, what: string): ParseError {
    return new ParseError(this.text, span, what)
  }

  /** What stands here is not what may stand here: Prometheus' words, and then what may. */
  unexpected(wanted: string, as?: Expected): ParseError {
    const token = this.peek
    if (token.type === 'end' && token.unclosed === '(')
      return this.error(token.span, `unclosed left parenthesis; write ${wanted} here`)
    const where =
      as === undefined || (token.type === 'end' && token.unclosed === '{')
        ? ''
        : ` in ${as.in}, expected ${as.expected}`
    return this.error(token.span, `unexpected ${this.#described(token)}${where}; write ${wanted} here`)
  }

  /** A token as Prometheus calls it: `identifier "up"`, `<op:*>`, `<by>`, `"("`. */
  #described(token: Token): string {
    const text = this.textOf(token.span)
    switch (token.type) {
      case 'end':
        return token.unclosed === '{' ? 'end of input inside braces' : 'end of input'
      case 'string':
        return `string ${shown(quote(text))}`
      case 'number':
        return `${token.duration ? 'duration' : 'number'} ${shown(quote(text))}`
      case 'punct':
        return OPERATORS.has(text) ? `<op:${text}>` : quote(text)
      case 'word': {
        const lower = text.toLowerCase()
        if (numberOf(token) !== undefined) return `number ${quote(text)}`
        if (OPERATORS.has(lower)) return `<op:${text}>`
        if ((AGGREGATORS as readonly string[]).includes(lower)) return `<aggr:${text}>`
        if (KEYWORDS.has(lower)) return `<${text}>`
        return `${text.includes(':') ? 'metric identifier' : 'identifier'} ${shown(quote(text))}`
      }
      default:
        return token satisfies never
    }
  }

  #ahead(count: number): Token {
    return this.#tokens[Math.min(this.#at + count, this.#tokens.length - 1)]!
  }
}

/** Numbers, and the words that are numbers. */
export function numberOf(token: Token): number | undefined {
  if (token.type === 'number') return token.value
  if (token.type !== 'word') return undefined
  const word = token.text.toLowerCase()
  return word === 'inf' ? Infinity : word === 'nan' ? Number.NaN : undefined
}
