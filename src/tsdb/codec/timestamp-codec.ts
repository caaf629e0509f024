/**
 * A column of instants as bytes. Two forms, the first that fits:
 *
 * - regular: first instant and step. What a scrape loop on its grid writes; nothing is kept per sample.
 * - delta: first instant, first delta, then the change of the delta (Gorilla's delta of delta, in whole bytes).
 *
 * Instants lie within the store's `MAX_INSTANT` (2^50), so that every difference here is exact.
 * The count is not part of the bytes: its owner keeps it. Source: Pelkonen et al., "Gorilla", VLDB 2015, §4.1.1.
 */
import { type ByteReader, type ByteWriter, DamagedError } from './bytes.ts'

const REGULAR = 0
const DELTA = 1

/** Writes `count` >= 1 ascending instants from `from` on. Allocation-free. */
export function encodeTimestamps(out: ByteWriter, column: Float64Array, from: number, count: number): void {
  const first = column[from]!
  const step = count > 1 ? column[from + 1]! - first : 0
  if (isRegular(column, from, count, step)) {
    out.u8(REGULAR)
    out.zigzag(first)
    out.zigzag(step)
    return
  }
  out.u8(DELTA)
  out.zigzag(first)
  let before = first
  let delta = 0
  for (let i = from + 1; i < from + count; i++) {
    const at = column[i]!
    out.zigzag(at - before - delta)
    delta = at - before
    before = at
  }
}

/** Reads `count` instants into `column` from `to` on. Throws `DamagedError`. */
export function decodeTimestamps(source: ByteReader, column: Float64Array, to: number, count: number): void {
  const form = source.u8()
  switch (form) {
    case REGULAR: {
      const first = source.zigzag()
      const step = source.zigzag()
      for (let i = 0; i < count; i++) column[to + i] = first + i * step
      return
    }
    case DELTA: {
      let at = source.zigzag()
      let delta = 0
      column[to] = at
      for (let i = 1; i < count; i++) {
        delta += source.zigzag()
        at += delta
        column[to + i] = at
      }
      return
    }
    default:
      throw new DamagedError(`timestamps in the unknown form ${form}`)
  }
}

function isRegular(column: Float64Array, from: number, count: number, step: number): boolean {
  const first = column[from]!
  for (let i = 1; i < count; i++) if (column[from + i] !== first + i * step) return false
  return true
}
