/**
 * Which series there are: their labels, a way from labels to slots, and the inverted index.
 *
 * - Labels of a series are the numbers of its pairs, in order of their names: four bytes a label, texts only once for all.
 * - What is added is never changed. Series that are gone keep their entries, without labels, until `isWorn`; then their owner makes an
 *   index anew from those that are left, and readers of the old one keep it as long as they need it. Slots are given away again only
 *   then: so a list never names a slot twice.
 * - A selection walks the shortest list that a matcher allows, and tests each series there against the other matchers by numbers of pairs.
 */
import { Labels, type Matcher } from '#core'
import { offsetOf, WordArena } from './arena.ts'
import { hashOfMany } from './hash.ts'
import { Pairs } from './pairs.ts'
import { Symbols } from './symbols.ts'

const FIRST_TABLE = 1024
/** Marks a place of the table whose series is gone. */
const GONE = 0xffffffff
/** Which values of a name an expression takes is kept for so many expressions, and in so many bytes. */
const MAX_KNOWN_CHOICES = 64
const MAX_KNOWN_BYTES = 4 * 1024 * 1024

/**
 * The pairs of a matcher's name that decide: those it takes, or, where it takes an absent label too, those it does not take.
 */
type Choice = {
  /** By pair: 1 for those that decide. Left out where it is one pair at most. */
  marks?: Uint8Array
  readonly pairs: number[]
  /** The last pair of the name that was looked at. */
  seen: number
}

type Test = {
  readonly choice: Choice
  /** A series has one of the pairs that decide; or has none of them. */
  readonly wants: boolean
}

export class LabelIndex {
  readonly #symbols = new Symbols()
  readonly #pairs = new Pairs()
  /** Per series: how many labels, then their pairs. */
  readonly #labels = new WordArena()
  /** Place of the labels, by slot; 0: no series. */
  #places: Uint32Array = new Uint32Array(FIRST_TABLE)
  #slots: Uint32Array = new Uint32Array(FIRST_TABLE * 2)
  /** Places of `#slots` that are not free, those of series that are gone included. */
  #taken = 0
  #series = 0
  #gone = 0
  /** One beyond the last slot that was ever added. */
  #end = 1
  readonly #choices = new Map<string, Choice>()
  #scratch: Uint32Array = new Uint32Array(64)

  get seriesCount(): number {
    return this.#series
  }

  /** One beyond the last slot. */
  get end(): number {
    return this.#end
  }

  get sizeBytes(): number {
    return (
      this.#symbols.sizeBytes +
      this.#pairs.sizeBytes +
      this.#labels.sizeBytes +
      this.#places.byteLength +
      this.#slots.byteLength
    )
  }

  /** True when a third of what it holds is of series that are gone, and more than a few. */
  get isWorn(): boolean {
    return this.#gone > 1000 + this.#series / 2
  }

  has(slot: number): boolean {
    return slot < this.#end && this.#places[slot] !== 0
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

  /** The series has no labels any more, and cannot be found. */
  remove(slot: number): void {
    const place = this.#places[slot]!
    if (place === 0) return
    const count = this.#labels.get(place)
    const words = this.#labels.segment(place)
    const at = offsetOf(place) + 1
    this.#slots[this.#placeOf(words.subarray(at, at + count), count)] = GONE
    this.#places[slot] = 0
    this.#series--
    this.#gone++
  }

  /** Copies the series of another index, under its slot. */
  copyFrom(other: LabelIndex, slot: number): void {
    const place = other.#places[slot]!
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
    const place = slot < this.#end ? this.#places[slot]! : 0
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
    const place = this.#places[slot]!
    if (place === 0) return
    const count = this.#labels.get(place)
    for (let i = 1; i <= count; i++) into.add(this.#pairs.name(this.#labels.get(place + i)))
  }

  /** The symbol of the value that the series has under a name; 0 when it has none. */
  valueOf(slot: number, name: number): number {
    const place = this.#places[slot]!
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

  /** Values of a name, as symbols, each with the slots of its series; some of them may be gone. */
  *valuesOf(name: number): Generator<{ readonly value: number; readonly slots: () => Uint32Array }, void, undefined> {
    for (let pair = this.#pairs.firstOf(name); pair !== 0; pair = this.#pairs.next(pair)) {
      const slots = () => {
        const all = new Uint32Array(this.#pairs.slots(pair))
        this.#pairs.copySlots(pair, all, 0)
        return all
      }
      yield { value: this.#pairs.value(pair), slots }
    }
  }

  /** Slots of the series whose labels match; all when there is no matcher. */
  select(matchers: readonly Matcher[]): Uint32Array {
    const tests: Test[] = []
    let best: Choice | undefined
    let bestSize = Infinity
    for (const matcher of matchers) {
      const takesAbsent = matcher.test('')
      const choice = this.#choiceOf(matcher, takesAbsent)
      if (!takesAbsent) {
        let size = 0
        for (let i = 0; i < choice.pairs.length; i++) size += this.#pairs.slots(choice.pairs[i]!)
        if (size < bestSize) {
          best = choice
          bestSize = size
        }
      }
      if (!takesAbsent || choice.pairs.length > 0) tests.push({ choice, wants: !takesAbsent })
    }
    let slots: Uint32Array
    let count = 0
    if (best === undefined) {
      slots = new Uint32Array(this.#end)
      for (let slot = 1; slot < this.#end; slot++) slots[count++] = slot
    } else {
      slots = new Uint32Array(bestSize)
      for (let i = 0; i < best.pairs.length; i++) count = this.#pairs.copySlots(best.pairs[i]!, slots, count)
    }
    const others = tests.filter((one) => one.choice !== best)
    let kept = 0
    for (let i = 0; i < count; i++) {
      const slot = slots[i]!
      const place = this.#places[slot]!
      if (place !== 0 && this.#passes(place, others)) slots[kept++] = slot
    }
    return slots.subarray(0, kept)
  }

  /** Puts slots in order of their labels, as `compareLabels` has it. */
  sort(slots: Uint32Array): void {
    if (slots.length < 2) return
    const ranks = this.#symbols.ranks()
    slots.sort((a, b) => this.#compare(this.#places[a]!, this.#places[b]!, ranks))
  }

  #compare(a: number, b: number, ranks: Uint32Array): number {
    const x = this.#labels.segment(a)
    const y = this.#labels.segment(b)
    const i = offsetOf(a)
    const j = offsetOf(b)
    const count = Math.min(x[i]!, y[j]!)
    for (let k = 1; k <= count; k++) {
      const p = x[i + k]!
      const q = y[j + k]!
      if (p === q) continue
      const name = ranks[this.#pairs.name(p)]! - ranks[this.#pairs.name(q)]!
      return name !== 0 ? name : ranks[this.#pairs.value(p)]! - ranks[this.#pairs.value(q)]!
    }
    return x[i]! - y[j]!
  }

  #passes(place: number, tests: readonly Test[]): boolean {
    const words = this.#labels.segment(place)
    const from = offsetOf(place) + 1
    const to = from + words[from - 1]!
    for (let i = 0; i < tests.length; i++) {
      const { choice, wants } = tests[i]!
      const { marks } = choice
      let has = false
      if (marks === undefined) {
        const pair = choice.pairs[0]
        for (let at = from; at < to && !has; at++) has = words[at] === pair
      } else for (let at = from; at < to && !has; at++) has = marks[words[at]!] === 1
      if (has !== wants) return false
    }
    return true
  }

  #choiceOf(matcher: Matcher, takesAbsent: boolean): Choice {
    const name = this.#symbols.find(matcher.name)
    if ((matcher.op === '=' || matcher.op === '!=') && matcher.value !== '') {
      const value = name === 0 ? 0 : this.#symbols.find(matcher.value)
      const pair = value === 0 ? 0 : this.#pairs.find(name, value)
      return { pairs: pair === 0 ? [] : [pair], seen: 0 }
    }
    const choice = this.#knownChoice(`${matcher.op}\0${matcher.name}\0${matcher.value}`)
    if (name === 0) return choice
    let { marks } = choice
    if (marks === undefined || marks.length <= this.#pairs.count) {
      const larger = new Uint8Array(Math.ceil((this.#pairs.count + 1) * 1.25))
      if (marks !== undefined) larger.set(marks)
      choice.marks = marks = larger
    }
    let pair = choice.seen === 0 ? this.#pairs.firstOf(name) : this.#pairs.next(choice.seen)
    for (; pair !== 0; pair = this.#pairs.next(pair)) {
      choice.seen = pair
      if (matcher.test(this.#symbols.text(this.#pairs.value(pair))) === takesAbsent) continue
      marks[pair] = 1
      choice.pairs.push(pair)
    }
    return choice
  }

  /** Kept, and carried on when pairs were added: a dashboard asks the same again. */
  #knownChoice(key: string): Choice {
    const known = this.#choices.get(key)
    const choice = known ?? { pairs: [], seen: 0 }
    // The one that was used longest ago is the first.
    if (known !== undefined) this.#choices.delete(key)
    this.#choices.set(key, choice)
    const most = Math.min(MAX_KNOWN_CHOICES, Math.max(4, MAX_KNOWN_BYTES / (this.#pairs.count + 1)))
    for (const [oldest] of this.#choices) {
      if (this.#choices.size <= most) break
      this.#choices.delete(oldest)
    }
    return choice
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
    if (slot >= this.#places.length) {
      const larger = new Uint32Array(Math.max(slot + 1, this.#places.length * 2))
      larger.set(this.#places)
      this.#places = larger
    }
    const tablePlace = this.#placeOf(pairs, count)
    if (this.#slots[tablePlace] === 0) this.#taken++
    this.#slots[tablePlace] = slot
    this.#places[slot] = place
    if (slot >= this.#end) this.#end = slot + 1
    this.#series++
    if (this.#taken * 3 > this.#slots.length * 2) this.#growTable()
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
    const place = this.#places[slot]!
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
      const place = this.#places[slot]!
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
