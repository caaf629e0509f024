/**
 * Which series there are: their labels, a way from labels to slots, and the inverted index.
 *
 * - Labels of a series are the numbers of its pairs, in order of their names: four bytes a label, texts only once for all.
 * - What is added is never changed. Series that are gone keep their entries, without labels, until `isWorn`; then their owner makes an
 *   index anew from those that are left, and readers of the old one keep it as long as they need it. Slots are given away again only
 *   then: so a list never names a slot twice.
 * - Matchers are answered by slot-selector.ts.
 * - Another thread has an index of its own over the same memory (`adopt`): it knows the series up to the slot that it was told of, and
 *   adds none.
 *
 * A little beyond 400 lines: what is added, kept and handed to another thread is one memory, whose layout is to be read in one place.
 */
import { Labels, type Matcher } from '#core'
import type { ByteWriter } from '../codec/bytes.ts'
import { offsetOf, WordArena, WordTable } from './arena.ts'
import { hashOfMany } from './hash.ts'
import type { IndexKnown, IndexPieces } from './index-pieces.ts'
import { Pairs } from './pairs.ts'
import { SlotSelector } from './slot-selector.ts'
import { Symbols } from './symbols.ts'

const FIRST_TABLE = 1024
/** Series that are selected to be counted: some 30 µs. */
const FEW_SERIES = 1000
/** Marks a place of the table whose series is gone. */
const GONE = 0xffffffff

/** Places of a segment, as a power of two: 256 KiB. */
const PLACES_SHIFT = 16

export type ValueSlots = {
  readonly value: number
  /** The first of the slots, which is mostly enough to know. */
  readonly first: number
  readonly slots: () => Uint32Array
}

/** The number that the next index of this thread gets. */
let nextGeneration = 1

export class LabelIndex {
  /** Tells indexes of one thread apart. */
  readonly generation: number = nextGeneration++
  readonly #symbols = new Symbols()
  readonly #pairs = new Pairs()
  /** Per series: how many labels, then their pairs. */
  readonly #labels = new WordArena()
  /** Place of the labels, by slot; 0: no series. */
  readonly #places = new WordTable(1, PLACES_SHIFT)
  /** Labels from this place on are of series that came after the writer told of the others. */
  #labelsEnd = Infinity
  /** Slots in the order in which their series came, from 0 on. */
  readonly #arrivals = new WordTable(1, PLACES_SHIFT)
  #arrived = 0
  /** Slots by hash of the labels, for the writer alone. */
  #slots: Uint32Array = new Uint32Array(FIRST_TABLE * 2)
  /** Places of `#slots` that are not free, those of series that are gone included. */
  #taken = 0
  #series = 0
  #gone = 0
  /** One beyond the last slot that was ever added. */
  #end = 1
  readonly #selector = new SlotSelector({
    symbols: this.#symbols,
    pairs: this.#pairs,
    labels: this.#labels,
    placeOf: (slot) => this.#placeOfLabels(slot),
    end: () => this.#end,
    arrived: () => this.#arrived,
    arrival: (i) => this.#arrivals.get(i),
    gone: () => this.#gone,
  })
  #scratch: Uint32Array = new Uint32Array(64)

  get seriesCount(): number {
    return this.#series
  }

  /** One beyond the last slot. */
  get end(): number {
    return this.#end
  }

  /** How many series were ever added. */
  get arrived(): number {
    return this.#arrived
  }

  /** How many of them are gone. */
  get gone(): number {
    return this.#gone
  }

  get sizeBytes(): number {
    return (
      this.#symbols.sizeBytes +
      this.#pairs.sizeBytes +
      this.#labels.sizeBytes +
      this.#end * 4 +
      this.#arrived * 4 +
      this.#selector.sizeBytes +
      this.#slots.byteLength
    )
  }

  /** True when a third of what it holds is of series that are gone, and more than a few. */
  get isWorn(): boolean {
    return this.#gone > 1000 + this.#series / 2
  }

  has(slot: number): boolean {
    return this.#placeOfLabels(slot) !== 0
  }

  /** What a thread that has this much does not have yet; from then on it has it. */
  piecesFor(known: IndexKnown): IndexPieces {
    const pieces = {
      symbols: this.#symbols.piecesFor(known.symbols),
      pairs: this.#pairs.piecesFor(known.pairs),
      labels: this.#labels.segmentsFrom(known.labels),
      places: this.#places.segmentsFrom(known.places),
      arrivals: this.#arrivals.segmentsFrom(known.arrivals),
      labelsEnd: this.#labels.end,
      end: this.#end,
      arrived: this.#arrived,
      series: this.#series,
      gone: this.#gone,
    }
    known.labels = this.#labels.segmentCount
    known.places = this.#places.segmentCount
    known.arrivals = this.#arrivals.segmentCount
    return pieces
  }

  /** In another thread: what the writer sent. */
  adopt(pieces: IndexPieces): void {
    this.#symbols.adopt(pieces.symbols)
    this.#pairs.adopt(pieces.pairs)
    this.#labels.adopt(pieces.labels)
    this.#places.adopt(pieces.places)
    this.#arrivals.adopt(pieces.arrivals)
    this.#labelsEnd = pieces.labelsEnd
    this.#end = pieces.end
    this.#arrived = pieces.arrived
    this.#series = pieces.series
    this.#gone = pieces.gone
  }

  /** The slot of a series, or 0. */
  find(labels: Labels): number {
    const count = this.#pairsOf(labels)
    return count < 0 ? 0 : Math.max(0, this.#slotAt(this.#placeOf(this.#scratch, count)))
  }

  /** Adds a series that is not there under a slot that was not used here before. */
  add(slot: number, labels: Labels): void {
    const { flat } = labels
    this.#reserveScratch(labels.size)
    const pairs = this.#scratch
    for (let i = 0; i < flat.length; i += 2)
      pairs[i / 2] = this.#pairs.intern(this.#symbols.intern(flat[i]!), this.#symbols.intern(flat[i + 1]!))
    this.#put(slot, pairs, labels.size)
  }

  /** Adds a series by its pairs, in order of their names. */
  addPairs(slot: number, pairs: Uint32Array, count: number): void {
    this.#put(slot, pairs, count)
  }

  /** The number of a text, a new one when it is new. */
  symbolFor(text: string): number {
    return this.#symbols.intern(text)
  }

  /** The number of a pair of symbols, a new one when it is new. */
  pairFor(name: number, value: number): number {
    return this.#pairs.intern(name, value)
  }

  /** Symbols of a pair's name and value. */
  nameOfPair(pair: number): number {
    return this.#pairs.name(pair)
  }

  valueOfPair(pair: number): number {
    return this.#pairs.value(pair)
  }

  /** How many labels a series has; their pairs are in `into`, when it has room for them. */
  copyPairs(slot: number, into: Uint32Array): number {
    const place = this.#placeOfLabels(slot)
    if (place === 0) return 0
    const words = this.#labels.segment(place)
    const at = offsetOf(place)
    const count = words[at]!
    if (count <= into.length) for (let i = 0; i < count; i++) into[i] = words[at + 1 + i]!
    return count
  }

  /** Writes a text behind its length. It is not made a string, which would be kept. */
  writeText(symbol: number, out: ByteWriter): void {
    this.#symbols.write(symbol, out)
  }

  /** The series has no labels any more, and cannot be found. */
  remove(slot: number): void {
    const place = this.#places.get(slot)
    if (place === 0) return
    const count = this.#labels.get(place)
    const words = this.#labels.segment(place)
    const at = offsetOf(place) + 1
    this.#slots[this.#placeOf(words.subarray(at, at + count), count)] = GONE
    this.#places.set(slot, 0, 0)
    this.#series--
    this.#gone++
  }

  /** Copies the series of another index, under its slot. */
  copyFrom(other: LabelIndex, slot: number): void {
    const place = other.#places.get(slot)
    const count = other.#labels.get(place)
    this.#reserveScratch(count)
    for (let i = 0; i < count; i++) {
      const pair = other.#labels.get(place + 1 + i)
      const name = this.#symbols.intern(other.#symbols.text(other.#pairs.name(pair)))
      this.#scratch[i] = this.#pairs.intern(name, this.#symbols.intern(other.#symbols.text(other.#pairs.value(pair))))
    }
    this.#put(slot, this.#scratch, count)
  }

  /** Made anew by each call; `Labels.empty` where there is no series. */
  labelsOf(slot: number): Labels {
    const place = this.#placeOfLabels(slot)
    if (place === 0) return Labels.empty
    const words = this.#labels.segment(place)
    const at = offsetOf(place)
    const count = words[at]!
    const flat = new Array<string>(count * 2)
    for (let i = 0; i < count; i++) {
      const pair = words[at + 1 + i]!
      flat[2 * i] = this.#symbols.text(this.#pairs.name(pair))
      flat[2 * i + 1] = this.#symbols.text(this.#pairs.value(pair))
    }
    return Labels.fromSorted(flat)
  }

  /** Names of a series' labels, as symbols: see `text`. */
  namesOf(slot: number, into: Set<number>): void {
    const place = this.#placeOfLabels(slot)
    if (place === 0) return
    const count = this.#labels.get(place)
    for (let i = 1; i <= count; i++) into.add(this.#pairs.name(this.#labels.get(place + i)))
  }

  /** The symbol of the value that the series has under a name; 0 when it has none. */
  valueOf(slot: number, name: number): number {
    const place = this.#placeOfLabels(slot)
    if (place === 0) return 0
    const count = this.#labels.get(place)
    for (let i = 1; i <= count; i++) {
      const pair = this.#labels.get(place + i)
      if (this.#pairs.name(pair) === name) return this.#pairs.value(pair)
    }
    return 0
  }

  text(symbol: number): string {
    return this.#symbols.text(symbol)
  }

  /** 0: no series has or had it. */
  symbol(text: string): number {
    return this.#symbols.find(text)
  }

  names(): Iterable<number> {
    return this.#pairs.names()
  }

  /** Values of a name, as symbols, each with the slots of its series, which may be gone. */
  *valuesOf(name: number): Generator<ValueSlots, void, undefined> {
    for (let pair = this.#pairs.firstOf(name); pair !== 0; pair = this.#pairs.next(pair)) {
      const slots = () => {
        const count = this.#pairs.slots(pair)
        const all = new Uint32Array(count)
        return all.subarray(0, this.#pairs.copySlots(pair, count, all, 0))
      }
      yield { value: this.#pairs.value(pair), first: this.#pairs.firstSlot(pair), slots }
    }
  }

  /** Slots of the series whose labels match, all when there is no matcher; in order of labels, as `compareLabels` has it. Kept: not to be written to. */
  sorted(matchers: readonly Matcher[]): Uint32Array {
    return this.#selector.sorted(matchers)
  }

  /** No fewer series than match: those of the rarest value that a matcher names; where these are few, as many as match. */
  estimate(matchers: readonly Matcher[]): number {
    let least = this.#series
    let isPlain = matchers.length > 1
    for (const { name, op, value } of matchers) {
      // An expression would be asked of each value of its name.
      if ((op !== '=' && op !== '!=') || value === '') isPlain = false
      if (op !== '=' || value === '') continue
      const pair = this.#pairs.find(this.#symbols.find(name), this.#symbols.find(value))
      least = Math.min(least, pair === 0 ? 0 : this.#pairs.slots(pair))
    }
    return isPlain && least > 0 && least <= FEW_SERIES ? this.#selector.count(matchers) : least
  }

  /** As `sorted`, in no order; made anew by each call. */
  select(matchers: readonly Matcher[]): Uint32Array {
    return this.#selector.select(matchers)
  }

  /** Puts slots in order of their labels. */
  sort(slots: Uint32Array): void {
    this.#selector.sort(slots)
  }

  /** Pairs of the labels into the scratch; -1 when one is not known: then there is no such series. */
  #pairsOf(labels: Labels): number {
    const { flat } = labels
    this.#reserveScratch(labels.size)
    for (let i = 0; i < flat.length; i += 2) {
      const name = this.#symbols.find(flat[i]!)
      const value = name === 0 ? 0 : this.#symbols.find(flat[i + 1]!)
      const pair = value === 0 ? 0 : this.#pairs.find(name, value)
      if (pair === 0) return -1
      this.#scratch[i / 2] = pair
    }
    return labels.size
  }

  #reserveScratch(count: number): void {
    if (this.#scratch.length < count) this.#scratch = new Uint32Array(count * 2)
  }

  #put(slot: number, pairs: Uint32Array, count: number): void {
    const place = this.#labels.take(count + 1)
    this.#labels.set(place, count)
    for (let i = 0; i < count; i++) {
      this.#labels.set(place + 1 + i, pairs[i]!)
      this.#pairs.addSlot(pairs[i]!, slot)
    }
    const tablePlace = this.#placeOf(pairs, count)
    if (this.#slots[tablePlace] === 0) this.#taken++
    this.#slots[tablePlace] = slot
    this.#places.ensure(slot)
    this.#places.set(slot, 0, place)
    this.#arrivals.ensure(this.#arrived)
    this.#arrivals.set(this.#arrived++, 0, slot)
    if (slot >= this.#end) this.#end = slot + 1
    this.#series++
    if (this.#taken * 3 > this.#slots.length * 2) this.#growTable()
  }

  /** Where the labels of a slot are; 0: there is no series, or none that this thread was told of. */
  #placeOfLabels(slot: number): number {
    const place = slot < this.#end ? this.#places.get(slot) : 0
    return place < this.#labelsEnd ? place : 0
  }

  /** The slot at a place of the table; 0 when it is free or its series is gone. */
  #slotAt(tablePlace: number): number {
    const slot = this.#slots[tablePlace]!
    return slot === GONE ? 0 : slot
  }

  /** Where the slot of the series with these pairs stands in the table, or where it may be put. */
  #placeOf(pairs: Uint32Array, count: number): number {
    const mask = this.#slots.length - 1
    let free = -1
    for (let at = hashOfMany(pairs, count) & mask; ; at = (at + 1) & mask) {
      const slot = this.#slots[at]!
      if (slot === 0) return free < 0 ? at : free
      if (slot === GONE) {
        if (free < 0) free = at
      } else if (this.#hasPairs(slot, pairs, count)) return at
    }
  }

  #hasPairs(slot: number, pairs: Uint32Array, count: number): boolean {
    const place = this.#places.get(slot)
    const words = this.#labels.segment(place)
    const at = offsetOf(place)
    if (words[at] !== count) return false
    for (let i = 0; i < count; i++) if (words[at + 1 + i] !== pairs[i]) return false
    return true
  }

  #growTable(): void {
    // As large as the series that are there need: those that are gone leave.
    let size = this.#slots.length
    while (this.#series * 3 > size) size *= 2
    const table = new Uint32Array(size)
    const mask = size - 1
    for (let slot = 1; slot < this.#end; slot++) {
      const place = this.#places.get(slot)
      if (place === 0) continue
      const words = this.#labels.segment(place)
      const from = offsetOf(place) + 1
      const count = words[from - 1]!
      let at = hashOfMany(words.subarray(from, from + count), count) & mask
      while (table[at] !== 0) at = (at + 1) & mask
      table[at] = slot
    }
    this.#slots = table
    this.#taken = this.#series
  }
}
