/**
 * Writes one immutable block: into a temporary folder, forced to disk, renamed. After a crash it is there whole or not at all.
 *
 * - Series come sorted by labels, so that like lies beside like; some hundred chunks share a frame that zstd compresses.
 * - The block's span is cut into windows, each with frames and a directory of its own: a question about an hour reads those of its
 *   window, and a merge copies them as they are (stack-blocks.ts).
 * - A series with histograms may come in parts, one at once behind the other, so that its writer never has it whole in memory.
 * - Work is done a frame at a time; compression runs beside the event loop, so that commits and queries go on.
 */
import { mkdir, open, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import type { SeriesColumns } from '../columns/series-columns.ts'
import { syncDir, writeDurably } from '../data-dir.ts'
import { encodeIndex, SeriesTable } from './block-index-file.ts'
import {
  BLOCK_FORMAT,
  type BlockMeta,
  blockName,
  CHUNKS_FILE,
  chunksMagic,
  formatMeta,
  INDEX_FILE,
  type Late,
  META_FILE,
} from './block-meta.ts'
import { compress, FrameFile, WindowWriter } from './frame-writer.ts'
import type { DirectoryBuilder } from './window-directory.ts'

/** Series between two turns of the event loop, where no frame is written. */
const STRIDE = 512
/** The least span of a window; 480 samples of what is scraped every 15 s. */
const MIN_WINDOW_MS = 2 * 3600_000
/** Each has a frame in the making. */
const MAX_WINDOWS = 64

export type BlockSpan = {
  readonly start: number
  readonly end: number
  readonly merged: number
  readonly late?: Late | undefined
  /** As in the folder's name (`blockName`). */
  readonly generation?: number
  /** How long its windows are; left out: two hours, or a 64th of the span when that is more. */
  readonly windowMs?: number
}

/** What goes into a block beside its frames. */
export type BlockContent = {
  readonly series: SeriesTable
  /** In order of time, none without a chunk; each is asked for when the one before it was written. */
  readonly windows: Iterable<DirectoryBuilder>
}

/**
 * Writes the block of `span` under `dir`. `undefined` when there was not a single sample. Rejects with what the disk said, or the
 * signal's reason; then nothing is left of it.
 */
export function writeBlock(
  dir: string,
  span: BlockSpan,
  source: Iterable<SeriesColumns>,
  signal: AbortSignal,
): Promise<BlockMeta | undefined> {
  return writeBlockWith(dir, span, (frames) => fill(frames, span, source, signal))
}

/** As `writeBlock`, with what is to be in it given by `fill`. */
export async function writeBlockWith(
  dir: string,
  span: BlockSpan,
  fill: (frames: FrameFile) => Promise<BlockContent>,
): Promise<BlockMeta | undefined> {
  const name = blockName(span)
  const temporary = join(dir, `tmp-${name}`)
  await rm(temporary, { recursive: true, force: true })
  try {
    await mkdir(temporary, { recursive: true })
    const meta = await writeFiles(temporary, span, fill)
    if (meta === undefined) {
      await rm(temporary, { recursive: true })
      return undefined
    }
    await writeDurably(join(temporary, META_FILE), formatMeta(meta))
    await syncDir(temporary)
    await rename(temporary, join(dir, name))
    await syncDir(dir)
    return meta
  } catch (error) {
    await rm(temporary, { recursive: true, force: true }).catch(() => undefined)
    throw error
  }
}

async function writeFiles(
  folder: string,
  span: BlockSpan,
  fill: (frames: FrameFile) => Promise<BlockContent>,
): Promise<BlockMeta | undefined> {
  await using chunks = await open(join(folder, CHUNKS_FILE), 'wx', 0o600)
  await chunks.write(chunksMagic(BLOCK_FORMAT))
  const frames = new FrameFile(chunks)
  const { series, windows } = await fill(frames)
  const index = await encodeIndex({ start: span.start, series, frames: frames.frames, windows }, compress)
  if (index === undefined) return undefined
  const { bytes, samples, minTime, maxTime } = index
  // Behind the frames once more: without it all samples of the block would be lost with one byte of the index.
  await chunks.write(bytes)
  await chunks.sync()
  await writeDurably(join(folder, INDEX_FILE), bytes)
  return {
    format: BLOCK_FORMAT,
    start: span.start,
    end: span.end,
    minTime,
    maxTime,
    series: series.count,
    samples,
    indexBytes: bytes.length,
    chunksBytes: frames.sizeBytes + bytes.length,
    indexCrc: crc32(bytes),
    merged: span.merged,
    ...(span.late === undefined ? {} : { late: span.late }),
  }
}

async function fill(
  frames: FrameFile,
  span: BlockSpan,
  source: Iterable<SeriesColumns>,
  signal: AbortSignal,
): Promise<BlockContent> {
  const windowMs = span.windowMs ?? Math.max(MIN_WINDOW_MS, Math.ceil((span.end - span.start) / MAX_WINDOWS))
  const series = new SeriesTable()
  const windows = new Map<number, WindowWriter>()
  let before = 0
  for (const one of source) {
    signal.throwIfAborted()
    if (one.count === 0) continue
    const number = series.add(one.labels)
    for (let from = 0; from < one.count; ) {
      const window = Math.floor((one.timestamps[from]! - span.start) / windowMs)
      const to = endOfWindow(one, from, span.start + (window + 1) * windowMs)
      let writer = windows.get(window)
      if (writer === undefined) windows.set(window, (writer = new WindowWriter(frames)))
      writer.add(number, one, from, to)
      if (writer.isDue) {
        await writer.flush()
        before = number
      }
      from = to
    }
    if (number - before >= STRIDE) {
      before = number
      await new Promise<void>((resolve) => setImmediate(resolve))
    }
  }
  const ordered = [...windows].sort(([a], [b]) => a - b)
  for (const [, writer] of ordered) await writer.finish()
  return { series, windows: ordered.map(([, { directory }]) => directory) }
}

function endOfWindow({ timestamps, count }: SeriesColumns, from: number, end: number): number {
  if (timestamps[count - 1]! < end) return count
  let low = from + 1
  let high = count
  while (low < high) {
    const middle = (low + high) >>> 1
    if (timestamps[middle]! < end) low = middle + 1
    else high = middle
  }
  return low
}
