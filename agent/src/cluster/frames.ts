/**
 * Messages between hub and workers: a length of four bytes, big endian, then that many bytes of JSON.
 *
 * A frame longer than MAX_FRAME_BYTES, or one that is not JSON, ends the connection: the reader says so once and reads no further.
 */
export const MAX_FRAME_BYTES = 16 * 1024 * 1024
const HEAD_BYTES = 4

/** Throws a RangeError for what is too long to be sent. */
export function encodeFrame(message: unknown): Buffer {
  const body = Buffer.from(JSON.stringify(message))
  if (body.length > MAX_FRAME_BYTES)
    throw new RangeError(`ASSAY_AGENT_PAGE_SIZE: ${body.length} bytes; at most ${MAX_FRAME_BYTES}`)
  const head = Buffer.allocUnsafe(HEAD_BYTES)
  head.writeUInt32BE(body.length)
  return Buffer.concat([head, body])
}

/** Puts frames together from pieces as they come. */
export class FrameReader {
  #pieces: Buffer[] = []
  #length = 0

  /** The messages completed by this piece. Throws when the sender does not keep to the format. */
  push(piece: Buffer): unknown[] {
    this.#pieces.push(piece)
    this.#length += piece.length
    const messages: unknown[] = []
    while (this.#length >= HEAD_BYTES) {
      if (this.#pieces[0]!.length < HEAD_BYTES) this.#pieces = [Buffer.concat(this.#pieces)]
      const size = this.#pieces[0]!.readUInt32BE()
      if (size > MAX_FRAME_BYTES)
        throw new RangeError(`ASSAY_AGENT_PAGE_SIZE: a frame of ${size} bytes; at most ${MAX_FRAME_BYTES}`)
      if (this.#length < HEAD_BYTES + size) break
      const all = this.#pieces.length === 1 ? this.#pieces[0]! : Buffer.concat(this.#pieces)
      messages.push(JSON.parse(all.toString('utf8', HEAD_BYTES, HEAD_BYTES + size)))
      const rest = all.subarray(HEAD_BYTES + size)
      this.#pieces = rest.length === 0 ? [] : [rest]
      this.#length = rest.length
    }
    return messages
  }
}
