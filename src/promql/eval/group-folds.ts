/**
 * Groups that are folded row by row, as series come: sum, avg, min, max, count and group of floats. `aggregate.ts` says the same of
 * columns, and ties the two by a law.
 *
 * - A group's column is made with its first row; groups stay in the order in which these came.
 */
import type { Labels } from '#core'
import type { Aggregator } from '../ast.ts'
import { ABSENT, blank, type Column, FLOAT, type OpenColumn } from './column.ts'
import { compensate } from './kahan.ts'

export abstract class GroupFold {
  readonly #labels: readonly Labels[]
  readonly #steps: number
  readonly #byNumber: (OpenColumn | undefined)[] = []
  readonly #columns: OpenColumn[] = []

  constructor(labels: readonly Labels[], steps: number) {
    this.#labels = labels
    this.#steps = steps
  }

  get columns(): readonly Column[] {
    return this.#columns
  }

  /** Adds a row of a series of a group. */
  add(group: number, values: Float64Array, kinds: Uint8Array): void {
    let column = this.#byNumber[group]
    if (column === undefined) {
      column = blank(this.#labels[group]!, false, this.#steps)
      this.#byNumber[group] = column
      this.#columns.push(column)
      this.begin(group, this.#steps)
    }
    this.fold(group, column, values, kinds)
  }

  /** Puts what is kept beside the columns into them. */
  finish(): readonly Column[] {
    for (let group = 0; group < this.#byNumber.length; group++) {
      const column = this.#byNumber[group]
      if (column !== undefined) this.end(group, column)
    }
    return this.#columns
  }

  protected begin(_group: number, _steps: number): void {}
  protected abstract fold(group: number, into: OpenColumn, values: Float64Array, kinds: Uint8Array): void
  protected end(_group: number, _column: OpenColumn): void {}
}

class SumFold extends GroupFold {
  readonly #compensations: Float64Array[] = []

  protected override begin(group: number, steps: number): void {
    this.#compensations[group] = new Float64Array(steps)
  }

  protected fold(group: number, into: OpenColumn, values: Float64Array, kinds: Uint8Array): void {
    const compensations = this.#compensations[group]!
    const sums = into.values
    const out = into.kinds
    for (let step = 0; step < kinds.length; step++) {
      if (kinds[step] !== FLOAT) continue
      const value = values[step]!
      const sum = sums[step]!
      const next = sum + value
      compensations[step] = compensate(value, sum, next, compensations[step]!)
      sums[step] = next
      out[step] = FLOAT
    }
  }

  protected override end(group: number, { values }: OpenColumn): void {
    const compensations = this.#compensations[group]!
    for (let step = 0; step < values.length; step++)
      if (Number.isFinite(values[step]!)) values[step]! += compensations[step]!
  }
}

/** As `KahanMean`, in columns: sums until one becomes infinite, from then on that step's mean itself. */
class AvgFold extends GroupFold {
  readonly #state: { compensations: Float64Array; counts: Float64Array; incremental: Uint8Array }[] = []

  protected override begin(group: number, steps: number): void {
    this.#state[group] = {
      compensations: new Float64Array(steps),
      counts: new Float64Array(steps),
      incremental: new Uint8Array(steps),
    }
  }

  protected fold(group: number, into: OpenColumn, values: Float64Array, kinds: Uint8Array): void {
    const { compensations, counts, incremental } = this.#state[group]!
    const sums = into.values
    for (let step = 0; step < kinds.length; step++) {
      if (kinds[step] !== FLOAT) continue
      const value = values[step]!
      const count = (counts[step]! += 1)
      into.kinds[step] = FLOAT
      if (count === 1) {
        sums[step] = value
        continue
      }
      if (incremental[step] === 0) {
        const sum = sums[step]!
        const next = sum + value
        if (next !== Infinity && next !== -Infinity) {
          compensations[step] = compensate(value, sum, next, compensations[step]!)
          sums[step] = next
          continue
        }
        incremental[step] = 1
        sums[step] = sum / (count - 1)
        compensations[step]! /= count - 1
      }
      const share = (count - 1) / count
      const old = share * sums[step]!
      const next = old + value / count
      compensations[step] = compensate(value / count, old, next, share * compensations[step]!)
      sums[step] = next
    }
  }

  protected override end(group: number, { values, kinds }: OpenColumn): void {
    const { compensations, counts, incremental } = this.#state[group]!
    for (let step = 0; step < values.length; step++) {
      if (kinds[step] === ABSENT) continue
      const count = incremental[step] === 0 ? counts[step]! : 1
      values[step] = values[step]! / count + compensations[step]! / count
    }
  }
}

class ExtremeFold extends GroupFold {
  readonly #sign: 1 | -1

  /** `sign`: 1 for the largest, -1 for the smallest. */
  constructor(labels: readonly Labels[], steps: number, sign: 1 | -1) {
    super(labels, steps)
    this.#sign = sign
  }

  protected fold(_group: number, into: OpenColumn, values: Float64Array, kinds: Uint8Array): void {
    const sign = this.#sign
    const bests = into.values
    const out = into.kinds
    for (let step = 0; step < kinds.length; step++) {
      if (kinds[step] !== FLOAT) continue
      const value = values[step]!
      const best = bests[step]!
      // NaN stays only where nothing else comes.
      if (out[step] === ABSENT || value * sign > best * sign || Number.isNaN(best)) bests[step] = value
      out[step] = FLOAT
    }
  }
}

class CountFold extends GroupFold {
  protected fold(_group: number, into: OpenColumn, _values: Float64Array, kinds: Uint8Array): void {
    for (let step = 0; step < kinds.length; step++) {
      if (kinds[step] === ABSENT) continue
      into.values[step]! += 1
      into.kinds[step] = FLOAT
    }
  }
}

class OneFold extends GroupFold {
  protected fold(_group: number, into: OpenColumn, _values: Float64Array, kinds: Uint8Array): void {
    for (let step = 0; step < kinds.length; step++) {
      if (kinds[step] === ABSENT) continue
      into.values[step] = 1
      into.kinds[step] = FLOAT
    }
  }
}

export const FOLDS: Readonly<Partial<Record<Aggregator, (labels: readonly Labels[], steps: number) => GroupFold>>> = {
  sum: (labels, steps) => new SumFold(labels, steps),
  avg: (labels, steps) => new AvgFold(labels, steps),
  min: (labels, steps) => new ExtremeFold(labels, steps, -1),
  max: (labels, steps) => new ExtremeFold(labels, steps, 1),
  count: (labels, steps) => new CountFold(labels, steps),
  group: (labels, steps) => new OneFold(labels, steps),
}
