/**
 * Start timestamps as bytes: runs of samples that share one. They change only where a counter began anew.
 *
 * Samples whose start is not known lie between the runs and take nothing. Starts are instants within `MAX_INSTANT`, never 0.
 * Drawn in docs/formats/block.md.
 */
import { MAX_INSTANT } from '#storage'
import { type ByteReader, type ByteWriter, DamagedError } from './bytes.ts'

export class StartRuns {
  /** Place of the first sample, number of samples, start; and so on. */
  readonly #flat: number[] = []

  get count(): number {
    return this.#flat.length / 3
  }

  /** Notes the start of the sample at `place`; places ascend. */
  push(place: number, startAt: number): void {
    const flat = this.#flat
    const last = flat.length - 3
    if (last >= 0 && flat[last + 2] === startAt && flat[last]! + flat[last + 1]! === place) flat[last + 1]!++
    else flat.push(place, 1, startAt)
  }

  clear(): void {
    this.#flat.length = 0
  }

  /** Writes the starts of samples before `limit` to `column`, the sample at place 0 to entry `to`. */
  fill(column: Float64Array, to: number, limit: number): void {
    const flat = this.#flat
    for (let i = 0; i < flat.length; i += 3) {
      const end = Math.min(limit, flat[i]! + flat[i + 1]!)
      if (flat[i]! < end) column.fill(flat[i + 2]!, to + flat[i]!, to + end)
    }
  }

  encode(out: ByteWriter): void {
    const flat = this.#flat
    out.varint(this.count)
    let end = 0
    let before = 0
    for (let i = 0; i < flat.length; i += 3) {
      out.varint(flat[i]! - end)
      out.varint(flat[i + 1]!)
      out.zigzag(flat[i + 2]! - before)
      end = flat[i]! + flat[i + 1]!
      before = flat[i + 2]!
    }
  }
}

/** Reads the starts of a chunk of `size` samples; those before `limit` go to `column`, from entry `to` on. Throws `DamagedError`. */
export function decodeStarts(
  source: ByteReader,
  { size, limit }: { readonly size: number; readonly limit: number },
  { column, to }: { readonly column: Float64Array; readonly to: number },
): void {
  const count = source.count(3)
  let end = 0
  let startAt = 0
  for (let i = 0; i < count; i++) {
    const from = end + source.varint()
    end = from + source.varint()
    startAt += source.zigzag()
    if (end <= from || end > size) throw new DamagedError(`starts of the samples ${from} to ${end} of ${size}`)
    if (!(Math.abs(startAt) <= MAX_INSTANT)) throw new DamagedError(`a start at ${startAt}`)
    const last = Math.min(end, limit)
    if (from < last) column.fill(startAt, to + from, to + last)
  }
}
