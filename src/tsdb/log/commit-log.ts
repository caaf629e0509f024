/**
 * Writes commits ahead: names and numbers their series by segment, and ends a segment where a block will end.
 *
 * Which segment named a series last, and by which number, stands in the head's records.
 */
import type { Accepted } from '../accepted.ts'
import { ByteWriter } from '../codec/bytes.ts'
import { SLOT_MASK, WAL_NUMBER, WAL_SEGMENT } from '../head/records.ts'
import type { Head } from '../head.ts'
import type { Wal } from './wal.ts'
import {
  beginRecord,
  endRecord,
  type LoggedSamples,
  type NamedSeries,
  writeNamedSeries,
  writeSamples,
} from './wal-record.ts'

export type CommitLogDeps = { readonly head: Head; readonly wal: Wal; readonly blockMs: number }

export class CommitLog {
  readonly #head: Head
  readonly #wal: Wal
  readonly #blockMs: number
  readonly #record = new ByteWriter(64 * 1024)
  #numbers: Float64Array = new Float64Array(0)
  /** The segment whose series are being numbered, and the next number there. */
  #segment = 0
  #nextNumber = 0
  /** The furthest span of a block that was written to. */
  #walSpan = -Infinity

  constructor({ head, wal, blockMs }: CommitLogDeps) {
    this.#head = head
    this.#wal = wal
    this.#blockMs = blockMs
  }

  /** Writes ahead what was accepted. Throws `ASSAY_STORE_WRITE`; then the log and the head are as before. */
  write(accepted: Accepted, late: Accepted | undefined): void {
    if (this.#numbers.length < accepted.count) this.#numbers = new Float64Array(accepted.slots.length)
    const maxTime = Math.max(accepted.maxTime, late?.maxTime ?? -Infinity)
    // A segment ends where a block will, so that it can be deleted with that block and is not read again at a start.
    const span = Math.floor(maxTime / this.#blockMs)
    if (span > this.#walSpan) this.#wal.cut()
    this.#walSpan = Math.max(span, this.#walSpan)
    const segment = this.#wal.segment()
    if (segment !== this.#segment) {
      this.#segment = segment
      this.#nextNumber = 0
    }
    const named: NamedSeries[] = []
    const namedSlots: number[] = []
    const numbered = (one: Accepted, numbers: Float64Array) =>
      this.#number(one, { numbers, segment, named, namedSlots })
    const inOrder = numbered(accepted, this.#numbers)
    const lateSamples = late === undefined ? undefined : numbered(late, new Float64Array(late.count))
    const record = this.#record
    record.reset()
    beginRecord(record)
    const beforeNames = record.length
    writeNamedSeries(record, named)
    const nameBytes = record.length - beforeNames
    writeSamples(record, 0, inOrder, lateSamples)
    endRecord(record, 0)
    try {
      this.#wal.append(record.view(), maxTime, { hasLate: late !== undefined, nameBytes })
    } catch (error) {
      // The names did not reach the log either: they have to be written with the next attempt.
      for (const slot of namedSlots) this.#head.records.setWord(slot, WAL_SEGMENT, 0)
      throw error
    }
  }

  /** The samples under the numbers that their series have in the segment; those it has not named yet are gathered. */
  #number(
    { slots, timestamps, values, histograms, starts, count }: Accepted,
    {
      numbers,
      segment,
      named,
      namedSlots,
    }: { numbers: Float64Array; segment: number; named: NamedSeries[]; namedSlots: number[] },
  ): LoggedSamples {
    const { records } = this.#head
    for (let i = 0; i < count; i++) {
      const slot = slots[i]!
      const { words } = records.page(slot)
      const record = (slot & SLOT_MASK) * 16
      if (words[record + WAL_SEGMENT] !== segment) {
        words[record + WAL_SEGMENT] = segment
        words[record + WAL_NUMBER] = this.#nextNumber
        named.push({ number: this.#nextNumber++, labels: this.#head.labelsOf(slot) })
        namedSlots.push(slot)
      }
      numbers[i] = words[record + WAL_NUMBER]!
    }
    return { numbers, timestamps, values, histograms, starts, count }
  }
}
