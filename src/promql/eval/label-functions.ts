/**
 * label_replace, label_join, the sorts, and the labels of absent().
 */
import { compileGroups, Labels, METRIC_NAME } from '#core'
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
    const labels = match === null ? column.labels : column.labels.with(dst, expand(replacement, match))
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

/** Go's templates: `$1`, `${1}`, `$name`, `$$`. What is not there expands to nothing. */
function expand(template: string, match: RegExpExecArray): string {
  return template.replace(/\$(?:\$|\{(\w+)\}|(\w+))/g, (whole, braced?: string, plain?: string) => {
    const name = braced ?? plain
    if (name === undefined) return whole === '$$' ? '$' : whole
    if (/^\d+$/.test(name)) return match[Number(name)] ?? ''
    return match.groups?.[name] ?? ''
  })
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

/** By the values of the labels in natural order, then by all labels. */
export function sortByLabels(vector: Vector, names: readonly string[], descending: boolean): Vector {
  const sign = descending ? -1 : 1
  const compare = (x: Column, y: Column): number => {
    for (const name of names) {
      const order = compareNatural(x.labels.get(name), y.labels.get(name))
      if (order !== 0) return sign * order
    }
    return sign * compareLabels(x.labels, y.labels)
  }
  return { type: 'vector', columns: [...vector.columns].sort(compare) }
}

/** Runs of digits compare as numbers: `a2` before `a10`. */
export function compareNatural(a: string, b: string): number {
  const x = a.match(/\d+|\D+/g) ?? []
  const y = b.match(/\d+|\D+/g) ?? []
  for (let i = 0; i < Math.min(x.length, y.length); i++) {
    const p = x[i]!
    const q = y[i]!
    if (p === q) continue
    const numbers = /^\d/.test(p) && /^\d/.test(q)
    if (numbers && Number(p) !== Number(q)) return Number(p) - Number(q)
    return p < q ? -1 : 1
  }
  return x.length - y.length
}
