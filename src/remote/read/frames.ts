/**
 * The frames of a streamed answer: `uvarint length | uint32 BE crc32c of the message | message`, one after the other.
 *
 * Source: prometheus: storage/remote/chunked.go.
 */
import { AssayError, crc32c } from '#core'

/** Largest message that is taken, as Prometheus' own reader. */
export const MAX_FRAME_BYTES = 50_000_000

export function encodeFrame(message: Uint8Array): Buffer {
  const head: number[] = []
  let rest = message.length
  while (rest >= 0x80) {
    head.push((rest & 0x7f) | 0x80)
    rest >>>= 7
  }
  const sum = Buffer.alloc(4)
  sum.writeUInt32BE(crc32c(message))
  return Buffer.concat([Uint8Array.from([...head, rest]), sum, message])
}

/**
 * The messages of a stream of bytes, however it was cut on its way. Throws `ASSAY_PROTO` at a wrong checksum, at a frame
 * beyond `MAX_FRAME_BYTES`, and at an end within a frame.
 */
export async function* decodeFrames(
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): AsyncGenerator<Buffer, void, undefined> {
  let held: Uint8Array[] = []
  let size = 0
  let need = 1
  for await (const piece of source) {
    held.push(piece)
    size += piece.length
    if (size < need) continue
    let bytes = Buffer.concat(held)
    let at = 0
    for (;;) {
      const head = headAt(bytes, at)
      need = head === undefined ? bytes.length - at + 1 : head.end - at
      if (head === undefined || head.end > bytes.length) break
      const message = bytes.subarray(head.from, head.end)
      if (crc32c(message) !== head.sum) throw broken('its checksum is wrong')
      yield message
      at = head.end
    }
    bytes = bytes.subarray(at)
    held = [bytes]
    size = bytes.length
  }
  if (size > 0) throw broken(`it ends after ${size} bytes of it`)
}

/** `undefined`: not all of it is there. */
function headAt(bytes: Buffer, at: number) {
  let length = 0
  for (let i = 0; ; i++) {
    const byte = bytes[at + i]
    if (byte === undefined) return undefined
    length += (byte & 0x7f) * 2 ** (7 * i)
    if (length > MAX_FRAME_BYTES || i > 4) throw broken(`it has more than ${MAX_FRAME_BYTES} bytes`)
    if (byte < 0x80) {
      const from = at + i + 5
      return from > bytes.length ? undefined : { from, end: from + length, sum: bytes.readUInt32BE(from - 4) }
    }
  }
}

function broken(why: string): AssayError<'ASSAY_PROTO'> {
  return new AssayError('ASSAY_PROTO', `a frame of the stream makes no sense: ${why}`)
}
