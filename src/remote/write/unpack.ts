/** Snappy blocks from outside: the length they say they have is checked before memory is taken for it. */
import { uncompress } from 'snappy'
import { AssayError, messageOf } from '#core'

/** Throws `ASSAY_REMOTE_TOO_LARGE` above `limitBytes`, `ASSAY_REMOTE_SNAPPY` for what is no such block. */
export async function unpackSnappy(body: Uint8Array, limitBytes: number): Promise<Buffer> {
  const length = snappyLength(body)
  if (length === undefined) throw new AssayError('ASSAY_REMOTE_SNAPPY', 'the body is not packed as a snappy block')
  if (length > limitBytes) {
    throw new AssayError(
      'ASSAY_REMOTE_TOO_LARGE',
      `the body unpacks to ${length} bytes, more than ${limitBytes}; send it in smaller parts`,
    )
  }
  try {
    const bytes = await uncompress(Buffer.from(body.buffer, body.byteOffset, body.length), { asBuffer: true })
    return typeof bytes === 'string' ? Buffer.from(bytes) : bytes
  } catch (cause) {
    throw new AssayError('ASSAY_REMOTE_SNAPPY', `the body is not packed as a snappy block: ${messageOf(cause)}`, {
      cause,
    })
  }
}

/** The unpacked length that a snappy block begins with, a varint of at most five bytes. */
function snappyLength(body: Uint8Array): number | undefined {
  let length = 0
  for (let i = 0; i < 5 && i < body.length; i++) {
    length += (body[i]! & 0x7f) * 2 ** (7 * i)
    if (body[i]! < 0x80) return length
  }
  return undefined
}
