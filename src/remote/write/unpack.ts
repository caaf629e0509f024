/** Snappy blocks from outside: the length they say they have is checked before memory is taken for it. */
import { uncompress } from 'snappy'
import { AssayError, messageOf } from '#core'
import { type SnappyBlocks, snappyLength } from './snappy-block.ts'
import { TooLargeError } from './write-limits.ts'

/** Above this much, some milliseconds, others would wait for it: then the package does it beside the main thread. */
export const AT_ONCE_BYTES: number = 2 ** 20

/**
 * Unpacks at once and into the buffer of `blocks`, or `undefined` where the body is too large for that. Throws `ASSAY_REMOTE_TOO_LARGE` above
 * `limitBytes`, `ASSAY_REMOTE_SNAPPY` for what is no such block.
 */
export function unpackAtOnce(body: Uint8Array, limitBytes: number, blocks: SnappyBlocks): Uint8Array | undefined {
  const length = lengthOf(body)
  if (length > limitBytes) {
    throw new TooLargeError(
      'unpacked-size',
      `the body unpacks to ${length} bytes, more than ${limitBytes}; send it in smaller parts, or raise --storage.remote.write-unpacked-size-limit`,
    )
  }
  return length > AT_ONCE_BYTES ? undefined : blocks.unpack(body, length)
}

/** The same for any size, into memory of its own. */
export async function unpackSnappy(body: Uint8Array, limitBytes: number): Promise<Buffer> {
  const length = lengthOf(body)
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

function lengthOf(body: Uint8Array): number {
  const length = snappyLength(body)
  if (length === undefined) throw new AssayError('ASSAY_REMOTE_SNAPPY', 'the body is not packed as a snappy block')
  return length
}
