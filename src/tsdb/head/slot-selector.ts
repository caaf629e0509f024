/**
 * Which series of a `LabelIndex` match, and in which order.
 *
 * - A selection walks the shortest list that a matcher allows, and tests each series there against the other matchers by numbers of pairs.
 * - It is kept, sorted, for whoever asks the same again: then only series that came since are looked at.
 * - In another thread lists grow while they are read; what came after the thread was told has no labels there (`placeOf`).
 */
import type { Matcher } from '#core'
import { offsetOf, type WordArena } from './arena.ts'
import type { Pairs } from './pairs.ts'
import { keyOf, type Selection, Selections } from './selections.ts'
import type { Symbols } from './symbols.ts'

/** Series that came since a selection was made, and are looked at one by one. */
const FEW = 1000
/** Which values of a name an expression takes is kept for so many expressions, and in so many bytes. */
const MAX_KNOWN_CHOICES = 64
const MAX_KNOWN_BYTES = 4 * 1024 * 1024

/** What it reads of its index. */
export type SelectorReads = {
  readonly symbols: Symbols
  readonly pairs: Pairs
  /** Per series: how many labels, then their pairs. */
  readonly labels: WordArena
  /** Where the labels of a slot are; 0: there is no series. */
  readonly placeOf: (slot: number) => number
  /** One beyond the last slot. */
  readonly end: () => number
  /** How many series came, and the slot of the one that came as number `i`. */
  readonly arrived: () => number
  readonly arrival: (i: number) => number
  readonly gone: () => number
}

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

export class SlotSelector {
  readonly #symbols: Symbols
  readonly #pairs: Pairs
  readonly #labels: WordArena
  readonly #reads: SelectorReads
  readonly #choices = new Map<string, Choice>()
  readonly #selections = new Selections()

  constructor(reads: SelectorReads) {
    this.#symbols = reads.symbols
    this.#pairs = reads.pairs
    this.#labels = reads.labels
    this.#reads = reads
  }

  get sizeBytes(): number {
    return this.#selections.sizeBytes
  }

  /** Slots of the series whose labels match, all when there is no matcher; in order of labels, as `compareLabels` has it. Kept: not to be written to. */
  sorted(matchers: readonly Matcher[]): Uint32Array {
    const key = keyOf(matchers)
    const known = this.#selections.get(key)
    if (known !== undefined && this.#isCurrent(known)) return known.slots
    const slots = (known === undefined ? undefined : this.#carriedOn(known, matchers)) ?? this.#selectSorted(matchers)
    this.#selections.set(key, { slots, arrived: this.#reads.arrived(), gone: this.#reads.gone() })
    return slots
  }

  /** How many `sorted` would give; selected to be counted where it is not kept, as order is dear. */
  count(matchers: readonly Matcher[]): number {
    const known = this.#selections.get(keyOf(matchers))
    const isCurrent = known !== undefined && this.#isCurrent(known)
    return isCurrent ? known.slots.length : this.select(matchers).length
  }

  #isCurrent({ gone, arrived }: Selection): boolean {
    return gone === this.#reads.gone() && arrived === this.#reads.arrived()
  }

  #selectSorted(matchers: readonly Matcher[]): Uint32Array {
    const slots = this.select(matchers)
    this.sort(slots)
    return slots
  }

  /** A selection with those that came since, or `undefined` where it is better made anew. */
  #carriedOn({ slots, arrived, gone }: Selection, matchers: readonly Matcher[]): Uint32Array | undefined {
    const fresh = this.#reads.arrived() - arrived
    if (gone !== this.#reads.gone() || fresh > FEW + slots.length / 8) return undefined
    const { tests } = this.#testsOf(matchers)
    const found: number[] = []
    for (let i = arrived; i < this.#reads.arrived(); i++) {
      const slot = this.#reads.arrival(i)
      const place = this.#reads.placeOf(slot)
      if (place !== 0 && this.#passes(place, tests)) found.push(slot)
    }
    if (found.length === 0) return slots
    found.sort((a, b) => this.#compareTexts(a, b))
    const merged = new Uint32Array(slots.length + found.length)
    let from = 0
    for (let i = 0; i < found.length; i++) {
      const to = this.#placeIn(slots, from, found[i]!)
      merged.set(slots.subarray(from, to), from + i)
      merged[to + i] = found[i]!
      from = to
    }
    merged.set(slots.subarray(from), from + found.length)
    return merged
  }

  /** Where a slot belongs in sorted ones, from `from` on. */
  #placeIn(slots: Uint32Array, from: number, slot: number): number {
    let low = from
    let high = slots.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#compareTexts(slots[middle]!, slot) < 0) low = middle + 1
      else high = middle
    }
    return low
  }

  /** In no order. */
  select(matchers: readonly Matcher[]): Uint32Array {
    const { tests, best, size } = this.#testsOf(matchers)
    let slots: Uint32Array
    let count = 0
    if (best === undefined) {
      slots = new Uint32Array(this.#reads.end())
      for (let slot = 1; slot < this.#reads.end(); slot++) slots[count++] = slot
    } else {
      // As many as were counted: lists grow while another thread reads them.
      slots = new Uint32Array(size.reduce((sum, one) => sum + one, 0))
      for (let i = 0; i < best.pairs.length; i++) count = this.#pairs.copySlots(best.pairs[i]!, size[i]!, slots, count)
    }
    const others = tests.filter((one) => one.choice !== best)
    let kept = 0
    for (let i = 0; i < count; i++) {
      const slot = slots[i]!
      const place = this.#reads.placeOf(slot)
      if (place !== 0 && this.#passes(place, others)) slots[kept++] = slot
    }
    return slots.subarray(0, kept)
  }

  /** What a series has to pass, and the matcher that allows the fewest, with the series of each of its pairs. */
  #testsOf(matchers: readonly Matcher[]): {
    readonly tests: readonly Test[]
    readonly best: Choice | undefined
    readonly size: readonly number[]
  } {
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
    return { tests, best, size: best?.pairs.map((pair) => this.#pairs.slots(pair)) ?? [] }
  }

  /** Puts slots in order of their labels. */
  sort(slots: Uint32Array): void {
    if (slots.length < 2) return
    const ranks = this.#symbols.ranks()
    slots.sort((a, b) => this.#compare(this.#reads.placeOf(a), this.#reads.placeOf(b), ranks))
  }

  /** As `#compare`, by the texts themselves: for few, while ranks would have to be made. */
  #compareTexts(a: number, b: number): number {
    const x = this.#reads.placeOf(a)
    const y = this.#reads.placeOf(b)
    const count = Math.min(this.#labels.get(x), this.#labels.get(y))
    for (let k = 1; k <= count; k++) {
      const p = this.#labels.get(x + k)
      const q = this.#labels.get(y + k)
      if (p === q) continue
      const name = this.#symbols.compare(this.#pairs.name(p), this.#pairs.name(q))
      return name !== 0 ? name : this.#symbols.compare(this.#pairs.value(p), this.#pairs.value(q))
    }
    return this.#labels.get(x) - this.#labels.get(y)
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
}
