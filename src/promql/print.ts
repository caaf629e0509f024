/**
 * Trees to text, in Prometheus' one-line form. Law: parsing what is printed gives what was printed.
 */
import { byBytes, formatDuration, isLegacyLabel, type Matcher, METRIC_NAME } from '#core'
import {
  type Aggregate,
  type AtModifier,
  type Binary,
  type Duration,
  type Expr,
  literalOf,
  type Subquery,
  type VectorSelector,
} from './ast.ts'
import { decimal } from './decimal.ts'
import { goFloat } from './go-float.ts'
import { isPlainMetricName } from './parse-selector.ts'
import { quote } from './strings.ts'

export function formatExpr(expr: Expr): string {
  switch (expr.kind) {
    case 'number':
      return expr.duration ? seconds(expr.value) : decimal(expr.value)
    case 'string':
      return quote(expr.value)
    case 'vector-selector':
      return `${selector(expr)}${suffix(expr)}`
    case 'matrix-selector': {
      const { extension, ...plain } = expr.selector
      return `${selector(plain)}[${duration(expr.range)}]${extension === undefined ? '' : ` ${extension}`}${suffix(plain)}`
    }
    case 'subquery':
      return `${formatExpr(expr.expr)}${subquerySuffix(expr)}`
    case 'call':
      return `${expr.name}(${expr.args.map(formatExpr).join(', ')})`
    case 'aggregate':
      return `${aggregatorText(expr)}(${expr.param === undefined ? '' : `${formatExpr(expr.param)}, `}${formatExpr(expr.expr)})`
    case 'binary':
      return `${formatExpr(expr.left)} ${operatorText(expr)} ${formatExpr(expr.right)}`
    case 'unary':
      return `${expr.op}${formatExpr(expr.expr)}`
    case 'paren':
      return `(${formatExpr(expr.expr)})`
    default:
      return expr satisfies never
  }
}

/** `sum by (job) `, with the space that Prometheus writes before its parenthesis. */
export function aggregatorText(expr: Aggregate): string {
  return `${expr.op}${grouping(expr)}`
}

/** `== bool on (job)`. */
export function operatorText(expr: Binary): string {
  return `${expr.op}${expr.bool ? ' bool' : ''}${matching(expr)}`
}

/** `[5m:1m] offset 1h`. */
export function subquerySuffix(expr: Subquery): string {
  return `[${duration(expr.range)}:${expr.step === undefined ? '' : duration(expr.step)}]${suffix(expr)}`
}

function grouping({ without, grouping: names }: Aggregate): string {
  if (without) return ` without (${labels(names)}) `
  return names.length > 0 ? ` by (${labels(names)}) ` : ''
}

function matching({ matching: how }: Binary): string {
  if (how === undefined) return ''
  const { card, on, include, fillLeft, fillRight } = how
  const grouped = card === 'many-to-one' || card === 'one-to-many'
  let text = ''
  if (how.labels.length > 0 || on || grouped) text += ` ${on ? 'on' : 'ignoring'} (${labels(how.labels)})`
  if (grouped) text += ` group_${card === 'many-to-one' ? 'left' : 'right'} (${labels(include)})`
  const isSame = fillLeft === fillRight && Object.is(fillLeft, fillRight)
  if (fillLeft !== undefined && isSame) return `${text} fill (${goFloat(fillLeft)})`
  if (fillLeft !== undefined) text += ` fill_left (${goFloat(fillLeft)})`
  if (fillRight !== undefined) text += ` fill_right (${goFloat(fillRight)})`
  return text
}

function labels(names: readonly string[]): string {
  // A label called inf or nan would be read back as a number.
  return names.map((name) => (isLegacyLabel(name) && !/^(inf|nan)$/i.test(name) ? name : quote(name))).join(', ')
}

/** A name that stands in front of the braces only in quotes is printed as the matcher it is. */
function selector({ name, matchers }: VectorSelector): string {
  const front = isPlainMetricName(name) ? name : ''
  let named = front === ''
  const rest = matchers.filter((one) => {
    const isName = !named && one.name === METRIC_NAME && one.op === '=' && one.value === front
    named ||= isName
    return !isName
  })
  const parts = rest.map(matcherText).sort(byBytes)
  return `${front}${parts.length > 0 ? `{${parts.join(',')}}` : ''}`
}

function matcherText({ name, op, value }: Matcher): string {
  return `${isLegacyLabel(name) ? name : quote(name)}${op}${quote(value)}`
}

function suffix(node: {
  readonly at?: AtModifier
  readonly offset?: Duration
  readonly extension?: 'anchored' | 'smoothed'
}): string {
  const at =
    node.at === undefined
      ? ''
      : node.at.kind === 'time'
        ? ` @ ${(node.at.ms / 1000).toFixed(3)}`
        : ` @ ${node.at.kind}()`
  const extension = node.extension === undefined ? '' : ` ${node.extension}`
  const none = node.offset === undefined || literalOf(node.offset)?.value === 0
  return `${at}${extension}${none ? '' : ` offset ${duration(node.offset!)}`}`
}

/** A plain number is printed with units; within a calculation it stays as it was written. */
function duration(node: Duration): string {
  const literal = literalOf(node)
  return literal === undefined ? calculation(node) : seconds(literal.value)
}

function calculation(node: Duration): string {
  const literal = literalOf(node)
  if (literal !== undefined) return literal.duration ? seconds(literal.value) : decimal(literal.value)
  switch (node.kind) {
    case 'seconds':
      throw new TypeError('BUG: a number of seconds that is no literal')
    case 'sign':
      return `${node.op === '-' ? '-' : ''}${calculation(node.of)}`
    case 'arithmetic':
      return `${node.op === '^' ? base(node.left) : calculation(node.left)} ${node.op} ${calculation(node.right)}`
    case 'step':
    case 'range':
      return `${node.kind}()`
    case 'min_of':
    case 'max_of':
      return `${node.kind}(${calculation(node.left)}, ${calculation(node.right)})`
    case 'wrapped':
      return `(${calculation(node.of)})`
    default:
      return node satisfies never
  }
}

/** Below `^` a sign needs its parentheses, which Prometheus leaves out: -1 ^ 2 is another number. */
function base(node: Duration): string {
  const text = calculation(node)
  return text.startsWith('-') && literalOf(node) !== undefined ? `(${text})` : text
}

/** A duration when it is one in whole milliseconds, else the number of seconds: both read back the same. */
function seconds(value: number): string {
  const ms = Math.abs(value) * 1000
  const whole = Math.round(ms)
  if (!Number.isSafeInteger(whole) || whole / 1000 !== Math.abs(value)) return decimal(value)
  return `${value < 0 ? '-' : ''}${formatDuration(whole)}`
}
