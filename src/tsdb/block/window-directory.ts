/**
 * Where the chunks of one window of a block lie, decoded: one piece of shared memory, 17 bytes a chunk. A question about an hour needs
 * the directory of its window alone, however long the block.
 *
 * - Chunks are in order of series, those of one series in order of time.
 * - A chunk's instants are a column that other chunks have too: what one scrape brings shares its instants. First and last instant
 *   and the number of samples belong to the column.
 *
 * In the file, all numbers varint or zigzag:
 *   columns of instants; per column six columns: frame, place, samples, first - start of the block, last - first
 *   chunks; four columns: series, frame, place, column of instants, each as difference to the one before
 *   chunks with extras; per such chunk: chunks without since the one before
 * Drawn in docs/formats/block.md.
 */
import { ByteReader, type ByteWriter, DamagedError } from '../codec/bytes.ts'
import { Flat } from '../codec/flat.ts'

/** Growing columns of a directory in the making. */
export class DirectoryBuilder {
  readonly series: number[] = []
  readonly frame: number[] = []
  readonly at: number[] = []
  readonly column: number[] = []
  readonly extras: number[] = []
  readonly columnFrame: number[] = []
  readonly columnAt: number[] = []
  readonly columnCount: number[] = []
  readonly columnFirst: number[] = []
  readonly columnLast: number[] = []

  /** Returns its number. */
  addColumn(frame: number, at: number, count: number, first: number, last: number): number {
    this.columnFrame.push(frame)
    this.columnAt.push(at)
    this.columnCount.push(count)
    this.columnFirst.push(first)
    this.columnLast.push(last)
    return this.columnFrame.length - 1
  }

  addChunk(series: number, frame: number, at: number, column: number, hasExtras: boolean): void {
    if (hasExtras) this.extras.push(this.series.length)
    this.series.push(series)
    this.frame.push(frame)
    this.at.push(at)
    this.column.push(column)
  }

  get samples(): number {
    const { columnCount } = this
    return this.column.reduce((sum, column) => sum + columnCount[column]!, 0)
  }

  get minTime(): number {
    return this.columnFirst.reduce((least, at) => Math.min(least, at), Infinity)
  }

  get maxTime(): number {
    return this.columnLast.reduce((most, at) => Math.max(most, at), -Infinity)
  }

  /** Writes itself, a stride at each step, so that others may run in between. `start`: that of the block. */
  *writing(out: ByteWriter, start: number): Generator<void, void, undefined> {
    const { columnFirst } = this
    out.varint(this.columnFrame.length)
    for (const column of [this.columnFrame, this.columnAt, this.columnCount]) yield* writingColumn(out, column)
    yield* writingColumn(
      out,
      columnFirst.map((first) => first - start),
    )
    yield* writingColumn(
      out,
      this.columnLast.map((last, i) => last - columnFirst[i]!),
    )
    out.varint(this.series.length)
    for (const column of [this.series, this.frame, this.at, this.column]) yield* writingColumn(out, column)
    out.varint(this.extras.length)
    let next = 0
    for (const chunk of this.extras) {
      out.varint(chunk - next)
      next = chunk + 1
    }
  }
}

export class WindowDirectory {
  readonly flat: Flat
  readonly chunkCount: number
  readonly series: Uint32Array
  readonly frame: Uint32Array
  /** Where in its frame the chunk's values begin. */
  readonly at: Uint32Array
  readonly column: Uint32Array
  readonly columnFrame: Uint32Array
  readonly columnAt: Uint32Array
  readonly columnCount: Uint32Array
  readonly columnFirst: Float64Array
  readonly columnLast: Float64Array
  /** By chunk, 1 for those with a section of extras; empty when none has. */
  readonly #extras: Uint8Array
  /** Instants of columns that were read, where chunks share them. Of this thread alone. */
  readonly instants: (Float64Array | undefined)[] = []
  /** By column, 1 where so many chunks share it that its instants are worth being kept. */
  readonly #shared: Uint8Array

  constructor(flat: Flat) {
    this.flat = flat
    this.series = flat.u32(0)
    this.frame = flat.u32(1)
    this.at = flat.u32(2)
    this.column = flat.u32(3)
    this.columnFrame = flat.u32(4)
    this.columnAt = flat.u32(5)
    this.columnCount = flat.u32(6)
    this.columnFirst = flat.f64(7)
    this.columnLast = flat.f64(8)
    this.#extras = flat.u8(9)
    this.chunkCount = this.series.length
    const uses = new Uint32Array(this.columnFrame.length)
    for (let i = 0; i < this.chunkCount; i++) uses[this.column[i]!]!++
    this.#shared = Uint8Array.from(uses, (count) => (count >= MIN_SHARED ? 1 : 0))
  }

  /** Throws `DamagedError`. */
  static read(
    bytes: Uint8Array,
    { start, index }: { start: number; index: { seriesCount: number; frameCount: number } },
  ) {
    const source = new ByteReader(bytes)
    const columns = source.count(5)
    // Each entry takes a byte at least, so that no memory is taken for what cannot follow.
    const [columnFrame, columnAt, columnCount, columnFirst, columnLast] = Array.from({ length: 5 }, () =>
      readColumn(source, columns),
    )
    const chunks = source.count(4)
    const [series, frame, at, column] = Array.from({ length: 4 }, () => readColumn(source, chunks))
    const extras = readListed(source, chunks)
    if (!source.done) throw new DamagedError(`bytes are left over at ${source.offset}`)
    for (let i = 0; i < columns; i++) {
      columnFirst![i]! += start
      columnLast![i]! += columnFirst![i]!
    }
    return WindowDirectory.make(
      { series: series!, frame: frame!, at: at!, column: column!, extras },
      { frame: columnFrame!, at: columnAt!, count: columnCount!, first: columnFirst!, last: columnLast! },
      index,
    )
  }

  static make(
    chunks: Readonly<Record<'series' | 'frame' | 'at' | 'column', ArrayLike<number>>> & { readonly extras: Uint8Array },
    columns: Readonly<Record<'frame' | 'at' | 'count' | 'first' | 'last', ArrayLike<number>>>,
    index: { readonly seriesCount: number; readonly frameCount: number },
  ): WindowDirectory {
    const count = chunks.series.length
    const size = columns.frame.length
    mustBeWithin(chunks.series, index.seriesCount, 'series')
    mustBeWithin(chunks.frame, index.frameCount, 'frame')
    mustBeWithin(chunks.at, MAX_PLACE, 'place')
    mustBeWithin(chunks.column, size, 'column of instants')
    mustBeWithin(columns.frame, index.frameCount, 'frame')
    mustBeWithin(columns.at, MAX_PLACE, 'place')
    mustBeWithin(columns.count, MAX_PLACE, 'count')
    const flat = Flat.make([
      ['u32', count],
      ['u32', count],
      ['u32', count],
      ['u32', count],
      ['u32', size],
      ['u32', size],
      ['u32', size],
      ['f64', size],
      ['f64', size],
      ['u8', chunks.extras.length],
    ])
    for (const [i, one] of [chunks.series, chunks.frame, chunks.at, chunks.column].entries()) flat.u32(i).set(one)
    for (const [i, one] of [columns.frame, columns.at, columns.count].entries()) flat.u32(4 + i).set(one)
    flat.f64(7).set(columns.first)
    flat.f64(8).set(columns.last)
    flat.u8(9).set(chunks.extras)
    for (let i = 1; i < count; i++) {
      if (chunks.series[i]! < chunks.series[i - 1]!) throw new DamagedError(`series ${chunks.series[i]} out of order`)
    }
    return new WindowDirectory(flat)
  }

  /** What it takes in memory when all columns of instants that are kept were read. */
  get sizeBytes(): number {
    let samples = 0
    for (let i = 0; i < this.columnCount.length; i++) if (this.#shared[i] === 1) samples += this.columnCount[i]!
    return this.flat.sizeBytes + this.#shared.length + samples * 8
  }

  /** Many chunks have these instants. */
  isShared(column: number): boolean {
    return this.#shared[column] === 1
  }

  get hasExtras(): boolean {
    return this.#extras.length > 0
  }

  /** As it may be written into another block: its series and frames numbered as there. */
  copyWith(series: Uint32Array, firstFrame: number): DirectoryBuilder {
    const copy = new DirectoryBuilder()
    for (let column = 0; column < this.columnFrame.length; column++) {
      copy.addColumn(
        firstFrame + this.columnFrame[column]!,
        this.columnAt[column]!,
        this.columnCount[column]!,
        this.columnFirst[column]!,
        this.columnLast[column]!,
      )
    }
    for (let i = 0; i < this.chunkCount; i++) {
      copy.addChunk(
        series[this.series[i]!]!,
        firstFrame + this.frame[i]!,
        this.at[i]!,
        this.column[i]!,
        this.extrasOf(i),
      )
    }
    return copy
  }

  extrasOf(chunk: number): boolean {
    return this.#extras.length > 0 && this.#extras[chunk] === 1
  }

  /** The first chunk of a series not below this one, looked for from chunk `from` on: at once where it is near. */
  seek(series: number, from: number): number {
    const all = this.series
    let low = from
    let step = 1
    let high = from
    while (high < all.length && all[high]! < series) {
      low = high + 1
      high += step
      step *= 2
    }
    if (high > all.length) high = all.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (all[middle]! < series) low = middle + 1
      else high = middle
    }
    return low
  }
}

/** Chunks that share a column of instants, for it to be kept: then it takes a byte a sample, or less, of what a reader would pay again. */
const MIN_SHARED = 8
/** Entries written at a step: a quarter of a millisecond. */
const STRIDE = 16 * 1024
/** Above what any frame unpacks to. */
const MAX_PLACE = 2 ** 31

function mustBeWithin(column: ArrayLike<number>, limit: number, what: string): void {
  for (let i = 0; i < column.length; i++) {
    if (!(column[i]! >= 0 && column[i]! < limit)) throw new DamagedError(`no ${what} ${column[i]}`)
  }
}

function* writingColumn(out: ByteWriter, column: readonly number[]): Generator<void, void, undefined> {
  let before = 0
  for (let i = 0; i < column.length; i++) {
    out.zigzag(column[i]! - before)
    before = column[i]!
    if (i % STRIDE === STRIDE - 1) yield
  }
}

function readColumn(source: ByteReader, count: number): Float64Array {
  const out = new Float64Array(count)
  source.zigzags(out)
  for (let i = 1; i < count; i++) out[i]! += out[i - 1]!
  return out
}

function readListed(source: ByteReader, chunks: number): Uint8Array {
  const listed = source.count(1)
  const out = new Uint8Array(listed === 0 ? 0 : chunks)
  for (let i = 0, chunk = 0; i < listed; i++) {
    chunk += source.varint()
    if (chunk >= chunks) throw new DamagedError(`no chunk ${chunk}`)
    out[chunk++] = 1
  }
  return out
}
