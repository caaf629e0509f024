/**
 * Writes the frames of a block: chunks gather until a frame is full, then it is compressed beside the event loop and appended.
 *
 * - Each window of the block has a frame of values and one of instants in the making. A column of instants is written once for all
 *   chunks of the window that have it: what one scrape brought shares it.
 * - Frames are numbered as they are begun, and lie in the file as they are finished; the list of frames says where.
 */
import type { FileHandle } from 'node:fs/promises'
import { promisify } from 'node:util'
import { constants, crc32, zstdCompress } from 'node:zlib'
import { ByteWriter } from '../codec/bytes.ts'
import { encodePacked } from '../codec/packed-codec.ts'
import { encodeTimestamps } from '../codec/timestamp-codec.ts'
import { writeExtras } from '../columns/extra-columns.ts'
import type { SeriesColumns } from '../columns/series-columns.ts'
import type { FrameEntry } from './block-index.ts'
import { CHUNKS_MAGIC_BYTES } from './block-meta.ts'
import { DirectoryBuilder } from './window-directory.ts'

/** Samples of one chunk at most: what a reader of one instant has to decode. */
export const MAX_CHUNK_SAMPLES = 512
/** Buckets of one chunk at most, over all its histograms: bounds its bytes, and what a reader of one instant has to decode. */
const MAX_CHUNK_BUCKETS = 16 * 1024
/** A frame is closed when it reaches this: what a reader of one series has to decompress. Some 230 chunks of what services give. */
const FRAME_BYTES = 64 * 1024
/** Columns of instants that are compared with new ones; one that was forgotten is written again. 4 MiB at most. */
const MAX_KNOWN_COLUMNS = 1024
/** Level 12 gains 1 %, 19 another, at 10 and 40 times the CPU time. */
const LEVEL = { params: { [constants.ZSTD_c_compressionLevel]: 3 }, chunkSize: FRAME_BYTES }

const zstd = promisify(zstdCompress)

/** As frames and indexes are compressed. */
export function compress(bytes: Buffer): Promise<Buffer> {
  return zstd(bytes, LEVEL)
}

/** The file, and which frame lies where. */
export class FrameFile {
  readonly frames: FrameEntry[] = []
  readonly #file: FileHandle
  sizeBytes: number = CHUNKS_MAGIC_BYTES

  constructor(file: FileHandle) {
    this.#file = file
  }

  /** Appends a compressed frame and returns its number. */
  async append(bytes: Buffer, rawBytes: number, crc: number): Promise<number> {
    await this.#file.write(bytes)
    this.frames.push({ offset: this.sizeBytes, bytes: bytes.length, rawBytes, crc })
    this.sizeBytes += bytes.length
    return this.frames.length - 1
  }
}

/** Instants as bytes: compared so, a column takes 0.6 ns a sample instead of 12. */
type KnownColumn = { readonly number: number; readonly instants: Buffer }

/** The chunks of one window. */
export class WindowWriter {
  readonly directory = new DirectoryBuilder()
  readonly #file: FrameFile
  readonly #values = new ByteWriter(FRAME_BYTES * 2)
  readonly #instants = new ByteWriter(4096)
  #known = new Map<string, KnownColumn>()
  /** Chunks and columns of the frames in the making: they learn the frame's number when it is written. */
  #chunksDue = 0
  #columnsDue = 0

  constructor(file: FrameFile) {
    this.#file = file
  }

  /** Adds the entries [from, to) of a series, in chunks. Then `flushDue` has to be waited for. */
  add(number: number, series: SeriesColumns, from: number, to: number): void {
    for (let at = from; at < to; ) {
      const size = chunkSize(series, at, to)
      const column = this.#column(series.timestamps, at, size)
      const place = this.#values.length
      encodePacked(this.#values, series.values, at, size)
      const { histograms, starts } = series
      const hasExtras = (histograms ?? starts) !== undefined && writeExtras(this.#values, series, at, size)
      this.directory.addChunk(number, -1, place, column, hasExtras)
      at += size
    }
  }

  get isDue(): boolean {
    return this.#values.length >= FRAME_BYTES || this.#instants.length >= FRAME_BYTES
  }

  async flush(): Promise<void> {
    const { directory } = this
    if (this.#values.length > 0) {
      const frame = await this.#write(this.#values)
      directory.frame.fill(frame, this.#chunksDue)
      this.#chunksDue = directory.frame.length
    }
    if (this.#instants.length >= FRAME_BYTES) await this.#flushInstants()
  }

  /** Writes what is left. */
  async finish(): Promise<void> {
    await this.flush()
    await this.#flushInstants()
    this.#known = new Map()
  }

  async #flushInstants(): Promise<void> {
    const { directory } = this
    if (this.#instants.length === 0) return
    const frame = await this.#write(this.#instants)
    directory.columnFrame.fill(frame, this.#columnsDue)
    this.#columnsDue = directory.columnFrame.length
  }

  async #write(out: ByteWriter): Promise<number> {
    const rawBytes = out.length
    const bytes = await compress(out.view())
    out.reset()
    return this.#file.append(bytes, rawBytes, crc32(bytes))
  }

  #column(timestamps: Float64Array, from: number, count: number): number {
    const first = timestamps[from]!
    const last = timestamps[from + count - 1]!
    const key = `${count}:${first}:${last}`
    const known = this.#known.get(key)
    this.#known.delete(key)
    const bytes = Buffer.from(timestamps.buffer, timestamps.byteOffset + from * 8, count * 8)
    if (known?.instants.equals(bytes)) {
      this.#known.set(key, known)
      return known.number
    }
    const at = this.#instants.length
    encodeTimestamps(this.#instants, timestamps, from, count)
    const number = this.directory.addColumn(-1, at, count, first, last)
    // What was used longest ago is the oldest entry.
    if (this.#known.size >= MAX_KNOWN_COLUMNS) this.#known.delete(this.#known.keys().next().value!)
    this.#known.set(key, { number, instants: Buffer.from(bytes) })
    return number
  }
}

/** Chunks of about one size, so that none of a few samples is left at the end. */
function chunkSize({ histograms }: SeriesColumns, from: number, to: number): number {
  const left = to - from
  const most = Math.ceil(left / Math.ceil(left / MAX_CHUNK_SAMPLES))
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
