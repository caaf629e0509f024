/**
 * The functions that alert templates call: Go's own and Prometheus'.
 * A wrong argument throws; the caller turns it into the text that Prometheus shows.
 */
import { type Labels, replaceAllRegex, searchRegex, tryParseDuration, tryParseValue, type UnixMs } from '#core'
import { formatExponent, formatFixed, formatFloat, formatGeneral } from './format.ts'

/** What a template computes with. A `bigint` is Go's int, a `number` its float64. */
export type Value = string | number | bigint | boolean | undefined | Sample | readonly Value[] | ValueMap
export type Sample = { readonly Labels: ValueMap; readonly Value: number }
export type ValueMap = ReadonlyMap<string, Value>

export type FunctionDeps = {
  readonly externalUrl: string
  readonly at: UnixMs
  /** The instant query behind `query`. */
  readonly query: (promql: string) => Promise<readonly Sample[]>
}
export type TemplateFunction = (args: readonly Value[], deps: FunctionDeps) => Value | Promise<Value>

export function labelMap(labels: Labels): ValueMap {
  return new Map(labels)
}

const text = (value: Value): string => {
  if (typeof value !== 'string') throw new TypeError(`expected string; found ${printed(value)}`)
  return value
}

function numberOf(value: Value): number {
  const parsed =
    typeof value === 'number'
      ? value
      : typeof value === 'bigint'
        ? Number(value)
        : tryParseValue(typeof value === 'string' ? value : '')
  if (parsed === undefined) throw new TypeError(`can't convert ${JSON.stringify(printed(value))} to float`)
  return parsed
}

const isSample = (value: Value): value is Sample =>
  typeof value === 'object' && !Array.isArray(value) && !(value instanceof Map) && 'Value' in value

function sampleOf(value: Value): Sample {
  if (!isSample(value)) throw new TypeError(`expected a sample; found ${printed(value)}`)
  return value
}

function listOf(value: Value): readonly Value[] {
  if (!Array.isArray(value)) throw new TypeError(`expected a list; found ${printed(value)}`)
  return value
}

/** As `{{ x }}` prints it. */
export function printed(value: Value): string {
  switch (typeof value) {
    case 'string':
      return value
    case 'number':
      return formatFloat(value)
    case 'bigint':
    case 'boolean':
      return String(value)
    case 'undefined':
      return '<no value>'
    default: {
      if (Array.isArray(value)) return `[${value.map(printed).join(' ')}]`
      if (value instanceof Map) return `map[${[...value].map(([k, v]) => `${k}:${printed(v)}`).join(' ')}]`
      return isSample(value) ? `{${printed(value.Labels)} ${printed(value.Value)}}` : ''
    }
  }
}

/** Go's truth: zero, '', false, nil and empty collections are not. */
export function isTrue(value: Value): boolean {
  if (Array.isArray(value)) return value.length > 0
  if (value instanceof Map) return value.size > 0
  return typeof value === 'object' ? true : Boolean(value)
}

function scaled(value: number, up: readonly string[], base: number): string {
  let rest = value
  let unit = ''
  for (const next of up) {
    if (Math.abs(rest) < base) break
    unit = next
    rest /= base
  }
  return formatGeneral(rest, 4) + unit
}

function small(value: number): { readonly rest: number; readonly unit: string } {
  let rest = value
  let unit = ''
  for (const next of ['m', 'u', 'n', 'p', 'f', 'a', 'z', 'y']) {
    if (Math.abs(rest) >= 1) break
    unit = next
    rest *= 1000
  }
  return { rest, unit }
}

function humanizeDuration(value: number): string {
  if (!Number.isFinite(value)) return formatGeneral(value, 4)
  if (value === 0) return '0s'
  if (Math.abs(value) < 1) {
    const { rest, unit } = small(value)
    return `${formatGeneral(rest, 4)}${unit}s`
  }
  const sign = value < 0 ? '-' : ''
  const whole = Math.floor(Math.abs(value))
  const days = Math.floor(whole / 86400)
  const [hours, minutes, seconds] = [Math.floor(whole / 3600) % 24, Math.floor(whole / 60) % 60, whole % 60]
  if (days > 0) return `${sign}${days}d ${hours}h ${minutes}m ${seconds}s`
  if (hours > 0) return `${sign}${hours}h ${minutes}m ${seconds}s`
  if (minutes > 0) return `${sign}${minutes}m ${seconds}s`
  return `${sign}${formatGeneral(Math.abs(value), 4)}s`
}

function humanizeTimestamp(seconds: number): string {
  if (!Number.isFinite(seconds)) return formatGeneral(seconds, 4)
  const date = new Date(Math.round(seconds * 1000))
  if (Number.isNaN(date.getTime())) throw new RangeError(`${formatFloat(seconds)} is no time`)
  const [day = '', clock = ''] = date.toISOString().replace('Z', '').split('T')
  return `${day} ${clock.replace(/\.?0+$/, (zeros) => (zeros.startsWith('.') ? '' : clock.includes('.') ? '' : zeros))} +0000 UTC`
}

function sprintf(format: string, args: readonly Value[]): string {
  let next = 0
  const out = format.replace(
    /%([-+# 0]*)(\d+)?(?:\.(\d+)?)?([a-zA-Z%])/g,
    (all, flags: string, width: string | undefined, digits: string | undefined, verb: string) => {
      if (verb === '%') return '%'
      if (next >= args.length) return `%!${verb}(MISSING)`
      const precision = all.includes('.') ? Number(digits ?? 0) : undefined
      return padded(formatted(args[next++], verb, precision, flags), flags, Number(width ?? 0))
    },
  )
  return next < args.length
    ? `${out}%!(EXTRA ${args
        .slice(next)
        .map((one) => `${goType(one)}=${printed(one)}`)
        .join(', ')})`
    : out
}

function formatted(value: Value, verb: string, precision: number | undefined, flags: string): string {
  const plus = (out: string) => (flags.includes('+') && !out.startsWith('-') && !out.startsWith('+') ? `+${out}` : out)
  switch (verb) {
    case 'v':
      return printed(value)
    case 's':
      if (typeof value === 'string' || typeof value === 'object') return printed(value).slice(0, precision)
      break
    case 'q':
      if (typeof value === 'string') return JSON.stringify(value)
      break
    case 't':
      if (typeof value === 'boolean') return String(value)
      break
    case 'd':
      if (typeof value === 'bigint') return plus(String(value))
      break
    case 'x':
      if (typeof value === 'bigint') return value.toString(16)
      break
    case 'f':
    case 'F':
      if (typeof value === 'number') return plus(formatFixed(value, precision))
      break
    case 'e':
      if (typeof value === 'number') return plus(formatExponent(value, precision))
      break
    case 'g':
      if (typeof value === 'number') return plus(formatGeneral(value, precision))
      break
  }
  return `%!${verb}(${goType(value)}=${printed(value)})`
}

function padded(out: string, flags: string, width: number): string {
  if (flags.includes('-')) return out.padEnd(width)
  if (flags.includes('0') && /^[+-]?\d/.test(out)) {
    const sign = /^[+-]/.exec(out)?.[0] ?? ''
    return sign + out.slice(sign.length).padStart(width - sign.length, '0')
  }
  return out.padStart(width)
}

function goType(value: Value): string {
  switch (typeof value) {
    case 'number':
      return 'float64'
    case 'bigint':
      return 'int'
    case 'boolean':
      return 'bool'
    default:
      return typeof value
  }
}

/** Negative, zero, positive; throws on kinds that Go does not compare. */
function compare(a: Value, b: Value): number {
  if (typeof a !== typeof b) throw new TypeError(`incompatible types for comparison: ${goType(a)} and ${goType(b)}`)
  if (typeof a === 'string' && typeof b === 'string') return a < b ? -1 : a > b ? 1 : 0
  if (typeof a === 'number' && typeof b === 'number') return a - b
  if (typeof a === 'bigint' && typeof b === 'bigint') return a < b ? -1 : a > b ? 1 : 0
  if (typeof a === 'boolean' && typeof b === 'boolean') return Number(a) - Number(b)
  throw new TypeError(`${printed(a)} can't be compared`)
}

const graphQuery = (promql: Value, tab: number) =>
  `/graph?g0.expr=${encodeURIComponent(text(promql)).replaceAll('%20', '+')}&g0.tab=${tab}`

export const FUNCTIONS: Readonly<Record<string, TemplateFunction>> = {
  // Go's own. `and` and `or` are short-circuited by the caller.
  and: (args) => args.find((one) => !isTrue(one)) ?? args.at(-1),
  or: (args) => args.find(isTrue) ?? args.at(-1),
  not: ([value]) => !isTrue(value),
  eq: ([first, ...rest]) => rest.some((one) => compare(first, one) === 0),
  ne: ([a, b]) => compare(a, b) !== 0,
  lt: ([a, b]) => compare(a, b) < 0,
  le: ([a, b]) => compare(a, b) <= 0,
  gt: ([a, b]) => compare(a, b) > 0,
  ge: ([a, b]) => compare(a, b) >= 0,
  len: ([value]) => {
    if (typeof value === 'string') return BigInt(new TextEncoder().encode(value).length)
    return BigInt(value instanceof Map ? value.size : listOf(value).length)
  },
  index: ([value, ...keys]) =>
    keys.reduce<Value>((inner, key) => {
      if (inner instanceof Map) return inner.get(text(key)) ?? ''
      const list = listOf(inner)
      const i = Number(key)
      if (!(i >= 0 && i < list.length)) throw new RangeError(`index out of range: ${printed(key)}`)
      return list[i]
    }, value),
  print: (args) => args.map(printed).join(' '),
  println: (args) => `${args.map(printed).join(' ')}\n`,
  printf: ([format, ...args]) => sprintf(text(format), args),
  urlquery: (args) => encodeURIComponent(args.map(printed).join('')),
  html: (args) =>
    args
      .map(printed)
      .join('')
      .replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`),
  js: (args) => JSON.stringify(args.map(printed).join('')).slice(1, -1),

  // Queries.
  query: async ([promql], deps) => deps.query(text(promql)),
  first: ([list]) => {
    const found = listOf(list)
    if (found.length === 0) throw new RangeError('first() called on vector with no elements')
    return found[0]
  },
  value: ([sample]) => sampleOf(sample).Value,
  label: ([name, sample]) => sampleOf(sample).Labels.get(text(name)) ?? '',
  strvalue: ([sample]) => sampleOf(sample).Labels.get('__value__') ?? '',
  sortByLabel: ([name, list]) => {
    const by = (sample: Value) => printed(sampleOf(sample).Labels.get(text(name)) ?? '')
    return listOf(list).toSorted((a, b) => (by(a) < by(b) ? -1 : by(a) > by(b) ? 1 : 0))
  },

  // Numbers for people.
  humanize: ([value]) => {
    const number = numberOf(value)
    if (number === 0 || !Number.isFinite(number)) return formatGeneral(number, 4)
    if (Math.abs(number) >= 1) return scaled(number, ['k', 'M', 'G', 'T', 'P', 'E', 'Z', 'Y'], 1000)
    const { rest, unit } = small(number)
    return formatGeneral(rest, 4) + unit
  },
  humanize1024: ([value]) => {
    const number = numberOf(value)
    if (!(Math.abs(number) > 1) || !Number.isFinite(number)) return formatGeneral(number, 4)
    return scaled(number, ['ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei', 'Zi', 'Yi'], 1024)
  },
  humanizePercentage: ([value]) => `${formatGeneral(numberOf(value) * 100, 4)}%`,
  humanizeDuration: ([value]) => humanizeDuration(numberOf(value)),
  humanizeTimestamp: ([value]) => humanizeTimestamp(numberOf(value)),
  toTime: ([value]) => humanizeTimestamp(numberOf(value)),
  now: (_, deps) => deps.at / 1000,
  toDuration: ([value]) => humanizeDuration(numberOf(value)),
  parseDuration: ([value]) => {
    const ms = tryParseDuration(text(value))
    if (ms === undefined) throw new TypeError(`not a valid duration string: ${JSON.stringify(value)}`)
    return ms / 1000
  },

  // Texts.
  toUpper: ([value]) => text(value).toUpperCase(),
  toLower: ([value]) => text(value).toLowerCase(),
  title: ([value]) =>
    text(value).replace(
      /(^|[^\p{L}\p{N}_'])(\p{L})/gu,
      (_, before: string, letter: string) => before + letter.toUpperCase(),
    ),
  match: ([pattern, value]) => searchRegex(text(pattern), text(value)),
  reReplaceAll: ([pattern, replacement, value]) => replaceAllRegex(text(pattern), text(value), text(replacement)),
  stripPort: ([value]) =>
    text(value)
      .replace(/:\d+$/, '')
      .replace(/^\[(.*)\]$/, '$1'),
  stripDomain: ([value]) => {
    const [, host = '', port = ''] = /^(.*?)(:\d+)?$/.exec(text(value)) ?? []
    return (/^[\d.]+$|:/.test(host) ? host : (host.split('.')[0] ?? '')) + port
  },
  safeHtml: ([value]) => text(value),
  graphLink: ([promql]) => graphQuery(promql, 0),
  tableLink: ([promql]) => graphQuery(promql, 1),
  externalURL: (_, deps) => deps.externalUrl,
  pathPrefix: (_, deps) =>
    URL.canParse(deps.externalUrl) ? new URL(deps.externalUrl).pathname.replace(/\/$/, '') : '',
  args: (args) => new Map(args.map((one, i) => [`arg${i}`, one])),
}

/** The names of all functions. */
export const TEMPLATE_FUNCTIONS: readonly string[] = Object.keys(FUNCTIONS)
