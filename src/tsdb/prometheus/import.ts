/**
 * Moves a Prometheus' history into a data directory, block by block.
 *
 * - Each block appears whole or not at all. What was written when an import ends early stays, and the next run goes on from there.
 * - Where blocks are there already, only samples at instants that they do not have are taken: so a second run adds nothing. These go into
 *   blocks of late samples, which upkeep merges.
 * - The head is written into a block first: an imported block behind it would hide what the log holds.
 * - In memory at once: one series of one window, the symbols of the blocks of a window, and a stretch of the log (log-source.ts).
 */
import { crc32 } from 'node:zlib'
import { AssayError, type Clock, type Log, messageOf } from '#core'
import type { BlockCaches } from '../block/block-files.ts'
import { BlockStore } from '../block/block-store.ts'
import { writeBlock } from '../block/block-writer.ts'
import { ByteCache } from '../block/byte-cache.ts'
import type { SeriesColumns } from '../columns/series-columns.ts'
import { type DataDir, openDataDir } from '../data-dir.ts'
import { openTsdb } from '../tsdb.ts'
import { DEFAULT_BLOCK_MS } from '../upkeep.ts'
import { type Known, mergeSources } from './merge-sources.ts'
import { openSources } from './open-sources.ts'
import { planWindows, type Window } from './plan-windows.ts'
import { Skipped, type Source } from './source.ts'

export type ImportOptions = {
  /** A directory of Prometheus: of one that has stopped, or a snapshot. */
  readonly from: string
  /** Our data directory; made when there is none. */
  readonly data: string
  readonly clock: Clock
  readonly log: Log
  readonly onProgress?: (progress: ImportProgress) => void
}

export type ImportProgress = {
  /** Of the span that is imported, 0 to 1. */
  readonly done: number
  readonly samples: number
  readonly blocks: number
}

export type ImportReport = {
  /** What was read: blocks, and the log when it held something. */
  readonly sources: readonly string[]
  readonly series: number
  /** Those that were added. */
  readonly samples: number
  readonly blocks: number
  /** The first and the last instant of what was read; `undefined`: there was nothing. */
  readonly minTime: number | undefined
  readonly maxTime: number | undefined
  readonly skipped: Skipped['list']
}

/** Nearly a week. The next larger span, 20 days, would hold more blocks of Prometheus' open at once, and be written whole again after a Ctrl-C. */
const MAX_WINDOW_MS = 162 * 3600_000
const CACHE_BYTES = 64 * 1024 * 1024
const PROGRESS_SERIES = 1000

/**
 * Rejects with `ASSAY_IMPORT` (nothing to read there, a running Prometheus, the disk), as `openDataDir` and `openTsdb` do, and with the
 * signal's reason; whole blocks stay.
 */
export async function importPrometheus(options: ImportOptions, signal: AbortSignal): Promise<ImportReport> {
  const { from, data, clock, log } = options
  const skipped = new Skipped()
  using sources = openSources(from, skipped)
  await using dir = await openDataDir(data)
  const tally = new Tally(options.onProgress)
  const first = sources.reduce((least, one) => Math.min(least, one.minTime), Infinity)
  const last = sources.reduce((most, one) => Math.max(most, one.maxTime), -Infinity)
  if (first <= last) {
    {
      await using store = await openTsdb({ dir, clock, log })
      await store.flush()
    }
    await writeBlocks({ dir, log, sources, first, last, tally }, signal)
    // What came beside existing blocks is merged into them; the rest is merged as any other.
    await using store = await openTsdb({ dir, clock, log })
    await store.upkeep()
  }
  return {
    sources: sources.map(({ name }) => name),
    series: tally.series,
    samples: tally.samples,
    blocks: tally.blocks,
    minTime: first <= last ? first : undefined,
    maxTime: first <= last ? last : undefined,
    skipped: skipped.list,
  }
}

type Work = {
  readonly dir: DataDir
  readonly log: Log
  readonly sources: readonly Source[]
  readonly first: number
  readonly last: number
  readonly tally: Tally
}

async function writeBlocks({ dir, log, sources, first, last, tally }: Work, signal: AbortSignal): Promise<void> {
  const caches: BlockCaches = { indexes: new ByteCache(CACHE_BYTES), frames: new ByteCache(CACHE_BYTES) }
  using blocks = await BlockStore.open(dir.blocksDir, caches, log)
  const taken = blocks.blocks.map(({ meta }) => ({ start: meta.start, end: meta.end }))
  const windows = planWindows({ first, last, taken, blockMs: DEFAULT_BLOCK_MS, maxMs: MAX_WINDOW_MS })
  for (const window of windows) {
    signal.throwIfAborted()
    const due = sources.filter((one) => one.minTime < window.end && one.maxTime >= window.start)
    if (due.length > 0) {
      try {
        await writeWindow(blocks, due, { window, tally }, signal)
      } catch (cause) {
        if (signal.aborted || cause instanceof AssayError) throw cause
        throw new AssayError(
          'ASSAY_IMPORT',
          `the import stopped: ${messageOf(cause)}; ${tally.blocks} blocks are whole and stay, run it again to go on`,
          { cause },
        )
      }
    }
    tally.reached((window.end - first) / (last + 1 - first))
  }
}

async function writeWindow(
  blocks: BlockStore,
  sources: readonly Source[],
  { window, tally }: { readonly window: Window; readonly tally: Tally },
  signal: AbortSignal,
): Promise<void> {
  const { start, end, isTaken } = window
  const overlaps = isTaken || blocks.late.some(({ meta }) => meta.start < end && meta.end > start)
  const known: Known | undefined = overlaps ? (labels, low, high) => blocks.find(labels, low, high) : undefined
  const span = {
    start,
    end,
    merged: 1,
    ...(isTaken ? { late: 'only' as const, generation: blocks.nextLateGeneration() } : {}),
  }
  const source = tally.counted(mergeSources(sources, { low: start, high: end - 1, known }))
  const meta = await blocks.write(span, (dir) => writeBlock(dir, span, source, signal))
  if (meta !== undefined) tally.blocks++
}

class Tally {
  readonly #onProgress: ImportOptions['onProgress']
  readonly #series = new Set<number>()
  #done = 0
  samples = 0
  blocks = 0

  constructor(onProgress: ImportOptions['onProgress']) {
    this.#onProgress = onProgress
  }

  /** Distinct ones, by 53 bits of checksums: a name each would take more memory than all else. */
  get series(): number {
    return this.#series.size
  }

  *counted(source: Iterable<SeriesColumns>): Generator<SeriesColumns, void, undefined> {
    let since = 0
    for (const one of source) {
      const { key } = one.labels
      this.#series.add((crc32(key) & 0x1fffff) * 2 ** 32 + crc32(key, 1))
      this.samples += one.count
      yield one
      if (++since % PROGRESS_SERIES === 0) this.#tell()
    }
  }

  reached(done: number): void {
    this.#done = done
    this.#tell()
  }

  #tell(): void {
    this.#onProgress?.({ done: this.#done, samples: this.samples, blocks: this.blocks })
  }
}
