/**
 * The receiver of remote write 1.0 and 2.0: headers and body in, status, headers and body out.
 *
 * - What the store can take is taken. What it cannot is counted and named in a 400, which tells the sender not to send the same
 *   again; 2.0 is told by headers how much was written. Equal samples that come again count as written.
 * - A 5xx means that nothing was taken and sending again can help: the store refused as a whole.
 * - An exemplar that is refused is told in a 400 of 2.0, which forbids a success that leaves something out. 1.0 knows no exemplars:
 *   there it fails nothing.
 * - Sizes are checked before memory is: the body by the HTTP layer, the unpacked one by its own header, what it unfolds to while
 *   it is read.
 *
 * Source: Prometheus remote write specifications 1.0 and 2.0; prometheus: storage/remote/write_handler.go.
 */
import { AssayError, type Clock, isStaleAt, type Labels, messageOf, type UnixMs } from '#core'
import type { CommitReport, MetadataStore, Store } from '#storage'
import { MAX_AHEAD_MS, rejectionText, TOO_FAR_AHEAD } from '../refusals.ts'
import { headerOf, type RemoteRequest } from '../request.ts'
import { decodeWriteRequest } from './decode-v1.ts'
import { decodeWriteRequestV2 } from './decode-v2.ts'
import { Faults } from './faults.ts'
import type { LabelsCache } from './labels-cache.ts'
import { negotiate, type WriteVersion } from './negotiate.ts'
import type { WriteFault, WriteRequest } from './types.ts'
import { unpackSnappy } from './unpack.ts'

/** Most bytes of a body as it comes. */
export const MAX_WRITE_BODY_BYTES: number = 32 * 2 ** 20
/** Most bytes of a body after it is unpacked. */
export const MAX_UNPACKED_BYTES: number = 64 * 2 ** 20
/** Where exemplars go: the store of exemplars, as far as it is needed here. Answers why one was not taken. */
export interface ExemplarSink {
  append(
    series: Labels,
    exemplar: { readonly labels: Labels; readonly value: number; readonly at: UnixMs },
  ): string | undefined
}

export type ReceiverDeps = {
  readonly clock: Clock
  readonly store: Store
  readonly metadata: MetadataStore
  /** Absent: exemplars are taken and dropped, as by a Prometheus whose exemplar storage is off. */
  readonly exemplars?: ExemplarSink
  /** Kept from request to request: labels of 1.0 by their bytes. Absent: all are made anew. */
  readonly labelsCache?: LabelsCache
  /** The feature type-and-unit-labels, for 2.0. */
  readonly typeAndUnitLabels?: boolean
}

/** `body` '' where there is none. */
export type RemoteAnswer = {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** What came since the start. `rejected`: samples and histograms that were not taken, for whatever reason of theirs. */
export type WriteCounts = {
  requests: number
  samples: number
  histograms: number
  exemplars: number
  rejected: number
  invalidLabels: number
  withoutMetadata: number
}

export function noWrites(): WriteCounts {
  return { requests: 0, samples: 0, histograms: 0, exemplars: 0, rejected: 0, invalidLabels: 0, withoutMetadata: 0 }
}

type Written = { samples: number; histograms: number; exemplars: number }

/** Takes one request and adds to `counts`. Rejects only for a fault of our own. */
export async function receiveWrite(
  deps: ReceiverDeps,
  request: RemoteRequest,
  counts: WriteCounts,
): Promise<RemoteAnswer> {
  const agreed = negotiate(headerOf(request, 'content-type'), headerOf(request, 'content-encoding'))
  if (typeof agreed === 'string') return refusal(415, agreed)
  const written: Written = { samples: 0, histograms: 0, exemplars: 0 }
  try {
    const { version } = agreed
    const message = decode(version, await unpackSnappy(request.body, MAX_UNPACKED_BYTES), deps)
    const complaint = take(deps, { ...message, version }, written, counts)
    return complaint === undefined
      ? { status: 204, headers: writtenHeaders(agreed.version, written), body: '' }
      : refusal(400, complaint, writtenHeaders(agreed.version, written))
  } catch (thrown) {
    const status = statusOf(thrown)
    if (status === undefined) throw thrown
    return refusal(status, messageOf(thrown), writtenHeaders(agreed.version, NOTHING))
  }
}

const NOTHING: Written = { samples: 0, histograms: 0, exemplars: 0 }

function decode(version: WriteVersion, bytes: Buffer, { typeAndUnitLabels, labelsCache }: ReceiverDeps): WriteRequest {
  try {
    return version === 'v1'
      ? decodeWriteRequest(bytes, labelsCache)
      : decodeWriteRequestV2(bytes, { typeAndUnitLabels: typeAndUnitLabels ?? false })
  } catch (cause) {
    if (!(cause instanceof AssayError) || cause.code !== 'ASSAY_PROTO') throw cause
    throw new AssayError(
      'ASSAY_PROTO',
      `the body is no remote write ${version === 'v1' ? '1.0' : '2.0'} message: ${cause.message}`,
      {
        cause,
      },
    )
  }
}

/** What trying again cannot help is 4xx. `undefined`: nobody's refusal, a fault of ours. */
function statusOf(thrown: unknown): number | undefined {
  if (!(thrown instanceof AssayError)) return undefined
  if (thrown.code === 'ASSAY_PROTO' || thrown.code === 'ASSAY_REMOTE_SNAPPY') return 400
  if (thrown.code === 'ASSAY_REMOTE_TOO_LARGE') return 413
  return thrown.code === 'ASSAY_STORE_WRITE' || thrown.code === 'ASSAY_STORE_CLOSED' ? 503 : undefined
}

/** Fills `written`; returns why not all was taken, or `undefined` when it was. */
function take(
  deps: ReceiverDeps,
  request: WriteRequest & { readonly version: WriteVersion },
  written: Written,
  counts: WriteCounts,
): string | undefined {
  const latest = deps.clock.now() + MAX_AHEAD_MS
  const sent = appendAll(deps.store, request, latest)
  const rejected = { all: 0, histograms: 0 }
  for (const one of sent.report.rejected) {
    rejected.all += one.count
    rejected.histograms += sent.samples === 0 ? one.count : (one.histograms ?? 0)
  }
  written.samples = sent.samples - (rejected.all - rejected.histograms)
  written.histograms = sent.histograms - rejected.histograms
  for (const { family, ...one } of request.metadata) deps.metadata.set(family, one)
  const exemplars = appendExemplars(deps, request, latest)
  written.exemplars = exemplars.taken

  const faulty = request.faults.reduce((sum, one) => sum + one.count, 0)
  counts.requests++
  counts.samples += written.samples
  counts.histograms += written.histograms
  counts.exemplars += written.exemplars
  counts.rejected += rejected.all + sent.tooFar + faulty
  counts.invalidLabels += faulty
  counts.withoutMetadata += request.withoutMetadata
  return complaintOf(request, sent, written, request.version === 'v2' ? exemplars.refused.list() : [])
}

type Sent = { readonly report: CommitReport; samples: number; histograms: number; tooFar: number }

function appendAll(store: Store, request: WriteRequest, latest: number): Sent {
  const { series, timestamps, values, starts } = request
  using batch = store.appender()
  let samples = 0
  let histograms = 0
  let tooFar = 0
  for (const one of series) {
    const { labels } = one
    let ref: ReturnType<typeof batch.append> | undefined
    for (let i = one.from; i < one.to; i++) {
      const at = timestamps[i]! as UnixMs
      if (at > latest) {
        tooFar++
        continue
      }
      samples++
      if (isStaleAt(values, i)) batch.appendStale(ref, labels, at)
      else ref = batch.append(ref, labels, at, values[i]!, starts === undefined ? 0 : starts[i]!)
    }
    for (const { at, startAt, histogram } of one.histograms) {
      if (at > latest) {
        tooFar++
        continue
      }
      histograms++
      if (histogram === undefined) batch.appendStale(ref, labels, at as UnixMs)
      else ref = batch.appendHistogram(ref, labels, at as UnixMs, histogram, startAt)
    }
  }
  return { report: batch.commit(), samples, histograms, tooFar }
}

function appendExemplars({ exemplars: store }: ReceiverDeps, { series }: WriteRequest, latest: number) {
  const refused = new Faults()
  let taken = 0
  for (const { labels, exemplars } of series) {
    for (const exemplar of exemplars) {
      const why =
        exemplar.at > latest ? TOO_FAR_AHEAD : store?.append(labels, { ...exemplar, at: exemplar.at as UnixMs })
      if (why === undefined) taken++
      else refused.add(`exemplars (${EXEMPLAR_REASONS[why] ?? why})`, 1)
    }
  }
  return { taken, refused }
}

/** In Prometheus' words where it has some, since senders look for them. */
const EXEMPLAR_REASONS: Readonly<Record<string, string>> = {
  'out-of-order': 'out of order exemplar',
  'labels-too-long': 'label length for exemplar exceeds maximum of 128 UTF-8 characters',
  'no-instant': 'an exemplar whose timestamp is none',
}

function complaintOf(
  { faults }: WriteRequest,
  { report, tooFar }: Sent,
  written: Written,
  refusedExemplars: readonly WriteFault[],
): string | undefined {
  const parts = [
    ...report.rejected.map((one) => `${one.count} ${rejectionText(one)}`),
    ...(tooFar === 0 ? [] : [`${tooFar} ${TOO_FAR_AHEAD}`]),
    ...faults.map(({ count, why }) => `${count} for ${why}`),
    ...refusedExemplars.map(({ count, why }) => `${count} ${why}`),
  ]
  if (parts.length === 0) return undefined
  return `not taken: ${parts.join('; ')}; taken: ${written.samples} samples, ${written.histograms} histograms`
}

function refusal(status: number, message: string, headers: Readonly<Record<string, string>> = {}): RemoteAnswer {
  return { status, headers: { ...headers, 'content-type': 'text/plain; charset=utf-8' }, body: `${message}\n` }
}

/** 1.0 knows no such headers, and its senders no meaning for them. */
function writtenHeaders(version: WriteVersion, written: Written): Readonly<Record<string, string>> {
  if (version === 'v1') return {}
  return {
    'X-Prometheus-Remote-Write-Samples-Written': String(written.samples),
    'X-Prometheus-Remote-Write-Histograms-Written': String(written.histograms),
    'X-Prometheus-Remote-Write-Exemplars-Written': String(written.exemplars),
  }
}
