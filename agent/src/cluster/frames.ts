/**
 * Messages between hub and workers: a head that is JSON, and a body of bytes.
 *
 *     bytes 0..3   length of what follows, big endian
 *     bytes 4..7   length of the head
 *     then         head, body
 *
 * - Pages travel as bytes: 10,000 series as one JSON text took 40 times as long to hand over (15 ms against 0.36, `bench/agent/frames.ts`).
 * - A frame longer than MAX_FRAME_BYTES, or whose head is not JSON, ends the connection: the reader says so once and reads no further.
 */
export const MAX_FRAME_BYTES = 64 * 1024 * 1024
const LENGTH_BYTES = 8

export type Frame = { readonly head: unknown; readonly body: Uint8Array }

/** The bytes of a frame, in pieces to be written one after the other. Throws a RangeError for what is too long to be sent. */
export function encodeFrame(message: unknown, body: readonly Uint8Array[] = []): Uint8Array[] {
  const head = Buffer.from(JSON.stringify(message))
  const size = body.reduce((sum, piece) => sum + piece.length, 4 + head.length)
  if (size > MAX_FRAME_BYTES) {
    throw new RangeError(`ASSAY_AGENT_PAGE_SIZE: ${size} bytes; at most ${MAX_FRAME_BYTES}`)
  }
  const lengths = Buffer.allocUnsafe(LENGTH_BYTES)
  lengths.writeUInt32BE(size)
  lengths.writeUInt32BE(head.length, 4)
  return [lengths, head, ...body]
}

/** Puts frames together from pieces as they come. */
export class FrameReader {
  #pieces: Buffer[] = []
  #length = 0

  /** The frames completed by this piece; they may share its memory. Throws when the sender does not keep to the format. */
  push(piece: Buffer): Frame[] {
    this.#pieces.push(piece)
    this.#length += piece.length
    const frames: Frame[] = []
    while (this.#length >= LENGTH_BYTES) {
      if (this.#pieces[0]!.length < LENGTH_BYTES) this.#pieces = [Buffer.concat(this.#pieces)]
      const size = this.#pieces[0]!.readUInt32BE()
      const headBytes = this.#pieces[0]!.readUInt32BE(4)
      if (size > MAX_FRAME_BYTES || headBytes + 4 > size) {
        throw new RangeError(`ASSAY_AGENT_PAGE_SIZE: a frame of ${size} bytes; at most ${MAX_FRAME_BYTES}`)
      }
      if (this.#length < 4 + size) break
      const all = this.#pieces.length === 1 ? this.#pieces[0]! : Buffer.concat(this.#pieces)
      const bodyAt = LENGTH_BYTES + headBytes
      frames.push({
        head: JSON.parse(all.toString('utf8', LENGTH_BYTES, bodyAt)) as unknown,
        body: all.subarray(bodyAt, 4 + size),
      })
      const rest = all.subarray(4 + size)
      this.#pieces = rest.length === 0 ? [] : [rest]
      this.#length = rest.length
    }
    return frames
  }
}
