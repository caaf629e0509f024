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
import { AssayError, messageOf } from '#core'
import { headerOf, type RemoteRequest } from '../request.ts'
import { decodeV1 } from './decode-v1.ts'
import { decodeV2 } from './decode-v2.ts'
import { Decoded } from './decoded.ts'
import { KnownSeries } from './known-series.ts'
import { negotiate, type WriteVersion } from './negotiate.ts'
import { SnappyBlocks } from './snappy-block.ts'
import { REJECT_REASONS, type RejectReason, type TakeDeps, type Taken, take } from './take.ts'
import { unpackAtOnce, unpackSnappy } from './unpack.ts'
import { TooLargeError, WRITE_LIMITS, type WriteLimits } from './write-limits.ts'

export type ReceiverDeps = Omit<TakeDeps, 'known'> & {
  /** Absent: `WRITE_LIMITS`. */
  readonly writeLimits?: WriteLimits
  /** The feature type-and-unit-labels, for 2.0. */
  readonly typeAndUnitLabels?: boolean
}

/** `body` '' where there is none. */
export type RemoteAnswer = {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** Why a request was refused whole, as a label of a metric. */
export const REFUSE_REASONS = [
  'body-size',
  'unpacked-size',
  'samples',
  'series',
  'parts',
  'media-type',
  'snappy',
  'message',
  'store',
] as const
export type RefuseReason = (typeof REFUSE_REASONS)[number]

/** What came since the start. */
export type WriteCounts = {
  readonly requests: number
  readonly samples: number
  readonly histograms: number
  readonly exemplars: number
  readonly withoutMetadata: number
  /** Samples and histograms that were not taken while the rest of their request was. */
  readonly rejected: ReadonlyMap<RejectReason, number>
  /** Requests of which nothing was taken. */
  readonly refused: ReadonlyMap<RefuseReason, number>
}

/** Takes requests one after another: what is between unpacking and commit runs in one turn. */
export class WriteReceiver {
  /** What senders sent before: so most of what they send is recognized, not decoded. */
  readonly known = new KnownSeries()
  readonly #deps: ReceiverDeps & { readonly known: KnownSeries }
  readonly #limits: WriteLimits
  readonly #decoded = new Decoded()
  readonly #blocks = new SnappyBlocks()
  readonly #rejected = noneOf<RejectReason>(REJECT_REASONS)
  readonly #refused = noneOf(REFUSE_REASONS)
  #requests = 0
  #samples = 0
  #histograms = 0
  #exemplars = 0
  #withoutMetadata = 0

  constructor(deps: ReceiverDeps) {
    this.#deps = { ...deps, known: this.known }
    this.#limits = deps.writeLimits ?? WRITE_LIMITS
  }

  get limits(): WriteLimits {
    return this.#limits
  }

  get counts(): WriteCounts {
    return {
      requests: this.#requests,
      samples: this.#samples,
      histograms: this.#histograms,
      exemplars: this.#exemplars,
      withoutMetadata: this.#withoutMetadata,
      rejected: this.#rejected,
      refused: this.#refused,
    }
  }

  /** Takes one request. Rejects only for a fault of our own. */
  async receive(request: RemoteRequest): Promise<RemoteAnswer> {
    const agreed = negotiate(headerOf(request, 'content-type'), headerOf(request, 'content-encoding'))
    if (typeof agreed === 'string') return this.#refuse('media-type', 415, agreed)
    const { version } = agreed
    try {
      const { unpackedBytes } = this.#limits
      // No turn of another request may come between unpacking into the buffer that all share and taking what is there.
      const atOnce = unpackAtOnce(request.body, unpackedBytes, this.#blocks)
      const taken = this.#take(version, atOnce ?? (await unpackSnappy(request.body, unpackedBytes)))
      const headers = writtenHeaders(version, taken)
      return taken.complaint === undefined ? { status: 204, headers, body: '' } : plain(400, taken.complaint, headers)
    } catch (thrown) {
      const refusal = refusalOf(thrown)
      if (refusal === undefined) throw thrown
      return this.#refuse(refusal.reason, refusal.status, messageOf(thrown), writtenHeaders(version, NOTHING))
    }
  }

  /** The answer to a body that was not read for its size, which it says or came to. */
  refuseBody(): RemoteAnswer {
    return this.#refuse(
      'body-size',
      413,
      `the body has more than ${this.#limits.bodyBytes} bytes; send it in smaller parts, or raise --storage.remote.write-body-size-limit`,
    )
  }

  #take(version: WriteVersion, bytes: Uint8Array): Taken {
    const { typeAndUnitLabels } = this.#deps
    const { known } = this
    const decoded = this.#decoded
    decoded.begin(this.#limits)
    known.begin(this.#deps.clock.monotonicMs())
    try {
      if (version === 'v1') decodeV1(bytes, decoded, known)
      else decodeV2(bytes, decoded, { known, typeAndUnitLabels: typeAndUnitLabels ?? false })
    } catch (cause) {
      if (!(cause instanceof AssayError) || cause.code !== 'ASSAY_PROTO') throw cause
      throw new AssayError(
        'ASSAY_PROTO',
        `the body is no remote write ${version === 'v1' ? '1.0' : '2.0'} message: ${cause.message}`,
        { cause },
      )
    }
    const taken = take(this.#deps, decoded, version)
    this.#requests++
    this.#samples += taken.samples
    this.#histograms += taken.histograms
    this.#exemplars += taken.exemplars
    this.#withoutMetadata += decoded.withoutMetadata
    for (const [reason, count] of taken.rejected) this.#rejected.set(reason, (this.#rejected.get(reason) ?? 0) + count)
    return taken
  }

  #refuse(
    reason: RefuseReason,
    status: number,
    message: string,
    headers: Readonly<Record<string, string>> = {},
  ): RemoteAnswer {
    this.#refused.set(reason, (this.#refused.get(reason) ?? 0) + 1)
    return plain(status, message, headers)
  }
}

/** Counters that are there before there is anything to count, so that a rate of them is known from the first one on. */
function noneOf<Reason extends string>(reasons: readonly Reason[]): Map<Reason, number> {
  return new Map(reasons.map((reason) => [reason, 0]))
}

type Written = Pick<Taken, 'samples' | 'histograms' | 'exemplars'>
const NOTHING: Written = { samples: 0, histograms: 0, exemplars: 0 }

/** What trying again cannot help is 4xx. `undefined`: nobody's refusal, a fault of ours. */
function refusalOf(thrown: unknown): { readonly reason: RefuseReason; readonly status: number } | undefined {
  if (!(thrown instanceof AssayError)) return undefined
  switch (thrown.code) {
    case 'ASSAY_PROTO':
      return { reason: 'message', status: 400 }
    case 'ASSAY_REMOTE_SNAPPY':
      return { reason: 'snappy', status: 400 }
    case 'ASSAY_REMOTE_TOO_LARGE':
      return { reason: thrown instanceof TooLargeError ? thrown.limit : 'unpacked-size', status: 413 }
    case 'ASSAY_STORE_WRITE':
    case 'ASSAY_STORE_CLOSED':
      return { reason: 'store', status: 503 }
    default:
      return undefined
  }
}

function plain(status: number, message: string, headers: Readonly<Record<string, string>>): RemoteAnswer {
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
