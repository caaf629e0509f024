/**
 * What a request holds, given to the store: what can be taken is, the rest is counted by reason and put into one sentence.
 *
 * - Floats of known series go by their reference, and nothing is made of them. A reference that was forgotten is made anew of the labels.
 * - Everything is one commit: a store that refuses as a whole has taken nothing.
 * - Exemplars and metadata go to stores of their own, after the samples.
 */
import { type Clock, isStaleAt, type Labels, type UnixMs } from '#core'
import type { Appender, CommitReport, MetadataStore, Rejected, SeriesRef, Store } from '#storage'
import { MAX_AHEAD_MS, rejectionText, TOO_FAR_AHEAD } from '../refusals.ts'
import { labelsOfKey } from './decode-v1.ts'
import type { Decoded, OddSeries } from './decoded.ts'
import { Faults } from './faults.ts'
import type { KnownSeries } from './known-series.ts'
import type { WriteVersion } from './negotiate.ts'
import { FAULT_REASONS, type FaultReason, type WriteFault } from './types.ts'

/** Where exemplars go: the store of exemplars, as far as it is needed here. Answers why one was not taken. */
export interface ExemplarSink {
  append(
    series: Labels,
    exemplar: { readonly labels: Labels; readonly value: number; readonly at: UnixMs },
  ): string | undefined
}

export type TakeDeps = {
  readonly clock: Clock
  readonly store: Store
  readonly metadata: MetadataStore
  /** Absent: exemplars are taken and dropped, as by a Prometheus whose exemplar storage is off. */
  readonly exemplars?: ExemplarSink
  /** The series that `store` was sent before: of this store alone. Absent: all labels are made anew. */
  readonly known?: KnownSeries
}

/** Why samples are not taken, as a label of a metric. */
export const REJECT_REASONS = [
  'out-of-order',
  'duplicate',
  'too-old',
  'series-limit',
  'no-instant',
  'too-far-ahead',
  ...FAULT_REASONS,
] as const satisfies readonly (Rejected['reason'] | FaultReason | 'too-far-ahead')[]
export type RejectReason = Rejected['reason'] | (typeof REJECT_REASONS)[number]

/** What one request came to. */
export type Taken = {
  readonly samples: number
  readonly histograms: number
  readonly exemplars: number
  /** Samples and histograms that were not taken. */
  readonly rejected: ReadonlyMap<RejectReason, number>
  /** Why not all was taken; `undefined` when it was. */
  readonly complaint: string | undefined
}

/** Throws as the store's commit does; then nothing was taken. */
export function take(deps: TakeDeps, request: Decoded, version: WriteVersion): Taken {
  const latest = deps.clock.now() + MAX_AHEAD_MS
  const sent = new Sending(deps, request, latest).run()
  const faults = request.faults.list()
  const rejected = new Map<RejectReason, number>(request.faults.byReason())
  let refused = 0
  let refusedHistograms = 0
  for (const one of sent.report.rejected) {
    rejected.set(one.reason, (rejected.get(one.reason) ?? 0) + one.count)
    refused += one.count
    refusedHistograms += sent.samples === 0 ? one.count : (one.histograms ?? 0)
  }
  if (sent.tooFar > 0) rejected.set('too-far-ahead', sent.tooFar)
  for (const { family, ...one } of request.metadata) deps.metadata.set(family, one)
  const exemplars = appendExemplars(deps, request.odd, latest)
  const written = {
    samples: sent.samples - (refused - refusedHistograms),
    histograms: sent.histograms - refusedHistograms,
    exemplars: exemplars.taken,
  }
  const parts = [
    ...sent.report.rejected.map((one) => `${one.count} ${rejectionText(one)}`),
    ...(sent.tooFar === 0 ? [] : [`${sent.tooFar} ${TOO_FAR_AHEAD}`]),
    ...faults.map(({ count, why }) => `${count} for ${why}`),
    // 1.0 knows no exemplars: one that is refused fails nothing there.
    ...(version === 'v2' ? exemplars.refused.map(({ count, why }) => `${count} ${why}`) : []),
  ]
  const complaint =
    parts.length === 0
      ? undefined
      : `not taken: ${parts.join('; ')}; taken: ${written.samples} samples, ${written.histograms} histograms`
  return { ...written, rejected, complaint }
}

type Sent = {
  readonly report: CommitReport
  readonly samples: number
  readonly histograms: number
  readonly tooFar: number
}

/** One request on its way into one commit. */
class Sending {
  readonly #store: Store
  readonly #known: KnownSeries | undefined
  readonly #request: Decoded
  readonly #latest: number
  #samples = 0
  #histograms = 0
  #tooFar = 0

  constructor({ store, known }: TakeDeps, request: Decoded, latest: number) {
    this.#store = store
    this.#known = known
    this.#request = request
    this.#latest = latest
  }

  run(): Sent {
    const request = this.#request
    using batch = this.#store.appender()
    let from = 0
    for (let row = 0; row < request.rows; row++) {
      const to = request.endOf(row)
      const entry = request.entryOf(row)
      if (entry === 0) this.#odd(batch, request.oddOf(row))
      else this.#floats(batch, entry, from, to)
      from = to
    }
    return {
      report: batch.commit(),
      samples: this.#samples,
      histograms: this.#histograms,
      tooFar: this.#tooFar,
    }
  }

  /** The hot path: nearly all rows of nearly all requests. */
  #floats(batch: Appender, entry: number, from: number, to: number): void {
    const { timestamps, values, starts } = this.#request.columns
    const ref = this.#known!.refOf(entry)
    for (let i = from; i < to; i++) {
      const at = timestamps[i]! as UnixMs
      if (at > this.#latest) {
        this.#tooFar++
        continue
      }
      const value = values[i]!
      const isKnown =
        ref !== 0 &&
        (isStaleAt(values, i)
          ? batch.appendStaleKnown(ref, at)
          : batch.appendKnown(ref, at, value, starts === undefined ? 0 : starts[i]!))
      if (!isKnown) {
        // Forgotten, or never given: its labels say which series it is, for all that is left of it.
        this.#known!.setRef(entry, this.#labelled(batch, labelsOfKey(this.#known!.keyOf(entry)), i, to))
        return
      }
      this.#samples++
    }
  }

  #odd(batch: Appender, { series, entry }: OddSeries): void {
    let ref = this.#labelled(batch, series.labels, series.from, series.to)
    for (const { at, startAt, histogram } of series.histograms) {
      if (at > this.#latest) {
        this.#tooFar++
        continue
      }
      this.#histograms++
      const known = ref === 0 ? undefined : ref
      if (histogram === undefined) batch.appendStale(known, series.labels, at as UnixMs)
      else ref = batch.appendHistogram(known, series.labels, at as UnixMs, histogram, startAt)
    }
    if (entry !== 0 && ref !== 0) this.#known?.setRef(entry, ref)
  }

  /** Appends floats by their labels; returns the reference, 0 when the store gave none. */
  #labelled(batch: Appender, labels: Labels, from: number, to: number): SeriesRef {
    const { timestamps, values, starts } = this.#request.columns
    let ref: SeriesRef | undefined
    for (let i = from; i < to; i++) {
      const at = timestamps[i]! as UnixMs
      if (at > this.#latest) {
        this.#tooFar++
        continue
      }
      this.#samples++
      if (isStaleAt(values, i)) batch.appendStale(ref, labels, at)
      else ref = batch.append(ref, labels, at, values[i]!, starts === undefined ? 0 : starts[i]!)
    }
    return ref ?? (0 as SeriesRef)
  }
}

function appendExemplars({ exemplars: store }: TakeDeps, odd: readonly OddSeries[], latest: number) {
  const refused = new Faults()
  let taken = 0
  for (const { series } of odd) {
    for (const exemplar of series.exemplars) {
      const why =
        exemplar.at > latest ? TOO_FAR_AHEAD : store?.append(series.labels, { ...exemplar, at: exemplar.at as UnixMs })
      if (why === undefined) taken++
      else refused.add(`exemplars (${EXEMPLAR_REASONS[why] ?? why})`, 1)
    }
  }
  return { taken, refused: refused.list() as readonly WriteFault[] }
}

/** In Prometheus' words where it has some, since senders look for them. */
const EXEMPLAR_REASONS: Readonly<Record<string, string>> = {
  'out-of-order': 'out of order exemplar',
  'labels-too-long': 'label length for exemplar exceeds maximum of 128 UTF-8 characters',
  'no-instant': 'an exemplar whose timestamp is none',
}
