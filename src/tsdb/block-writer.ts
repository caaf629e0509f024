/**
 * Writes one immutable block: into a temporary folder, forced to disk, renamed. After a crash it is there whole or not at all.
 *
 * - Series come sorted by labels, so that like lies beside like; some hundred chunks share a frame that zstd compresses.
 * - In a frame the instants come first, each distinct column of them once: what one scrape brought shares its instants.
 * - A series with histograms may come in parts, one at once behind the other, so that its writer never has it whole in memory.
 * - Work is done a frame at a time; compression runs beside the event loop, so that commits and queries go on.
 */
import { type FileHandle, mkdir, open, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { constants, crc32, zstdCompress } from 'node:zlib'
import type { Labels } from '#core'
import { BlockIndexBuilder, type ChunkPlace } from './block-index.ts'
import {
  BLOCK_FORMAT,
  type BlockMeta,
  blockName,
  CHUNKS_FILE,
  CHUNKS_MAGIC,
  EXTRAS_FORMAT,
  formatMeta,
  INDEX_FILE,
  indexMagic,
  type Late,
  META_FILE,
  PLAIN_FORMAT,
} from './block-meta.ts'
import { ByteWriter } from './bytes.ts'
import { syncDir, writeDurably } from './data-dir.ts'
import { type Extras, writeExtras } from './extra-columns.ts'
import { encodeTimestamps } from './timestamp-codec.ts'
import { encodeValues } from './value-codec.ts'

/** Samples of one chunk at most: what a reader of one instant has to decode. */
export const MAX_CHUNK_SAMPLES = 512
/** Buckets of one chunk at most, over all its histograms: bounds its bytes, and what a reader of one instant has to decode. */
const MAX_CHUNK_BUCKETS = 16 * 1024
/** A frame is closed when its values reach this: what a reader of one series has to decompress. */
const FRAME_BYTES = 64 * 1024
/** A series lies in one frame, unless it alone is larger than this. */
const MAX_FRAME_BYTES = 1024 * 1024
const LEVEL = { params: { [constants.ZSTD_c_compressionLevel]: 3 } }

const compress = promisify(zstdCompress)

/** Columns of one series within the block's span; valid until the next is asked for. */
export type SeriesColumns = Extras & {
  readonly labels: Labels
  readonly timestamps: Float64Array
  readonly values: Float64Array
  readonly count: number
}

export type BlockSpan = {
  readonly start: number
  readonly end: number
  readonly merged: number
  readonly late?: Late | undefined
  /** As in the folder's name (`blockName`). */
  readonly generation?: number
}

/**
 * Writes the block of `span` under `dir`. `undefined` when there was not a single sample. Rejects with what the disk said, or the
 * signal's reason; then nothing is left of it.
 */
export async function writeBlock(
  dir: string,
  span: BlockSpan,
  source: Iterable<SeriesColumns>,
  signal: AbortSignal,
): Promise<BlockMeta | undefined> {
  const name = blockName(span)
  const temporary = join(dir, `tmp-${name}`)
  await rm(temporary, { recursive: true, force: true })
  try {
    await mkdir(temporary, { recursive: true })
    const meta = await fill(temporary, span, source, signal)
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

async function fill(
  folder: string,
  span: BlockSpan,
  source: Iterable<SeriesColumns>,
  signal: AbortSignal,
): Promise<BlockMeta | undefined> {
  const index = new BlockIndexBuilder()
  await using chunks = await open(join(folder, CHUNKS_FILE), 'wx', 0o600)
  await chunks.write(CHUNKS_MAGIC)
  const frames = new FrameWriter(chunks, index)
  let samples = 0
  let minTime = Infinity
  let maxTime = -Infinity
  for (const series of source) {
    signal.throwIfAborted()
    if (series.count === 0) continue
    const places: ChunkPlace[] = []
    for (let from = 0; from < series.count; from += places.at(-1)!.count) {
      if (frames.sizeBytes >= MAX_FRAME_BYTES) await frames.flush()
      places.push(frames.add(series, from))
    }
    index.addSeries(series.labels, places)
    samples += series.count
    minTime = Math.min(minTime, series.timestamps[0]!)
    maxTime = Math.max(maxTime, series.timestamps[series.count - 1]!)
    if (frames.sizeBytes >= FRAME_BYTES) await frames.flush()
  }
  if (samples === 0) return undefined
  await frames.flush()
  await chunks.sync()
  const out = new ByteWriter(64 * 1024)
  const format = span.late !== undefined ? BLOCK_FORMAT : index.hasExtras ? EXTRAS_FORMAT : PLAIN_FORMAT
  index.write(out, { start: span.start, format })
  const indexFile = Buffer.concat([indexMagic(format), await compress(out.view(), LEVEL)])
  await writeDurably(join(folder, INDEX_FILE), indexFile)
  return {
    format,
    start: span.start,
    end: span.end,
    minTime,
    maxTime,
    series: index.seriesCount,
    samples,
    indexBytes: indexFile.length,
    chunksBytes: frames.fileBytes,
    indexCrc: crc32(indexFile),
    merged: span.merged,
    ...(span.late === undefined ? {} : { late: span.late }),
  }
}

/** Gathers chunks until a frame is full. Series of one frame are known to the index by the frame's coming number. */
class FrameWriter {
  readonly #file: FileHandle
  readonly #index: BlockIndexBuilder
  readonly #timestamps = new ByteWriter(FRAME_BYTES)
  readonly #values = new ByteWriter(FRAME_BYTES * 2)
  readonly #one = new ByteWriter(8192)
  /** Where each distinct column of instants lies, by its bytes. */
  #columns = new Map<string, number>()
  #frame = 0
  fileBytes: number = CHUNKS_MAGIC.length

  constructor(file: FileHandle, index: BlockIndexBuilder) {
    this.#file = file
    this.#index = index
  }

  /** Bytes of the frame in the making, unpacked. */
  get sizeBytes(): number {
    return this.#values.length + this.#timestamps.length
  }

  /** Adds a chunk that begins with sample `from` of the series. */
  add(series: SeriesColumns, from: number): ChunkPlace {
    const { timestamps, values, histograms, starts } = series
    const size = chunkSize(series, from)
    const valuesAt = this.#values.length
    encodeValues(this.#values, values, from, size)
    const hasExtras = (histograms ?? starts) !== undefined && writeExtras(this.#values, series, from, size)
    return {
      frame: this.#frame,
      timestampsAt: this.#timestampsAt(timestamps, from, size),
      valuesAt,
      count: size,
      first: timestamps[from]!,
      last: timestamps[from + size - 1]!,
      hasExtras,
    }
  }

  async flush(): Promise<void> {
    if (this.#values.length === 0) return
    const head = new ByteWriter(16)
    head.varint(this.#timestamps.length)
    const raw = Buffer.concat([head.view(), this.#timestamps.view(), this.#values.view()])
    const bytes = await compress(raw, LEVEL)
    await this.#file.write(bytes)
    this.#index.addFrame({ offset: this.fileBytes, bytes: bytes.length, rawBytes: raw.length, crc: crc32(bytes) })
    this.fileBytes += bytes.length
    this.#timestamps.reset()
    this.#values.reset()
    this.#columns = new Map()
    this.#frame++
  }

  #timestampsAt(timestamps: Float64Array, from: number, count: number): number {
    this.#one.reset()
    encodeTimestamps(this.#one, timestamps, from, count)
    const key = `${count}:${this.#one.view().toString('latin1')}`
    const known = this.#columns.get(key)
    if (known !== undefined) return known
    const at = this.#timestamps.length
    this.#timestamps.bytes(this.#one.view())
    this.#columns.set(key, at)
    return at
  }
}

function chunkSize({ histograms, count }: SeriesColumns, from: number): number {
  const most = Math.min(MAX_CHUNK_SAMPLES, count - from)
  if (histograms === undefined) return most
  let buckets = 0
  for (let size = 0; size < most; size++) {
    const histogram = histograms[from + size]
    if (histogram === undefined) continue
    buckets += histogram.positive.indices.length + histogram.negative.indices.length + histogram.customBounds.length
    if (buckets > MAX_CHUNK_BUCKETS) return Math.max(1, size)
  }
  return most
}
