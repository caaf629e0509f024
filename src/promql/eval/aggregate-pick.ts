/**
 * Aggregations that pick samples of a group and keep them as they are: topk, bottomk, limitk, limit_ratio.
 */
import type { Labels } from '#core'
import type { Aggregate } from '../ast.ts'
import { groupsOf } from './aggregate.ts'
import { type Column, FLOAT, type Frame, isBlank, type Vector } from './column.ts'
import type { Context } from './context.ts'
import { goNumber } from './quantile.ts'

type Pick = (inputs: readonly Column[], step: number, param: number) => readonly number[]

/** In an instant query the samples of topk and bottomk come in order of value, group by group. */
export async function pick(
  node: Aggregate,
  params: Float64Array,
  vector: Vector,
  frame: Frame,
  context: Context,
): Promise<Vector> {
  const limits = params.map((param) => checked(node, param, context))
  const choose = chooserOf(node)
  const picked: Column[] = []
  for (const { members } of groupsOf(node, vector)) {
    const inputs = members.map((i) => vector.columns[i]!)
    context.charge(inputs.length * frame.count, node.span)
    const kinds = inputs.map(() => new Uint8Array(frame.count))
    let order: readonly number[] = []
    for (let step = 0; step < frame.count; step++) {
      order = choose(inputs, step, limits[step]!)
      for (const i of order) kinds[i]![step] = FLOAT
      if (context.spend(inputs.length)) await context.breathe()
    }
    const outputs = inputs.map((input, i) => ({ ...input, kinds: kinds[i]! }))
    const inOrder = frame.count === 1 ? order.map((i) => outputs[i]!) : outputs
    picked.push(...inOrder.filter((column) => !isBlank(column)))
  }
  return { type: 'vector', columns: picked }
}

/** The parameter as it counts: whole for `k`, within [-1, 1] for a ratio. */
function checked(node: Aggregate, param: number, context: Context): number {
  const span = node.param!.span
  if (node.op !== 'limit_ratio') {
    if (Number.isNaN(param)) throw context.fail(span, 'Parameter value is NaN; write a number of series')
    if (Math.abs(param) >= 2 ** 63)
      throw context.fail(span, `Scalar value ${goNumber(param)} overflows int64; write a number of series`)
    return Math.trunc(param)
  }
  if (Number.isNaN(param)) throw context.fail(span, 'Ratio value is NaN; write one between -1 and 1')
  const capped = Math.max(-1, Math.min(1, param))
  if (capped !== param)
    context.annotations.warn(
      span,
      `ratio value should be between -1 and 1, got ${goNumber(param)}, capping to ${capped}`,
    )
  return capped
}

function chooserOf({ op }: Aggregate): Pick {
  switch (op) {
    case 'topk':
      return (inputs, step, k) => ranked(inputs, step, k, (a, b) => b - a)
    case 'bottomk':
      return (inputs, step, k) => ranked(inputs, step, k, (a, b) => a - b)
    case 'limitk':
      return (inputs, step, k) => present(inputs, step).slice(0, Math.max(0, k))
    default:
      return byRatio()
  }
}

function present(inputs: readonly Column[], step: number): number[] {
  const found: number[] = []
  for (let i = 0; i < inputs.length; i++) if (inputs[i]!.kinds[step] === FLOAT) found.push(i)
  return found
}

/** NaN comes last, whichever way the others go; of equal values the first stays first. */
function ranked(
  inputs: readonly Column[],
  step: number,
  k: number,
  compare: (a: number, b: number) => number,
): readonly number[] {
  if (k < 1) return []
  const order = (i: number, j: number): number => {
    const a = inputs[i]!.values[step]!
    const b = inputs[j]!.values[step]!
    if (Number.isNaN(a) || Number.isNaN(b)) return Number(Number.isNaN(a)) - Number(Number.isNaN(b)) || i - j
    return a === b ? i - j : compare(a, b)
  }
  const found = present(inputs, step)
  return k <= FEW ? firstFew(found, k, order) : found.sort(order).slice(0, k)
}

/** Up to here it is faster to keep the best in order than to sort everything: topk(5, ...) over many series. */
const FEW = 16

/** The first `k` of `all` in order, as sorting would give them. */
export function firstFew(
  all: readonly number[],
  k: number,
  order: (a: number, b: number) => number,
): readonly number[] {
  const best: number[] = []
  for (const one of all) {
    if (best.length === k && order(one, best[k - 1]!) >= 0) continue
    let at = best.length < k ? best.length : k - 1
    while (at > 0 && order(one, best[at - 1]!) < 0) {
      best[at] = best[at - 1]!
      at--
    }
    best[at] = one
  }
  return best
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
  return (inputs, step, ratio) =>
    present(inputs, step).filter((i) => (ratio >= 0 ? placeOf(inputs[i]!) < ratio : placeOf(inputs[i]!) >= 1 + ratio))
}

/** FNV-1a over the labels with a final mix, as a fraction in [0, 1). */
export function hashFraction(labels: Labels): number {
  let hash = 0x811c9dc5
  for (const part of labels.flat) {
    for (let i = 0; i < part.length; i++) hash = Math.imul(hash ^ part.charCodeAt(i), 0x01000193)
    hash = Math.imul(hash ^ 0xff, 0x01000193)
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32
}
