/**
 * The index of a block as bytes, from format 4 on: which series there are, and where frames and directories of windows lie.
 *
 *   magic, u32 bytes of the core, u32 CRC-32 of these, the core (zstd), the directories of all windows (zstd each)
 *
 * - Each part has a checksum of its own, so that damage to one costs what it says and no more (repair-block.ts).
 * - The same bytes stand once more behind the frames of the chunks file.
 * Drawn in docs/formats/block.md.
 */
import { crc32, zstdDecompressSync } from 'node:zlib'
import { byBytes, type Labels } from '#core'
import { compareLabels } from '#storage'
import { ByteReader, ByteWriter, DamagedError } from '../codec/bytes.ts'
import { BlockIndex, type FrameEntry, type WindowEntry } from './block-index.ts'
import { BLOCK_FORMAT, indexMagic } from './block-meta.ts'
import { type DirectoryBuilder, WindowDirectory } from './window-directory.ts'

/** Magic, bytes and checksum of the core. */
const HEAD_BYTES = 16
/** Series written at a step: half a millisecond. */
const STRIDE = 2048
/** No index unpacks to more; what claims to is damage. */
const MAX_CORE_BYTES = 2 ** 31

/**
 * Gathers series as they are written: sorted by labels. Holds numbers of label pairs, 4 bytes each, and no labels but the last: a block of
 * a million series is written beside everything else that needs memory.
 */
export class SeriesTable {
  /** By name and value: the number of the pair, in order of appearance. */
  readonly #pairs = new Map<string, Map<string, number>>()
  #pairCount = 0
  #last: Labels | undefined
  /** Pairs per series; pairs of all series one behind the other. */
  #sizes = new Uint32Array(1024)
  #labels = new Uint32Array(8192)
  #labelCount = 0
  #count = 0

  get count(): number {
    return this.#count
  }

  /** The number of the series; one that was the last already keeps its number. */
  add(labels: Labels): number {
    const last = this.#last
    if (last !== undefined && (last === labels || compareLabels(last, labels) === 0)) return this.#count - 1
    this.#last = labels
    const { flat, size } = labels
    this.#sizes = withRoom(this.#sizes, this.#count + 1)
    this.#labels = withRoom(this.#labels, this.#labelCount + size)
    this.#sizes[this.#count++] = size
    for (let i = 0; i < flat.length; i += 2) this.#labels[this.#labelCount++] = this.#pair(flat[i]!, flat[i + 1]!)
    return this.#count - 1
  }

  /** Writes itself, a stride at each step, so that others may run in between. */
  *writing(out: ByteWriter): Generator<void, void, undefined> {
    const names = [...this.#pairs.keys()].sort(byBytes)
    const texts = new Set<string>(names)
    for (const values of this.#pairs.values()) for (const value of values.keys()) texts.add(value)
    const symbols = [...texts].sort(byBytes)
    const symbolOf = new Map(symbols.map((text, i) => [text, i]))
    yield
    out.varint(symbols.length)
    for (const text of symbols) out.varint(Buffer.byteLength(text))
    yield
    for (const text of symbols) out.bytes(Buffer.from(text))
    yield

    /** By number in order of appearance: the number in order of name and value. */
    const ordered = new Uint32Array(this.#pairCount)
    const nameSymbols: number[] = []
    const valueSymbols: number[] = []
    for (const name of names) {
      const values = [...this.#pairs.get(name)!].sort(([a], [b]) => byBytes(a, b))
      for (const [value, number] of values) {
        ordered[number] = nameSymbols.length
        nameSymbols.push(symbolOf.get(name)!)
        valueSymbols.push(symbolOf.get(value)!)
      }
    }
    out.varint(this.#pairCount)
    writeDifferences(out, nameSymbols)
    writeDifferences(out, valueSymbols)
    yield* this.#writingSeries(out, ordered)
  }

  *#writingSeries(out: ByteWriter, ordered: Uint32Array): Generator<void, void, undefined> {
    out.varint(this.#count)
    for (let series = 0; series < this.#count; series++) out.varint(this.#sizes[series]!)
    yield
    let at = 0
    let before = 0
    let beforeSize = 0
    for (let series = 0; series < this.#count; series++) {
      const size = this.#sizes[series]!
      for (let i = 0; i < size; i++) {
        const reference = i < beforeSize ? ordered[this.#labels[before + i]!]! : 0
        out.zigzag(ordered[this.#labels[at + i]!]! - reference)
      }
      before = at
      beforeSize = size
      at += size
      if (series % STRIDE === STRIDE - 1) yield
    }
  }

  #pair(name: string, value: string): number {
    let values = this.#pairs.get(name)
    if (values === undefined) this.#pairs.set(name, (values = new Map()))
    let number = values.get(value)
    if (number === undefined) values.set(value, (number = this.#pairCount++))
    return number
  }
}

function withRoom(column: Uint32Array<ArrayBuffer>, needed: number): Uint32Array<ArrayBuffer> {
  if (needed <= column.length) return column
  const grown = new Uint32Array(Math.max(needed, column.length * 2))
  grown.set(column)
  return grown
}

export type IndexParts = {
  /** Where the block begins: instants count from it. */
  readonly start: number
  readonly series: SeriesTable
  readonly frames: readonly FrameEntry[]
  /** In order of time; each is asked for when the one before it was encoded. */
  readonly windows: Iterable<DirectoryBuilder>
}

/** The whole file, and what only the directories know. */
export type EncodedIndex = {
  readonly bytes: Buffer
  readonly samples: number
  readonly minTime: number
  readonly maxTime: number
}

/** `undefined`: there is no window. */
export async function encodeIndex(
  { start, series, frames, windows }: IndexParts,
  compress: (bytes: Buffer) => Promise<Buffer>,
): Promise<EncodedIndex | undefined> {
  const directories: Buffer[] = []
  const entries: WindowEntry[] = []
  let offset = 0
  let samples = 0
  for (const window of windows) {
    samples += window.samples
    const out = new ByteWriter(64 * 1024)
    for (const _ of window.writing(out, start)) await pause()
    const bytes = await compress(out.view())
    const { minTime, maxTime } = window
    const chunks = window.series.length
    entries.push({ minTime, maxTime, chunks, offset, bytes: bytes.length, rawBytes: out.length, crc: crc32(bytes) })
    directories.push(bytes)
    offset += bytes.length
  }
  if (entries.length === 0) return undefined
  const out = new ByteWriter(64 * 1024)
  for (const _ of series.writing(out)) await pause()
  out.varint(frames.length)
  for (const frame of frames) {
    out.varint(frame.bytes)
    out.varint(frame.rawBytes)
    out.u32(frame.crc)
  }
  out.varint(entries.length)
  for (const entry of entries) {
    out.zigzag(entry.minTime - start)
    out.varint(entry.maxTime - entry.minTime)
    out.varint(entry.chunks)
    out.varint(entry.bytes)
    out.varint(entry.rawBytes)
    out.u32(entry.crc)
  }
  const core = await compress(out.view())
  const head = Buffer.alloc(HEAD_BYTES)
  indexMagic(BLOCK_FORMAT).copy(head)
  head.writeUInt32LE(core.length, 8)
  head.writeUInt32LE(crc32(core), 12)
  const bytes = Buffer.concat([head, core, ...directories])
  return { bytes, samples, minTime: entries[0]!.minTime, maxTime: entries.at(-1)!.maxTime }
}

/** The core of an index file. Throws `DamagedError`. */
export function decodeIndex(file: Buffer, { start, dataStart }: { start: number; dataStart: number }): BlockIndex {
  if (file.length < HEAD_BYTES || !file.subarray(0, 8).equals(indexMagic(BLOCK_FORMAT))) {
    throw new DamagedError(`it begins with ${file.subarray(0, 8).toString('hex')}`)
  }
  const end = HEAD_BYTES + file.readUInt32LE(8)
  const packed = file.subarray(HEAD_BYTES, end)
  if (end > file.length || crc32(packed) !== file.readUInt32LE(12)) throw new DamagedError('its core was changed')
  const source = new ByteReader(zstdDecompressSync(packed, { maxOutputLength: MAX_CORE_BYTES }))
  const symbols = source.count(1)
  const symbolStart = new Uint32Array(symbols + 1)
  for (let i = 0; i < symbols; i++) symbolStart[i + 1] = symbolStart[i]! + source.varint()
  const symbolBytes = source.take(symbolStart[symbols]!)
  const pairs = source.count(2)
  const pairName = readDifferences(source, pairs)
  const pairValue = readDifferences(source, pairs)
  const series = source.count(1)
  const labelStart = new Uint32Array(series + 1)
  for (let i = 0; i < series; i++) labelStart[i + 1] = labelStart[i]! + source.varint()
  if (labelStart[series]! > source.left) throw new DamagedError(`${labelStart[series]} labels cannot follow`)
  const labelPairs = readLabels(source, labelStart)
  let at = dataStart
  const frames = Array.from({ length: source.count(6) }, () => {
    const frame = { offset: at, bytes: source.varint(), rawBytes: source.varint(), crc: source.u32() }
    at += frame.bytes
    return frame
  })
  let offset = end
  const windows = Array.from({ length: source.count(9) }, () => {
    const minTime = source.zigzag() + start
    const maxTime = source.varint() + minTime
    const [chunks, bytes, rawBytes] = [source.varint(), source.varint(), source.varint()] as const
    const entry = { minTime, maxTime, chunks, offset, bytes, rawBytes, crc: source.u32() }
    offset += bytes
    return entry
  })
  if (!source.done) throw new DamagedError(`bytes are left over at ${source.offset}`)
  return BlockIndex.make({ symbolBytes, symbolStart, pairName, pairValue, labelStart, labelPairs, frames, windows })
}

/** The directory of a window, from the bytes that its entry names. Throws `DamagedError`. */
export function decodeDirectory(
  packed: Buffer,
  window: WindowEntry,
  index: BlockIndex,
  start: number,
): WindowDirectory {
  if (packed.length !== window.bytes || crc32(packed) !== window.crc) throw new DamagedError('a directory was changed')
  const raw = zstdDecompressSync(packed, { maxOutputLength: MAX_CORE_BYTES })
  if (raw.length !== window.rawBytes) throw new DamagedError('a directory has an unexpected length')
  const directory = WindowDirectory.read(raw, { start, index })
  if (directory.chunkCount !== window.chunks) throw new DamagedError('a directory has another number of chunks')
  return directory
}

/** Lets commits and queries run. */
function pause(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

function writeDifferences(out: ByteWriter, column: readonly number[]): void {
  let before = 0
  for (const value of column) {
    out.zigzag(value - before)
    before = value
  }
}

function readDifferences(source: ByteReader, count: number): Uint32Array {
  const read = new Float64Array(count)
  source.zigzags(read)
  for (let i = 1; i < count; i++) read[i]! += read[i - 1]!
  return new Uint32Array(read)
}

/** Each pair is a difference to the pair at the same place of the series before, which may have had fewer. */
function readLabels(source: ByteReader, labelStart: Uint32Array): Uint32Array {
  const out = new Uint32Array(labelStart.at(-1)!)
  const read = new Float64Array(out.length)
  source.zigzags(read)
  let before = 0
  let beforeSize = 0
  for (let series = 0; series + 1 < labelStart.length; series++) {
    const start = labelStart[series]!
    const size = labelStart[series + 1]! - start
    for (let i = 0; i < size; i++) out[start + i] = read[start + i]! + (i < beforeSize ? out[before + i]! : 0)
    before = start
    beforeSize = size
  }
  return out
}
