/**
 * The file of a checkpoint: what of the log it stands for, then the series of the head. Drawn in docs/formats/checkpoint.md.
 *
 * - Written aside, part by part, while commits go on, then renamed: there is the old one or the new one.
 * - Not forced to the disk: what a loss of power leaves of it fails a checksum, and the log is read from its beginning instead.
 * - Whoever reads it gets all of it or nothing. It is read by calls that wait: a start has nothing else to do, and handing each part to
 *   another thread and back left a fifth of a start idle (20 MB: 95 ms of waiting instead of 40 in a profile of both cores busy).
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { open, rename, rm } from 'node:fs/promises'
import { crc32 } from 'node:zlib'
import { ByteReader, ByteWriter, DamagedError, LITTLE } from '../codec/bytes.ts'
import { hasCode } from '../data-dir.ts'
import type { LogCover } from '../log/wal.ts'
import { type HeadParts, ImageWriter } from './series-image.ts'

const MAGIC = Buffer.from('ASYCKP\x00\x01', 'latin1')
const PART_HEADER_BYTES = 8
/** What claims to be longer is damage: a part ends at a megabyte, or behind one series. */
const MAX_PART_BYTES = 2 ** 30

export type CheckpointHeader = LogCover & {
  /** The head's boundary at that time: what is before lay in blocks. */
  readonly boundary: number
}

/** Writes the head as it is and as it becomes meanwhile: see series-image.ts. Rejects with what the disk said. Returns bytes. */
export async function writeCheckpoint(
  file: string,
  header: CheckpointHeader,
  head: HeadParts,
  signal?: AbortSignal,
): Promise<number> {
  const fresh = `${file}.tmp`
  try {
    const handle = await open(fresh, 'w', 0o600)
    let bytes = 0
    try {
      // One call a part: each waits for a turn of a loop that is busy when a checkpoint is due.
      const put = async (pieces: readonly Buffer[]) => {
        const size = sizeOf(pieces)
        const { bytesWritten } = await handle.writev(pieces, bytes)
        if (bytesWritten < size) throw new Error('the disk took no more bytes')
        bytes += size
      }
      const putPart = async (pieces: readonly Buffer[]) => {
        const head = new ByteWriter(PART_HEADER_BYTES)
        head.u32(sizeOf(pieces))
        head.u32(pieces.reduce((sum, piece) => crc32(piece, sum), 0))
        await put([head.view(), ...pieces])
      }
      await put([MAGIC])
      await putPart([encodeHeader(header)])
      const image = new ImageWriter(head, header.segment)
      for (let part = image.next(); part !== undefined; part = image.next()) {
        signal?.throwIfAborted()
        await putPart(part)
      }
      // An empty part: so far it is whole.
      await putPart([])
    } finally {
      await handle.close()
    }
    await rename(fresh, file)
    return bytes
  } catch (error) {
    await rm(fresh, { force: true }).catch(() => undefined)
    throw error
  }
}

function sizeOf(pieces: readonly Buffer[]): number {
  return pieces.reduce((sum, { length }) => sum + length, 0)
}

export type OpenCheckpoint = {
  readonly header: CheckpointHeader
  readonly bytes: number
  /** The parts in order, each good until the next. Throws `DamagedError`, and what the disk said. */
  parts(): Iterable<Buffer>
} & Disposable

/** `undefined` when there is none. Throws `DamagedError`, and what the disk said. */
export function openCheckpoint(file: string): OpenCheckpoint | undefined {
  using owned = new DisposableStack()
  let fd: number
  try {
    fd = openSync(file, 'r')
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined
    throw error
  }
  owned.defer(() => closeSync(fd))
  if (!LITTLE) throw new DamagedError('it is of a machine with another order of bytes')
  const { size } = fstatSync(fd)
  const source = new PartReader(fd)
  if (!MAGIC.equals(source.read(MAGIC.length))) throw new DamagedError('it does not begin as a checkpoint does')
  const header = decodeHeader(source.part())
  const taken = owned.move()
  return {
    header,
    bytes: size,
    *parts() {
      for (let part = source.part(); part.length > 0; part = source.part()) yield part
    },
    [Symbol.dispose]: () => taken.dispose(),
  }
}

/** Reads a file from its beginning, into memory that is used again and begins at a multiple of eight. */
class PartReader {
  readonly #fd: number
  #room: Buffer = Buffer.allocUnsafeSlow(1024 * 1024)
  #at = 0

  constructor(fd: number) {
    this.#fd = fd
  }

  read(size: number): Buffer {
    if (size > this.#room.length) this.#room = Buffer.allocUnsafeSlow(size * 2)
    for (let done = 0; done < size; ) {
      const bytesRead = readSync(this.#fd, this.#room, done, size - done, this.#at)
      if (bytesRead === 0) throw new DamagedError(`it ends at byte ${this.#at}`)
      done += bytesRead
      this.#at += bytesRead
    }
    return this.#room.subarray(0, size)
  }

  part(): Buffer {
    const head = new ByteReader(this.read(PART_HEADER_BYTES))
    const length = head.u32()
    const sum = head.u32()
    if (length > MAX_PART_BYTES) throw new DamagedError(`a part of ${length} bytes`)
    const part = this.read(length)
    if (crc32(part) !== sum) throw new DamagedError(`a part before byte ${this.#at} does not fit its checksum`)
    return part
  }
}

function encodeHeader({ segment, offset, print, segments, boundary }: CheckpointHeader): Buffer {
  const out = new ByteWriter()
  out.varint(segment)
  out.varint(offset)
  out.u32(print)
  out.doubles(Float64Array.of(boundary), 1)
  out.varint(segments.length)
  for (const one of segments) {
    out.varint(one.number)
    out.varint(one.bytes)
    out.u8(one.hasLate ? 1 : 0)
    out.doubles(Float64Array.of(one.maxTime), 1)
  }
  return out.view()
}

function decodeHeader(bytes: Buffer): CheckpointHeader {
  const source = new ByteReader(bytes)
  const double = () => {
    const column = new Float64Array(1)
    source.doubles(column, 1)
    return column[0]!
  }
  const segment = source.varint()
  const offset = source.varint()
  const print = source.u32()
  const boundary = double()
  const segments = Array.from({ length: source.count(11) }, () => ({
    number: source.varint(),
    bytes: source.varint(),
    hasLate: source.u8() === 1,
    maxTime: double(),
  }))
  return { segment, offset, print, boundary, segments }
}
