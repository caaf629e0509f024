/**
 * The receiver of remote write 1.0.
 *
 * - What a store can take is taken; what it cannot is counted and named in a 400, which tells the sender not to send the
 *   same again. A store that refuses as a whole is a 503, which tells the sender to try again: nothing was taken then.
 * - Sizes are checked before memory is: the compressed body by the HTTP layer, the decoded one by its own header.
 */
import { uncompress } from 'snappy'
import { isStaleAt, messageOf, type UnixMs } from '#core'
import { decodeWriteRequest, type WriteRequest } from '#remote'
import type { CommitReport, Rejected, Store } from '#storage'
import { ApiError } from '../http/api-error.ts'
import type { ServerDeps } from '../types.ts'

/** Most bytes of a body as it comes. */
export const MAX_BODY_BYTES = 32 * 2 ** 20
/** Most bytes of a body after it is unpacked. */
const MAX_DECODED_BYTES = 128 * 2 ** 20

export type WriteCounts = { samples: number; rejected: number; requests: number }

/** Takes one request. Throws `unsupported` for what is not remote write 1.0, `bad_data` for what could not all be taken. */
export async function receiveWrite(
  { store, metadata }: Pick<ServerDeps, 'store' | 'metadata'>,
  request: { readonly contentType: string; readonly encoding: string; readonly body: Buffer },
  counts: WriteCounts,
): Promise<void> {
  checkHeaders(request.contentType, request.encoding)
  const written = decoded(await unpack(request.body))
  counts.requests++
  for (const { family, ...one } of written.metadata) if (family !== '') metadata.set(family, one)
  const report = append(store, written)
  counts.samples += report.appended
  const complaint = complaintOf(written, report)
  if (complaint === undefined) return
  counts.rejected += report.rejected.reduce((sum, one) => sum + one.count, 0)
  throw new ApiError('bad_data', complaint)
}

function decoded(body: Buffer): WriteRequest {
  try {
    return decodeWriteRequest(body)
  } catch (cause) {
    throw new ApiError('bad_data', `the body is no prometheus.WriteRequest: ${messageOf(cause)}`, { cause })
  }
}

function checkHeaders(contentType: string, encoding: string): void {
  const [type = '', ...parameters] = contentType.split(';').map((part) => part.trim().toLowerCase())
  const proto = parameters.find((one) => one.startsWith('proto='))
  if (type !== '' && type !== 'application/x-protobuf')
    throw new ApiError('unsupported', `content type ${JSON.stringify(type)} is not taken; send application/x-protobuf`)
  if (proto !== undefined && proto !== 'proto=prometheus.writerequest')
    throw new ApiError('unsupported', 'only remote write 1.0 is taken; send proto=prometheus.WriteRequest')
  if (encoding !== '' && encoding.toLowerCase() !== 'snappy')
    throw new ApiError('unsupported', `content encoding ${JSON.stringify(encoding)} is not taken; send snappy`)
}

async function unpack(body: Buffer): Promise<Buffer> {
  const length = snappyLength(body)
  if (length === undefined) throw new ApiError('bad_data', 'the body is not packed as a snappy block')
  if (length > MAX_DECODED_BYTES)
    throw new ApiError(
      'too_large',
      `the body unpacks to ${length} bytes, more than ${MAX_DECODED_BYTES}; send less at once`,
    )
  try {
    const bytes = await uncompress(body, { asBuffer: true })
    return typeof bytes === 'string' ? Buffer.from(bytes) : bytes
  } catch (cause) {
    throw new ApiError('bad_data', `the body is not packed as a snappy block: ${messageOf(cause)}`, { cause })
  }
}

/** The unpacked length that a snappy block begins with, a varint of at most five bytes. */
function snappyLength(body: Buffer): number | undefined {
  let length = 0
  for (let i = 0; i < 5 && i < body.length; i++) {
    length += (body[i]! & 0x7f) * 2 ** (7 * i)
    if (body[i]! < 0x80) return length
  }
  return undefined
}

function append(store: Store, { series }: WriteRequest): CommitReport {
  using batch = store.appender()
  for (const { labels, timestamps, values } of series) {
    let ref: ReturnType<typeof batch.append> | undefined
    for (let i = 0; i < timestamps.length; i++) {
      const at = timestamps[i]! as UnixMs
      if (isStaleAt(values, i)) batch.appendStale(ref, labels, at)
      else ref = batch.append(ref, labels, at, values[i]!)
    }
  }
  return batch.commit()
}

function complaintOf(
  { invalidSeries, histograms }: WriteRequest,
  { appended, rejected }: CommitReport,
): string | undefined {
  const parts = [
    ...rejected.map(({ reason, count, ...first }) => `${count} ${REASONS[reason]} (first: ${sampleText(first)})`),
    ...(invalidSeries === 0 ? [] : [`${invalidSeries} series with labels that are none`]),
    ...(histograms === 0 ? [] : [`${histograms} native histograms, which are not taken yet`]),
  ]
  if (parts.length === 0) return undefined
  return `not taken: ${parts.join(', ')}; the other ${appended} samples were`
}

const REASONS: Readonly<Record<Rejected['reason'], string>> = {
  'out-of-order': 'out of order samples',
  duplicate: 'duplicate samples for their timestamp with another value',
  'too-old': 'samples that are too old',
  'series-limit': 'samples of series beyond the limit of series',
  'no-instant': 'samples whose timestamp is none',
}

function sampleText({ labels, at }: Pick<Rejected, 'labels' | 'at'>): string {
  const instant = Math.abs(at) <= 8.64e15 ? new Date(at).toISOString() : String(at)
  return `${labels} at ${instant}`
}
