/**
 * One side of a histogram while it is calculated with: its buckets, each with what rounding took from it.
 *
 * - `indices` ascends, the three arrays are of one length, and none is written to once handed on.
 * - Without `lost` the sums are plain ones; with it they are compensated (`compensate`), and the true value is `counts + lost`.
 */
import { type Buckets, coarserBuckets, coarserIndex, exponentialBound } from '#core'
import { compensate } from '../eval/kahan.ts'

export type Side = Buckets & { readonly lost?: Float64Array | undefined }

/** Collects buckets in ascending order; equal indices that follow each other are added up. */
export class SideBuilder {
  readonly #indices: Int32Array
  readonly #counts: Float64Array
  readonly #lost: Float64Array | undefined
  #length = 0

  constructor(capacity: number, compensated: boolean) {
    this.#indices = new Int32Array(capacity)
    this.#counts = new Float64Array(capacity)
    this.#lost = compensated ? new Float64Array(capacity) : undefined
  }

  /** The bucket last added to is `index`: `count` joins it. Otherwise it is a new one. */
  push(index: number, count: number, lost = 0): void {
    const last = this.#length - 1
    if (last >= 0 && this.#indices[last] === index) {
      this.#add(last, count)
      if (lost !== 0) this.#add(last, lost)
      return
    }
    this.#indices[this.#length] = index
    this.#counts[this.#length] = count
    if (this.#lost !== undefined) this.#lost[this.#length] = lost
    this.#length++
  }

  get side(): Side {
    const end = this.#length
    return {
      indices: this.#indices.slice(0, end),
      counts: this.#counts.slice(0, end),
      lost: this.#lost?.slice(0, end),
    }
  }

  #add(at: number, count: number): void {
    const sum = this.#counts[at]!
    const next = sum + count
    if (this.#lost !== undefined) this.#lost[at] = compensate(count, sum, next, this.#lost[at]!)
    this.#counts[at] = next
  }
}

/** `a` with the buckets of `b` added (`sign` 1) or taken away (-1). Both of one schema. Compensated when `a` is. */
export function mergeSides(a: Side, b: Side, sign: 1 | -1): Side {
  if (b.indices.length === 0) return a
  if (sameIndices(a.indices, b.indices)) return addAlike(a, b, sign)
  const merged = new SideBuilder(a.indices.length + b.indices.length, a.lost !== undefined)
  let j = 0
  for (let i = 0; i < a.indices.length; i++) {
    const index = a.indices[i]!
    for (; j < b.indices.length && b.indices[j]! < index; j++)
      merged.push(b.indices[j]!, sign * b.counts[j]!, sign * (b.lost?.[j] ?? 0))
    merged.push(index, a.counts[i]!, a.lost?.[i])
    if (j < b.indices.length && b.indices[j] === index) {
      merged.push(index, sign * b.counts[j]!, sign * (b.lost?.[j] ?? 0))
      j++
    }
  }
  for (; j < b.indices.length; j++) merged.push(b.indices[j]!, sign * b.counts[j]!, sign * (b.lost?.[j] ?? 0))
  return merged.side
}

/** The common case, neighbours of one series or series of one target: the layout is the same, and is shared. */
function addAlike({ indices, counts, lost }: Side, b: Side, sign: 1 | -1): Side {
  const sums = new Float64Array(counts.length)
  if (lost === undefined) {
    for (let i = 0; i < sums.length; i++) sums[i] = counts[i]! + sign * b.counts[i]!
    return { indices, counts: sums }
  }
  const less = new Float64Array(counts.length)
  for (let i = 0; i < sums.length; i++) {
    const term = sign * b.counts[i]!
    const before = counts[i]!
    let next = before + term
    let rest = compensate(term, before, next, lost[i]!)
    const more = sign * (b.lost?.[i] ?? 0)
    if (more !== 0) {
      const whole = next + more
      rest = compensate(more, next, whole, rest)
      next = whole
    }
    sums[i] = next
    less[i] = rest
  }
  return { indices, counts: sums, lost: less }
}

function sameIndices(a: Int32Array, b: Int32Array): boolean {
  if (a === b) return true
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

/** The same observations with 2^`steps` buckets in the place of one. */
export function coarserSide(side: Side, steps: number): Side {
  if (steps === 0) return side
  if (side.lost === undefined) return coarserBuckets(side, steps)
  const merged = new SideBuilder(side.indices.length, true)
  for (let i = 0; i < side.indices.length; i++)
    merged.push(coarserIndex(side.indices[i]!, steps), side.counts[i]!, side.lost[i])
  return merged.side
}

/** Without the buckets that end within the zero bucket. */
export function beyondZero(side: Side, schema: number, zeroThreshold: number): Side {
  let from = 0
  while (from < side.indices.length && exponentialBound(schema, side.indices[from]!) <= zeroThreshold) from++
  return from === 0 ? side : sliceSide(side, (i) => i >= from)
}

/** Only what `keep` says, by position. */
export function sliceSide(side: Side, keep: (at: number) => boolean): Side {
  const kept = new SideBuilder(side.indices.length, side.lost !== undefined)
  for (let i = 0; i < side.indices.length; i++)
    if (keep(i)) kept.push(side.indices[i]!, side.counts[i]!, side.lost?.[i])
  return kept.side
}

/** Without empty buckets; the same object when there are none. */
export function compactSide(side: Side): Side {
  for (let i = 0; i < side.counts.length; i++)
    if (side.counts[i] === 0) return sliceSide(side, (at) => side.counts[at] !== 0 || (side.lost?.[at] ?? 0) !== 0)
  return side
}
