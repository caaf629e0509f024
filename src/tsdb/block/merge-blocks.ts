/**
 * Makes one block of several that follow each other in time.
 *
 * - Mostly as a stack: frames are copied as they are, checked and neither unpacked nor decoded; series get new numbers in the
 *   directories. Each window stays what it was. 7 ns of CPU a sample, against 60 for writing anew (`bench/tsdb-blocks.ts`).
 * - Where chunks are small, as series are scraped seldom, they are joined into longer windows, by decoding: a chunk has its price in
 *   the index. Once they are long enough, later merges stack them.
 * - Blocks of formats 1 to 3, blocks of which something was deleted, and histograms among late samples are written anew, too.
 */
import type { Labels } from '#core'
import { compareLabels } from '#storage'
import { columnsWithout } from '../deletion/without-deleted.ts'
import type { Block } from './block.ts'
import { SeriesTable } from './block-index-file.ts'
import type { BlockMeta } from './block-meta.ts'
import { type BlockSpan, writeBlock, writeBlockWith } from './block-writer.ts'
import { type FrameFile, MAX_CHUNK_SAMPLES } from './frame-writer.ts'
import { mergeSeries } from './merge.ts'
import type { DirectoryBuilder } from './window-directory.ts'

/** Chunks of fewer samples, on average, are joined: below, they are longer in the index than what they gain in time. */
const MIN_STACKED_SAMPLES = 200
/** A block is cut into so many windows at most when it is written anew. */
const MAX_JOINED_WINDOWS = 64
/** Series between two turns of the event loop. */
const STRIDE = 1000

/** As `writeBlock`; rejects with `ASSAY_TSDB_CORRUPT`, too, when a source is damaged. Sources are in order of time, and stay. */
export async function mergeBlocks(
  dir: string,
  span: BlockSpan,
  sources: readonly Block[],
  signal: AbortSignal,
): Promise<BlockMeta | undefined> {
  for (const block of sources) {
    // Decoded one at a time, with commits and queries between.
    block.index()
    await pause()
  }
  if (canStack(sources)) return writeBlockWith(dir, span, (frames) => stack(frames, sources, signal))
  const all = sources.map((block) => ({
    series: columnsWithout(block.all(), block.tombstones),
    isMixed: block.meta.late !== undefined || !block.tombstones.isEmpty,
  }))
  return writeBlock(dir, { windowMs: joinedWindowMs(span, sources), ...span }, mergeSeries(all), signal)
}

function canStack(sources: readonly Block[]): boolean {
  if (sources.some((block) => block.isLegacy || !block.tombstones.isEmpty)) return false
  // Behind late samples the hints of the next block's histograms do not hold: they have to be written anew.
  if (sources.some(({ meta }) => meta.late !== undefined) && sources.some(hasExtras)) return false
  let chunks = 0
  let samples = 0
  for (const block of sources) {
    const index = block.index()
    for (let window = 0; window < index.windowCount; window++) chunks += index.window(window).chunks
    samples += block.meta.samples
  }
  return samples >= chunks * MIN_STACKED_SAMPLES
}

function hasExtras(block: Block): boolean {
  for (const directory of block.directories()) if (directory.hasExtras) return true
  return false
}

/** So long that a series has about one full chunk a window. */
function joinedWindowMs({ start, end }: BlockSpan, sources: readonly Block[]): number {
  const perSeries = sources.reduce((sum, { meta }) => sum + meta.samples / meta.series, 0)
  const windows = Math.min(MAX_JOINED_WINDOWS, Math.max(1, Math.floor(perSeries / MAX_CHUNK_SAMPLES)))
  return Math.ceil((end - start) / windows)
}

async function stack(frames: FrameFile, sources: readonly Block[], signal: AbortSignal) {
  const { series, numbers } = await mergeTables(sources, signal)
  const firstFrames: number[] = []
  for (const block of sources) {
    firstFrames.push(frames.frames.length)
    const index = block.index()
    for (let number = 0; number < index.frameCount; number++) {
      signal.throwIfAborted()
      const { rawBytes, crc } = index.frame(number)
      await frames.append(block.packedFrame(number), rawBytes, crc)
    }
  }
  return { series, windows: directoriesOf(sources, numbers, firstFrames) }
}

/** All series in order, and which number each source's series have now. */
async function mergeTables(sources: readonly Block[], signal: AbortSignal) {
  const series = new SeriesTable()
  const numbers = sources.map((block) => new Uint32Array(block.meta.series))
  const indexes = sources.map((block) => block.index())
  const next = sources.map(() => 0)
  const heads: (Labels | undefined)[] = indexes.map((index) => index.labels(0))
  for (let turn = 0; ; turn++) {
    if (turn % STRIDE === STRIDE - 1) {
      await pause()
      signal.throwIfAborted()
    }
    let least: Labels | undefined
    for (const one of heads) {
      if (one !== undefined && (least === undefined || compareLabels(one, least) < 0)) least = one
    }
    if (least === undefined) return { series, numbers }
    const number = series.add(least)
    for (let i = 0; i < heads.length; i++) {
      const one = heads[i]
      if (one === undefined || (one !== least && compareLabels(one, least) !== 0)) continue
      const at = next[i]!++
      numbers[i]![at] = number
      heads[i] = at + 1 < indexes[i]!.seriesCount ? indexes[i]!.labels(at + 1) : undefined
    }
  }
}

function* directoriesOf(
  sources: readonly Block[],
  numbers: readonly Uint32Array[],
  firstFrames: readonly number[],
): Generator<DirectoryBuilder, void, undefined> {
  for (const [i, block] of sources.entries()) {
    for (const directory of block.directories()) yield directory.copyWith(numbers[i]!, firstFrames[i]!)
  }
}

/** Lets commits and queries run. */
function pause(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
