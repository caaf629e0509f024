/**
 * Reads the head: in the thread that writes it, and in others over the same memory.
 *
 * - What a view sees of a series is settled when the series is found: how many samples, and the slab that holds the last of them or
 *   comes behind it. Nothing before that is changed while the view is open, so reading asks nobody.
 * - `turn` is odd while a commit is being applied. Whoever settles what is visible does it between two commits: some hundred series at
 *   a time, anew when a commit came in between (a sequence lock; the second look is a read-modify-write, which also holds back reads
 *   before it on processors that reorder them).
 */
import type { Matcher } from '#core'
import type { Samples } from '#storage'
import type { ExtraColumns } from '../columns/extra-columns.ts'
import type { Part, PartColumns } from '../columns/part.ts'
import type { ReadRoom } from '../read/read-room.ts'
import { firstAtOf } from './cut-series.ts'
import type { NumberSpan } from './head-extras.ts'
import { HeadPart } from './head-part.ts'
import type { ValueSlots } from './label-index.ts'
import { CUT_OFF, LAST_COMMIT, SLAB, SLOT_MASK, TOTAL } from './records.ts'
import type { HeadMemory } from './stream.ts'
import { maxCountOf, type Span, StreamReader } from './stream-reader.ts'
import type { HeadView } from './views.ts'

/** Series whose visible samples are settled at once: some microseconds. */
const AT_ONCE = 256
/** How long another thread sleeps until it looks again whether a commit is through, if nothing wakes it. */
const WAIT_MS = 1

/** Histograms and start timestamps; in another thread they cannot be read, and `read` throws `NotSharedError` for a series that has some. */
export type ReadsExtras = { read(slot: number, numbers: NumberSpan, into: ExtraColumns, at: number): void }

/** Series of the head that a view sees, and what it sees of each. */
export type Found = {
  readonly count: number
  /** In order of labels. */
  readonly slots: Uint32Array
  /** Samples that are seen, counted from the very first of the series. */
  readonly visible: Uint32Array
  /** The slab where what is seen ends. */
  readonly last: Uint32Array
}

export class HeadReader {
  readonly #memory: HeadMemory
  readonly #stream: StreamReader
  readonly #extras: ReadsExtras
  readonly #turn: Int32Array
  /** For a look at a single series. */
  readonly #one = new Uint32Array(1)
  readonly #oneSeen = { visible: new Uint32Array(1), last: new Uint32Array(1) }

  constructor(memory: HeadMemory, extras: ReadsExtras, turn: Int32Array) {
    this.#memory = memory
    this.#stream = new StreamReader(memory)
    this.#extras = extras
    this.#turn = turn
  }

  /** Series that match and have a sample within [low, high] of the view, ordered by labels. */
  find(view: HeadView, matchers: readonly Matcher[], low: number, high: number): Found {
    const from = Math.max(low, view.boundary)
    if (from > high) return NOTHING
    return this.#alive(view, view.index.sorted(matchers), from, high)
  }

  /**
   * As `find`, but a series may be among them that has nothing in the span, though samples before and behind it: to know takes reading, and
   * whoever reads them all learns it then.
   */
  findRoughly(view: HeadView, matchers: readonly Matcher[], low: number, high: number): Found {
    const from = Math.max(low, view.boundary)
    if (from > high) return NOTHING
    return this.#kept(view, view.index.sorted(matchers), (slot, seen) => this.#reaches(slot, from, seen))
  }

  /** As `find`, as parts. */
  select(view: HeadView, matchers: readonly Matcher[], low: number, high: number): readonly Part[] {
    const { count, slots, visible, last } = this.find(view, matchers, low, high)
    const from = Math.max(low, view.boundary)
    const parts = new Array<Part>(count)
    for (let i = 0; i < count; i++)
      parts[i] = new HeadPart(this, view.index, slots[i]!, { low: from, high, visible: visible[i]!, last: last[i]! })
    return parts
  }

  /** Names of labels of such series, in no order. */
  labelNames(view: HeadView, matchers: readonly Matcher[], low: number, high: number): readonly string[] {
    const from = Math.max(low, view.boundary)
    const { index } = view
    const names = new Set<number>()
    if (from > high) return []
    if (matchers.length > 0) {
      const { slots, count } = this.find(view, matchers, from, high)
      for (let i = 0; i < count; i++) index.namesOf(slots[i]!, names)
    } else
      for (const name of index.names()) {
        for (const value of index.valuesOf(name)) {
          if (!this.#anyAlive(view, value, from, high)) continue
          names.add(name)
          break
        }
      }
    return [...names].map((name) => index.text(name))
  }

  /** Values that such series have under a name, in no order. */
  labelValues(
    view: HeadView,
    name: string,
    matchers: readonly Matcher[],
    low: number,
    high: number,
  ): readonly string[] {
    const from = Math.max(low, view.boundary)
    const { index } = view
    const symbol = index.symbol(name)
    if (from > high || symbol === 0) return []
    const values = new Set<number>()
    if (matchers.length > 0) {
      const { slots, count } = this.find(view, matchers, from, high)
      for (let i = 0; i < count; i++) values.add(index.valueOf(slots[i]!, symbol))
      values.delete(0)
    } else
      for (const value of index.valuesOf(symbol)) if (this.#anyAlive(view, value, from, high)) values.add(value.value)
    return [...values].map((value) => index.text(value))
  }

  /** Whether there is a sample in the span. Reads only when the span lies inside a gap between the series' ends. */
  hasSample(slot: number, span: Span): boolean {
    const { records } = this.#memory
    const { low, high, visible } = span
    const lastAt = records.lastAt(slot)
    if (visible <= records.word(slot, CUT_OFF) || lastAt < low) return false
    // The common case: the span reaches to the end of a series that shows all it has.
    if (lastAt <= high && visible === records.word(slot, TOTAL)) return true
    const firstAt = firstAtOf(this.#memory, slot)
    if (firstAt > high) return false
    if (firstAt >= low) return true
    return this.#stream.has(slot, span)
  }

  /** Reads the samples of a series within a span; see `Part`. */
  read(slot: number, span: Span, out: PartColumns, to: number): number {
    const count = this.#stream.read(slot, span, out, to)
    if (out.extras !== undefined && count > 0) {
      const from = this.#stream.firstNumber
      this.#extras.read(slot, { from, to: from + count }, out.extras, to)
    }
    return count
  }

  /** As `read`, into a room that is as large as it takes. `from`: samples of the span before it may be left out. */
  readInto(room: ReadRoom, slot: number, span: Span, from = span.low): Samples {
    const columns = room.take(this.#stream.seek(slot, span, from))
    const count = this.#stream.readSought(span, columns, 0)
    if (count > 0) {
      const from = this.#stream.firstNumber
      this.#extras.read(slot, { from, to: from + count }, columns.extras, 0)
    }
    return room.give(count)
  }

  maxCount(slot: number, span: Span): number {
    return maxCountOf(this.#memory, slot, span)
  }

  /** Of these slots those that have a sample in the span. */
  #alive(view: HeadView, slots: Uint32Array, low: number, high: number): Found {
    return this.#kept(view, slots, (slot, visible, last) => this.hasSample(slot, { low, high, visible, last }))
  }

  #kept(view: HeadView, slots: Uint32Array, keeps: (slot: number, visible: number, last: number) => boolean): Found {
    const found = { slots: new Uint32Array(slots.length), ...this.#settled(view, slots) }
    const { visible, last } = found
    let count = 0
    for (let i = 0; i < slots.length; i++) {
      const slot = slots[i]!
      if (!keeps(slot, visible[i]!, last[i]!)) continue
      found.slots[count] = slot
      visible[count] = visible[i]!
      last[count++] = last[i]!
    }
    return { ...found, count }
  }

  /** Whether something that is seen of the series may lie at `low` or behind it. */
  #reaches(slot: number, low: number, visible: number): boolean {
    const { records } = this.#memory
    return visible > records.word(slot, CUT_OFF) && records.lastAt(slot) >= low
  }

  #anyAlive(view: HeadView, { first, slots }: ValueSlots, low: number, high: number): boolean {
    // One is enough, and mostly it is the first one: the others are listed when it is not.
    this.#one[0] = first
    this.#settle(view, this.#one, this.#oneSeen)
    const visible = this.#oneSeen.visible[0]!
    const last = this.#oneSeen.last[0]!
    if (view.index.has(first) && this.hasSample(first, { low, high, visible, last })) return true
    const all = slots()
    for (let from = 1; from < all.length; from += AT_ONCE) {
      const some = all.subarray(from, from + AT_ONCE)
      const { visible, last } = this.#settled(view, some)
      for (let i = 0; i < some.length; i++) {
        const slot = some[i]!
        if (view.index.has(slot) && this.hasSample(slot, { low, high, visible: visible[i]!, last: last[i]! }))
          return true
      }
    }
    return false
  }

  /** How many samples each series had when the view was opened, and the slab where they end. */
  #settled(view: HeadView, slots: Uint32Array): Pick<Found, 'visible' | 'last'> {
    const seen = { visible: new Uint32Array(slots.length), last: new Uint32Array(slots.length) }
    this.#settle(view, slots, seen)
    return seen
  }

  #settle(view: HeadView, slots: Uint32Array, { visible, last }: Pick<Found, 'visible' | 'last'>): void {
    const { records } = this.#memory
    for (let from = 0; from < slots.length; ) {
      const to = Math.min(from + AT_ONCE, slots.length)
      const turn = Atomics.load(this.#turn, 0)
      if ((turn & 1) === 1) {
        Atomics.wait(this.#turn, 0, turn, WAIT_MS)
        continue
      }
      for (let i = from; i < to; i++) {
        const slot = slots[i]!
        // Of a series that came after this thread was told; its list of slots may already say so.
        if (!records.has(slot)) {
          visible[i] = 0
          continue
        }
        const page = records.page(slot)
        const record = (slot & SLOT_MASK) * 16
        const isSeen = page.doubles[record / 2 + LAST_COMMIT]! <= view.commit
        visible[i] = isSeen ? page.words[record + TOTAL]! : view.notes.of(slot)
        last[i] = page.words[record + SLAB]!
      }
      if (Atomics.add(this.#turn, 0, 0) === turn) from = to
    }
  }
}

const NOTHING: Found = {
  count: 0,
  slots: new Uint32Array(0),
  visible: new Uint32Array(0),
  last: new Uint32Array(0),
}
