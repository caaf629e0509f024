/**
 * The write-ahead log: numbered, append-only segments. One `write` per commit; what returned survives `kill -9`.
 *
 * - A segment stands by itself: it names every series it uses. So the log is shortened by deleting whole files, without a look at
 *   checkpoints, which only save reading it; the price is that each segment repeats the labels of the series in use.
 * - A write that fails half-way is cut off again before anything else is written.
 * - With `sync: 'commit'` a commit also survives power loss; else the log is synced by `sync()` and at the end of a segment.
 */
import {
  close,
  closeSync,
  constants,
  fdatasync as fdatasyncCallback,
  fdatasyncSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readSync,
  writeSync,
} from 'node:fs'
import { mkdir, open, readdir, rm, stat, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { crc32 } from 'node:zlib'
import { AssayError, messageOf } from '#core'
import { readSegment } from './wal-reader.ts'
import { type LoggedCommit, MAX_RECORD_BYTES, SEGMENT_MAGIC } from './wal-record.ts'

const { O_APPEND, O_CREAT, O_TRUNC, O_WRONLY } = constants

export type WalOptions = {
  readonly dir: string
  readonly segmentBytes: number
  readonly sync: 'none' | 'commit'
  /** Writes to a file: the system's, or in tests one that fails. */
  readonly write?: (fd: number, bytes: Uint8Array) => number
}

export type ReplayReport = {
  readonly segments: number
  readonly tornBytes: number
  readonly damagedBytes: number
  /** Segments in which something was damaged or torn. */
  readonly files: readonly string[]
}

/** A segment, as far as it was written. */
export type SegmentInfo = {
  readonly number: number
  readonly bytes: number
  readonly maxTime: number
  /** Whether a commit in it has late samples. */
  readonly hasLate: boolean
}

/** All that had been logged at a moment: what lies before byte `offset` of a segment, and the segments before it. */
export type LogCover = {
  readonly segment: number
  readonly offset: number
  /** Checksum of the last bytes before that: whether it is still the same log. */
  readonly print: number
  /** Segments that were there, that one included when it had been begun. */
  readonly segments: readonly SegmentInfo[]
}

/** Takes a commit, good until it returns. `isCovered`: its samples in order are known already. */
export type CommitUse = (commit: LoggedCommit, isCovered: boolean) => void

type Current = {
  readonly number: number
  readonly fd: number
  bytes: number
  /** Of them, those that name series. */
  nameBytes: number
  maxTime: number
  hasLate: boolean
  needsCut: boolean
}

/** Bytes that tell a log from another one: the last record at least. */
const PRINT_BYTES = 4096

export class Wal {
  readonly #options: WalOptions
  readonly #write: (fd: number, bytes: Uint8Array) => number
  #closed: SegmentInfo[] = []
  #current: Current | undefined
  #logged = 0
  #nextNumber = 1
  #settling: Promise<void> = Promise.resolve()

  constructor(options: WalOptions) {
    this.#options = options
    this.#write = options.write ?? ((fd, bytes) => writeSync(fd, bytes))
  }

  get sizeBytes(): number {
    return this.#closed.reduce((sum, one) => sum + one.bytes, this.#current?.bytes ?? 0)
  }

  /** Bytes that a start would have to read, but for names of series that were appended since: each segment has them anyway. */
  get loggedBytes(): number {
    return this.#logged
  }

  /** What was logged until now. */
  async cover(): Promise<LogCover> {
    const segments = [...this.#closed, ...(this.#current === undefined ? [] : [infoOf(this.#current)])]
    const { number: segment, bytes: offset } = segments.at(-1) ?? { number: this.#nextNumber, bytes: 0 }
    return { segment, offset, print: await this.#print(segment, offset), segments }
  }

  /** Whether what is there goes on behind `cover`. Before the replay. */
  async isCoveredBy({ segment, offset, print, segments }: LogCover): Promise<boolean> {
    const found = await listSegments(this.#options.dir)
    for (const { number, file } of found) {
      if (number >= segment) continue
      const known = segments.find((one) => one.number === number)
      if (known === undefined || (await stat(file)).size !== known.bytes) return false
    }
    if (offset === 0) return true
    const last = found.find(({ number }) => number === segment)
    if (last === undefined || (await stat(last.file)).size < offset) return false
    return (await this.#print(segment, offset)) === print
  }

  /**
   * Reads what there is, oldest first; `onSegment` begins each segment, as its series numbers are its own. A torn tail is cut
   * off the file. Of what is covered only segments with late samples are read. Call once, before the first append.
   */
  async replay(onSegment: (number: number) => CommitUse, cover?: LogCover): Promise<ReplayReport> {
    await mkdir(this.#options.dir, { recursive: true })
    let tornBytes = 0
    let damagedBytes = 0
    const files: string[] = []
    const reading = new SegmentReading()
    for (const { number, file } of await listSegments(this.#options.dir)) {
      this.#nextNumber = number + 1
      const known = cover?.segments.find((one) => one.number === number)
      const covered =
        cover === undefined ? 0 : number < cover.segment ? Infinity : number > cover.segment ? 0 : cover.offset
      const hadLate = known?.hasLate ?? false
      if (known !== undefined && covered === Infinity && !hadLate) {
        this.#closed.push(known)
        continue
      }
      const from = hadLate || covered === Infinity ? 0 : covered
      const bytes = reading.read(file, from)
      let maxTime = known?.maxTime ?? -Infinity
      let hasLate = hadLate
      const use = onSegment(number)
      const end = readSegment(
        bytes,
        (commit, at) => {
          for (const { timestamps, count } of [commit.samples, commit.late ?? NO_SAMPLES])
            for (let i = 0; i < count; i++) if (timestamps[i]! > maxTime) maxTime = timestamps[i]!
          if (commit.late !== undefined) hasLate = true
          use(commit, from + at < covered)
        },
        from > 0,
      )
      if (end.tornBytes > 0 || end.damagedBytes > 0) files.push(file)
      if (end.tornBytes > 0) await truncate(file, from + end.goodBytes)
      tornBytes += end.tornBytes
      damagedBytes += end.damagedBytes
      this.#closed.push({ number, bytes: from + end.goodBytes, maxTime, hasLate })
      this.#logged += Math.max(0, from + end.goodBytes - covered)
    }
    // A number is not given twice while something speaks of it.
    if (cover !== undefined) this.beginAfter(cover.segment)
    return { segments: this.#closed.length, tornBytes, damagedBytes, files }
  }

  /**
   * The segment that the next append goes to, for the caller to know which series it has named. Begins a new one when the
   * current one is full. Throws `ASSAY_STORE_WRITE`.
   */
  segment(): number {
    // Names do not count: with a million series they alone would fill a segment, and each commit would name them all anew.
    const current = this.#current
    if (current !== undefined && current.bytes - current.nameBytes >= this.#options.segmentBytes) this.cut()
    this.#current ??= this.#begin()
    return this.#current.number
  }

  /** Appends one record to the current segment. Throws `ASSAY_STORE_WRITE`; then the log is as it was. `nameBytes`: how much of it names series. */
  append(record: Uint8Array, maxTime: number, { hasLate = false, nameBytes = 0 } = {}): void {
    const current = this.#current
    if (current === undefined) throw new TypeError('BUG: append without a segment')
    // A reader takes a longer record for damage.
    if (record.length > MAX_RECORD_BYTES) {
      throw writeError(this.#fileOf(current.number), `a batch of ${record.length} bytes; split it`)
    }
    try {
      if (current.needsCut) this.#cutBack(current)
      this.#writeAll(current.fd, record)
      if (this.#options.sync === 'commit') fdatasyncSync(current.fd)
    } catch (cause) {
      current.needsCut = true
      this.#tryCutBack(current)
      throw writeError(this.#fileOf(current.number), cause)
    }
    current.bytes += record.length
    current.nameBytes += nameBytes
    this.#logged += record.length - nameBytes
    if (maxTime > current.maxTime) current.maxTime = maxTime
    if (hasLate) current.hasLate = true
  }

  /** Ends the current segment, so that it can be deleted as soon as its samples are in a block. Returns the last one that was begun. */
  cut(): number {
    const current = this.#current
    if (current === undefined) return this.#nextNumber - 1
    this.#current = undefined
    this.#closed.push(infoOf(current))
    if (current.needsCut) this.#tryCutBack(current)
    // Forcing a whole segment to disk takes long enough to be felt: it happens beside the event loop.
    this.#settling = Promise.all([this.#settling, forceAndClose(current.fd)]).then(() => undefined)
    return current.number
  }

  /** The first segment that is there, or the number of the next one. */
  get first(): number {
    return this.#closed[0]?.number ?? this.#current?.number ?? this.#nextNumber
  }

  /** New segments get numbers behind this one. Call before the first append. */
  beginAfter(number: number): void {
    this.#nextNumber = Math.max(this.#nextNumber, number + 1)
  }

  /** Forces what was appended to the disk. */
  async sync(): Promise<void> {
    if (this.#current !== undefined) await fdatasync(this.#current.fd)
  }

  /** Deletes ended segments up to number `through` that hold nothing at or after `time`. */
  async truncate(time: number, through: number): Promise<void> {
    const gone = this.#closed.filter((one) => one.maxTime < time && one.number <= through)
    for (const one of gone) await rm(this.#fileOf(one.number), { force: true })
    this.#closed = this.#closed.filter((one) => !gone.includes(one))
  }

  async close(): Promise<void> {
    this.cut()
    await this.#settling
  }

  #begin(): Current {
    const number = this.#nextNumber
    const file = this.#fileOf(number)
    try {
      // A begin that failed left an empty file of this number at most: it is used again, so that a full disk gathers none.
      // Appending, so that what is written after a cut-back does not leave a hole where the refused bytes were.
      const fd = openSync(file, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0o600)
      try {
        this.#writeAll(fd, SEGMENT_MAGIC)
        if (this.#options.sync === 'commit') {
          const dir = openSync(this.#options.dir, 'r')
          fsyncSync(dir)
          closeSync(dir)
        }
      } catch (cause) {
        closeSync(fd)
        throw cause
      }
      this.#nextNumber++
      return {
        number,
        fd,
        bytes: SEGMENT_MAGIC.length,
        nameBytes: 0,
        maxTime: -Infinity,
        hasLate: false,
        needsCut: false,
      }
    } catch (cause) {
      throw writeError(file, cause)
    }
  }

  #writeAll(fd: number, bytes: Uint8Array): void {
    // A regular file takes all at once; only a disk that is nearly full takes less.
    for (let done = 0; done < bytes.length; ) {
      const written = this.#write(fd, done === 0 ? bytes : bytes.subarray(done))
      if (written <= 0) throw new Error('the disk took no more bytes')
      done += written
    }
  }

  #cutBack(current: Current): void {
    ftruncateSync(current.fd, current.bytes)
    current.needsCut = false
  }

  /** What is left behind a failed write is harmless to readers; the next append tries again before it writes. */
  #tryCutBack(current: Current): void {
    try {
      this.#cutBack(current)
    } catch {
      current.needsCut = true
    }
  }

  /** 0 when nothing lies before. */
  async #print(segment: number, offset: number): Promise<number> {
    if (offset === 0) return 0
    const handle = await open(this.#fileOf(segment))
    try {
      const size = Math.min(offset, PRINT_BYTES)
      const { bytesRead, buffer } = await handle.read(Buffer.alloc(size), 0, size, offset - size)
      return crc32(buffer.subarray(0, bytesRead))
    } finally {
      await handle.close()
    }
  }

  #fileOf(number: number): string {
    return join(this.#options.dir, `${String(number).padStart(8, '0')}.wal`)
  }
}

/**
 * Reads files one after the other into the same memory: fresh memory for 64 MiB costs as much as reading them. By calls that wait, as
 * only a start reads, and there is nothing else that could go on.
 */
class SegmentReading {
  #room = Buffer.alloc(0)

  /** What the file holds from byte `from` on, until the next call. */
  read(file: string, from: number): Buffer {
    const fd = openSync(file, 'r')
    try {
      const size = Math.max(0, fstatSync(fd).size - from)
      if (size > this.#room.length) this.#room = Buffer.allocUnsafeSlow(size)
      let done = 0
      while (done < size) {
        const bytesRead = readSync(fd, this.#room, done, size - done, from + done)
        if (bytesRead === 0) break
        done += bytesRead
      }
      return this.#room.subarray(0, done)
    } finally {
      closeSync(fd)
    }
  }
}

function infoOf({ number, bytes, maxTime, hasLate }: SegmentInfo): SegmentInfo {
  return { number, bytes, maxTime, hasLate }
}

const NO_SAMPLES = { timestamps: new Float64Array(0), count: 0 }
const fdatasync = promisify(fdatasyncCallback)

/** Never rejects: the bytes were handed over long ago, and a disk that fails now fails the next write loudly. */
async function forceAndClose(fd: number): Promise<void> {
  await fdatasync(fd).catch(() => undefined)
  await promisify(close)(fd).catch(() => undefined)
}

async function listSegments(dir: string): Promise<readonly { readonly number: number; readonly file: string }[]> {
  return (await readdir(dir))
    .filter((name) => /^\d{8,}\.wal$/.test(name))
    .map((name) => ({ number: Number.parseInt(name, 10), file: join(dir, name) }))
    .sort((a, b) => a.number - b.number)
}

function writeError(file: string, cause: unknown): AssayError {
  return new AssayError(
    'ASSAY_STORE_WRITE',
    `${file} could not be written (${messageOf(cause)}); nothing of the batch was kept; reading goes on, and writing again once the disk takes it`,
    { cause },
  )
}
