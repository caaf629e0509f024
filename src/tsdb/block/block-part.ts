/**
 * One series of a block within a span, as a part of what a question finds. An object of one shape: closures and getters made for each series
 * cost more than its chunks.
 */
import type { Labels } from '#core'
import type { Part, PartColumns } from '../columns/part.ts'
import type { BlockIndex } from './block-index.ts'
import type { ChunkReader, WindowCursor } from './chunk-reader.ts'

/** Chunks [from, to) of one window. */
export type Run = { readonly cursor: WindowCursor; readonly from: number; readonly to: number }

/** Labels are made when they are asked for, samples when they are read. */
export class BlockPart implements Part {
  readonly index: BlockIndex
  readonly series: number
  readonly maxCount: number
  readonly isMixed: boolean
  readonly #chunks: ChunkReader
  readonly #runs: readonly Run[]
  #labels: Labels | undefined

  constructor(
    index: BlockIndex,
    series: number,
    of: {
      readonly chunks: ChunkReader
      readonly runs: readonly Run[]
      readonly maxCount: number
      readonly isMixed: boolean
    },
  ) {
    this.index = index
    this.series = series
    this.maxCount = of.maxCount
    this.isMixed = of.isMixed
    this.#chunks = of.chunks
    this.#runs = of.runs
  }

  get labels(): Labels {
    return (this.#labels ??= this.index.labels(this.series))
  }

  read(out: PartColumns, at: number): number {
    let end = at
    for (let i = 0; i < this.#runs.length; i++) {
      const { cursor, from, to } = this.#runs[i]!
      for (let chunk = from; chunk < to; chunk++) end = this.#chunks.read(cursor, chunk, out, end)
    }
    return end - at
  }
}

/** The chunks of a series, window by window. Series come ascending. */
export function runsOf(cursors: readonly WindowCursor[], series: number): readonly Run[] {
  const runs: Run[] = []
  for (let i = 0; i < cursors.length; i++) {
    const cursor = cursors[i]!
    const { directory } = cursor
    const all = directory.series
    const from = directory.seek(series, cursor.next)
    let to = from
    while (to < all.length && all[to] === series) to++
    cursor.next = to
    if (to > from) runs.push({ cursor, from, to })
  }
  return runs
}
