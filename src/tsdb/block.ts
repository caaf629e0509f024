/**
 * Reads one immutable block.
 *
 * - The index is checked when the block is opened, each frame when it is read: damage is an error, never a wrong number.
 * - Index and frames live in caches shared by all blocks; the open file is all a block keeps.
 * - `retain` and `release` count the readers; the file is closed, and a dropped block's folder deleted, with the last of them.
 */
import { closeSync, openSync, readSync, rmSync } from 'node:fs'
import { open, readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { crc32, zstdDecompressSync } from 'node:zlib'
import { AssayError, type Labels, type Matcher, messageOf, type NativeHistogram } from '#core'
import { BlockIndex } from './block-index.ts'
import {
  type BlockMeta,
  CHUNKS_FILE,
  CHUNKS_MAGIC,
  generationOf,
  INDEX_FILE,
  indexMagic,
  META_FILE,
  parseMeta,
} from './block-meta.ts'
import type { SeriesColumns } from './block-writer.ts'
import type { ByteCache } from './byte-cache.ts'
import { ByteReader } from './bytes.ts'
import { Tombstones } from './deletion/tombstones.ts'
import { ExtraColumns, readExtras } from './extra-columns.ts'
import { clip, type Part, type PartColumns } from './part.ts'
import { decodeTimestamps } from './timestamp-codec.ts'
import { decodeValues } from './value-codec.ts'

export type BlockCaches = {
  readonly indexes: ByteCache<BlockIndex>
  readonly frames: ByteCache<Buffer>
}

/** No frame unpacks to more; what claims to is damage. */
const MAX_RAW_BYTES = 64 * 1024 * 1024
const MAX_INDEX_BYTES = 2 ** 31

export class Block {
  readonly dir: string
  readonly meta: BlockMeta
  readonly #fd: number
  readonly #caches: BlockCaches
  /** What was deleted of it. Left out by those who read (deletion/without-deleted.ts): what is read here is all that is in the files. */
  tombstones: Tombstones = Tombstones.none
  #readers = 1
  #dropped = false

  private constructor(dir: string, meta: BlockMeta, fd: number, caches: BlockCaches) {
    this.dir = dir
    this.meta = meta
    this.#fd = fd
    this.#caches = caches
  }

  /** Rejects with `ASSAY_TSDB_CORRUPT` when a file is missing, cut or changed, `ASSAY_DATA_NEWER` for a later format. */
  static async open(dir: string, caches: BlockCaches): Promise<Block> {
    const meta = parseMeta(await readFile(join(dir, META_FILE), 'utf8').catch(corruptAs(dir, META_FILE)), dir)
    const index = await readFile(join(dir, INDEX_FILE)).catch(corruptAs(dir, INDEX_FILE))
    if (index.length !== meta.indexBytes || crc32(index) !== meta.indexCrc) {
      throw corrupt(dir, `${INDEX_FILE} does not fit its checksum`)
    }
    const chunks = join(dir, CHUNKS_FILE)
    {
      await using handle = await open(chunks).catch(corruptAs(dir, CHUNKS_FILE))
      const { size } = await handle.stat()
      if (size !== meta.chunksBytes) throw corrupt(dir, `${CHUNKS_FILE} has ${size} bytes, not ${meta.chunksBytes}`)
      const magic = Buffer.alloc(CHUNKS_MAGIC.length)
      await handle.read(magic, 0, magic.length, 0)
      if (!magic.equals(CHUNKS_MAGIC)) throw corrupt(dir, `${CHUNKS_FILE} begins with ${magic.toString('hex')}`)
    }
    return new Block(dir, meta, openSync(chunks, 'r'), caches)
  }

  get sizeBytes(): number {
    return this.meta.indexBytes + this.meta.chunksBytes
  }

  /** How many blocks of this span it took the place of; for late samples alone: which of their blocks it is. */
  get generation(): number {
    return generationOf(basename(this.dir))
  }

  /** Late samples alone are in it. */
  get isLate(): boolean {
    return this.meta.late === 'only'
  }

  retain(): void {
    this.#readers++
  }

  release(): void {
    this.#readers--
    if (this.#readers > 0) return
    closeSync(this.#fd)
    this.#caches.indexes.delete(this.dir)
    this.#caches.frames.deletePrefix(`${this.dir}:`)
    if (this.#dropped) rmSync(this.dir, { recursive: true, force: true })
  }

  /** Deletes the folder as soon as nobody reads it; gives up the owner's hold. */
  drop(): void {
    this.#dropped = true
    this.release()
  }

  /** Series that match and have a sample within [low, high], ordered by labels. Throws `ASSAY_TSDB_CORRUPT`. */
  select(matchers: readonly Matcher[], low: number, high: number): readonly Part[] {
    if (this.meta.maxTime < low || this.meta.minTime > high) return []
    const index = this.#index()
    const parts: Part[] = []
    for (const series of index.select(matchers)) {
      const part = this.#part(index, series, low, high)
      if (part !== undefined) parts.push(part)
    }
    return parts
  }

  /** The first instant at or after `time` that is here, or Infinity. Throws `ASSAY_TSDB_CORRUPT`. */
  firstFrom(time: number): number {
    if (time <= this.meta.minTime) return this.meta.minTime
    const index = this.#index()
    let least = Infinity
    for (let series = 0; series < index.seriesCount; series++) {
      let chunk = index.chunkStart[series]!
      const end = index.chunkStart[series + 1]!
      while (chunk < end && index.chunkLast[chunk]! < time) chunk++
      if (chunk === end || index.chunkFirst[chunk]! >= least) continue
      if (index.chunkFirst[chunk]! >= time) least = index.chunkFirst[chunk]!
      else {
        const room = index.chunkCount[chunk]!
        const columns = { timestamps: new Float64Array(room), values: new Float64Array(room) }
        this.#read(index, { from: chunk, to: chunk + 1 }, columns, 0)
        least = Math.min(least, columns.timestamps.find((at) => at >= time)!)
      }
    }
    return least
  }

  /** The samples of one series within [low, high], if there are any. Throws `ASSAY_TSDB_CORRUPT`. */
  find(labels: Labels, low: number, high: number): Part | undefined {
    if (this.meta.maxTime < low || this.meta.minTime > high) return undefined
    const index = this.#index()
    const series = index.find(labels)
    return series === undefined ? undefined : this.#part(index, series, low, high)
  }

  /**
   * Every series with all its samples, ordered by labels: for merging blocks. Columns are valid until the next. A series with
   * histograms comes a chunk at a time.
   */
  *all(): Generator<SeriesColumns, void, undefined> {
    const index = this.#index()
    let columns = { timestamps: new Float64Array(1024), values: new Float64Array(1024) }
    for (let series = 0; series < index.seriesCount; series++) {
      const end = index.chunkStart[series + 1]!
      const labels = index.labels(series)
      for (let from = index.chunkStart[series]!; from < end; ) {
        const hasExtras = index.anyExtras(from, end)
        const to = hasExtras ? from + 1 : end
        let room = 0
        for (let chunk = from; chunk < to; chunk++) room += index.chunkCount[chunk]!
        if (columns.timestamps.length < room) {
          columns = { timestamps: new Float64Array(room * 2), values: new Float64Array(room * 2) }
        }
        const extras = hasExtras ? new ExtraColumns(room) : undefined
        const out = extras === undefined ? columns : { ...columns, extras }
        const count = this.#read(index, { from, to }, out, 0)
        yield { labels, ...columns, ...extras?.take(count), count }
        from = to
      }
    }
  }

  /** The last sample of a series, if the block has the series: its histogram, or none when it is a float. */
  lastHistogram(labels: Labels): { readonly histogram: NativeHistogram | undefined } | undefined {
    const index = this.#index()
    const series = index.find(labels)
    if (series === undefined) return undefined
    const to = index.chunkStart[series + 1]!
    const from = to - 1
    if (from < index.chunkStart[series]! || !index.hasExtras(from)) return { histogram: undefined }
    const room = index.chunkCount[from]!
    const extras = new ExtraColumns(room)
    const columns = { timestamps: new Float64Array(room), values: new Float64Array(room), extras }
    this.#read(index, { from, to }, columns, 0)
    return { histogram: extras.histograms?.[room - 1] }
  }

  /** Reads every frame, with the event loop running in between. Rejects with `ASSAY_TSDB_CORRUPT` at the first damaged one. */
  async verify(): Promise<void> {
    const index = this.#index()
    for (let frame = 0; frame < index.frames.length; frame++) {
      this.#frame(index, frame)
      await new Promise<void>((resolve) => setImmediate(resolve))
    }
  }

  #part(index: BlockIndex, series: number, low: number, high: number): Part | undefined {
    let from = index.chunkStart[series]!
    let to = index.chunkStart[series + 1]!
    while (from < to && index.chunkLast[from]! < low) from++
    while (to > from && index.chunkFirst[to - 1]! > high) to--
    if (from === to) return undefined
    let maxCount = 0
    let isSure = false
    for (let chunk = from; chunk < to; chunk++) {
      maxCount += index.chunkCount[chunk]!
      // An end of a chunk is a sample; only a span inside one chunk may fall into a gap.
      isSure ||= index.chunkFirst[chunk]! >= low || index.chunkLast[chunk]! <= high
    }
    const read = (out: PartColumns, at: number) => {
      const end = this.#read(index, { from, to }, out, at)
      return clip(out, { from: at, to: end, low, high })
    }
    const scratch = () => ({ timestamps: new Float64Array(maxCount), values: new Float64Array(maxCount) })
    if (!isSure && read(scratch(), 0) === 0) return undefined
    const part = { labels: index.labels(series), maxCount, read }
    return this.meta.late === 'some' ? { ...part, isMixed: true } : part
  }

  /** Decodes chunks [from, to) one behind the other; returns where they end. */
  #read(
    index: BlockIndex,
    { from, to }: { readonly from: number; readonly to: number },
    { timestamps, values, extras }: PartColumns,
    start: number,
  ): number {
    let at = start
    for (let chunk = from; chunk < to; chunk++) {
      const count = index.chunkCount[chunk]!
      const frame = this.#frame(index, index.chunkFrame[chunk]!)
      try {
        const head = new ByteReader(frame)
        const timestampsBytes = head.varint()
        const columns = head.offset
        decodeTimestamps(new ByteReader(frame, columns + index.chunkTimestampsAt[chunk]!), timestamps, at, count)
        const valuesAt = columns + timestampsBytes + index.chunkValuesAt[chunk]!
        const source = new ByteReader(frame, valuesAt)
        decodeValues(source, values, at, count)
        if (extras !== undefined && index.hasExtras(chunk))
          readExtras(source, { size: count }, { columns: extras, to: at })
      } catch (cause) {
        throw corrupt(this.dir, `a chunk of frame ${index.chunkFrame[chunk]} makes no sense`, cause)
      }
      at += count
    }
    return at
  }

  #index(): BlockIndex {
    const known = this.#caches.indexes.get(this.dir)
    if (known !== undefined) return known
    try {
      const { format, start } = this.meta
      const magic = indexMagic(format)
      const file = Buffer.allocUnsafe(this.meta.indexBytes)
      const fd = openSync(join(this.dir, INDEX_FILE), 'r')
      try {
        readAll(fd, file, 0)
      } finally {
        closeSync(fd)
      }
      if (crc32(file) !== this.meta.indexCrc || !file.subarray(0, magic.length).equals(magic)) {
        throw corrupt(this.dir, `${INDEX_FILE} does not fit its checksum`)
      }
      const raw = zstdDecompressSync(file.subarray(magic.length), { maxOutputLength: MAX_INDEX_BYTES })
      const index = new BlockIndex(raw, { format, start, dataStart: CHUNKS_MAGIC.length })
      this.#caches.indexes.set(this.dir, index, index.sizeBytes)
      return index
    } catch (cause) {
      throw cause instanceof AssayError ? cause : corrupt(this.dir, `${INDEX_FILE} cannot be read`, cause)
    }
  }

  #frame(index: BlockIndex, number: number): Buffer {
    const key = `${this.dir}:${number}`
    const known = this.#caches.frames.get(key)
    if (known !== undefined) return known
    const frame = index.frames[number]!
    try {
      const bytes = Buffer.allocUnsafe(frame.bytes)
      readAll(this.#fd, bytes, frame.offset)
      if (crc32(bytes) !== frame.crc) throw corrupt(this.dir, `frame ${number} at byte ${frame.offset} was changed`)
      const raw = zstdDecompressSync(bytes, { maxOutputLength: MAX_RAW_BYTES })
      if (raw.length !== frame.rawBytes) throw corrupt(this.dir, `frame ${number} has an unexpected length`)
      this.#caches.frames.set(key, raw, raw.length)
      return raw
    } catch (cause) {
      throw cause instanceof AssayError ? cause : corrupt(this.dir, `frame ${number} cannot be read`, cause)
    }
  }
}

/** A block that cannot be trusted: which, and why. */
export class BlockCorruptError extends AssayError<'ASSAY_TSDB_CORRUPT'> {
  readonly dir: string

  constructor(dir: string, what: string, cause?: unknown) {
    const detail = cause === undefined ? '' : ` (${messageOf(cause)})`
    super(
      'ASSAY_TSDB_CORRUPT',
      `block ${dir} is damaged: ${what}${detail}; it is set aside, restore it from a backup`,
      {
        cause,
      },
    )
    this.dir = dir
  }
}

function corrupt(dir: string, what: string, cause?: unknown): BlockCorruptError {
  return new BlockCorruptError(dir, what, cause)
}

function corruptAs(dir: string, file: string): (cause: unknown) => never {
  return (cause) => {
    throw corrupt(dir, `${file} cannot be read`, cause)
  }
}

function readAll(fd: number, into: Buffer, position: number): void {
  for (let done = 0; done < into.length; ) {
    const read = readSync(fd, into, done, into.length - done, position + done)
    if (read === 0) throw new Error(`the file ends at ${position + done}`)
    done += read
  }
}
