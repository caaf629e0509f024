/**
 * Aggregations that pick samples of a group and keep them as they are: topk, bottomk, limitk, limit_ratio.
 *
 * - topk and bottomk look at floats alone, and say so when they pass over histograms; the others take either.
 */
import { type Aggregate, unwrap } from '../ast.ts'
import { goFloat } from '../go-float.ts'
import { groupsOf, noteIgnored, outside } from './aggregate.ts'
import { ABSENT, type Column, FLOAT, type Frame, isBlank, type Vector } from './column.ts'
import type { Context } from './context.ts'
import { type Less, push, replaceTop, sortDown } from './go-heap.ts'
import { hashFraction } from './label-hash.ts'

/** The places of those that are picked, in the order of an instant query's answer. */
type Pick = (inputs: readonly Column[], step: number, param: number) => readonly number[]

/** In an instant query the samples of topk and bottomk come in order of value, group by group. */
export async function pick(
  node: Aggregate,
  params: Float64Array,
  vector: Vector,
  frame: Frame,
  context: Context,
): Promise<Vector> {
  const limits = checked(node, params, context)
  if (limits === undefined) return { type: 'vector', columns: [] }
  const choose = chooserOf(node, vector.columns.length)
  const picked: Column[] = []
  for (const { members } of groupsOf(node, vector)) {
    const inputs = members.map((i) => vector.columns[i]!)
    context.charge(inputs.length * frame.count, node.span)
    const kinds = inputs.map(() => new Uint8Array(frame.count))
    let order: readonly number[] = []
    for (let step = 0; step < frame.count; step++) {
      order = choose(inputs, step, limits[step]!)
      for (const i of order) kinds[i]![step] = inputs[i]!.kinds[step]!
      if (context.spend(inputs.length)) await context.breathe()
    }
    if (node.op === 'topk' || node.op === 'bottomk') noteIgnored(node, inputs, context)
    const outputs = inputs.map((input, i) => ({ ...input, kinds: kinds[i]! }))
    const inOrder = frame.count === 1 ? order.map((i) => outputs[i]!) : outputs
    picked.push(...inOrder.filter((column) => !isBlank(column)))
  }
  return { type: 'vector', columns: picked }
}

/** The parameter as it counts at each step: whole for `k`, within [-1, 1] for a ratio. `undefined`: nothing is ever picked. */
function checked(node: Aggregate, params: Float64Array, context: Context): Float64Array | undefined {
  const { span } = unwrap(node.param!)
  const hasNan = params.some(Number.isNaN)
  if (node.op === 'limit_ratio') {
    if (!hasNan && params.every((ratio) => ratio === 0)) return undefined
    if (hasNan) throw context.fail(span, 'Ratio value is NaN; write one between -1 and 1')
    for (const ratio of outside(params, -1, 1))
      context.annotations.warn(
        span,
        `ratio value should be between -1 and 1, got ${goFloat(ratio)}, capping to ${Math.sign(ratio)}`,
      )
    return params.map((ratio) => Math.max(-1, Math.min(1, ratio)))
  }
  if (!hasNan && params.every((k) => k < 1)) return undefined
  if (hasNan) throw context.fail(span, 'Parameter value is NaN; write a number of series')
  const [least, most] = extremes(params)
  if (least <= -(2 ** 63))
    throw context.fail(span, `Scalar value ${goFloat(least)} underflows int64; write a number of series`)
  // The largest double below 2^63 counts as too large, as in Prometheus.
  if (most >= 2 ** 63 - 1024)
    throw context.fail(span, `Scalar value ${goFloat(most)} overflows int64; write a number of series`)
  return params.map(Math.trunc)
}

function extremes(values: Float64Array): readonly [number, number] {
  return [values.reduce((a, b) => Math.min(a, b), Infinity), values.reduce((a, b) => Math.max(a, b), -Infinity)]
}

function chooserOf({ op }: Aggregate, series: number): Pick {
  switch (op) {
    case 'topk':
      return (inputs, step, k) => best(inputs, step, Math.min(k, series), false)
    case 'bottomk':
      return (inputs, step, k) => best(inputs, step, Math.min(k, series), true)
    case 'limitk':
      return (inputs, step, k) => first(inputs, step, Math.min(k, series))
    default:
      return byRatio()
  }
}

/** The k largest, or the k smallest. NaN is the first to go, whichever way the others stand. */
function best(inputs: readonly Column[], step: number, k: number, smallest: boolean): readonly number[] {
  if (k < 1) return []
  const at = (i: number) => inputs[i]!.values[step]!
  const less: Less = smallest
    ? (i, j) => Number.isNaN(at(i)) || at(i) > at(j)
    : (i, j) => Number.isNaN(at(i)) || at(i) < at(j)
  const heap: number[] = []
  // What stands on top, and goes first. Nearly all samples are compared with it alone.
  let worst = Number.NaN
  for (let i = 0; i < inputs.length; i++) {
    const { kinds, values } = inputs[i]!
    if (kinds[step] !== FLOAT) continue
    const value = values[step]!
    if (heap.length < k) push(heap, i, less)
    else if ((smallest ? worst > value : worst < value) || (Number.isNaN(worst) && !Number.isNaN(value)))
      replaceTop(heap, i, less)
    else continue
    worst = at(heap[0]!)
  }
  sortDown(heap, less)
  return heap
}

/** The first k, in the order in which a heap of their values holds them; a histogram's value counts as 0. */
function first(inputs: readonly Column[], step: number, k: number): readonly number[] {
  const less = byValue(inputs, step)
  const heap: number[] = []
  for (let i = 0; i < inputs.length && heap.length < k; i++) if (inputs[i]!.kinds[step] !== ABSENT) push(heap, i, less)
  return heap
}

function byValue(inputs: readonly Column[], step: number): Less {
  const at = (i: number) => (inputs[i]!.kinds[step] === FLOAT ? inputs[i]!.values[step]! : 0)
  return (i, j) => Number.isNaN(at(i)) || at(i) < at(j)
}

/** A series is in by a hash of its labels, so that it is always the same ones, and r and r - 1 complement each other. */
function byRatio(): Pick {
  const places = new WeakMap<Column, number>()
  const placeOf = (column: Column): number => {
    const known = places.get(column)
    if (known !== undefined) return known
    const place = hashFraction(column.labels)
    places.set(column, place)
    return place
  }
  return (inputs, step, ratio) => {
    if (ratio === 0) return []
    const less = byValue(inputs, step)
    const heap: number[] = []
    for (let i = 0; i < inputs.length; i++) {
      if (inputs[i]!.kinds[step] === ABSENT) continue
      const place = placeOf(inputs[i]!)
      if (ratio >= 0 ? place < ratio : place >= 1 + ratio) push(heap, i, less)
    }
    return heap
  }
}
