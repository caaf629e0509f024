/**
 * Selectors and lists of labels: `up{job="shop"}`, `{"my.metric"}`, `(a, "b.c")`.
 *
 * - A name in front of the braces, or one quoted string inside them, is the metric's name; it is a matcher like any other.
 *   The node's `name` is the one in front alone, as in Prometheus.
 */
import { isLegacyName, type Matcher, type MatchOp, METRIC_NAME, matcher, messageOf } from '#core'
import type { VectorSelector } from './ast.ts'
import { type Span, shown } from './position.ts'
import { quote } from './strings.ts'
import { numberOf, type TokenReader } from './token-reader.ts'

const MATCHERS: Readonly<Record<string, MatchOp>> = { '=': '=', '!=': '!=', '=~': '=~', '!~': '!~' }

const GROUPING = 'grouping opts'
const MATCHING = 'label matching'

/** `(a, b, "c.d")`, a comma at the end allowed. */
export function labelList(tokens: TokenReader): readonly string[] {
  tokens.expect('(', { in: GROUPING, expected: '"("' })
  const labels: string[] = []
  while (!tokens.isPunct(')')) {
    const token = tokens.peek
    const name = token.type === 'word' ? token.text : token.type === 'string' ? token.value : undefined
    const label = { in: GROUPING, expected: 'label' }
    if (name === undefined) throw tokens.unexpected('a label name', label)
    // Inf and NaN are numbers wherever they stand.
    if (numberOf(token) !== undefined) throw tokens.unexpected(`a label name, or "${name}" in quotes,`, label)
    if (name === '' || !name.isWellFormed())
      throw tokens.error(token.span, `invalid label name for grouping: ${quote(name)}; write the name of a label`)
    tokens.next()
    labels.push(name)
    if (!tokens.isPunct(',')) break
    tokens.next()
  }
  tokens.expect(')', { in: GROUPING, expected: '"," or ")"' })
  return labels
}

/** What follows a metric name (taken already, or ''): its matchers, if any. */
export function vectorSelector(tokens: TokenReader, name: string, start: Span): VectorSelector {
  const matchers: Matcher[] = name === '' ? [] : [matcher(METRIC_NAME, '=', name)]
  if (tokens.isPunct('{')) {
    tokens.next()
    while (!tokens.isPunct('}')) {
      const token = tokens.peek
      if (token.type === 'string' && !tokens.isMatchOperator(1)) {
        tokens.next()
        const inner = token.value
        if (!inner.isWellFormed()) throw tokens.error(token.span, 'bad metric name; write {"name"}')
        matchers.push(matcher(METRIC_NAME, '=', inner))
      } else matchers.push(labelMatcher(tokens))
      if (!tokens.isPunct(',')) break
      tokens.next()
    }
    tokens.expect('}', { in: MATCHING, expected: '"," or "}"' })
  }
  const span = { start: start.start, end: tokens.lastEnd }
  // Without a name in front there may be several, as in Prometheus: then nothing has all of them, or patterns narrow one.
  const second = name === '' ? undefined : matchers.filter((one) => one.name === METRIC_NAME)[1]
  if (second !== undefined)
    throw tokens.error(
      span,
      `metric name must not be set twice: ${shown(quote(name))} or ${shown(quote(second.value))}; keep one of them`,
    )
  return { kind: 'vector-selector', name, matchers, span }
}

function labelMatcher(tokens: TokenReader): Matcher {
  const token = tokens.peek
  const name = token.type === 'word' ? token.text : token.type === 'string' ? token.value : undefined
  if (name === undefined) throw tokens.unexpected('a label name', { in: MATCHING, expected: 'identifier or "}"' })
  if (name === '' || !name.isWellFormed()) throw tokens.error(token.span, 'bad label name; write name="value"')
  tokens.next()
  const op = tokens.peek.type === 'punct' ? MATCHERS[tokens.peek.text] : undefined
  if (op === undefined)
    throw tokens.unexpected('one of = != =~ !~', { in: MATCHING, expected: 'label matching operator' })
  tokens.next()
  const value = tokens.peek
  if (value.type !== 'string') throw tokens.unexpected('a string in quotes', { in: MATCHING, expected: 'string' })
  tokens.next()
  try {
    return matcher(name, op, value.value)
  } catch (cause) {
    throw tokens.error(token.span, `${messageOf(cause)}; write an RE2 expression, as in "5.."`)
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
