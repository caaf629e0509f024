/**
 * label_replace, label_join, the sorts, and the labels of absent().
 */
import { byBytes, compileGroups, expandMatch, Labels, METRIC_NAME } from '#core'
import { compareLabels } from '#storage'
import type { Call, Expr } from '../ast.ts'
import { unwrap } from '../ast.ts'
import { quote } from '../strings.ts'
import { type Column, FLOAT, type Frame, type Vector } from './column.ts'
import type { Context } from './context.ts'
import { Gather } from './gather.ts'

/** The texts of string arguments. */
export function texts(args: readonly Expr[]): readonly string[] {
  return args.map((arg) => {
    const inner = unwrap(arg)
    if (inner.kind !== 'string') throw new TypeError(`BUG: a string was checked for, found ${inner.kind}`)
    return inner.value
  })
}

export function labelReplace(call: Call, vector: Vector, frame: Frame, context: Context): Vector {
  const [dst, replacement, src, pattern] = texts(call.args.slice(1)) as [string, string, string, string]
  const groupsOf = anchored(pattern, call.args[4]!, context)
  checkLabel(dst, 'destination', call, 1, context)
  const gather = new Gather(frame.count, context, call.span)
  for (const column of vector.columns) {
    const match = groupsOf(column.labels.get(src))
    const labels = match === null ? column.labels : column.labels.with(dst, expandMatch(replacement, match))
    gather.add(column, labels, match !== null && dst === METRIC_NAME ? false : column.dropName)
  }
  return gather.vector
}

export function labelJoin(call: Call, vector: Vector, frame: Frame, context: Context): Vector {
  const [dst, separator, ...sources] = texts(call.args.slice(1)) as [string, string, ...string[]]
  for (const [i, source] of sources.entries()) checkLabel(source, 'source', call, i + 3, context)
  checkLabel(dst, 'destination', call, 1, context)
  const gather = new Gather(frame.count, context, call.span)
  for (const column of vector.columns) {
    const value = sources.map((source) => column.labels.get(source)).join(separator)
    gather.add(column, column.labels.with(dst, value), dst === METRIC_NAME ? false : column.dropName)
  }
  return gather.vector
}

function checkLabel(name: string, what: 'source' | 'destination', call: Call, arg: number, context: Context): void {
  if (name === '' || !name.isWellFormed())
    throw context.fail(
      call.args[arg]!.span,
      `invalid ${what} label name in ${call.name}(): ${quote(name).slice(1, -1)}; write a name such as "instance"`,
    )
}

function anchored(pattern: string, arg: Expr, context: Context): (value: string) => RegExpExecArray | null {
  try {
    return compileGroups(pattern)
  } catch {
    throw context.fail(
      arg.span,
      `invalid regular expression in label_replace(): ${pattern}; write an RE2 expression, as in "(.*):.*"`,
    )
  }
}

/** What the matchers of a selector fix: the labels that absent() answers with. */
export function labelsOfAbsent(arg: Expr): Labels {
  const inner = unwrap(arg)
  const selector = inner.kind === 'matrix-selector' ? inner.selector : inner
  if (selector.kind !== 'vector-selector') return Labels.empty
  const fixed = new Map<string, string>()
  const seen = new Set<string>()
  for (const { name, op, value } of selector.matchers) {
    if (name === METRIC_NAME) continue
    // A second matcher of a label takes it out again, as in Prometheus; so does one that is no equality.
    if (op === '=' && !seen.has(name)) {
      fixed.set(name, value)
      seen.add(name)
    } else fixed.delete(name)
  }
  return Labels.fromPairs(fixed)
}

/** By value at the only step; NaN last. */
export function sortByValue(vector: Vector, descending: boolean): Vector {
  const columns = vector.columns.filter(({ kinds }) => kinds[0] === FLOAT)
  columns.sort((x, y) => {
    const a = x.values[0]!
    const b = y.values[0]!
    if (Number.isNaN(a) || Number.isNaN(b)) return Number(Number.isNaN(a)) - Number(Number.isNaN(b))
    return descending ? b - a : a - b
  })
  return { type: 'vector', columns }
}

/**
 * By the values of the labels in natural order, then by all labels.
 *
 * Where natural order contradicts itself, as between a value and none at all or between `1` and `01`, what comes out depends on
 * how it is sorted: up to 12 series by insertion, as Go does. More are sorted by an order without contradictions.
 */
export function sortByLabels(vector: Vector, names: readonly string[], descending: boolean): Vector {
  const sign = descending ? 1 : -1
  const compare = (x: Column, y: Column): number => {
    for (const name of names) {
      const [a, b] = [x.labels.get(name), y.labels.get(name)]
      if (a !== b) return precedes(a, b) ? sign : -sign
    }
    return -sign * compareLabels(x.labels, y.labels)
  }
  const columns = [...vector.columns]
  const precedes = columns.length > INSERTED ? precedesOrderly : precedesNaturally
  if (columns.length > INSERTED) columns.sort(compare)
  else
    for (let i = 1; i < columns.length; i++)
      for (let j = i; j > 0 && compare(columns[j]!, columns[j - 1]!) < 0; j--)
        [columns[j - 1], columns[j]] = [columns[j]!, columns[j - 1]!]
  return { type: 'vector', columns }
}

const INSERTED = 12

/**
 * Runs of digits compare as numbers: `a2` before `a10`. As in Prometheus' library (github.com/facette/natsort) of two values that
 * are alike up to the end of the first, the first precedes, and nothing precedes or follows an empty one.
 */
export function precedesNaturally(a: string, b: string): boolean {
  const x = a.match(CHUNKS) ?? []
  const y = b.match(CHUNKS) ?? []
  for (let i = 0; i < x.length; i++) {
    if (i >= y.length) return false
    const [p, q] = [x[i]!, y[i]!]
    const [m, n] = [wholeOf(p), wholeOf(q)]
    const alike = m !== undefined && n !== undefined ? m === n : p === q
    if (!alike) return m !== undefined && n !== undefined ? m < n : byBytes(p, q) < 0
    if (i === x.length - 1) return true
  }
  return false
}

/** The same where only one precedes the other; else what is empty comes last, and the rest by bytes. */
function precedesOrderly(a: string, b: string): boolean {
  const is = precedesNaturally(a, b)
  if (is !== precedesNaturally(b, a)) return is
  return a === '' || b === '' ? b === '' : byBytes(a, b) < 0
}

const CHUNKS = /[0-9]+|[^0-9]+/g
const MAX_INT64 = 2n ** 63n - 1n

/** What fits 64 bits; beyond that digits are text. */
function wholeOf(text: string): bigint | undefined {
  if (!/^[0-9]/.test(text)) return undefined
  const value = BigInt(text)
  return value <= MAX_INT64 ? value : undefined
}
