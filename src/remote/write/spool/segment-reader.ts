/**
 * Reads one segment of a spool from its beginning, record by record, while it may still grow.
 *
 * - Only a record whose checksum holds is handed out. Bytes that are none are passed over when a whole record follows; at the end
 *   they are torn: a commit that was never acknowledged.
 * - A window of the file is held, never all of it.
 */
import { closeSync, openSync, readSync } from 'node:fs'
import { crc32 } from 'node:zlib'
import {
  decodeRecord,
  MAX_RECORD_BYTES,
  RECORD_HEADER_BYTES,
  RECORD_MARKER,
  type RecordSamples,
  SEGMENT_HEADER_BYTES,
} from './spool-record.ts'

const WINDOW_BYTES = 256 * 1024

export type ReadRecord = { readonly samples: RecordSamples /** Where the next one begins. */; readonly end: number }

export class SegmentReader implements Disposable {
  readonly #fd: number
  #window: Buffer = Buffer.alloc(0)
  /** Where the window begins in the file. */
  #from = 0
  /** Where the next record is looked for. */
  at = SEGMENT_HEADER_BYTES
  /** Bytes that were passed over. */
  damagedBytes = 0

  constructor(path: string) {
    this.#fd = openSync(path, 'r')
  }

  /** The next whole record before `end`, a byte of the file up to which it may be read; `undefined`: there is none. */
  next(end: number): ReadRecord | undefined {
    const start = this.at
    for (let at = start; ; ) {
      const read = this.#tryAt(at, end)
      if (read !== undefined) {
        this.damagedBytes += at - start
        this.at = read.end
        return read
      }
      const marker = this.#markerAfter(at, end)
      if (marker === undefined) return undefined
      at = marker
    }
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd)
  }

  #tryAt(at: number, end: number): ReadRecord | undefined {
    const head = this.#bytes(at, RECORD_HEADER_BYTES, end)
    if (head === undefined || head.compare(RECORD_MARKER, 0, 4, 0, 4) !== 0) return undefined
    const length = head.readUInt32LE(4)
    const checksum = head.readUInt32LE(8)
    if (length > MAX_RECORD_BYTES) return undefined
    const payload = this.#bytes(at + RECORD_HEADER_BYTES, length, end)
    if (payload === undefined || crc32(payload) !== checksum) return undefined
    const samples = decodeRecord(payload)
    return samples === undefined ? undefined : { samples, end: at + RECORD_HEADER_BYTES + length }
  }

  #markerAfter(at: number, end: number): number | undefined {
    for (let from = at + 1; from + RECORD_MARKER.length <= end; ) {
      const size = Math.min(WINDOW_BYTES, end - from)
      const bytes = this.#bytes(from, size, end)
      if (bytes === undefined) return undefined
      const found = bytes.indexOf(RECORD_MARKER)
      if (found >= 0) return from + found
      from += size - RECORD_MARKER.length + 1
    }
    return undefined
  }

  /** A view that is valid until the next call; `undefined` when the file or `end` comes before. */
  #bytes(at: number, size: number, end: number): Buffer | undefined {
    if (at + size > end) return undefined
    if (at < this.#from || at + size > this.#from + this.#window.length) {
      const wanted = Math.min(end - at, Math.max(size, WINDOW_BYTES))
      const fresh = Buffer.allocUnsafe(wanted)
      let filled = 0
      while (filled < wanted) {
        const got = readSync(this.#fd, fresh, filled, wanted - filled, at + filled)
        if (got === 0) break
        filled += got
      }
      this.#window = fresh.subarray(0, filled)
      this.#from = at
      if (filled < size) return undefined
    }
    return this.#window.subarray(at - this.#from, at - this.#from + size)
  }
}
