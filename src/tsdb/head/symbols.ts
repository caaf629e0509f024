/**
 * Texts of labels, each once, as UTF-8 in shared memory, under a number from 1 on.
 *
 * - Two texts are the same when their bytes are: a lone surrogate becomes U+FFFD, as everywhere on the wire.
 * - As strings they are made when asked for and kept in a bounded cache: most are never asked for again.
 * - Another thread has one of its own over the same memory: it knows the texts that it was told of (`adopt`), and adds none.
 *
 * An entry has four words: segment, offset, length (the high bit: only ASCII), hash of the bytes.
 */
import type { ByteWriter } from '../codec/bytes.ts'
import { ByteArena, WordTable } from './arena.ts'

const ENTRY_WORDS = 4
const ASCII = 0x80000000
const FIRST_TABLE = 1024
/** Characters of strings that are kept, about. */
const MAX_CACHED_CHARS = 4 * 1024 * 1024

let scratch = Buffer.allocUnsafe(1024)

/** UTF-8 of a text, valid until the next call. */
function bytesOf(text: string): Buffer {
  // Three bytes are the most that one unit of UTF-16 takes.
  if (scratch.length < text.length * 3) scratch = Buffer.allocUnsafe(text.length * 4)
  return scratch.subarray(0, scratch.write(text, 'utf8'))
}

/** FNV-1a, 32 bits. */
function hashOf(bytes: Uint8Array): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < bytes.length; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193)
  return hash >>> 0
}

/** Entries of a segment, as a power of two: 256 KiB. */
const ENTRIES_SHIFT = 14

/** What another thread has of it. */
export type SymbolsKnown = { bytes: number; entries: number; table: SharedArrayBuffer | undefined }
/** What it is sent: segments that it does not have, and the table when there is another one. */
export type SymbolPieces = {
  readonly bytes: readonly SharedArrayBuffer[]
  readonly entries: readonly SharedArrayBuffer[]
  readonly table?: SharedArrayBuffer
  readonly count: number
}

export class Symbols {
  readonly #bytes = new ByteArena()
  readonly #entries = new WordTable(ENTRY_WORDS, ENTRIES_SHIFT)
  #count = 0
  /** Numbers by hash, open addressing; 0 is free. */
  #table: Uint32Array<SharedArrayBuffer> = new Uint32Array(new SharedArrayBuffer(FIRST_TABLE * 8))
  #texts: (string | undefined)[] = []
  #cachedChars = 0
  /** Numbers in the order of their bytes, as many as were ranked; and the place of each in it. */
  #order: Uint32Array = new Uint32Array(0)
  #ranks: Uint32Array = new Uint32Array(0)
  /** Names and values that come again and again: found without a look at bytes. */
  readonly #recent = new Map<string, number>()

  get count(): number {
    return this.#count
  }

  get sizeBytes(): number {
    return (
      this.#bytes.sizeBytes +
      (this.#count + 1) * ENTRY_WORDS * 4 +
      this.#table.byteLength +
      this.#ranks.byteLength * 2 +
      this.#cachedChars
    )
  }

  /** The number of a text, or 0. */
  find(text: string): number {
    const recent = this.#recent.get(text)
    if (recent !== undefined) return recent
    const bytes = bytesOf(text)
    const found = this.#table[this.#placeOf(bytes, hashOf(bytes))]!
    if (found !== 0) this.#remember(found)
    return found
  }

  /** The number of a text, a new one when it is new. */
  intern(text: string): number {
    const recent = this.#recent.get(text)
    if (recent !== undefined) return recent
    const bytes = bytesOf(text)
    const hash = hashOf(bytes)
    const place = this.#placeOf(bytes, hash)
    const found = this.#table[place]!
    if (found !== 0) {
      this.#remember(found)
      return found
    }
    return this.#add(bytes, hash, place)
  }

  /** The text of a number that was given. */
  text(symbol: number): string {
    const known = this.#texts[symbol]
    if (known !== undefined) return known
    const words = this.#entries.segment(symbol)
    const at = this.#entries.offset(symbol)
    const from = words[at + 1]!
    const length = words[at + 2]! & ~ASCII
    const segment = this.#bytes.segment(words[at]!)
    const isAscii = (words[at + 2]! & ASCII) !== 0
    const text = segment.toString(isAscii ? 'latin1' : 'utf8', from, from + length)
    if (this.#cachedChars > MAX_CACHED_CHARS) {
      this.#texts = []
      this.#cachedChars = 0
    }
    this.#cachedChars += text.length
    this.#texts[symbol] = text
    return text
  }

  /** Which of two texts comes first, in order of their bytes: negative, 0 or positive. */
  compare(a: number, b: number): number {
    return a === b ? 0 : this.#compare(a, b)
  }

  /** What a thread that has this much does not have yet; from then on it has it. */
  piecesFor(known: SymbolsKnown): SymbolPieces {
    const pieces = {
      bytes: this.#bytes.segmentsFrom(known.bytes),
      entries: this.#entries.segmentsFrom(known.entries),
      ...(known.table === this.#table.buffer ? {} : { table: this.#table.buffer }),
      count: this.#count,
    }
    known.bytes = this.#bytes.segmentCount
    known.entries = this.#entries.segmentCount
    known.table = this.#table.buffer
    return pieces
  }

  /** In another thread: what the writer sent. */
  adopt({ bytes, entries, table, count }: SymbolPieces): void {
    this.#bytes.adopt(bytes)
    this.#entries.adopt(entries)
    if (table !== undefined) this.#table = new Uint32Array(table)
    this.#count = count
  }

  /** By number: the place of the text among all, in order of their bytes. Good until the next text is added. */
  ranks(): Uint32Array {
    const ranked = this.#order.length
    if (ranked === this.#count) return this.#ranks
    // Those that came since are few: sorted by themselves, then merged.
    const fresh = Uint32Array.from({ length: this.#count - ranked }, (_, i) => ranked + 1 + i)
    fresh.sort((a, b) => this.#compare(a, b))
    const order = new Uint32Array(this.#count)
    const ranks = new Uint32Array(this.#count + 1)
    for (let i = 0, j = 0, to = 0; to < order.length; to++) {
      const isOld = j === fresh.length || (i < ranked && this.#compare(this.#order[i]!, fresh[j]!) < 0)
      const symbol = isOld ? this.#order[i++]! : fresh[j++]!
      order[to] = symbol
      ranks[symbol] = to
    }
    this.#order = order
    this.#ranks = ranks
    return ranks
  }

  /** Writes a text behind its length. */
  write(symbol: number, out: ByteWriter): void {
    const [segment, offset, length] = this.#where(symbol)
    out.varint(length)
    out.copy(segment, offset, length)
  }

  #compare(a: number, b: number): number {
    const [x, from, length] = this.#where(a)
    const [y, start, size] = this.#where(b)
    return x.compare(y, start, start + size, from, from + length)
  }

  #where(symbol: number): [segment: Buffer, offset: number, length: number] {
    const words = this.#entries.segment(symbol)
    const at = this.#entries.offset(symbol)
    return [this.#bytes.segment(words[at]!), words[at + 1]!, words[at + 2]! & ~ASCII]
  }

  #remember(symbol: number): void {
    // Our own copy: a text cut out of a scraped page would keep the whole page.
    const text = this.text(symbol)
    if (text.length > 64) return
    if (this.#recent.size >= 4096) this.#recent.clear()
    this.#recent.set(text, symbol)
  }

  #add(bytes: Buffer, hash: number, tablePlace: number): number {
    const symbol = ++this.#count
    const { segment, offset } = this.#bytes.add(bytes)
    this.#entries.ensure(symbol)
    const words = this.#entries.segment(symbol)
    const at = this.#entries.offset(symbol)
    let isAscii = true
    for (let i = 0; i < bytes.length && isAscii; i++) isAscii = bytes[i]! < 0x80
    words[at] = segment
    words[at + 1] = offset
    words[at + 2] = isAscii ? bytes.length | ASCII : bytes.length
    words[at + 3] = hash
    this.#table[tablePlace] = symbol
    if (this.#count * 3 > this.#table.length * 2) this.#growTable()
    return symbol
  }

  /** Where the number of these bytes stands in the table, or where it would. */
  #placeOf(bytes: Buffer, hash: number): number {
    const mask = this.#table.length - 1
    for (let at = hash & mask; ; at = (at + 1) & mask) {
      const symbol = this.#table[at]!
      // A reader passes over what was added since it was told.
      if (symbol === 0 || (symbol <= this.#count && this.#is(symbol, bytes, hash))) return at
    }
  }

  #is(symbol: number, bytes: Buffer, hash: number): boolean {
    const words = this.#entries.segment(symbol)
    const at = this.#entries.offset(symbol)
    if (words[at + 3] !== hash || (words[at + 2]! & ~ASCII) !== bytes.length) return false
    const segment = this.#bytes.segment(words[at]!)
    const from = words[at + 1]!
    for (let i = 0; i < bytes.length; i++) if (segment[from + i] !== bytes[i]) return false
    return true
  }

  #growTable(): void {
    // Another one: whoever reads the old one goes on with it.
    const table = new Uint32Array(new SharedArrayBuffer(this.#table.byteLength * 2))
    const mask = table.length - 1
    for (let symbol = 1; symbol <= this.#count; symbol++) {
      let at = this.#entries.get(symbol, 3) & mask
      while (table[at] !== 0) at = (at + 1) & mask
      table[at] = symbol
    }
    this.#table = table
  }
}
