/**
 * Calls of functions: evaluates the arguments and hands them to what implements the function.
 */
import { Labels } from '#core'
import { type Call, type Expr, type MatrixSelector, type Subquery, unwrap } from '../ast.ts'
import { typeOf } from '../check.ts'
import { larger, smaller } from './arithmetic.ts'
import {
  ABSENT,
  blank,
  type Column,
  endOf,
  FLOAT,
  type Frame,
  isBlank,
  timeAt,
  type Value,
  type Vector,
  vectorOf,
} from './column.ts'
import type { Context } from './context.ts'
import { CALENDAR, ELEMENTWISE, floatsOf, mapVector, roundTo } from './elementwise.ts'
import {
  HISTOGRAM_VALUES,
  histogramFraction,
  histogramQuantile,
  histogramQuantiles,
  mapHistograms,
} from './histogram-calls.ts'
import { info } from './info.ts'
import { labelJoin, labelReplace, labelsOfAbsent, sortByLabels, sortByValue, texts } from './label-functions.ts'
import {
  noteNonCounter,
  placeOfNotes,
  RANGE_FUNCTIONS,
  type RangeInput,
  rangeInput,
  slide,
  windowEnd,
} from './range-call.ts'
import { rowsOfCall } from './range-rows.ts'
import { columnsOf, namesOf } from './row-columns.ts'
import { selectInstant } from './select.ts'

export type Evaluator = (expr: Expr, frame: Frame) => Promise<Value>

export async function call(node: Call, frame: Frame, context: Context, evaluate: Evaluator): Promise<Value> {
  const calls = new Calls(node, frame, context, evaluate)
  if (RANGE_FUNCTIONS.has(node.name)) return calls.range()
  const one = ELEMENTWISE.get(node.name)
  if (one !== undefined) return mapVector(await calls.vector(0), one)
  const ofHistogram = HISTOGRAM_VALUES.get(node.name)
  if (ofHistogram !== undefined) return mapHistograms(await calls.vector(0), ofHistogram)
  const calendar = CALENDAR.get(node.name)
  if (calendar !== undefined) return mapVector(node.args.length === 0 ? calls.now() : await calls.vector(0), calendar)
  return calls.other()
}

class Calls {
  readonly #node: Call
  /** Arguments without their parentheses: what is said of one is said of what stands inside. */
  readonly #bare: Call
  readonly #frame: Frame
  readonly #context: Context
  readonly #evaluate: Evaluator

  constructor(node: Call, frame: Frame, context: Context, evaluate: Evaluator) {
    this.#node = node
    this.#bare = { ...node, args: node.args.map(unwrap) }
    this.#frame = frame
    this.#context = context
    this.#evaluate = evaluate
  }

  async vector(i: number): Promise<Vector> {
    const value = await this.#evaluate(this.#node.args[i]!, this.#frame)
    if (value.type !== 'vector') throw new TypeError(`BUG: argument ${i} of ${this.#node.name} is a ${value.type}`)
    return value
  }

  async scalar(i: number): Promise<Float64Array> {
    const value = await this.#evaluate(this.#node.args[i]!, this.#frame)
    if (value.type !== 'scalar') throw new TypeError(`BUG: argument ${i} of ${this.#node.name} is a ${value.type}`)
    return value.values
  }

  /** A vector of one sample without labels: the instant of each step. */
  now(): Vector {
    return this.#alone((step) => timeAt(this.#frame, step) / 1000)
  }

  async range(): Promise<Vector> {
    const { args } = this.#node
    const scalars: Float64Array[] = []
    for (const [i, arg] of args.entries()) if (typeOf(arg) === 'scalar') scalars.push(await this.scalar(i))
    const columns = await this.#rows(scalars)
    if (columns !== undefined) return { type: 'vector', columns }
    return slide(this.#node, await this.#input(), scalars, this.#frame, this.#context)
  }

  /** A function over a plain range, series by series as they are read. */
  async #rows(scalars: readonly Float64Array[]): Promise<readonly Column[] | undefined> {
    const context = this.#context
    const rows = rowsOfCall(this.#node, scalars, this.#frame, context)
    if (rows === undefined) return undefined
    const info = RANGE_FUNCTIONS.get(this.#node.name)!
    const { held } = context
    const columns = await columnsOf(rows, info.keepsName !== true, this.#frame)
    if (columns === undefined) context.held = held
    else if (info.counter === true)
      for (const labels of namesOf(columns)) noteNonCounter({ labels }, placeOfNotes(this.#node), context)
    return columns
  }

  async other(): Promise<Value> {
    const { name, args } = this.#node
    const { bounds, annotations } = this.#context
    switch (name) {
      case 'time':
        return this.#constant((step) => timeAt(this.#frame, step) / 1000)
      case 'pi':
        return this.#constant(() => Math.PI)
      case 'start':
        return this.#constant(() => bounds.start / 1000)
      case 'end':
        return this.#constant(() => bounds.end / 1000)
      case 'step':
        return this.#constant(() => bounds.stepMs / 1000)
      case 'range':
        return this.#constant(() => (bounds.end - bounds.start) / 1000)
      case 'min_of':
      case 'max_of': {
        const [a, b] = [await this.scalar(0), await this.scalar(1)]
        const pick = name === 'min_of' ? smaller : larger
        return this.#constant((step) => pick(a[step]!, b[step]!))
      }
      case 'vector': {
        const values = await this.scalar(0)
        return this.#alone((step) => values[step]!)
      }
      case 'scalar':
        return this.#toScalar(await this.vector(0))
      case 'timestamp':
        return this.#timestamp()
      case 'start_timestamp':
        return this.#startTimestamp()
      case 'absent':
        return this.#absent(await this.vector(0))
      case 'absent_over_time':
        return this.#absentOverTime(await this.#input())
      case 'clamp':
        return this.#clamp(await this.vector(0), await this.scalar(1), await this.scalar(2))
      case 'clamp_min':
        return this.#clamp(await this.vector(0), await this.scalar(1), this.#everywhere(Infinity))
      case 'clamp_max':
        return this.#clamp(await this.vector(0), this.#everywhere(-Infinity), await this.scalar(1))
      case 'round': {
        const to = args.length > 1 ? await this.scalar(1) : this.#everywhere(1)
        return mapVector(await this.vector(0), (value, step) => roundTo(value, to[step]!))
      }
      case 'label_replace':
        return labelReplace(this.#bare, await this.vector(0), this.#frame, this.#context)
      case 'label_join':
        return labelJoin(this.#bare, await this.vector(0), this.#frame, this.#context)
      case 'sort':
      case 'sort_desc':
      case 'sort_by_label':
      case 'sort_by_label_desc': {
        const given = await this.vector(0)
        // By value only floats can be ordered; histograms are left out, whether or not the order counts.
        const vector = name.startsWith('sort_by') ? given : floatsOf(given)
        // Of what is evaluated here, which within a subquery is a range whatever was asked.
        if (this.#frame.start !== endOf(this.#frame)) {
          annotations.warn(
            this.#node.span,
            'sort is ineffective for range queries since results are always ordered by labels',
          )
          return vector
        }
        if (this.#frame.count !== 1) return vector
        const descending = name.endsWith('_desc')
        return name.startsWith('sort_by')
          ? sortByLabels(vector, texts(args.slice(1)), descending)
          : sortByValue(vector, descending)
      }
      case 'histogram_quantile':
        return histogramQuantile(this.#bare, await this.scalar(0), await this.vector(1), this.#frame, this.#context)
      case 'histogram_quantiles': {
        const qs: Float64Array[] = []
        for (let i = 2; i < args.length; i++) qs.push(await this.scalar(i))
        const [label] = texts(args.slice(1, 2))
        return histogramQuantiles(this.#bare, label!, qs, await this.vector(0), this.#frame, this.#context)
      }
      case 'histogram_fraction': {
        const bounds = [await this.scalar(0), await this.scalar(1)] as const
        return histogramFraction(this.#bare, bounds, await this.vector(2), this.#frame, this.#context)
      }
      case 'info':
        return info(this.#node, await this.vector(0), this.#frame, this.#context)
      default:
        throw this.#context.unsupported(
          this.#node.span,
          `${name}() is not supported yet; leave it out of the expression`,
        )
    }
  }

  async #input(): Promise<RangeInput> {
    const node = this.#node.args.map(unwrap).find((arg) => arg.kind === 'matrix-selector' || arg.kind === 'subquery') as
      | MatrixSelector
      | Subquery
    return rangeInput(node, this.#frame, this.#context, (frame) => this.#evaluate((node as Subquery).expr, frame))
  }

  #constant(of: (step: number) => number): Value {
    const values = new Float64Array(this.#frame.count)
    for (let step = 0; step < values.length; step++) values[step] = of(step)
    return { type: 'scalar', values }
  }

  #alone(of: (step: number) => number): Vector {
    const column = blank(Labels.empty, false, this.#frame.count)
    for (let step = 0; step < this.#frame.count; step++) {
      column.values[step] = of(step)
      column.kinds[step] = FLOAT
    }
    return { type: 'vector', columns: [column] }
  }

  #toScalar(vector: Vector): Value {
    const values = new Float64Array(this.#frame.count)
    const seen = new Uint8Array(this.#frame.count)
    for (const column of vector.columns) {
      for (let step = 0; step < values.length; step++) {
        if (column.kinds[step] !== FLOAT) continue
        values[step] = seen[step] === 0 ? column.values[step]! : Number.NaN
        seen[step] = 1
      }
    }
    for (let step = 0; step < values.length; step++) if (seen[step] === 0) values[step] = Number.NaN
    return { type: 'scalar', values }
  }

  /** Of a selector the instants of its samples, of anything computed the instant of the step; of histograms too. */
  async #timestamp(): Promise<Vector> {
    const arg = unwrap(this.#node.args[0]!)
    if (arg.kind === 'vector-selector')
      return { type: 'vector', columns: await selectInstant(arg, this.#frame, this.#context, 'instant') }
    const { columns } = await this.vector(0)
    return { type: 'vector', columns: columns.map((column) => this.#instants(column)) }
  }

  #instants({ labels, kinds }: Column): Column {
    const out = blank(labels, true, this.#frame.count)
    for (let step = 0; step < this.#frame.count; step++) {
      if (kinds[step] === ABSENT) continue
      out.kinds[step] = FLOAT
      out.values[step] = timeAt(this.#frame, step) / 1000
    }
    return out
  }

  /** Known of a selector's samples alone, and only where start timestamps are used at all; 0 where the writer did not say. */
  async #startTimestamp(): Promise<Vector> {
    const arg = unwrap(this.#node.args[0]!)
    const columns =
      arg.kind === 'vector-selector' && this.#context.usesStarts
        ? await selectInstant(arg, this.#frame, this.#context, 'start')
        : []
    return { type: 'vector', columns }
  }

  #absent(vector: Vector): Vector {
    const column = blank(labelsOfAbsent(this.#node.args[0]!), false, this.#frame.count)
    for (let step = 0; step < this.#frame.count; step++) {
      if (vector.columns.some(({ kinds }) => kinds[step] !== ABSENT)) continue
      column.values[step] = 1
      column.kinds[step] = FLOAT
    }
    return vectorOf([column])
  }

  #absentOverTime(input: RangeInput): Vector {
    const column = blank(labelsOfAbsent(this.#node.args[0]!), false, this.#frame.count)
    column.kinds.fill(FLOAT)
    column.values.fill(1)
    const runs = input.series.flatMap(({ timestamps, count, histograms }) => [
      { timestamps, count },
      ...(histograms === undefined ? [] : [histograms]),
    ])
    for (const { timestamps, count } of runs) {
      let newest = 0
      for (let step = 0; step < this.#frame.count; step++) {
        const end = windowEnd(input, timeAt(this.#frame, step), this.#context)
        while (newest < count && timestamps[newest]! <= end) newest++
        if (newest > 0 && timestamps[newest - 1]! > end - input.range) column.kinds[step] = ABSENT
      }
    }
    return vectorOf([column])
  }

  #everywhere(value: number): Float64Array {
    return new Float64Array(this.#frame.count).fill(value)
  }

  #clamp(vector: Vector, min: Float64Array, max: Float64Array): Vector {
    const clamped = mapVector(vector, (value, step) => larger(min[step]!, smaller(max[step]!, value)))
    if (!min.some((low, step) => max[step]! < low)) return clamped
    const columns = clamped.columns.map((column) => ({
      ...column,
      kinds: column.kinds.map((kind, step) => (max[step]! < min[step]! ? ABSENT : kind)),
    }))
    return { type: 'vector', columns: columns.filter((column) => !isBlank(column)) }
  }
}
