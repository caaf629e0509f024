/**
 * What waits for one receiver, on disk: appended by each commit before it is acknowledged, read again after a restart or when the
 * receiver was away for longer than memory holds, and deleted when the receiver has acknowledged it.
 *
 * - One writer, one reader, one position of what is acknowledged: writer >= reader >= position. A record is whole or not there.
 * - Written with one system call per commit and not synced: it survives the death of the process, and all but the last moments
 *   that of the machine. A segment is synced when the next one begins.
 * - Bounded in bytes and in age: the oldest segment goes, and what it held that nobody had read is counted. The segment that is
 *   written never goes.
 * - A write that the disk refuses is cut back and told by `append`; nothing else throws for the disk's sake once it is open.
 * - Damaged bytes are passed over and counted; a torn end, which was never acknowledged, is cut.
 *
 * Why not the store's own write-ahead log: with a remote engine there is none; one receiver that is away would keep all of it, and
 * relabelling that drops most would keep the rest. docs/decisions/0012-spool-for-remote-write.md
 */
import {
  closeSync,
  constants,
  fdatasync,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { AssayError, type Clock, type Log, messageOf } from '#core'
import { type Position, PositionFile } from './position-file.ts'
import { SegmentReader } from './segment-reader.ts'
import {
  type Count,
  decodeSegmentHeader,
  encodeSegmentHeader,
  RecordEncoder,
  type RecordSamples,
  SEGMENT_HEADER_BYTES,
  type SegmentHeader,
} from './spool-record.ts'

export type SpoolOptions = {
  readonly dir: string
  readonly clock: Clock
  readonly log: Log
  /** Bytes on disk at most, give or take a segment. */
  readonly maxBytes: number
  /** 0: whatever the age. */
  readonly maxAgeMs: number
  /** Default 16 MiB. */
  readonly segmentBytes?: number
  /** Told of what was deleted before it was read. */
  readonly onDropped: (dropped: Count, why: 'queue_full' | 'too_old') => void
  /** Default: the system's; for tests of a disk that refuses. */
  readonly write?: (fd: number, bytes: Buffer) => number
}

/** A record with the place behind it, which is acknowledged when its samples are. */
export type SpooledRecord = { readonly samples: RecordSamples; readonly place: Position }

type Segment = { readonly number: number; readonly header: SegmentHeader; bytes: number }

const SEGMENT_BYTES = 16 * 2 ** 20
const SEGMENT_NAME = /^(\d{8})\.spool$/
/** How long the disk is left alone after it refused. */
const RETRY_MS = 1000

export class Spool implements Disposable {
  readonly #options: SpoolOptions
  readonly #segmentBytes: number
  readonly #position: PositionFile
  readonly #encoder = new RecordEncoder()
  /** Oldest first; the last one is written. */
  readonly #segments: Segment[] = []
  #fd: number
  /** All that was ever appended. */
  #written: Count
  #acknowledged: Position
  #read: Position
  #reader: SegmentReader | undefined
  #readerSegment = 0
  #damagedBefore = 0
  #failedAtMs: number | undefined
  /** Series named in the segment that is written. */
  #named = 0
  failures = 0
  /** '' while the disk takes what it is given. */
  fault = ''

  /** Opens what is there, or begins. Throws `ASSAY_SPOOL` when the directory cannot be used, `ASSAY_DATA_NEWER`. */
  constructor(options: SpoolOptions) {
    this.#options = options
    this.#segmentBytes = options.segmentBytes ?? SEGMENT_BYTES
    try {
      mkdirSync(options.dir, { recursive: true })
      this.#load()
      this.#position = new PositionFile(join(options.dir, 'position'))
      const last = this.#segments.at(-1)
      this.#written = last === undefined ? (this.#position.found?.before ?? NOTHING) : this.#cutTorn(last)
      this.#fd = this.#openNext()
    } catch (cause) {
      if (cause instanceof AssayError) throw cause
      throw new AssayError(
        'ASSAY_SPOOL',
        `${options.dir}: what waits for remote write cannot be kept there: ${messageOf(cause)}; make the directory writable, or write --remote-write-spool-size 0 to keep it in memory alone`,
        { cause },
      )
    }
    this.#acknowledged = this.#startingAt(this.#position.found)
    this.#read = this.#acknowledged
  }

  /** Of the segment that is written: series are numbered from 0 in each. */
  get segment(): number {
    return this.#segments.at(-1)!.number
  }

  /** The number for a series that the segment has not named yet. */
  nextSeries(): number {
    return this.#named++
  }

  get bytes(): number {
    return this.#segments.reduce((sum, { bytes }) => sum + bytes, 0)
  }

  get segments(): number {
    return this.#segments.length
  }

  get damagedBytes(): number {
    return this.#damagedBefore + (this.#reader?.damagedBytes ?? 0)
  }

  /** What is on disk and was not read since it was opened: it waits there alone. */
  get unread(): Count {
    return difference(this.#written, this.#read.before)
  }

  /** Makes room before a record is gathered: its series are numbered in `segment` then. False: the disk refuses, for now. */
  ready(): boolean {
    if (this.#failedAtMs !== undefined && this.#options.clock.monotonicMs() - this.#failedAtMs < RETRY_MS) return false
    const last = this.#segments.at(-1)!
    if (this.fault === '' && last.bytes < this.#segmentBytes) return true
    return this.#guarded(() => {
      const before = this.#fd
      this.#fd = this.#openNext()
      // Not waited for: on a busy disk that would hold everything else for a while.
      fdatasync(before, () => closeSync(before))
      this.#trim()
    })
  }

  /** Writes one record; `undefined` when the disk refuses: then nothing of it is there. Only after `ready`. */
  append(samples: RecordSamples, count: Count): Position | undefined {
    const segment = this.#segments.at(-1)!
    const bytes = this.#encoder.encode(samples)
    const done = this.#guarded(() => {
      const write = this.#options.write ?? writeSync
      for (let at = 0; at < bytes.length; ) at += write(this.#fd, at === 0 ? bytes : bytes.subarray(at))
    })
    if (!done) {
      // Half a record would be torn bytes in the middle of the segment. What cannot be cut is passed over by its checksum.
      try {
        ftruncateSync(this.#fd, segment.bytes)
      } catch {}
      return undefined
    }
    segment.bytes += bytes.length
    this.#written = sum(this.#written, count)
    if (this.bytes > this.#options.maxBytes) this.#trim()
    return { segment: segment.number, offset: segment.bytes, before: this.#written }
  }

  /** The reader has had everything up to here from memory. Only while nothing is unread before `place`. */
  passed(place: Position): void {
    this.#read = place
    this.#closeReader()
  }

  /** The next record that was not read; `undefined` when there is none. */
  read(): SpooledRecord | undefined {
    for (;;) {
      const segment = this.#segments.find(({ number }) => number >= this.#read.segment)
      if (segment === undefined) return undefined
      if (segment.number > this.#read.segment) this.#read = startOf(segment)
      let found: SpooledRecord | undefined
      try {
        found = this.#readIn(segment)
      } catch (error) {
        this.#options.log.error(
          { err: messageOf(error), dir: this.#options.dir },
          'the spool of remote write cannot be read; the segment is passed over',
        )
      }
      if (found !== undefined) return found
      const next = this.#segments.find(({ number }) => number > segment.number)
      if (next === undefined) return undefined
      // What damage swallowed is known by what the next segment says came before it.
      this.#read = startOf(next)
    }
  }

  /** Everything up to `place` has arrived, or never will. Deletes what nobody needs any more. */
  acknowledge(place: Position): void {
    this.#acknowledged = place
    this.#guarded(() => this.#position.write(place))
    while (this.#segments.length > 1 && this.#segments[0]!.number < place.segment) this.#remove()
    if (this.#options.maxAgeMs > 0) this.#trim()
  }

  [Symbol.dispose](): void {
    this.#closeReader()
    closeSync(this.#fd)
    this.#position[Symbol.dispose]()
  }

  #readIn(segment: Segment): SpooledRecord | undefined {
    if (this.#reader === undefined || this.#readerSegment !== segment.number) {
      this.#closeReader()
      this.#reader = new SegmentReader(this.#path(segment.number))
      this.#readerSegment = segment.number
      this.#names = new Map()
    }
    for (;;) {
      const record = this.#reader.next(segment.bytes)
      if (record === undefined) return undefined
      for (const { number, flat } of record.samples.named) this.#names.set(number, flat)
      if (record.end <= this.#read.offset) continue
      const before = sum(this.#read.before, countOf(record.samples))
      const place = { segment: segment.number, offset: record.end, before }
      this.#read = place
      return { samples: record.samples, place }
    }
  }

  /** Labels of the series of the segment that is read, by their numbers. */
  #names = new Map<number, readonly string[]>()

  /** The labels of a series of the record that was read last; `undefined` when the record that named it is damaged. */
  flatOf(number: number): readonly string[] | undefined {
    return this.#names.get(number)
  }

  #load(): void {
    for (const name of readdirSync(this.#options.dir).sort()) {
      const number = Number(SEGMENT_NAME.exec(name)?.[1] ?? Number.NaN)
      if (Number.isNaN(number)) continue
      const fd = openSync(join(this.#options.dir, name), 'r')
      try {
        const head = Buffer.alloc(SEGMENT_HEADER_BYTES)
        const got = readSync(fd, head, 0, head.length, 0)
        const bytes = fstatSync(fd).size
        const header = decodeSegmentHeader(head.subarray(0, got))
        if (header !== undefined && bytes > SEGMENT_HEADER_BYTES) this.#segments.push({ number, header, bytes })
        else if (bytes > SEGMENT_HEADER_BYTES) {
          // Its records may be whole all the same; how many came before is not known and taken from its neighbour.
          const before = this.#segments.at(-1)?.header ?? { createdAt: 0, before: NOTHING }
          this.#segments.push({ number, header: before, bytes })
        } else rmSync(join(this.#options.dir, name), { force: true })
      } finally {
        closeSync(fd)
      }
    }
  }

  /** Reads the segment that was written last to its end, cuts what is torn there, and says how much was written in all. */
  #cutTorn(segment: Segment): Count {
    using reader = new SegmentReader(this.#path(segment.number))
    let written = segment.header.before
    for (let record = reader.next(segment.bytes); record !== undefined; record = reader.next(segment.bytes))
      written = sum(written, countOf(record.samples))
    if (reader.at < segment.bytes) {
      const fd = openSync(this.#path(segment.number), 'r+')
      try {
        ftruncateSync(fd, reader.at)
      } finally {
        closeSync(fd)
      }
      segment.bytes = reader.at
    }
    return written
  }

  #startingAt(found: Position | undefined): Position {
    const first = startOf(this.#segments[0]!)
    if (found === undefined) return first
    if (found.segment < first.segment) return first
    // The one that is written has a higher number than any that was acknowledged.
    const segment = this.#segments.find(({ number }) => number >= found.segment)!
    if (segment.number > found.segment) return startOf(segment)
    return found.offset <= segment.bytes ? found : { ...found, offset: segment.bytes }
  }

  #openNext(): number {
    // Never one that the position names already: what is acknowledged of that one is not of this one.
    const number = Math.max(this.#segments.at(-1)?.number ?? 0, this.#position.found?.segment ?? 0) + 1
    const header = { createdAt: this.#options.clock.now(), before: this.#written }
    const { O_WRONLY, O_CREAT, O_APPEND, O_TRUNC } = constants
    const fd = openSync(this.#path(number), O_WRONLY | O_CREAT | O_APPEND | O_TRUNC, 0o600)
    try {
      const bytes = encodeSegmentHeader(header)
      const write = this.#options.write ?? writeSync
      for (let at = 0; at < bytes.length; ) at += write(fd, bytes.subarray(at))
    } catch (error) {
      closeSync(fd)
      rmSync(this.#path(number), { force: true })
      throw error
    }
    this.#segments.push({ number, header, bytes: SEGMENT_HEADER_BYTES })
    this.#named = 0
    return fd
  }

  /** Deletes the oldest segments while there are too many bytes, or while all they hold is too old. */
  #trim(): void {
    const { maxBytes, maxAgeMs, clock, onDropped } = this.#options
    for (;;) {
      const next = this.#segments[1]
      if (next === undefined) return
      // A segment was written before the next one was made.
      const isOld = maxAgeMs > 0 && clock.now() - next.header.createdAt > maxAgeMs
      if (!isOld && this.bytes <= maxBytes) return
      const start = startOf(next)
      if (this.#read.segment < next.number) {
        const lost = difference(start.before, this.#read.before)
        if (lost.samples + lost.histograms > 0) onDropped(lost, isOld ? 'too_old' : 'queue_full')
        this.#read = start
        this.#closeReader()
      }
      if (this.#acknowledged.segment < next.number) {
        this.#acknowledged = start
        this.#guarded(() => this.#position.write(start))
      }
      this.#remove()
    }
  }

  #remove(): void {
    const first = this.#segments.shift()!
    if (this.#readerSegment === first.number) this.#closeReader()
    rmSync(this.#path(first.number), { force: true })
  }

  #closeReader(): void {
    if (this.#reader === undefined) return
    this.#damagedBefore += this.#reader.damagedBytes
    this.#reader[Symbol.dispose]()
    this.#reader = undefined
    this.#readerSegment = 0
  }

  #guarded(work: () => void): boolean {
    try {
      work()
    } catch (error) {
      this.failures++
      this.#failedAtMs = this.#options.clock.monotonicMs()
      if (this.fault === '')
        this.#options.log.error(
          { err: messageOf(error), dir: this.#options.dir },
          'what waits for remote write cannot be written to disk and is kept in memory alone: a crash would lose it. Make room; it goes on by itself',
        )
      this.fault = messageOf(error)
      return false
    }
    if (this.fault !== '') {
      this.fault = ''
      this.#failedAtMs = undefined
      this.#options.log.info({ dir: this.#options.dir }, 'what waits for remote write is on disk again')
    }
    return true
  }

  #path(number: number): string {
    return join(this.#options.dir, `${String(number).padStart(8, '0')}.spool`)
  }
}

const NOTHING: Count = { samples: 0, histograms: 0 }

function startOf({ number, header }: Segment): Position {
  return { segment: number, offset: SEGMENT_HEADER_BYTES, before: header.before }
}

function countOf({ count, histograms }: RecordSamples): Count {
  let some = 0
  if (histograms !== undefined) for (const one of histograms) if (one !== undefined) some++
  return { samples: count - some, histograms: some }
}

function sum(a: Count, b: Count): Count {
  return { samples: a.samples + b.samples, histograms: a.histograms + b.histograms }
}

function difference(a: Count, b: Count): Count {
  return { samples: Math.max(0, a.samples - b.samples), histograms: Math.max(0, a.histograms - b.histograms) }
}
