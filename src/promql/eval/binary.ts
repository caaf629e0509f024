/**
 * Binary operators between scalars and vectors, and between vectors of matching labels.
 *
 * - Matching is resolved once per label set; only the arithmetic runs per step.
 * - What is forbidden (two candidates on the "one" side) is forbidden per step: series that follow each other in time
 *   are no duplicates.
 */
import type { Labels } from '#core'
import type { Binary, Matching } from '../ast.ts'
import { type Compare, type Compute, compareOf, computeOf } from './arithmetic.ts'
import {
  ABSENT,
  blank,
  type Column,
  FLOAT,
  type Frame,
  inBraces,
  isBlank,
  type Scalar,
  type Value,
  type Vector,
  withoutSchema,
} from './column.ts'
import type { Context } from './context.ts'
import { Gather } from './gather.ts'
import { matchLabels } from './grouping.ts'
import { setOperation } from './set-operation.ts'

const ONE_TO_ONE: Matching = { card: 'one-to-one', on: false, labels: [], include: [] }

export async function binary(node: Binary, left: Value, right: Value, frame: Frame, context: Context): Promise<Value> {
  if (left.type === 'string' || right.type === 'string') throw new TypeError('BUG: a string between operators')
  if (node.op === 'and' || node.op === 'or' || node.op === 'unless') {
    if (left.type !== 'vector' || right.type !== 'vector') throw new TypeError('BUG: a set operator on a scalar')
    return setOperation(node.op, node.matching ?? ONE_TO_ONE, left, right, frame.count)
  }
  const compute = computeOf(node.op)
  const compare = compareOf(node.op)
  // Cutting histograms: a float has no buckets, so nothing is left of it.
  if (compute === undefined && compare === undefined) return { type: 'vector', columns: [] }
  if (left.type === 'scalar' && right.type === 'scalar') return scalars(left, right, compute ?? asNumber(compare!))
  if (left.type === 'vector' && right.type === 'vector') return vectors(node, left, right, frame, context)
  const vector = left.type === 'vector' ? left : (right as Vector)
  const scalar = left.type === 'scalar' ? left : (right as Scalar)
  return vectorAndScalar(node, vector, scalar, left.type === 'scalar', context)
}

function asNumber(compare: Compare): Compute {
  return (left, right) => (compare(left, right) ? 1 : 0)
}

function scalars(left: Scalar, right: Scalar, compute: Compute): Scalar {
  const values = new Float64Array(left.values.length)
  for (let i = 0; i < values.length; i++) values[i] = compute(left.values[i]!, right.values[i]!)
  return { type: 'scalar', values }
}

async function vectorAndScalar(
  node: Binary,
  vector: Vector,
  scalar: Scalar,
  swapped: boolean,
  context: Context,
): Promise<Vector> {
  const compute = computeOf(node.op)
  const compare = compareOf(node.op)
  const columns: Column[] = []
  for (const { labels, dropName, values, kinds } of vector.columns) {
    const filters = compare !== undefined && !node.bool
    context.charge(values.length, node.span)
    const out = blank(labels, dropName || !filters, values.length)
    for (let i = 0; i < values.length; i++) {
      if (kinds[i] === ABSENT) continue
      const value = values[i]!
      const left = swapped ? scalar.values[i]! : value
      const right = swapped ? value : scalar.values[i]!
      if (compute !== undefined) out.values[i] = compute(left, right)
      else {
        const holds = compare!(left, right)
        if (filters && !holds) continue
        // A filter keeps the vector's value, whichever side it stands on.
        out.values[i] = filters ? value : holds ? 1 : 0
      }
      out.kinds[i] = FLOAT
    }
    if (!isBlank(out)) columns.push(out)
    if (context.spend(values.length)) await context.breathe()
  }
  return { type: 'vector', columns }
}

type Side = { readonly columns: readonly Column[]; readonly fill: number | undefined }
type Pair = { readonly many: Column[]; readonly one: Column[]; readonly labels: Labels }

/** Both sides as "many" and "one"; `swapped` when the many side stands on the right. */
async function vectors(node: Binary, left: Vector, right: Vector, frame: Frame, context: Context): Promise<Vector> {
  const matching = node.matching ?? ONE_TO_ONE
  const swapped = matching.card === 'one-to-many'
  // With group_right Prometheus fills the other way round: fill_left fills the "many" side, which stands on the right.
  const many: Side = { columns: swapped ? right.columns : left.columns, fill: matching.fillLeft }
  const one: Side = { columns: swapped ? left.columns : right.columns, fill: matching.fillRight }
  const pairs = new Map<string, Pair>()
  const add = (column: Column, side: 'many' | 'one') => {
    const labels = matchLabels(column.labels, matching.on, matching.labels)
    const pair = pairs.get(labels.key) ?? { many: [], one: [], labels }
    pair[side].push(column)
    pairs.set(labels.key, pair)
  }
  for (const column of many.columns) add(column, 'many')
  for (const column of one.columns) add(column, 'one')
  const gather = new Gather(frame.count, context, node.span)
  const matcher = new Matcher(node, matching, swapped, gather, context)
  for (const pair of pairs.values()) {
    if (pair.one.length === 0 && one.fill === undefined) continue
    if (pair.many.length === 0 && many.fill === undefined) {
      // Two on the "one" side are an error even where nothing asks for them.
      if (pair.one.length > 1) matcher.checkOneSide(pair, frame.count)
      continue
    }
    matcher.match(pair, many.fill, one.fill, frame.count)
    if (context.spend((pair.many.length + pair.one.length) * frame.count)) await context.breathe()
  }
  const columns = gather.vector.columns.filter((column) => !isBlank(column))
  return { type: 'vector', columns }
}

/** Combines the samples of one pair of groups, step by step. */
class Matcher {
  readonly #node: Binary
  readonly #matching: Matching
  readonly #swapped: boolean
  readonly #gather: Gather
  readonly #context: Context
  readonly #compute: Compute | undefined
  readonly #compare: Compare | undefined
  /** Output columns by "many" column (or undefined for a filled one) and "one" column. */
  readonly #outputs = new Map<Column | undefined, Map<Column | undefined, Column>>()

  constructor(node: Binary, matching: Matching, swapped: boolean, gather: Gather, context: Context) {
    this.#node = node
    this.#matching = matching
    this.#swapped = swapped
    this.#gather = gather
    this.#context = context
    this.#compute = computeOf(node.op)
    this.#compare = compareOf(node.op)
  }

  match(pair: Pair, fillMany: number | undefined, fillOne: number | undefined, count: number): void {
    this.#outputs.clear()
    const oneToOne = this.#matching.card === 'one-to-one'
    for (let step = 0; step < count; step++) {
      const one = this.#only(pair, step)
      if (one === undefined && fillOne === undefined) continue
      let manySeen = false
      for (const many of pair.many) {
        if (many.kinds[step] === ABSENT) continue
        // Two candidates are an error even when a filter would let none of them through.
        if (manySeen && oneToOne) throw this.#manyToOne()
        manySeen = true
        const value = one === undefined ? fillOne! : one.values[step]!
        this.#emit(pair, many, one, step, many.values[step]!, value)
      }
      if (!manySeen && one !== undefined && fillMany !== undefined)
        this.#emit(pair, undefined, one, step, fillMany, one.values[step]!)
    }
  }

  checkOneSide(pair: Pair, count: number): void {
    for (let step = 0; step < count; step++) this.#only(pair, step)
  }

  /** The sample of the "one" side at a step. Throws when there are two. */
  #only(pair: Pair, step: number): Column | undefined {
    let found: Column | undefined
    for (const column of pair.one) {
      if (column.kinds[step] === ABSENT) continue
      if (found !== undefined) throw this.#duplicate(pair.labels, found.labels, column.labels)
      found = column
    }
    return found
  }

  #manyToOne(): Error {
    return this.#context.fail(
      this.#node.span,
      'multiple matches for labels: many-to-one matching must be explicit (group_left/group_right); add group_left(), or the label that differs to on()',
    )
  }

  #duplicate(group: Labels, first: Labels, second: Labels): Error {
    const side = this.#swapped ? 'left' : 'right'
    const both = [inBraces(first), inBraces(second)].sort().join(', ')
    return this.#context.fail(
      this.#node.span,
      `found duplicate series for the match group ${inBraces(group)} on the ${side} hand-side of the operation: [${both}];many-to-many matching not allowed: matching labels must be unique on one side`,
    )
  }

  /** Writes one result, unless a filter lets it not through. */
  #emit(
    pair: Pair,
    many: Column | undefined,
    one: Column | undefined,
    step: number,
    manyValue: number,
    oneValue: number,
  ): void {
    const left = this.#swapped ? oneValue : manyValue
    const right = this.#swapped ? manyValue : oneValue
    let result: number
    if (this.#compute !== undefined) result = this.#compute(left, right)
    else {
      const holds = this.#compare!(left, right)
      if (!this.#node.bool && !holds) return
      result = this.#node.bool ? (holds ? 1 : 0) : left
    }
    const out = this.#output(pair, many, one)
    if (out.kinds[step] !== ABSENT && this.#matching.card !== 'one-to-one')
      throw this.#context.fail(
        this.#node.span,
        'multiple matches for labels: grouping labels must ensure unique matches; name a label in group_left() that differs',
      )
    this.#gather.put(out, step, result)
  }

  #output(pair: Pair, many: Column | undefined, one: Column | undefined): Column {
    let byOne = this.#outputs.get(many)
    if (byOne === undefined) this.#outputs.set(many, (byOne = new Map()))
    let out = byOne.get(one)
    if (out === undefined) {
      const dropName = this.#node.bool || (many?.dropName ?? false)
      out = this.#gather.column(this.#resultLabels(pair, many, one), dropName)
      byOne.set(one, out)
    }
    return out
  }

  #resultLabels(pair: Pair, many: Column | undefined, one: Column | undefined): Labels {
    const { card, on, labels: names, include } = this.#matching
    let labels = many?.labels ?? pair.labels
    if (this.#compute !== undefined) labels = withoutSchema(labels)
    if (card === 'one-to-one') labels = on ? labels.keep(names) : labels.without(...names)
    const from = one?.labels ?? pair.labels
    for (const name of include) labels = labels.with(name, from.get(name))
    return labels
  }
}
