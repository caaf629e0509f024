/**
 * Reads one immutable block.
 *
 * - The index is checked when the block is opened, each directory and frame when it is read: damage is an error, never a wrong number.
 * - Indexes, directories and frames live in caches shared by all blocks; the open file is all a block keeps.
 * - Names, values and series are answered from numbers: labels of a series are made when they are asked for.
 * - `retain` and `release` count the readers; the file is closed, and a dropped block's folder deleted (gone-folder.ts), with the last of
 *   them.
 *
 * A little beyond 400 lines: every question to a block is a few of them, over the same windows and cursors.
 */
import { open, readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { crc32 } from 'node:zlib'
import { AssayError, type Labels, type Matcher, type NativeHistogram } from '#core'
import { ExtraColumns } from '../columns/extra-columns.ts'
import type { Part } from '../columns/part.ts'
import type { SeriesColumns } from '../columns/series-columns.ts'
import { Tombstones } from '../deletion/tombstones.ts'
import { BlockCorruptError, corrupt, corruptAs } from './block-error.ts'
import { type BlockCaches, BlockFiles } from './block-files.ts'
import type { BlockIndex } from './block-index.ts'
import {
  type BlockMeta,
  CHUNKS_FILE,
  CHUNKS_MAGIC_BYTES,
  chunksMagic,
  generationOf,
  INDEX_FILE,
  META_FILE,
  parseMeta,
} from './block-meta.ts'
import { BlockPart, runsOf } from './block-part.ts'
import { ChunkReader, WindowCursor } from './chunk-reader.ts'
import { giveUpFolder, removeFolder } from './gone-folder.ts'
import { selectSeries } from './select-series.ts'
import type { WindowDirectory } from './window-directory.ts'

/** What a question about one span works with. */
type Reading = {
  readonly index: BlockIndex
  readonly chunks: ChunkReader
  /** Of the windows that the span touches, in order of time. */
  readonly cursors: readonly WindowCursor[]
}

/** What could not be read: a chunk of a series, or all chunks of a window. */
export type LostPiece = { readonly series: number | undefined; readonly low: number; readonly high: number }

export class Block {
  readonly dir: string
  readonly meta: BlockMeta
  readonly #files: BlockFiles
  /** What was deleted of it. Left out by those who read (deletion/without-deleted.ts): what is read here is all that is in the files. */
  tombstones: Tombstones = Tombstones.none
  #readers = 1
  #dropped = false

  private constructor(files: BlockFiles) {
    this.dir = files.dir
    this.meta = files.meta
    this.#files = files
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
      const magic = Buffer.alloc(CHUNKS_MAGIC_BYTES)
      await handle.read(magic, 0, magic.length, 0)
      if (!magic.equals(chunksMagic(meta.format))) {
        throw corrupt(dir, `${CHUNKS_FILE} begins with ${magic.toString('hex')}`)
      }
    }
    return new Block(new BlockFiles(dir, meta, caches))
  }

  /** A block that does not hold, for reading what does: with an index that was put together of what is whole (repair-block.ts). */
  static salvage(dir: string, meta: BlockMeta, image: Buffer | undefined, caches: BlockCaches): Block {
    return new Block(new BlockFiles(dir, meta, caches, image))
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

  /** Formats 1 to 3: it can be read, and a merge writes it anew. */
  get isLegacy(): boolean {
    return this.#files.isLegacy
  }

  retain(): void {
    this.#readers++
  }

  release(): void {
    this.#readers--
    if (this.#readers > 0) return
    this.#files.close()
    if (!this.#dropped) return
    try {
      removeFolder(this.dir)
    } catch {
      // It is given up: the next start removes it.
    }
  }

  /**
   * Deletes the folder as soon as nobody reads it; gives up the owner's hold. Throws what the disk said when it cannot be given up
   * durably; the hold is gone all the same.
   */
  drop(): void {
    try {
      giveUpFolder(this.dir)
      this.#dropped = true
    } finally {
      this.release()
    }
  }

  /** Series that match and have a sample within [low, high], ordered by labels. Throws `ASSAY_TSDB_CORRUPT`. */
  select(matchers: readonly Matcher[], low: number, high: number): readonly Part[] {
    const reading = this.#reading(low, high)
    if (reading === undefined) return []
    const selected = selectSeries(reading.index, matchers)
    const count = selected?.length ?? reading.index.seriesCount
    const parts: Part[] = []
    for (let i = 0; i < count; i++) {
      const part = this.#part(reading, selected === undefined ? i : selected[i]!)
      if (part !== undefined) parts.push(part)
    }
    return parts
  }

  /** Names of labels of matching series with a sample within [low, high], in order of their bytes. Throws `ASSAY_TSDB_CORRUPT`. */
  labelNames(matchers: readonly Matcher[], low: number, high: number): readonly string[] {
    const reading = this.#reading(low, high)
    if (reading === undefined) return []
    const { index } = reading
    const selected = selectSeries(index, matchers)
    const members = selected === undefined ? undefined : membersOf(index, selected)
    const names: string[] = []
    for (let from = 0; from < index.pairCount; ) {
      const name = index.nameOf(from)
      const to = index.endOfName(from, name)
      if (this.#anyOf(reading, from, to, members)) names.push(name)
      from = to
    }
    return names
  }

  /** Values of a label of matching series with a sample within [low, high], in order of their bytes. Throws `ASSAY_TSDB_CORRUPT`. */
  labelValues(name: string, matchers: readonly Matcher[], low: number, high: number): readonly string[] {
    const reading = this.#reading(low, high)
    if (reading === undefined) return []
    const { index } = reading
    const { from, to } = index.pairsOf(name)
    const selected = selectSeries(index, matchers)
    const members = selected === undefined ? undefined : membersOf(index, selected)
    const values: string[] = []
    for (let pair = from; pair < to; pair++) {
      // One series is enough, and mostly it is the first one.
      if (this.#anyOf(reading, pair, pair + 1, members)) values.push(index.valueOf(pair))
    }
    return values
  }

  /** The first instant at or after `time` that is here, or Infinity. Throws `ASSAY_TSDB_CORRUPT`. */
  firstFrom(time: number): number {
    const reading = this.#reading(time, Infinity)
    if (reading === undefined) return Infinity
    for (const cursor of reading.cursors) {
      const { columnFirst, columnLast } = cursor.directory
      let least = Infinity
      for (let column = 0; column < columnFirst.length; column++) {
        if (columnLast[column]! < time || columnFirst[column]! >= least) continue
        const first = columnFirst[column]!
        if (first >= time) least = first
        else {
          const instants = reading.chunks.instants(cursor, column)
          least = Math.min(least, instants.find((at) => at >= time)!)
        }
      }
      if (least < Infinity) return least
    }
    return Infinity
  }

  /** The samples of one series within [low, high], if there are any. Throws `ASSAY_TSDB_CORRUPT`. */
  find(labels: Labels, low: number, high: number): Part | undefined {
    const reading = this.#reading(low, high)
    const series = reading?.index.find(labels)
    return reading === undefined || series === undefined ? undefined : this.#part(reading, series)
  }

  /**
   * Every series with all its samples, ordered by labels: for merging blocks. Columns are valid until the next. A series with
   * histograms comes a chunk at a time. Throws `ASSAY_TSDB_CORRUPT`; with `onLost`, what cannot be read is told there and left out.
   */
  *all(onLost?: (lost: LostPiece) => void): Generator<SeriesColumns, void, undefined> {
    const reading = this.#reading(-Infinity, Infinity, onLost)
    if (reading === undefined) return
    const { index, chunks, cursors } = reading
    let columns = { timestamps: new Float64Array(1024), values: new Float64Array(1024) }
    for (let series = 0; series < index.seriesCount; series++) {
      const labels = index.labels(series)
      const runs = runsOf(cursors, series)
      let room = 0
      let hasExtras = false
      for (const { cursor, from, to } of runs) {
        for (let chunk = from; chunk < to; chunk++) {
          room += cursor.directory.columnCount[cursor.directory.column[chunk]!]!
          hasExtras ||= cursor.directory.extrasOf(chunk)
        }
      }
      if (columns.timestamps.length < room) {
        columns = { timestamps: new Float64Array(room * 2), values: new Float64Array(room * 2) }
      }
      let count = 0
      for (const { cursor, from, to } of runs) {
        for (let chunk = from; chunk < to; chunk++) {
          const extras = hasExtras ? new ExtraColumns(room) : undefined
          try {
            count = chunks.read(cursor, chunk, extras === undefined ? columns : { ...columns, extras }, count)
          } catch (error) {
            if (onLost === undefined || !(error instanceof BlockCorruptError)) throw error
            const { column, columnFirst, columnLast } = cursor.directory
            onLost({ series, low: columnFirst[column[chunk]!]!, high: columnLast[column[chunk]!]! })
            continue
          }
          if (extras === undefined) continue
          yield { labels, ...columns, ...extras.take(count), count }
          count = 0
        }
      }
      if (count > 0) yield { labels, ...columns, count }
    }
  }

  /** The last sample of a series, if the block has the series: its histogram, or none when it is a float. */
  lastHistogram(labels: Labels): { readonly at: number; readonly histogram: NativeHistogram | undefined } | undefined {
    const index = this.#files.index()
    const series = index.find(labels)
    if (series === undefined) return undefined
    for (let window = index.windowCount - 1; window >= 0; window--) {
      const cursor = new WindowCursor(this.#files.directory(index, window), -Infinity, Infinity)
      const { directory } = cursor
      const end = directory.seek(series + 1, 0)
      if (end === 0 || directory.series[end - 1] !== series) continue
      const chunk = end - 1
      if (!directory.extrasOf(chunk))
        return { at: directory.columnLast[directory.column[chunk]!]!, histogram: undefined }
      const room = directory.columnCount[directory.column[chunk]!]!
      const extras = new ExtraColumns(room)
      const columns = { timestamps: new Float64Array(room), values: new Float64Array(room), extras }
      this.#chunks(index).read(cursor, chunk, columns, 0)
      return { at: columns.timestamps[room - 1]!, histogram: extras.histograms?.[room - 1] }
    }
    return undefined
  }

  /** Reads every directory and frame, with the event loop running in between. Rejects with `ASSAY_TSDB_CORRUPT` at the first damaged one. */
  async verify(): Promise<void> {
    const index = this.#files.index()
    for (let window = 0; window < index.windowCount; window++) {
      this.#files.directory(index, window)
      await pause()
    }
    for (let frame = 0; frame < index.frameCount; frame++) {
      this.#files.frame(index, frame)
      await pause()
    }
  }

  /** For those who copy frames as they are. Throws `ASSAY_TSDB_CORRUPT`. */
  index(): BlockIndex {
    return this.#files.index()
  }

  /** One after the other, so that those of a long block need not be in memory at once. Throws `ASSAY_TSDB_CORRUPT`. */
  *directories(): Generator<WindowDirectory, void, undefined> {
    const index = this.#files.index()
    for (let window = 0; window < index.windowCount; window++) yield this.#files.directory(index, window)
  }

  /** A frame as it lies in the file, checked. Throws `ASSAY_TSDB_CORRUPT`. */
  packedFrame(number: number): Buffer {
    return this.#files.packedFrame(this.#files.index(), number)
  }

  #reading(low: number, high: number, onLost?: (lost: LostPiece) => void): Reading | undefined {
    if (low > high || this.meta.maxTime < low || this.meta.minTime > high) return undefined
    const index = this.#files.index()
    const cursors: WindowCursor[] = []
    for (let window = 0; window < index.windowCount; window++) {
      const { minTime, maxTime } = index.window(window)
      if (maxTime < low || minTime > high) continue
      try {
        cursors.push(new WindowCursor(this.#files.directory(index, window), low, high))
      } catch (error) {
        if (onLost === undefined || !(error instanceof BlockCorruptError)) throw error
        onLost({ series: undefined, low: minTime, high: maxTime })
      }
    }
    return { index, chunks: this.#chunks(index), cursors }
  }

  #chunks(index: BlockIndex): ChunkReader {
    return new ChunkReader({
      index,
      isLegacy: this.isLegacy,
      frame: (number) => this.#files.frame(index, number),
      corrupt: (frame, cause) =>
        cause instanceof AssayError ? cause : corrupt(this.dir, `a chunk of frame ${frame} makes no sense`, cause),
    })
  }

  #part({ index, chunks, cursors }: Reading, series: number): Part | undefined {
    const runs = runsOf(cursors, series)
    let maxCount = 0
    for (let i = 0; i < runs.length; i++) {
      const { cursor, from, to } = runs[i]!
      for (let chunk = from; chunk < to; chunk++) maxCount += chunks.count(cursor, chunk)
    }
    if (maxCount === 0) return undefined
    return new BlockPart(index, series, { chunks, runs, maxCount, isMixed: this.meta.late === 'some' })
  }

  /** Whether a series of one of the pairs [from, to), and a member if there are any, has a sample in the span. */
  #anyOf({ index, chunks, cursors }: Reading, from: number, to: number, members: Uint8Array | undefined): boolean {
    const { postings, postingStart } = index
    for (let i = postingStart[from]!; i < postingStart[to]!; i++) {
      const series = postings[i]!
      if (members !== undefined && members[series] === 0) continue
      for (const cursor of cursors) {
        const { directory } = cursor
        let chunk = directory.seek(series, 0)
        for (; chunk < directory.chunkCount && directory.series[chunk] === series; chunk++) {
          if (chunks.has(cursor, chunk)) return true
        }
      }
    }
    return false
  }
}

/** Lets commits and queries run. */
function pause(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

function membersOf(index: BlockIndex, selected: Uint32Array): Uint8Array {
  const members = new Uint8Array(index.seriesCount)
  for (let i = 0; i < selected.length; i++) members[selected[i]!] = 1
  return members
}
