/**
 * Reads one segment of the write-ahead log, past whatever is damaged in it.
 *
 * - Only a record whose checksum holds is handed out: never a wrong number.
 * - Bytes after the last whole record are the torn tail of a commit that was never acknowledged.
 * - Damage before a whole record is something else: acknowledged samples may be gone. The two are told apart.
 */
import { crc32 } from 'node:zlib'
import { ByteReader, DamagedError } from '../codec/bytes.ts'
import {
  CommitRoom,
  type LoggedCommit,
  MAX_RECORD_BYTES,
  RECORD_HEADER_BYTES,
  RECORD_MARKER,
  readCommit,
  SEGMENT_MAGIC,
} from './wal-record.ts'

export type SegmentEnd = {
  /** Where the last whole record ends: what follows is torn. */
  readonly goodBytes: number
  /** Bytes after that. */
  readonly tornBytes: number
  /** Bytes that were skipped because they were damaged, with whole records after them. */
  readonly damagedBytes: number
}

/**
 * Calls `use` for every whole record in order, with the place where it begins; what it gets is good until it returns. `isTail`: the
 * bytes are not the beginning of the segment, but that of a record.
 */
export function readSegment(
  bytes: Buffer,
  use: (commit: LoggedCommit, at: number) => void,
  isTail = false,
): SegmentEnd {
  const room = new CommitRoom()
  let damagedBytes = 0
  let good = 0
  let at = 0
  if (!isTail && bytes.subarray(0, SEGMENT_MAGIC.length).equals(SEGMENT_MAGIC)) at = good = SEGMENT_MAGIC.length
  while (at < bytes.length) {
    const begin = at
    const end = tryRecord(bytes, at, (payload) => use(readCommit(payload, room), begin))
    if (end !== undefined) {
      damagedBytes += at - good
      at = good = end
      continue
    }
    const next = bytes.indexOf(RECORD_MARKER, at + 1)
    if (next < 0) break
    at = next
  }
  return { goodBytes: good, tornBytes: bytes.length - good, damagedBytes }
}

/** The end of the whole record at `at`, or `undefined` when there is none. */
function tryRecord(bytes: Buffer, at: number, use: (payload: ByteReader) => void): number | undefined {
  if (at + RECORD_HEADER_BYTES > bytes.length) return undefined
  if (bytes.compare(RECORD_MARKER, 0, RECORD_MARKER.length, at, at + RECORD_MARKER.length) !== 0) return undefined
  const length = bytes.readUInt32LE(at + 4)
  const end = at + RECORD_HEADER_BYTES + length
  if (length > MAX_RECORD_BYTES || end > bytes.length) return undefined
  const payload = bytes.subarray(at + RECORD_HEADER_BYTES, end)
  if (crc32(payload) !== bytes.readUInt32LE(at + 8)) return undefined
  try {
    use(new ByteReader(payload))
  } catch (error) {
    if (error instanceof DamagedError) return undefined
    throw error
  }
  return end
}
