/**
 * The index of a block: symbols, frames, series with their labels, and where the chunks of each series lie. Columns throughout.
 *
 * - Series are sorted by labels; labels are pairs of symbol numbers.
 * - A chunk is a frame, two offsets in it (instants, values), a count, and its first and last instant. Chunks with a section of
 *   histograms and start timestamps are listed besides, where there are any.
 * - The list of series per label pair is made from the labels when first asked for a name, and not stored: one walk over the
 *   labels, nothing on disk that could disagree with them.
 * Drawn in docs/formats/block.md.
 */
import { Labels, type Matcher } from '#core'
import { compareLabels } from '#storage'
import { PLAIN_FORMAT } from './block-meta.ts'
import { ByteReader, type ByteWriter, DamagedError } from './bytes.ts'

export type Frame = {
  readonly offset: number
  readonly bytes: number
  readonly rawBytes: number
  readonly crc: number
}

/** One chunk of a series in the making. */
export type ChunkPlace = {
  readonly frame: number
  readonly timestampsAt: number
  readonly valuesAt: number
  readonly count: number
  readonly first: number
  readonly last: number
  /** A section of histograms and start timestamps follows the values. */
  readonly hasExtras: boolean
}

export class BlockIndexBuilder {
  readonly #symbols = new Map<string, number>()
  readonly #frames: Frame[] = []
  readonly #series: Labels[] = []
  readonly #chunkCounts: number[] = []
  readonly #chunks: ChunkPlace[] = []

  /** True when a chunk has histograms or start timestamps: then the index cannot be one of the plain format. */
  get hasExtras(): boolean {
    return this.#chunks.some((chunk) => chunk.hasExtras)
  }

  get seriesCount(): number {
    return this.#series.length
  }

  addFrame(frame: Frame): void {
    this.#frames.push(frame)
  }

  /** Series come sorted by labels, each with its chunks in order of time; a series may come again at once, with its next chunks. */
  addSeries(labels: Labels, chunks: readonly ChunkPlace[]): void {
    for (const chunk of chunks) this.#chunks.push(chunk)
    const last = this.#series.at(-1)
    if (last !== undefined && compareLabels(last, labels) === 0) {
      this.#chunkCounts[this.#chunkCounts.length - 1]! += chunks.length
      return
    }
    this.#series.push(labels)
    this.#chunkCounts.push(chunks.length)
    for (const text of labels.flat) if (!this.#symbols.has(text)) this.#symbols.set(text, this.#symbols.size)
  }

  /** `start`: that of the block, which instants are counted from. The plain format has no list of chunks with extras. */
  write(out: ByteWriter, { start, format }: { readonly start: number; readonly format: number }): void {
    out.varint(this.#symbols.size)
    for (const text of this.#symbols.keys()) out.text(text)
    out.varint(this.#frames.length)
    for (const frame of this.#frames) {
      out.varint(frame.bytes)
      out.varint(frame.rawBytes)
      out.u32(frame.crc)
    }
    out.varint(this.#series.length)
    for (const labels of this.#series) out.varint(labels.size)
    for (const labels of this.#series) for (const text of labels.flat) out.varint(this.#symbols.get(text)!)
    for (const count of this.#chunkCounts) out.varint(count)
    this.#column(out, (chunk) => chunk.frame)
    this.#column(out, (chunk) => chunk.timestampsAt)
    this.#column(out, (chunk) => chunk.valuesAt)
    this.#column(out, (chunk) => chunk.count)
    this.#column(out, (chunk) => chunk.first - start)
    this.#column(out, (chunk) => chunk.last - chunk.first)
    if (format !== PLAIN_FORMAT) this.#listExtras(out)
  }

  #listExtras(out: ByteWriter): void {
    const listed = [...this.#chunks.keys()].filter((i) => this.#chunks[i]!.hasExtras)
    out.varint(listed.length)
    let next = 0
    for (const chunk of listed) {
      out.varint(chunk - next)
      next = chunk + 1
    }
  }

  /** Differences to the chunk before: mostly small, often equal. */
  #column(out: ByteWriter, of: (chunk: ChunkPlace) => number): void {
    let before = 0
    for (const chunk of this.#chunks) {
      out.zigzag(of(chunk) - before)
      before = of(chunk)
    }
  }
}

export class BlockIndex {
  readonly frames: readonly Frame[]
  readonly seriesCount: number
  /** Chunks of series s: from chunkStart[s] up to chunkStart[s + 1]. */
  readonly chunkStart: Uint32Array
  readonly chunkFrame: Uint32Array
  readonly chunkTimestampsAt: Uint32Array
  readonly chunkValuesAt: Uint32Array
  readonly chunkCount: Uint32Array
  readonly chunkFirst: Float64Array
  readonly chunkLast: Float64Array
  /** By chunk, 1 for those with a section of extras; `undefined` when none has. */
  readonly #withExtras: Uint8Array | undefined
  readonly #symbols: readonly string[]
  /** Symbols of series s: from labelStart[s] up to labelStart[s + 1]; name, value, name, value, ... */
  readonly #labelStart: Uint32Array
  readonly #labelSymbols: Uint32Array
  /** Per label name asked for: the series of each value. */
  readonly #postings = new Map<string, Map<string, number[]>>()

  /** Throws `DamagedError`. `dataStart`: where the first frame lies in its file. */
  constructor(bytes: Uint8Array, { format, start, dataStart }: { format: number; start: number; dataStart: number }) {
    const source = new ByteReader(bytes)
    this.#symbols = Array.from({ length: source.count(1) }, () => source.text())
    let offset = dataStart
    this.frames = Array.from({ length: source.count(6) }, () => {
      const frame = { offset, bytes: source.varint(), rawBytes: source.varint(), crc: source.u32() }
      offset += frame.bytes
      return frame
    })
    this.seriesCount = source.count(2)
    this.#labelStart = starts(source, this.seriesCount, 2)
    this.#labelSymbols = new Uint32Array(this.#labelStart[this.seriesCount]!)
    for (let i = 0; i < this.#labelSymbols.length; i++) {
      const symbol = source.varint()
      if (symbol >= this.#symbols.length) throw new DamagedError(`no symbol ${symbol}`)
      this.#labelSymbols[i] = symbol
    }
    this.chunkStart = starts(source, this.seriesCount, 1)
    const chunks = this.chunkStart[this.seriesCount]!
    const first = new Float64Array(chunks)
    const last = new Float64Array(chunks)
    this.chunkFrame = readColumn(source, new Uint32Array(chunks))
    this.chunkTimestampsAt = readColumn(source, new Uint32Array(chunks))
    this.chunkValuesAt = readColumn(source, new Uint32Array(chunks))
    this.chunkCount = readColumn(source, new Uint32Array(chunks))
    readColumn(source, first)
    readColumn(source, last)
    for (let i = 0; i < chunks; i++) {
      first[i]! += start
      last[i]! += first[i]!
      if (this.chunkFrame[i]! >= this.frames.length) throw new DamagedError(`no frame ${this.chunkFrame[i]}`)
    }
    this.chunkFirst = first
    this.chunkLast = last
    this.#withExtras = format === PLAIN_FORMAT ? undefined : readListed(source, new Uint8Array(chunks))
    if (!source.done) throw new DamagedError(`bytes are left over at ${source.offset}`)
  }

  /** About what it takes in memory, for the cache that holds it. */
  get sizeBytes(): number {
    return (
      this.#symbols.length * 64 +
      this.#labelSymbols.length * 12 +
      this.chunkFrame.length * 32 +
      this.seriesCount * 8 +
      (this.#withExtras?.length ?? 0)
    )
  }

  hasExtras(chunk: number): boolean {
    return this.#withExtras !== undefined && this.#withExtras[chunk] === 1
  }

  /** Whether one of the chunks [from, to) has a section of extras. */
  anyExtras(from: number, to: number): boolean {
    return this.#withExtras?.subarray(from, to).includes(1) ?? false
  }

  /** The number of the series with exactly these labels: they are sorted. */
  find(labels: Labels): number | undefined {
    let low = 0
    let high = this.seriesCount - 1
    while (low <= high) {
      const middle = (low + high) >>> 1
      const order = compareLabels(this.labels(middle), labels)
      if (order === 0) return middle
      if (order < 0) low = middle + 1
      else high = middle - 1
    }
    return undefined
  }

  labels(series: number): Labels {
    const flat: string[] = []
    for (let i = this.#labelStart[series]!; i < this.#labelStart[series + 1]!; i++) {
      flat.push(this.#symbols[this.#labelSymbols[i]!]!)
    }
    return Labels.fromSorted(flat)
  }

  /** Numbers of the series that match, ascending: so ordered by labels. */
  select(matchers: readonly Matcher[]): readonly number[] {
    const memo = matchers.map(() => new Uint8Array(this.#symbols.length + 1))
    const matches = (series: number) => {
      for (let i = 0; i < matchers.length; i++) if (!this.#test(series, matchers[i]!, memo[i]!)) return false
      return true
    }
    const candidates = this.#candidates(matchers)
    if (candidates !== undefined) return candidates.filter(matches)
    const found: number[] = []
    for (let series = 0; series < this.seriesCount; series++) if (matches(series)) found.push(series)
    return found
  }

  /** Each expression is asked once per symbol; `memo` holds 0 for not asked, 1 for no, 2 for yes; its last entry is for ''. */
  #test(series: number, matcher: Matcher, memo: Uint8Array): boolean {
    let symbol = this.#symbols.length
    for (let i = this.#labelStart[series]!; i < this.#labelStart[series + 1]!; i += 2) {
      if (this.#symbols[this.#labelSymbols[i]!] === matcher.name) {
        symbol = this.#labelSymbols[i + 1]!
        break
      }
    }
    if (memo[symbol] === 0) memo[symbol] = matcher.test(this.#symbols[symbol] ?? '') ? 2 : 1
    return memo[symbol] === 2
  }

  #candidates(matchers: readonly Matcher[]): number[] | undefined {
    let best: number[][] | undefined
    let bestSize = Infinity
    for (const matcher of matchers) {
      if (matcher.test('')) continue
      const lists: number[][] = []
      let size = 0
      for (const [value, list] of this.#valuesOf(matcher.name)) {
        if (!matcher.test(value)) continue
        lists.push(list)
        size += list.length
      }
      if (size >= bestSize) continue
      best = lists
      bestSize = size
    }
    return best === undefined ? undefined : best.length === 1 ? best[0]! : best.flat().sort((a, b) => a - b)
  }

  #valuesOf(name: string): Map<string, number[]> {
    const known = this.#postings.get(name)
    if (known !== undefined) return known
    const values = new Map<string, number[]>()
    const symbol = this.#symbols.indexOf(name)
    for (let series = 0; symbol >= 0 && series < this.seriesCount; series++) {
      for (let i = this.#labelStart[series]!; i < this.#labelStart[series + 1]!; i += 2) {
        if (this.#labelSymbols[i] !== symbol) continue
        const value = this.#symbols[this.#labelSymbols[i + 1]!]!
        const list = values.get(value)
        if (list === undefined) values.set(value, [series])
        else list.push(series)
        break
      }
    }
    this.#postings.set(name, values)
    return values
  }
}

function starts(source: ByteReader, count: number, times: number): Uint32Array {
  const out = new Uint32Array(count + 1)
  for (let i = 0; i < count; i++) out[i + 1] = out[i]! + source.varint() * times
  // Every entry takes a byte at least, so a sum beyond what is left is damage, found before memory is taken for it.
  if (out[count]! > source.left) throw new DamagedError(`${out[count]} entries cannot follow`)
  return out
}

function readListed(source: ByteReader, out: Uint8Array): Uint8Array {
  let chunk = 0
  for (let left = source.count(1); left > 0; left--) {
    chunk += source.varint()
    if (chunk >= out.length) throw new DamagedError(`no chunk ${chunk}`)
    out[chunk++] = 1
  }
  return out
}

function readColumn<Column extends Uint32Array | Float64Array>(source: ByteReader, out: Column): Column {
  let value = 0
  for (let i = 0; i < out.length; i++) out[i] = value += source.zigzag()
  return out
}
