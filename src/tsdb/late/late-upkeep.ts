/**
 * What becomes of late samples: from memory into a block of their own, from there into the ordinary blocks whose time they are of.
 *
 * - The log is shortened here, as it may be only by what is in a block, in order or late. Whoever wrote a block of the head calls `shorten`.
 * - Merging rewrites each ordinary block that has late samples in its span, and makes blocks for those in no block's span. The blocks
 *   of late samples go last: a crash in between leaves samples twice, with the same value, and the next round does it again.
 * - Merging is put off until the head has written a block, or blocks of late samples are many: large blocks are rewritten for it.
 * - A late block that reaches to where the head still answers waits until it does not.
 */
import type { Block } from '../block/block.ts'
import type { BlockStore } from '../block/block-store.ts'
import { type BlockSpan, writeBlock } from '../block/block-writer.ts'
import { columnsOf } from '../columns/part.ts'
import type { SeriesColumns } from '../columns/series-columns.ts'
import { columnsWithout, partsWithout } from '../deletion/without-deleted.ts'
import type { Head } from '../head.ts'
import type { Wal } from '../log/wal.ts'
import type { Frozen, LateStore } from './late-store.ts'
import { joinParts, mergeLate } from './merge-late.ts'

/** Blocks of late samples that a query has to look into besides, before they are merged whatever it costs. */
const MAX_LATE_BLOCKS = 8

export type LateUpkeepDeps = {
  readonly head: Head
  readonly wal: Wal
  readonly blocks: BlockStore
  readonly late: LateStore
}

export type LateUpkeepOptions = {
  readonly blockMs: number
  /** No block that is made for late samples is longer. */
  readonly maxMergedMs: number
  /** What is older is past its retention. */
  readonly horizon: () => number
}

export class LateUpkeep {
  readonly #deps: LateUpkeepDeps
  readonly #options: LateUpkeepOptions
  readonly #signal: AbortSignal
  /** Where the head began when late blocks were merged last. */
  #mergedAt = -Infinity

  constructor(deps: LateUpkeepDeps, options: LateUpkeepOptions, signal: AbortSignal) {
    this.#deps = deps
    this.#options = options
    this.#signal = signal
  }

  /**
   * Writes what is too much for memory, or was frozen and could not be written, into a block. Rejects with what the disk said; then
   * it is tried again with the next call.
   */
  async writeDue(): Promise<void> {
    const { late } = this.#deps
    await this.writeFrozen()
    if (late.isDue) await this.shorten(Infinity)
  }

  /** Splits off what waits in memory, all of it, and ends the segment of the log: returns its number. */
  freezeAll(): number {
    return this.#freeze(Infinity).through
  }

  /** Writes what was split off into a block. */
  async writeFrozen(): Promise<void> {
    if (this.#deps.late.isFrozen) await this.#write(this.#freeze(-Infinity))
  }

  /** Writes late samples before `time` into a block and deletes what of the log is in blocks now. */
  async shorten(time: number): Promise<void> {
    for (;;) {
      const frozen = this.#freeze(time)
      await this.#write(frozen)
      // What was frozen earlier and could not be written came first.
      if (frozen.before >= time) return
    }
  }

  /** Merges late blocks into ordinary ones, when it is time to. */
  async mergeDue(): Promise<void> {
    const { head, blocks } = this.#deps
    const due = blocks.late.filter(({ meta }) => meta.maxTime < head.boundary)
    if (due.length === 0 || (due.length < MAX_LATE_BLOCKS && head.boundary === this.#mergedAt)) return
    const boundary = head.boundary
    for (const block of due) block.retain()
    try {
      for (const span of this.#spans(due, boundary)) {
        const parts = due.map((block) => partsWithout(block.select([], span.start, span.end - 1), block.tombstones))
        if (parts.every((one) => one.length === 0)) continue
        const { replaced } = span
        const inOrder = replaced === undefined ? none() : columnsWithout(replaced.all(), replaced.tombstones)
        await this.#writeBlock({ ...span, late: 'some' }, mergeLate(inOrder, joinParts(parts)), span.replaced)
      }
    } finally {
      for (const block of due) block.release()
    }
    for (const block of due) blocks.drop(block)
    this.#mergedAt = boundary
  }

  #freeze(time: number): Frozen {
    return this.#deps.late.freeze(time, () => this.#deps.wal.cut())
  }

  async #write({ table, before, through }: Frozen): Promise<void> {
    const { head, blocks, late, wal } = this.#deps
    if (table.samples === 0) late.dropFrozen()
    else {
      const { blockMs } = this.#options
      const place = {
        start: Math.floor(table.minTime / blockMs) * blockMs,
        end: (Math.floor(table.maxTime / blockMs) + 1) * blockMs,
        late: 'only' as const,
        generation: blocks.nextLateGeneration(),
      }
      const all = table.select([], { commit: Infinity, low: -Infinity, high: Infinity })
      const span = { ...place, merged: 1 }
      const write = (dir: string) => writeBlock(dir, span, columnsOf(all), this.#signal)
      await blocks.write(span, write, { onServing: () => late.dropFrozen() })
    }
    await wal.truncate(Math.min(before, head.boundary), through)
  }

  async #writeBlock(
    span: BlockSpan,
    source: Generator<SeriesColumns, void, undefined>,
    replaced: Block | undefined,
  ): Promise<void> {
    const { blocks } = this.#deps
    replaced?.retain()
    try {
      const write = (dir: string) => writeBlock(dir, span, source, this.#signal)
      await blocks.write(span, write, { replaced: replaced === undefined ? [] : [replaced] })
    } finally {
      replaced?.release()
    }
  }

  /** The spans to be written anew: those of ordinary blocks, and what lies between, in windows. Where late samples can be. */
  *#spans(
    due: readonly Block[],
    boundary: number,
  ): Generator<BlockSpan & { readonly replaced?: Block }, void, undefined> {
    // What retention is about to delete is not written again.
    const first = Math.max(this.#options.horizon(), Math.min(...due.map(({ meta }) => meta.minTime)))
    const last = Math.max(...due.map(({ meta }) => meta.maxTime))
    let at = first
    for (const block of [...this.#deps.blocks.blocks]) {
      const { start, end, merged } = block.meta
      if (end <= first) continue
      if (start > last) break
      yield* this.#windows(due, at, Math.min(start, boundary))
      yield { start, end, merged: merged + 1, generation: block.generation + 1, replaced: block }
      at = end
    }
    yield* this.#windows(due, at, Math.min(boundary, last + 1))
  }

  /** Aligned windows of [from, to) in which a late sample lies; their ends cut to it. */
  *#windows(due: readonly Block[], from: number, to: number): Generator<BlockSpan, void, undefined> {
    const { blockMs, maxMergedMs } = this.#options
    let windowMs = blockMs
    while (windowMs * 3 <= maxMergedMs) windowMs *= 3
    for (let at = from; at < to; ) {
      const next = due.reduce((least, block) => Math.min(least, block.firstFrom(at)), Infinity)
      if (next >= to) return
      const window = Math.floor(next / windowMs) * windowMs
      const end = Math.min(window + windowMs, to)
      yield { start: Math.max(window, from), end, merged: 1 }
      at = end
    }
  }
}

function* none(): Generator<SeriesColumns, void, undefined> {}
