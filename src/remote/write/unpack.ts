/**
 * Snappy blocks from outside: the length they say they have is checked before memory is taken for it.
 *
 * Small ones at once, large ones beside the main thread. CPU of a request of 830 samples, 110 KB unpacked (median of five runs): 74 us for
 * the package at once and its copy, 117 us for a thread of its own, 130 to 170 us for a decoder in JavaScript into a buffer that is kept.
 */
import { uncompress, uncompressSync } from 'snappy'
import { AssayError, messageOf } from '#core'

/** Above this much, about a millisecond, others would wait for it. */
const AT_ONCE_BYTES = 2 ** 20

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
  const packed = Buffer.from(body.buffer, body.byteOffset, body.length)
  try {
    const bytes = length > AT_ONCE_BYTES ? await uncompress(packed, OPTIONS) : uncompressSync(packed, OPTIONS)
    return typeof bytes === 'string' ? Buffer.from(bytes) : bytes
  } catch (cause) {
    throw new AssayError('ASSAY_REMOTE_SNAPPY', `the body is not packed as a snappy block: ${messageOf(cause)}`, {
      cause,
    })
  }
}

/** Copied into memory of our own: that costs less than memory of the package, which the collector has to be told of (243 us). */
const OPTIONS = { asBuffer: true, copyOutputData: true } as const

/** The unpacked length that a snappy block begins with, a varint of at most five bytes. */
function snappyLength(body: Uint8Array): number | undefined {
  let length = 0
  for (let i = 0; i < 5 && i < body.length; i++) {
    length += (body[i]! & 0x7f) * 2 ** (7 * i)
    if (body[i]! < 0x80) return length
  }
  return undefined
}
