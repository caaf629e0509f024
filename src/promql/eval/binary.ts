/**
 * Binary operators between scalars and vectors, and between vectors of matching labels.
 *
 * - Matching is resolved once per label set; only the arithmetic runs per step.
 * - What is forbidden (two candidates on the "one" side) is forbidden per step: series that follow each other in time
 *   are no duplicates.
 *
 * A little beyond 400 lines: matching, its cardinalities and what each step makes of a pair are one set of rules, read together.
 */
import type { Labels, NativeHistogram } from '#core'
import type { Binary, Matching } from '../ast.ts'
import { type Compare, type Compute, compareOf, computeOf } from './arithmetic.ts'
import { inLockstep } from './binary-lockstep.ts'
import {
  ABSENT,
  blank,
  type Column,
  FLOAT,
  type Frame,
  HISTOGRAM,
  inBraces,
  isBlank,
  type OpenColumn,
  putHistogram,
  type Scalar,
  type Value,
  type Vector,
  withoutSchema,
} from './column.ts'
import type { Context } from './context.ts'
import { operate } from './element-operation.ts'
import { Gather } from './gather.ts'
import { groupOf, pairOf } from './known-matches.ts'
import { ValuesRoom } from './row-columns.ts'
import { setOperation } from './set-operation.ts'
import { StepNotes } from './step-notes.ts'

const ONE_TO_ONE: Matching = { card: 'one-to-one', on: false, labels: [], include: [] }

export async function binary(node: Binary, left: Value, right: Value, frame: Frame, context: Context): Promise<Value> {
  if (left.type === 'string' || right.type === 'string') throw new TypeError('BUG: a string between operators')
  if (node.op === 'and' || node.op === 'or' || node.op === 'unless') {
    if (left.type !== 'vector' || right.type !== 'vector') throw new TypeError('BUG: a set operator on a scalar')
    return setOperation(node.op, node.matching ?? ONE_TO_ONE, left, right, frame.count)
  }
  if (left.type === 'scalar' && right.type === 'scalar') {
    const compute = computeOf(node.op)
    const compare = compareOf(node.op)
    if (compute === undefined && compare === undefined)
      throw context.fail(
        node.span,
        `operator "${node.op}" not allowed for Scalar operations; put native histograms on its left side`,
      )
    return scalars(left, right, compute ?? asNumber(compare!))
  }
  if (left.type === 'vector' && right.type === 'vector')
    return (await inLockstep(node, left, right, frame, context)) ?? (await vectors(node, left, right, frame, context))
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
  const trims = compute === undefined && compare === undefined
  // Only what makes another quantity of it takes the name away: neither a filter nor cutting a histogram.
  const keepsName = compute === undefined && !node.bool
  const notes = new StepNotes()
  const columns: Column[] = []
  const filters = compare !== undefined && !node.bool
  const steps = scalar.values.length
  const room = new ValuesRoom(steps, vector.columns.length)
  for (const [order, column] of vector.columns.entries()) {
    const { labels, dropName, values, kinds } = column
    context.charge(values.length, node.span)
    if (compute !== undefined && column.histograms === undefined) {
      const out = room.take()
      computeAll(compute, values, scalar.values, swapped, out)
      // A float comes of each float, so that both are at the same steps.
      if (!isBlank(column)) columns.push({ labels, dropName: true, values: out, kinds })
      if (context.spend(values.length)) await context.breathe()
      continue
    }
    const out = blank(labels, dropName || !keepsName, values.length)
    for (let i = 0; i < values.length; i++) {
      if (kinds[i] === ABSENT) continue
      if (trims || kinds[i] === HISTOGRAM) {
        const sample = kinds[i] === HISTOGRAM ? column.histograms![i]! : values[i]!
        putOutcome(node, out, i, sample, scalar.values[i]!, { swapped, notes, order })
        continue
      }
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
  notes.say(context.annotations, node.span)
  return { type: 'vector', columns }
}

/** Of a column without histograms, at steps where there is nothing as well: nobody looks there. */
function computeAll(
  compute: Compute,
  values: Float64Array,
  scalars: Float64Array,
  swapped: boolean,
  out: Float64Array,
): void {
  if (swapped) for (let i = 0; i < out.length; i++) out[i] = compute(scalars[i]!, values[i]!)
  else for (let i = 0; i < out.length; i++) out[i] = compute(values[i]!, scalars[i]!)
}

/** A sample of a vector and a scalar, where one of them is a histogram or the operator is only for those. */
function putOutcome(
  node: Binary,
  out: OpenColumn,
  step: number,
  sample: NativeHistogram | number,
  scalar: number,
  { swapped, notes, order }: { readonly swapped: boolean; readonly notes: StepNotes; readonly order: number },
): void {
  const { histogram, note } = swapped ? operate(node.op, scalar, sample) : operate(node.op, sample, scalar)
  if (note !== undefined) notes.add(step, order, note)
  // Comparisons of a histogram and a number have no outcome at all.
  if (histogram !== undefined) putHistogram(out, step, histogram)
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
  const orders = new Map<Column, number>()
  const add = (column: Column, side: 'many' | 'one') => {
    const labels = groupOf(column.labels, matching)
    const pair = pairs.get(labels.key) ?? { many: [], one: [], labels }
    pair[side].push(column)
    pairs.set(labels.key, pair)
  }
  for (const [order, column] of many.columns.entries()) {
    add(column, 'many')
    orders.set(column, order)
  }
  for (const column of one.columns) add(column, 'one')
  const gather = new Gather(frame.count, context, node.span)
  const fills = many.fill !== undefined || one.fill !== undefined
  const matcher = new Matcher(node, matching, {
    swapped,
    gather,
    context,
    orders,
    // Where one whole side is empty nothing is looked at.
    idle: fills ? undefined : idleSteps(many.columns, one.columns, frame.count),
  })
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
  matcher.say()
  const columns = gather.vector.columns.filter((column) => !isBlank(column))
  return { type: 'vector', columns }
}

/** 1 at the steps where no column of one of the sides has a sample. */
function idleSteps(many: readonly Column[], one: readonly Column[], count: number): Uint8Array {
  const idle = new Uint8Array(count)
  for (const columns of [many, one]) {
    const there = new Uint8Array(count)
    for (const { kinds } of columns) for (let i = 0; i < count; i++) if (kinds[i] !== ABSENT) there[i] = 1
    for (let i = 0; i < count; i++) if (there[i] === 0) idle[i] = 1
  }
  return idle
}

type Matched = {
  readonly swapped: boolean
  readonly gather: Gather
  readonly context: Context
  /** The place of each column of the "many" side among all. */
  readonly orders: ReadonlyMap<Column, number>
  readonly idle: Uint8Array | undefined
}

/** Combines the samples of one pair of groups, step by step. */
class Matcher {
  readonly #node: Binary
  readonly #matching: Matching
  readonly #with: Matched
  readonly #compute: Compute | undefined
  readonly #compare: Compare | undefined
  /** The operator cuts histograms, and has nothing to do with floats. */
  readonly #trims: boolean
  readonly #notes = new StepNotes()
  /** Output columns by "many" column (or undefined for a filled one) and "one" column. */
  readonly #outputs = new Map<Column | undefined, Map<Column | undefined, OpenColumn>>()

  constructor(node: Binary, matching: Matching, matched: Matched) {
    this.#node = node
    this.#matching = matching
    this.#with = matched
    this.#compute = computeOf(node.op)
    this.#compare = compareOf(node.op)
    this.#trims = this.#compute === undefined && this.#compare === undefined
  }

  match(pair: Pair, fillMany: number | undefined, fillOne: number | undefined, count: number): void {
    this.#outputs.clear()
    const { idle } = this.#with
    const oneToOne = this.#matching.card === 'one-to-one'
    const alone = pair.many.length === 1 && pair.one.length === 1
    if (alone && fillMany === undefined && fillOne === undefined && !this.#trims) {
      this.#matchTwo(pair, pair.many[0]!, pair.one[0]!, count)
      return
    }
    for (let step = 0; step < count; step++) {
      if (idle?.[step] === 1) continue
      const one = this.#only(pair, step)
      if (one === undefined && fillOne === undefined) continue
      let manySeen = false
      for (const many of pair.many) {
        if (many.kinds[step] === ABSENT) continue
        const left = sampleAt(many, step, 0)
        const isSecond = manySeen && oneToOne
        const emitted = this.#emit(pair, many, one, step, left, sampleAt(one, step, fillOne!), isSecond)
        manySeen ||= emitted
      }
      if (!manySeen && one !== undefined && fillMany !== undefined)
        this.#emit(pair, undefined, one, step, fillMany, sampleAt(one, step, 0))
    }
  }

  /** One series on each side, the common case: nothing can be found twice. `match` says the same of it, more slowly. */
  #matchTwo(pair: Pair, many: Column, one: Column, count: number): void {
    const { swapped } = this.#with
    const left = swapped ? one : many
    const right = swapped ? many : one
    let out: OpenColumn | undefined
    for (let step = 0; step < count; step++) {
      if (left.kinds[step] !== FLOAT || right.kinds[step] !== FLOAT) {
        if (left.kinds[step] !== ABSENT && right.kinds[step] !== ABSENT)
          this.#emit(pair, many, one, step, sampleAt(many, step, 0), sampleAt(one, step, 0))
        continue
      }
      const a = left.values[step]!
      const b = right.values[step]!
      let result = a
      if (this.#compute !== undefined) result = this.#compute(a, b)
      else {
        const holds = this.#compare!(a, b)
        if (this.#node.bool) result = holds ? 1 : 0
        else if (!holds) continue
      }
      out ??= this.#output(pair, many, one)
      this.#with.gather.put(out, step, result)
    }
  }

  checkOneSide(pair: Pair, count: number): void {
    const { idle } = this.#with
    for (let step = 0; step < count; step++) if (idle?.[step] !== 1) this.#only(pair, step)
  }

  say(): void {
    this.#notes.say(this.#with.context.annotations, this.#node.span)
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
    return this.#with.context.fail(
      this.#node.span,
      'multiple matches for labels: many-to-one matching must be explicit (group_left/group_right); add group_left(), or the label that differs to on()',
    )
  }

  #duplicate(group: Labels, first: Labels, second: Labels): Error {
    const side = this.#with.swapped ? 'left' : 'right'
    const both = [inBraces(first), inBraces(second)].sort().join(', ')
    return this.#with.context.fail(
      this.#node.span,
      `found duplicate series for the match group ${inBraces(group)} on the ${side} hand-side of the operation: [${both}];many-to-many matching not allowed: matching labels must be unique on one side; add a label to on() that tells them apart, or aggregate that side first`,
    )
  }

  /**
   * Writes one result, unless a filter lets it not through. False when the two samples do not go together at all; if they do, a
   * second one is an error, even when a filter would let none of them through.
   */
  #emit(
    pair: Pair,
    many: Column | undefined,
    one: Column | undefined,
    step: number,
    manySample: NativeHistogram | number,
    oneSample: NativeHistogram | number,
    isSecond = false,
  ): boolean {
    const left = this.#with.swapped ? oneSample : manySample
    const right = this.#with.swapped ? manySample : oneSample
    if (typeof left !== 'number' || typeof right !== 'number' || this.#trims)
      return this.#emitOutcome(pair, many, one, step, left, right, isSecond)
    if (isSecond) throw this.#manyToOne()
    let result: number
    if (this.#compute !== undefined) result = this.#compute(left, right)
    else {
      const holds = this.#compare!(left, right)
      if (!this.#node.bool && !holds) return true
      result = this.#node.bool ? (holds ? 1 : 0) : left
    }
    this.#with.gather.put(this.#free(pair, many, one, step), step, result)
    return true
  }

  #emitOutcome(
    pair: Pair,
    many: Column | undefined,
    one: Column | undefined,
    step: number,
    left: NativeHistogram | number,
    right: NativeHistogram | number,
    isSecond: boolean,
  ): boolean {
    const { histogram, holds, note } = operate(this.#node.op, left, right)
    if (note !== undefined) this.#notes.add(step, many === undefined ? Infinity : this.#with.orders.get(many)!, note)
    if (histogram === undefined) return false
    if (isSecond) throw this.#manyToOne()
    if (holds === false && !this.#node.bool) return true
    const out = this.#free(pair, many, one, step)
    if (this.#node.bool) this.#with.gather.put(out, step, holds === false ? 0 : 1)
    else putHistogram(out, step, histogram)
    return true
  }

  /** The column of a pair, free at this step. */
  #free(pair: Pair, many: Column | undefined, one: Column | undefined, step: number): OpenColumn {
    const out = this.#output(pair, many, one)
    if (out.kinds[step] === ABSENT) return out
    const { context } = this.#with
    if (this.#matching.card === 'one-to-one') throw context.sameLabels(this.#node.span, out.labels)
    throw context.fail(
      this.#node.span,
      'multiple matches for labels: grouping labels must ensure unique matches; name a label in group_left() that differs',
    )
  }

  #output(pair: Pair, many: Column | undefined, one: Column | undefined): OpenColumn {
    let byOne = this.#outputs.get(many)
    if (byOne === undefined) this.#outputs.set(many, (byOne = new Map()))
    let out = byOne.get(one)
    if (out === undefined) {
      // As in Prometheus a filter forgets that its left side's name was to go; `bool` alone says so anew.
      out = this.#with.gather.column(this.#resultLabels(pair, many, one), this.#node.bool)
      byOne.set(one, out)
    }
    return out
  }

  #resultLabels(pair: Pair, many: Column | undefined, one: Column | undefined): Labels {
    // Whether the name goes is the operator's, and a matching is one operator's: but for the one that all without a clause share.
    if (many === undefined || this.#matching === ONE_TO_ONE) return this.#madeLabels(pair, many, one)
    return pairOf(many.labels, one?.labels, this.#matching, () => this.#madeLabels(pair, many, one))
  }

  #madeLabels(pair: Pair, many: Column | undefined, one: Column | undefined): Labels {
    const { card, on, labels: names, include } = this.#matching
    let labels = many?.labels ?? pair.labels
    const dropsName = this.#node.bool && !this.#with.context.delaysNames
    if (this.#compute !== undefined || dropsName) labels = withoutSchema(labels)
    if (card === 'one-to-one') labels = on ? labels.keep(names) : labels.without(...names)
    const from = one?.labels ?? pair.labels
    for (const name of include) labels = labels.with(name, from.get(name))
    return labels
  }
}

/** What a column has at a step; of a side that is filled, the filling. */
function sampleAt(column: Column | undefined, step: number, fill: number): NativeHistogram | number {
  if (column === undefined) return fill
  return column.kinds[step] === HISTOGRAM ? column.histograms![step]! : column.values[step]!
}
