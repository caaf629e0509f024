/**
 * Which samples of which series were deleted: spans by labels. Immutable; a reader keeps those it began with.
 *
 * - Spans of a series ascend, do not touch each other, and are inclusive at both ends, in Unix milliseconds.
 * - A tombstone is of one source of samples: a block, or the head. What another source holds in the same span is not meant: a late
 *   sample that is written after the deletion stays.
 */
import { Labels, type Matcher, matchesAll } from '#core'
import type { ByteReader, ByteWriter } from '../codec/bytes.ts'

export type Interval = { readonly from: number; readonly to: number }

/** What is to be deleted of one series. */
export type Grave = Interval & { readonly labels: Labels }

type Entry = { readonly labels: Labels; readonly intervals: readonly Interval[] }

export class Tombstones {
  static readonly none: Tombstones = new Tombstones(new Map())
  readonly #entries: ReadonlyMap<string, Entry>

  private constructor(entries: ReadonlyMap<string, Entry>) {
    this.#entries = entries
  }

  get isEmpty(): boolean {
    return this.#entries.size === 0
  }

  /** How many series have some. */
  get size(): number {
    return this.#entries.size
  }

  of(labels: Labels): readonly Interval[] | undefined {
    return this.#entries.size === 0 ? undefined : this.#entries.get(labels.key)?.intervals
  }

  /** Whether a series that has some matches. */
  matches(matchers: readonly Matcher[]): boolean {
    for (const { labels } of this.#entries.values()) if (matchesAll(matchers, labels)) return true
    return false
  }

  with(graves: Iterable<Grave>): Tombstones {
    const entries = new Map(this.#entries)
    for (const { labels, from, to } of graves) {
      const known = entries.get(labels.key)
      entries.set(labels.key, { labels, intervals: joined(known?.intervals ?? [], { from, to }) })
    }
    return entries.size === 0 ? Tombstones.none : new Tombstones(entries)
  }

  /** Without the spans that end before `time`. */
  from(time: number): Tombstones {
    const entries = new Map<string, Entry>()
    for (const [key, { labels, intervals }] of this.#entries) {
      const left = intervals.filter(({ to }) => to >= time)
      if (left.length > 0) entries.set(key, { labels, intervals: left })
    }
    return entries.size === 0 ? Tombstones.none : new Tombstones(entries)
  }

  write(out: ByteWriter): void {
    out.varint(this.#entries.size)
    for (const { labels, intervals } of this.#entries.values()) {
      out.varint(labels.size)
      for (const text of labels.flat) out.text(text)
      out.varint(intervals.length)
      let before = 0
      for (const { from, to } of intervals) {
        out.zigzag(from - before)
        out.varint(to - from)
        before = to
      }
    }
  }

  /** Throws `DamagedError`. */
  static read(source: ByteReader): Tombstones {
    const entries = new Map<string, Entry>()
    for (let left = source.count(4); left > 0; left--) {
      const labels = Labels.fromSorted(Array.from({ length: source.count(2) * 2 }, () => source.text()))
      let before = 0
      const intervals = Array.from({ length: source.count(2) }, () => {
        const from = before + source.zigzag()
        before = from + source.varint()
        return { from, to: before }
      })
      entries.set(labels.key, { labels, intervals })
    }
    return new Tombstones(entries)
  }
}

/** Ascending and apart, with one more: those it touches become one with it. */
function joined(intervals: readonly Interval[], { from, to }: Interval): readonly Interval[] {
  const before = intervals.filter((one) => one.to + 1 < from)
  const after = intervals.filter((one) => one.from - 1 > to)
  const touched = intervals.slice(before.length, intervals.length - after.length)
  const whole = {
    from: Math.min(from, touched[0]?.from ?? from),
    to: Math.max(to, touched.at(-1)?.to ?? to),
  }
  return [...before, whole, ...after]
}
