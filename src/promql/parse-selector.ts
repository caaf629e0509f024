/**
 * Selectors and lists of labels: `up{job="shop"}`, `{"my.metric"}`, `(a, "b.c")`.
 *
 * - A name in front of the braces, or one quoted string inside them, is the metric's name; it is a matcher like any other.
 *   The node's `name` is the one in front alone, as in Prometheus.
 */
import { isLegacyName, type Matcher, type MatchOp, METRIC_NAME, matcher, messageOf } from '#core'
import type { VectorSelector } from './ast.ts'
import { type ParseError, type Span, shown } from './position.ts'
import { numberOf, type TokenReader } from './token-reader.ts'

const MATCHERS: Readonly<Record<string, MatchOp>> = { '=': '=', '!=': '!=', '=~': '=~', '!~': '!~' }

/** `(a, b, "c.d")`, a comma at the end allowed. */
export function labelList(tokens: TokenReader): readonly string[] {
  tokens.expect('(')
  const labels: string[] = []
  while (!tokens.isPunct(')')) {
    const token = tokens.peek
    const name = token.type === 'word' ? token.text : token.type === 'string' ? token.value : undefined
    if (name === undefined || name === '' || !name.isWellFormed() || (token.type === 'word' && name.includes(':')))
      throw tokens.unexpected('a label name')
    // Inf and NaN are numbers wherever they stand.
    if (numberOf(token) !== undefined) throw tokens.unexpected(`a label name, or "${name}" in quotes,`)
    tokens.next()
    labels.push(name)
    if (!tokens.isPunct(',')) break
    tokens.next()
  }
  tokens.expect(')')
  return labels
}

/** What follows a metric name (taken already, or ''): its matchers, if any. */
export function vectorSelector(tokens: TokenReader, outerName: string, start: Span): VectorSelector {
  let name = outerName
  const matchers: Matcher[] = name === '' ? [] : [matcher(METRIC_NAME, '=', name)]
  if (tokens.isPunct('{')) {
    tokens.next()
    while (!tokens.isPunct('}')) {
      const token = tokens.peek
      if (token.type === 'string' && !tokens.isMatchOperator(1)) {
        tokens.next()
        if (name !== '') throw nameTwice(tokens, token.span, name, token.value)
        name = token.value
        if (name === '' || !name.isWellFormed()) throw tokens.error(token.span, 'bad metric name; write {"name"}')
        matchers.push(matcher(METRIC_NAME, '=', name))
      } else matchers.push(labelMatcher(tokens))
      if (!tokens.isPunct(',')) break
      tokens.next()
    }
    tokens.expect('}')
  }
  const span = { start: start.start, end: tokens.lastEnd }
  const second = name === '' ? undefined : matchers.filter((one) => one.name === METRIC_NAME && one.op === '=')[1]
  if (second !== undefined) throw nameTwice(tokens, span, name, second.value)
  return { kind: 'vector-selector', name: outerName, matchers, span }
}

function nameTwice(tokens: TokenReader, span: Span, first: string, second: string): ParseError {
  return tokens.error(
    span,
    `metric name must not be set twice: ${shown(JSON.stringify(first))} or ${shown(JSON.stringify(second))}; keep one of them`,
  )
}

function labelMatcher(tokens: TokenReader): Matcher {
  const token = tokens.peek
  const name = token.type === 'word' ? token.text : token.type === 'string' ? token.value : undefined
  if (name === undefined) throw tokens.unexpected('a label name')
  if (name === '' || !name.isWellFormed()) throw tokens.error(token.span, 'bad label name; write name="value"')
  tokens.next()
  const op = tokens.peek.type === 'punct' ? MATCHERS[tokens.peek.text] : undefined
  if (op === undefined) throw tokens.unexpected('one of = != =~ !~')
  tokens.next()
  const value = tokens.peek
  if (value.type !== 'string') throw tokens.unexpected('a string in quotes')
  tokens.next()
  try {
    return matcher(name, op, value.value)
  } catch (cause) {
    throw tokens.error(value.span, `${messageOf(cause)}; write an RE2 expression, as in "5.."`)
  }
}

const RESERVED: ReadonlySet<string> = new Set(['on', 'ignoring', 'group_left', 'group_right', 'bool', 'atan2'])

/** Words of operators that Prometheus takes for nothing else, in any case: metrics of these names stand in quotes. */
export function isReserved(word: string): boolean {
  return RESERVED.has(word.toLowerCase())
}

/** True when a metric name needs no quotes: where an operand begins, only these words are something else. */
export function isPlainMetricName(name: string): boolean {
  return isLegacyName(name) && !isReserved(name) && !/^(inf|nan)$/i.test(name)
}
