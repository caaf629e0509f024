/**
 * The receiver of OpenTelemetry's metrics over HTTP: headers and body in, status, headers and body out.
 *
 * - What can be taken is taken; what cannot is counted and told in a partial success, so that the exporter does not send it again.
 *   (Prometheus refuses the whole request then, with 400 or 500.)
 * - 4xx: nothing was taken, and trying again does not help. 503: the store refused as a whole, and trying again can help.
 * - `target_info` and the zeros at the start of counters are additions of ours: that they are there already, or come too late, is
 *   no fault of the exporter's, so they have commits of their own.
 *
 * Source: opentelemetry-specification: protocol/otlp.md; prometheus: storage/remote/write_otlp_handler.go.
 */
import { promisify } from 'node:util'
import { gunzip, zstdDecompress } from 'node:zlib'
import { AssayError, type Clock, emptyLike, type Labels, messageOf, type NativeHistogram, type UnixMs } from '#core'
import type { Appender, CommitReport, MetadataStore, Store } from '#storage'
import { MAX_AHEAD_MS, rejectionText } from '../refusals.ts'
import { headerOf, type RemoteRequest } from '../request.ts'
import { Faults } from '../write/faults.ts'
import type { ExemplarSink } from '../write/take.ts'
import type { ResourceMetrics } from './data.ts'
import { decodeOtlpJson } from './decode-json.ts'
import { decodeOtlpProto } from './decode-proto.ts'
import type { DeltaToCumulative } from './delta-to-cumulative.ts'
import { OTLP_LIMITS } from './limits.ts'
import { type FailureStatus, failure, type OtlpAnswer, type OtlpEncoding, success } from './response.ts'
import type { OtlpSettings } from './settings.ts'
import { type OtlpSink, type SampleValue, translate } from './translate.ts'

/** Most bytes of a body as it comes. */
export const MAX_OTLP_BODY_BYTES: number = 32 * 2 ** 20

export type OtlpDeps = {
  readonly clock: Clock
  readonly store: Store
  readonly metadata: MetadataStore
  /** Absent: exemplars are dropped, as by a Prometheus whose exemplar storage is off. */
  readonly exemplars?: ExemplarSink
  /** The settings of the configuration as it is now. */
  readonly settings: () => OtlpSettings
  /** How far a query looks back, milliseconds. */
  readonly lookbackMs: number
  /** The feature type-and-unit-labels. */
  readonly typeAndUnitLabels?: boolean
  /** The feature otlp-native-delta-ingestion. */
  readonly takesDeltas?: boolean
  /** The feature otlp-deltatocumulative. */
  readonly deltas?: DeltaToCumulative
  /** The feature created-timestamp-zero-ingestion: a counter gets a 0 where it began. */
  readonly zeroAtStart?: boolean
}

/** What came since the start. `rejected`: data points that were not taken. */
export type OtlpCounts = { requests: number; samples: number; exemplars: number; rejected: number }

export function noOtlp(): OtlpCounts {
  return { requests: 0, samples: 0, exemplars: 0, rejected: 0 }
}

const unzipped = promisify(gunzip)
const unzstded = promisify(zstdDecompress)

/** Takes one request and adds to `counts`. Rejects only for a fault of our own. */
export async function receiveOtlp(deps: OtlpDeps, request: RemoteRequest, counts: OtlpCounts): Promise<OtlpAnswer> {
  const contentType = headerOf(request, 'content-type')
  const encoding = encodingOf(contentType)
  if (encoding === undefined) {
    const message = `unsupported content type: ${contentType.slice(0, 100)}, supported: [application/json, application/x-protobuf]`
    return failure('json', 415, message)
  }
  try {
    const resources = await decoded(request, encoding)
    counts.requests++
    const rejected = take(deps, resources, counts)
    return success(encoding, rejected)
  } catch (thrown) {
    const status = statusOf(thrown)
    if (status === undefined) throw thrown
    return failure(encoding, status, messageOf(thrown))
  }
}

function encodingOf(contentType: string): OtlpEncoding | undefined {
  const [media = ''] = contentType.split(';')
  switch (media.trim().toLowerCase()) {
    case 'application/x-protobuf':
      return 'protobuf'
    case 'application/json':
      return 'json'
    default:
      return undefined
  }
}

async function decoded(request: RemoteRequest, encoding: OtlpEncoding): Promise<readonly ResourceMetrics[]> {
  const limit = encoding === 'json' ? OTLP_LIMITS.jsonBytes : OTLP_LIMITS.protobufBytes
  const bytes = await unpacked(request, limit)
  if (encoding === 'protobuf') return decodeOtlpProto(bytes)
  return decodeOtlpJson(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8'))
}

async function unpacked(request: RemoteRequest, limit: number): Promise<Uint8Array> {
  const encoding = headerOf(request, 'content-encoding').trim().toLowerCase()
  const { body } = request
  if (encoding === '' || encoding === 'identity') {
    if (body.length > limit) throw tooLarge(limit)
    return body
  }
  const unpack = encoding === 'gzip' ? unzipped : encoding === 'zstd' ? unzstded : undefined
  if (unpack === undefined) {
    throw new AssayError(
      'ASSAY_OTLP_ENCODING',
      `unsupported compression: ${encoding.slice(0, 100)}; send gzip, zstd or no compression`,
    )
  }
  try {
    return await unpack(body, { maxOutputLength: limit })
  } catch (cause) {
    if (cause instanceof RangeError) throw tooLarge(limit)
    throw new AssayError('ASSAY_OTLP_ENCODING', `the body is not packed with ${encoding}: ${messageOf(cause)}`, {
      cause,
    })
  }
}

function tooLarge(limit: number): AssayError<'ASSAY_REMOTE_TOO_LARGE'> {
  return new AssayError(
    'ASSAY_REMOTE_TOO_LARGE',
    `the body has more than ${limit} bytes when it is unpacked; let the exporter send smaller batches`,
  )
}

/** `undefined`: nobody's refusal, a fault of ours. */
function statusOf(thrown: unknown): FailureStatus | undefined {
  if (!(thrown instanceof AssayError)) return undefined
  switch (thrown.code) {
    case 'ASSAY_PROTO':
    case 'ASSAY_OTLP_JSON':
    case 'ASSAY_OTLP_ENCODING':
      return 400
    case 'ASSAY_REMOTE_TOO_LARGE':
      return 413
    case 'ASSAY_STORE_WRITE':
    case 'ASSAY_STORE_CLOSED':
      return 503
    default:
      return undefined
  }
}

type Rejection = { readonly points: number; readonly why: string }

function take(deps: OtlpDeps, resources: readonly ResourceMetrics[], counts: OtlpCounts): Rejection | undefined {
  const faults = new Faults()
  const refuse = (why: string, points: number) => faults.add(why, points)
  const cumulative = deps.deltas === undefined ? resources : deps.deltas.convert(resources, refuse)
  const latestAt = deps.clock.now() + MAX_AHEAD_MS
  using sink = new StoreSink(deps, latestAt, refuse)
  translate(cumulative, sink, { ...deps, settings: deps.settings(), latestAt })
  const report = sink.commit()
  counts.samples += report.appended
  counts.exemplars += sink.exemplars
  for (const one of report.rejected) faults.add(rejectionText(one), one.count)
  const list = faults.list()
  if (list.length === 0) return undefined
  // Exact but for histograms and summaries that the store refuses: their points are several samples, and the store counts samples.
  const points = Math.min(
    list.reduce((sum, one) => sum + one.count, 0),
    pointsOf(resources),
  )
  counts.rejected += points
  return { points, why: `not taken: ${list.map(({ count, why }) => `${count} for ${why}`).join('; ')}` }
}

function pointsOf(resources: readonly ResourceMetrics[]): number {
  let points = 0
  for (const { scopes } of resources)
    for (const { metrics } of scopes) for (const { data } of metrics) points += data.points.length
  return points
}

/** What a translation makes, into the store, its metadata and its exemplars. */
class StoreSink implements OtlpSink, Disposable {
  readonly #deps: OtlpDeps
  readonly #samples: Appender
  readonly #refuse: (why: string, points: number) => void
  readonly #latest: number
  readonly #targets = new Map<string, { readonly labels: Labels; readonly instants: Set<number> }>()
  readonly #zeros: {
    readonly labels: Labels
    readonly at: number
    readonly like: NativeHistogram | undefined
  }[] = []
  readonly #exemplars: { readonly labels: Labels; readonly exemplar: Parameters<ExemplarSink['append']>[1] }[] = []
  readonly #metadata = new Map<string, Parameters<MetadataStore['set']>[1]>()
  exemplars = 0

  constructor(deps: OtlpDeps, latest: number, refuse: (why: string, points: number) => void) {
    this.#deps = deps
    this.#samples = deps.store.appender()
    this.#refuse = refuse
    this.#latest = latest
  }

  sample(labels: Labels, at: number, value: SampleValue, startAt: number): void {
    const instant = at as UnixMs
    if (value === undefined) this.#samples.appendStale(undefined, labels, instant)
    else if (typeof value === 'number') this.#samples.append(undefined, labels, instant, value, startAt)
    else this.#samples.appendHistogram(undefined, labels, instant, value, startAt)
    if (this.#deps.zeroAtStart === true && startAt > 0 && value !== undefined)
      this.#zeros.push({ labels, at: startAt, like: typeof value === 'number' ? undefined : value })
  }

  exemplar(labels: Labels, { labels: own, value, at }: Parameters<OtlpSink['exemplar']>[1]): void {
    if (at <= this.#latest) this.#exemplars.push({ labels, exemplar: { labels: own, value, at: at as UnixMs } })
  }

  metadata(family: string, metadata: Parameters<MetadataStore['set']>[1]): void {
    this.#metadata.set(family, metadata)
  }

  target(labels: Labels, at: number): void {
    let known = this.#targets.get(labels.key)
    if (known === undefined) {
      known = { labels, instants: new Set() }
      this.#targets.set(labels.key, known)
    }
    if (at <= this.#latest) known.instants.add(at)
  }

  refuse(why: string, points: number): void {
    this.#refuse(why, points)
  }

  /** Writes all. Throws what the store throws; then no sample of the request was taken. */
  commit(): CommitReport {
    if (this.#zeros.length > 0) this.#commitZeros()
    const report = this.#samples.commit()
    if (this.#targets.size > 0) this.#commitTargets()
    for (const [family, metadata] of this.#metadata) this.#deps.metadata.set(family, metadata)
    for (const { labels, exemplar } of this.#exemplars)
      if (this.#deps.exemplars?.append(labels, exemplar) === undefined) this.exemplars++
    return report
  }

  [Symbol.dispose](): void {
    this.#samples[Symbol.dispose]()
  }

  #commitZeros(): void {
    using batch = this.#deps.store.appender()
    for (const { labels, at, like } of this.#zeros) {
      if (like === undefined) batch.append(undefined, labels, at as UnixMs, 0)
      else batch.appendHistogram(undefined, labels, at as UnixMs, emptyLike(like))
    }
    batch.commit()
  }

  #commitTargets(): void {
    using batch = this.#deps.store.appender()
    for (const { labels, instants } of this.#targets.values()) {
      for (const at of [...instants].toSorted((a, b) => a - b)) batch.append(undefined, labels, at as UnixMs, 1)
    }
    batch.commit()
    this.#metadata.set('target_info', { type: 'gauge', help: 'Target metadata', unit: '' })
  }
}
