/**
 * A cursor over tokens with the few questions a parser asks, and errors that say where.
 */
import { type Token, tokenize } from './lexer.ts'
import { ParseError, type Span, shown } from './position.ts'

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

  expect(punct: string): Token {
    if (!this.isPunct(punct)) throw this.unexpected(JSON.stringify(punct).slice(1, -1))
    return this.next()
  }

  /** A number with an optional sign. */
  signedNumber(): number {
    const sign = this.isPunct('-') ? -1 : 1
    if (this.isPunct('-') || this.isPunct('+')) this.next()
    const token = this.peek
    const value = numberOf(token)
    if (value === undefined) throw this.unexpected('a number')
    this.next()
    return sign * value
  }

  textOf(span: Span): string {
    return this.text.slice(span.start, span.end)
  }

  error(span: Span, what: string): ParseError {
    return new ParseError(this.text, span, what)
  }

  /** What stands here is not what may stand here. */
  unexpected(wanted: string): ParseError {
    const token = this.peek
    const found = token.type === 'end' ? 'the end' : shown(this.textOf(token.span))
    return this.error(token.span, `unexpected ${found}; write ${wanted} here`)
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
