/**
 * What samples of the head have besides their value: native histograms and start timestamps, for the few series that have some.
 *
 * - By the number of a sample in its series. Groups of up to GROUP samples are sealed into bytes, one behind the other; the newest one
 *   is open.
 * - Samples of such a series that have nothing take no room.
 */
import type { NativeHistogram } from '#core'
import { ByteReader, ByteWriter, DamagedError } from '../codec/bytes.ts'
import { ExtraColumns, ExtrasWriter, readExtras } from '../columns/extra-columns.ts'

/** Samples with something that one group holds. */
const GROUP = 32
/** Samples that one group spans, those with nothing included. */
const MAX_SPAN = 1024

type Group = { readonly first: number; readonly size: number; readonly bytes: Uint8Array }

/** Sample numbers [from, to) of a series. */
export type NumberSpan = { readonly from: number; readonly to: number }

class SeriesExtras {
  readonly #groups: Group[] = []
  readonly #open = new ExtrasWriter()
  /** Numbers of the first and the last sample of the open group. */
  #first = 0
  #last = -1
  #entries = 0
  sizeBytes = 0

  push(number: number, histogram: NativeHistogram | undefined, startAt: number): void {
    if (this.#entries === GROUP || (this.#entries > 0 && number - this.#first >= MAX_SPAN)) this.#seal()
    if (this.#entries === 0) this.#first = number
    this.#open.push(number - this.#first, histogram, startAt)
    this.#last = number
    this.#entries++
  }

  lastHistogram(number: number): NativeHistogram | undefined {
    return this.#entries === 0 ? undefined : this.#open.lastAt(number - this.#first)
  }

  read({ from, to }: NumberSpan, into: ExtraColumns, at: number): void {
    for (const { first, size, bytes } of this.#groups) {
      if (first + size <= from || first >= to) continue
      const columns = new ExtraColumns(size)
      readExtras(new ByteReader(bytes), { size, limit: Math.min(size, to - first) }, { columns, to: 0 })
      copy(columns, { first, size }, { from, to }, into, at)
    }
    if (this.#entries === 0 || this.#last < from || this.#first >= to) return
    const size = this.#last - this.#first + 1
    const columns = new ExtraColumns(size)
    this.#open.readInto(columns, 0, Math.min(size, to - this.#first))
    copy(columns, { first: this.#first, size }, { from, to }, into, at)
  }

  /** Forgets whole groups before sample `number`; true when nothing is left. */
  cut(number: number): boolean {
    while (this.#groups.length > 0 && this.#groups[0]!.first + this.#groups[0]!.size <= number) {
      this.sizeBytes -= this.#groups.shift()!.bytes.length
    }
    return this.#groups.length === 0 && this.#last < number
  }

  write(out: ByteWriter): void {
    const open = new ByteWriter(256)
    if (this.#entries > 0) this.#open.write(open)
    const newest =
      this.#entries === 0 ? [] : [{ first: this.#first, size: this.#last - this.#first + 1, bytes: open.view() }]
    out.varint(this.#groups.length)
    out.varint(newest.length)
    for (const { first, size, bytes } of [...this.#groups, ...newest]) {
      out.varint(first)
      out.varint(size)
      out.varint(bytes.length)
      out.bytes(bytes)
    }
  }

  /** The open group is pushed anew: what follows is coded against its last entry. */
  restore(source: ByteReader): void {
    const sealed = source.count(3)
    const open = source.varint()
    for (let i = 0; i < sealed + open; i++) {
      const first = source.varint()
      const size = source.varint()
      const bytes = new Uint8Array(source.take(source.varint()))
      if (size > MAX_SPAN) throw new DamagedError(`a group that spans ${size} samples`)
      if (i < sealed) {
        this.#groups.push({ first, size, bytes })
        this.sizeBytes += bytes.length
        continue
      }
      const columns = new ExtraColumns(size)
      readExtras(new ByteReader(bytes), { size }, { columns, to: 0 })
      for (let k = 0; k < size; k++) {
        const histogram = columns.histograms?.[k]
        const startAt = columns.starts?.[k] ?? 0
        if (histogram !== undefined || startAt !== 0) this.push(first + k, histogram, startAt)
      }
    }
  }

  #seal(): void {
    const out = new ByteWriter(256)
    this.#open.write(out)
    const bytes = new Uint8Array(out.view())
    this.#groups.push({ first: this.#first, size: this.#last - this.#first + 1, bytes })
    this.sizeBytes += bytes.length
    this.#open.reset()
    this.#entries = 0
  }
}

function copy(
  columns: ExtraColumns,
  { first, size }: { readonly first: number; readonly size: number },
  { from, to }: NumberSpan,
  into: ExtraColumns,
  at: number,
): void {
  for (let i = Math.max(0, from - first); i < size && first + i < to; i++) {
    const entry = at + first + i - from
    const histogram = columns.histograms?.[i]
    if (histogram !== undefined) into.setHistogram(entry, histogram)
    const startAt = columns.starts?.[i] ?? 0
    if (startAt !== 0) into.startsColumn()[entry] = startAt
  }
}

export class HeadExtras {
  readonly #bySlot = new Map<number, SeriesExtras>()
  /** By slot: 1 when the series has some. For other threads, that cannot read them. */
  #marks: Uint8Array<SharedArrayBuffer> = new Uint8Array(new SharedArrayBuffer(0))

  /** Exchanged for a larger one now and then. */
  get marks(): SharedArrayBuffer {
    return this.#marks.buffer
  }

  /** Notes what sample `number` of the series has. `startAt` 0: not known. */
  push(slot: number, number: number, histogram: NativeHistogram | undefined, startAt: number): void {
    let series = this.#bySlot.get(slot)
    if (series === undefined) series = this.#make(slot)
    series.push(number, histogram, startAt)
  }

  /** The histogram of sample `number`, if that was the last to have something. */
  lastHistogram(slot: number, number: number): NativeHistogram | undefined {
    return this.#bySlot.get(slot)?.lastHistogram(number)
  }

  /** Writes what the samples of these numbers have into the columns, from entry `at` on. */
  read(slot: number, numbers: NumberSpan, into: ExtraColumns, at: number): void {
    this.#bySlot.get(slot)?.read(numbers, into, at)
  }

  /** Forgets what samples before `number` had. */
  cut(slot: number, number: number): void {
    if (this.#bySlot.get(slot)?.cut(number)) this.delete(slot)
  }

  delete(slot: number): void {
    if (this.#bySlot.delete(slot)) this.#marks[slot] = 0
  }

  #make(slot: number): SeriesExtras {
    if (slot >= this.#marks.length) {
      const larger = new Uint8Array(new SharedArrayBuffer(Math.max(1024, slot * 2)))
      larger.set(this.#marks)
      this.#marks = larger
    }
    this.#marks[slot] = 1
    const series = new SeriesExtras()
    this.#bySlot.set(slot, series)
    return series
  }

  has(slot: number): boolean {
    return this.#bySlot.has(slot)
  }

  /** True when no series has any. */
  get isEmpty(): boolean {
    return this.#bySlot.size === 0
  }

  /** All that a series has, for `restore`. */
  write(slot: number, out: ByteWriter): void {
    this.#bySlot.get(slot)!.write(out)
  }

  /** What `write` wrote, of a series that has nothing here. Throws `DamagedError`. */
  restore(slot: number, source: ByteReader): void {
    this.#make(slot).restore(source)
  }

  get sizeBytes(): number {
    let sum = 0
    for (const series of this.#bySlot.values()) sum += series.sizeBytes + 512
    return sum
  }
}
