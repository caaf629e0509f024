/**
 * Series of the head as bytes, many at a time: labels, records and slabs as they lie in memory, so that a start copies where replaying a
 * log counts. Drawn in docs/formats/checkpoint.md.
 *
 * - Texts and pairs of labels are numbered in the order in which the image first names them, over all its parts.
 * - What a series has is taken in one turn, so it is whole; series of different parts may be of different moments. That is enough: a
 *   replay takes of each series only what is after its last sample.
 */
import { ByteReader, ByteWriter, DamagedError } from '../codec/bytes.ts'
import type { HeadExtras } from '../head/head-extras.ts'
import type { LabelIndex } from '../head/label-index.ts'
import {
  CUT_OFF,
  FIRST_SLAB,
  GENERATION,
  LAST_COMMIT,
  RECORD_BYTES,
  SLAB,
  SLOT_MASK,
  STAMP,
  TOTAL,
  WAL_NUMBER,
  WAL_SEGMENT,
} from '../head/records.ts'
import { BEFORE, BEHIND, FIRST_AT, SLAB_BYTES, SLAB_MASK } from '../head/slabs.ts'
import type { HeadMemory } from '../head/stream.ts'

const RECORD_WORDS = RECORD_BYTES / 4
const SLAB_WORDS = SLAB_BYTES / 4
/** Records and slabs begin at a multiple of this, so that they can be read in place. */
const ALIGNMENT = 8
/** A part is ended beyond this, so that commits do not wait for it longer than about a millisecond. */
const PART_BYTES = 512 * 1024
const PART_SERIES = 1000

/** The head, for whoever keeps an image of it or makes it of one. */
export type HeadParts = {
  readonly memory: HeadMemory
  readonly index: LabelIndex
  readonly extras: HeadExtras
}

export class ImageWriter {
  readonly #head: HeadParts
  readonly #segment: number
  readonly #texts = new Numbering()
  readonly #pairs = new Numbering()
  readonly #out = new ByteWriter(PART_BYTES / 4)
  readonly #newTexts = new ByteWriter(PART_BYTES / 8)
  readonly #newPairs = new ByteWriter(PART_BYTES / 8)
  readonly #labels = new ByteWriter(PART_BYTES / 8)
  readonly #slots = new Uint32Array(PART_SERIES)
  readonly #chains = new Uint32Array(PART_SERIES)
  #slabs: Uint32Array<ArrayBuffer> = new Uint32Array(PART_BYTES / 2)
  #scratch: Uint32Array = new Uint32Array(64)
  #slot = 1

  /** `segment`: the one of the log whose numbers of series are kept. */
  constructor(head: HeadParts, segment: number) {
    this.#head = head
    this.#segment = segment
  }

  /** The next part, in pieces that are good until the next call; `undefined` when all that is there was taken. */
  next(): readonly Buffer[] | undefined {
    const { memory, index, extras } = this.#head
    const { records } = memory
    const slots = this.#slots
    const chains = this.#chains
    const knownTexts = this.#texts.count
    const knownPairs = this.#pairs.count
    this.#newTexts.reset()
    this.#newPairs.reset()
    this.#labels.reset()
    let count = 0
    let numbers = 0
    let slabWords = 0
    let withExtras = 0
    while (this.#slot < index.end && count < PART_SERIES && slabWords * 4 < PART_BYTES) {
      const slot = this.#slot++
      if (!index.has(slot)) continue
      numbers += this.#writeLabels(slot)
      const before = slabWords
      slabWords = this.#copyChain(slot, slabWords)
      chains[count] = (slabWords - before) / SLAB_WORDS
      slots[count++] = slot
      if (extras.has(slot)) withExtras++
    }
    if (count === 0) return undefined
    const out = this.#out
    out.reset()
    out.varint(this.#texts.count - knownTexts)
    out.bytes(this.#newTexts.view())
    out.varint(this.#pairs.count - knownPairs)
    out.bytes(this.#newPairs.view())
    out.varint(count)
    out.varint(numbers)
    out.bytes(this.#labels.view())
    for (let i = 0; i < count; i++) {
      const isNamed = records.word(slots[i]!, WAL_SEGMENT) === this.#segment
      out.varint(isNamed ? records.word(slots[i]!, WAL_NUMBER) + 1 : 0)
    }
    for (let i = 0; i < count; i++) out.varint(chains[i]!)
    out.varint(withExtras)
    for (let i = 0; withExtras > 0 && i < count; i++) {
      if (!extras.has(slots[i]!)) continue
      out.varint(i)
      extras.write(slots[i]!, out)
    }
    while (out.length % ALIGNMENT !== 0) out.u8(0)
    for (let i = 0; i < count; i++) {
      const { words } = records.page(slots[i]!)
      const at = (slots[i]! & SLOT_MASK) * RECORD_WORDS
      for (let k = 0; k < RECORD_WORDS; k++) out.u32(words[at + k]!)
    }
    return [out.view(), Buffer.from(this.#slabs.buffer, 0, slabWords * 4)]
  }

  /** Copies the slabs of a series behind the first `to` words; returns where they end. */
  #copyChain(slot: number, to: number): number {
    const { records, slabs } = this.#head.memory
    let end = to
    for (let slab = records.word(slot, FIRST_SLAB); slab !== 0; ) {
      const { words } = slabs.segment(slab)
      const at = (slab & SLAB_MASK) * SLAB_WORDS
      const room = this.#reserve(end + SLAB_WORDS)
      // Word by word: a view and a copy of each slab took three times as long.
      for (let k = 0; k < SLAB_WORDS; k++) room[end + k] = words[at + k]!
      end += SLAB_WORDS
      slab = words[at + BEHIND]!
    }
    return end
  }

  #reserve(words: number): Uint32Array {
    if (this.#slabs.length < words) {
      const larger = new Uint32Array(words * 2)
      larger.set(this.#slabs)
      this.#slabs = larger
    }
    return this.#slabs
  }

  /** How many labels, then their pairs; returns how many numbers that is. */
  #writeLabels(slot: number): number {
    const { index } = this.#head
    const count = index.copyPairs(slot, this.#scratch)
    if (count > this.#scratch.length) {
      this.#scratch = new Uint32Array(count * 2)
      index.copyPairs(slot, this.#scratch)
    }
    this.#labels.varint(count)
    for (let i = 0; i < count; i++) this.#labels.varint(this.#pair(this.#scratch[i]!))
    return count + 1
  }

  #pair(pair: number): number {
    const known = this.#pairs.find(pair)
    if (known >= 0) return known
    const { index } = this.#head
    const name = this.#text(index.nameOfPair(pair))
    const value = this.#text(index.valueOfPair(pair))
    this.#newPairs.varint(name)
    this.#newPairs.varint(value)
    return this.#pairs.add(pair)
  }

  #text(symbol: number): number {
    const known = this.#texts.find(symbol)
    if (known >= 0) return known
    this.#head.index.writeText(symbol, this.#newTexts)
    return this.#texts.add(symbol)
  }
}

/** Numbers from 0 on for numbers of the head, which are dense. */
class Numbering {
  #numbers: Uint32Array = new Uint32Array(1024)
  count = 0

  /** -1 when it has none yet. */
  find(key: number): number {
    return key < this.#numbers.length ? this.#numbers[key]! - 1 : -1
  }

  add(key: number): number {
    if (key >= this.#numbers.length) {
      const larger = new Uint32Array(key * 2)
      larger.set(this.#numbers)
      this.#numbers = larger
    }
    this.#numbers[key] = ++this.count
    return this.count - 1
  }
}

/** What an image brought into a head. */
export type ImageTotals = { samples: number; minTime: number; maxTime: number }

export class ImageReader {
  readonly #head: HeadParts
  readonly #create: (pairs: Uint32Array, count: number) => number
  /** By their numbers in the image: symbols and pairs of the head. */
  readonly #symbols: number[] = []
  readonly #pairs: number[] = []
  /** By the log's number of a series, in the segment that the image was made for: its slot. */
  readonly slots: number[] = []
  readonly totals: ImageTotals = { samples: 0, minTime: Infinity, maxTime: -Infinity }

  /** `create` makes a series of pairs of the head's index and gives its slot. */
  constructor(head: HeadParts, create: (pairs: Uint32Array, count: number) => number) {
    this.#head = head
    this.#create = create
  }

  /** Takes a part, in the order in which they were made. Its memory begins at a multiple of eight. Throws `DamagedError`. */
  take(part: Buffer): void {
    const { memory, index, extras } = this.#head
    const { records, slabs } = memory
    const { totals } = this
    const source = new ByteReader(part)
    for (let left = source.count(1); left > 0; left--) this.#symbols.push(index.symbolFor(source.text()))
    for (let left = source.count(2); left > 0; left--) {
      const name = at(this.#symbols, source.varint())
      this.#pairs.push(index.pairFor(name, at(this.#symbols, source.varint())))
    }
    const series = source.count(RECORD_BYTES)
    const end = source.count(1) + source.offset
    const slots = new Uint32Array(series)
    let scratch = new Uint32Array(64)
    let labels = 0
    for (let i = 0; i < series; i++) {
      const count = source.varint()
      labels += count + 1
      if (labels > end) throw new DamagedError(`a series of ${count} labels`)
      if (count > scratch.length) scratch = new Uint32Array(count * 2)
      for (let k = 0; k < count; k++) scratch[k] = at(this.#pairs, source.varint())
      slots[i] = this.#create(scratch, count)
      if (slots[i] === 0) throw new DamagedError('a series that could not be made')
    }
    for (let i = 0; i < series; i++) {
      const number = source.varint()
      if (number > 0) this.slots[number - 1] = slots[i]!
    }
    const chains = new Uint32Array(series)
    let all = 0
    for (let i = 0; i < series; i++) all += chains[i] = source.varint()
    for (let left = source.count(2); left > 0; left--) {
      const i = source.varint()
      if (i >= series) throw new DamagedError(`series ${i} of ${series}`)
      extras.restore(slots[i]!, source)
    }
    while (source.offset % ALIGNMENT !== 0) source.skip(1)
    const from = source.offset
    source.skip(series * RECORD_BYTES + all * SLAB_BYTES)
    if (!source.done) throw new DamagedError(`${source.left} bytes too many`)
    const words = new Uint32Array(part.buffer, part.byteOffset + from, series * RECORD_WORDS + all * SLAB_WORDS)
    let first = this.#takeSlabs(words.subarray(series * RECORD_WORDS))
    for (let i = 0; i < series; i++) {
      const slot = slots[i]!
      const page = records.page(slot)
      const record = (slot & SLOT_MASK) * RECORD_WORDS
      for (let k = 0; k < RECORD_WORDS; k++) page.words[record + k] = words[i * RECORD_WORDS + k]!
      page.doubles[record / 2 + LAST_COMMIT] = 0
      page.words[record + GENERATION] = 0
      page.words[record + STAMP] = 0
      page.words[record + WAL_SEGMENT] = 0
      page.words[record + FIRST_SLAB] = 0
      page.words[record + SLAB] = 0
      let before = 0
      for (let left = chains[i]!; left > 0; left--) {
        const slab = first++
        const segment = slabs.segment(slab)
        const to = (slab & SLAB_MASK) * SLAB_WORDS
        segment.words[to + BEFORE] = before
        segment.words[to + BEHIND] = left === 1 ? 0 : slab + 1
        if (before === 0) {
          page.words[record + FIRST_SLAB] = slab
          totals.minTime = Math.min(totals.minTime, segment.doubles[to / 2 + FIRST_AT]!)
        }
        before = slab
      }
      page.words[record + SLAB] = before
      totals.samples += page.words[record + TOTAL]! - page.words[record + CUT_OFF]!
      totals.maxTime = Math.max(totals.maxTime, records.lastAt(slot))
    }
  }

  /** Copies slabs into new ones of a head that has given none back: they follow each other. Returns the first. */
  #takeSlabs(words: Uint32Array): number {
    const { slabs } = this.#head.memory
    const count = words.length / SLAB_WORDS
    let first = 0
    for (let done = 0; done < count; ) {
      const slab = slabs.take()
      const place = slab & SLAB_MASK
      const here = Math.min(count - done, SLAB_MASK + 1 - place)
      for (let i = 1; i < here; i++) slabs.take()
      slabs.segment(slab).words.set(words.subarray(done * SLAB_WORDS, (done + here) * SLAB_WORDS), place * SLAB_WORDS)
      if (done === 0) first = slab
      done += here
    }
    return first
  }
}

function at(numbers: readonly number[], i: number): number {
  const number = numbers[i]
  if (number === undefined) throw new DamagedError(`number ${i} of ${numbers.length}`)
  return number
}
