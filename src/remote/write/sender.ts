/**
 * Writes to one receiver: from commits of the store to requests over HTTP.
 *
 * - A series is looked at once: external labels, relabelling and its lane are remembered as long as the store knows the series.
 * - What is sent is looked at again at each try: what is too old by then, or has no place in the version that the receiver turned
 *   out to read, is dropped and counted.
 * - Exemplars wait for the next sample of their series and travel with it.
 * - With a spool, what a commit brought is on disk before the commit ends, and what was not sent when the process ended, however it
 *   did, is sent by the next one: again, perhaps, but with equal instants and values. Without one the queue is in memory alone.
 *
 * A little beyond 400 lines because it is one thing: the life of one receiver, from commit to answer.
 *
 * Source: Prometheus remote write specifications 1.0 and 2.0; prometheus: storage/remote/queue_manager.go.
 */
import { compressSync } from 'snappy'
import { byBytes, CUSTOM_SCHEMA, Labels, type NativeHistogram } from '#core'
import type { Committed, Metadata, MetadataStore } from '#storage'
import { batchOf, type SendBatch } from './batch-of.ts'
import type { RemoteWriteConfig } from './config.ts'
import { Delivery, type DeliveryDeps, type Message } from './delivery.ts'
import { DesiredShards, RESHARD_INTERVAL_MS } from './desired-shards.ts'
import { FloatsEncoder, isPlain } from './encode-floats-v1.ts'
import { FloatsEncoderV2 } from './encode-floats-v2.ts'
import { encodeWriteV1 } from './encode-v1.ts'
import { encodeWriteV2 } from './encode-v2.ts'
import type { Sent } from './judge-answer.ts'
import { REPORT_METADATA } from './report-metadata.ts'
import { picked, type QueuedSamples, type SentLabels } from './sample-queue.ts'
import { newTotals, type SenderTotals, type SpoolReading } from './sender-metrics.ts'
import { Shards } from './shards.ts'
import { Backlog } from './spool/backlog.ts'
import { Spool, type SpoolOptions } from './spool/spool.ts'
import type { Count } from './spool/spool-record.ts'
import type { WriteExemplar } from './types.ts'

export type SenderDeps<Step> = Omit<DeliveryDeps, 'totals' | 'onTrouble'> & {
  readonly metadata: MetadataStore
  readonly relabel: (labels: Labels, steps: readonly Step[]) => Labels | undefined
  /** Where what waits is kept on disk; absent: in memory alone. */
  readonly spool?: Pick<SpoolOptions, 'dir' | 'maxBytes' | 'maxAgeMs' | 'segmentBytes' | 'write'>
}

/** Prometheus' word for a histogram with custom buckets that 1.0 has no place for. */
const NOT_IN_V1 = 'nhcb_in_rw1_not_supported'
/** Exemplars that wait for a sample of their series, over all series. */
const MAX_WAITING_EXEMPLARS = 10_000
/** With a spool, memory holds the `capacity` of so many lanes at most; what is beyond waits on disk. */
const LANES_IN_MEMORY = 10
/** A series without a sample for so long, or twice as long, is forgotten and looked at anew. */
const GENERATION_MS = 600_000

export class Sender<Step> {
  readonly config: RemoteWriteConfig<Step>
  readonly totals: SenderTotals = newTotals()
  readonly #deps: SenderDeps<Step>
  readonly #external: Labels
  readonly #shards: Shards
  readonly #spool: Spool | undefined
  readonly #backlog: Backlog | undefined
  readonly #delivery: Delivery
  readonly #desired = new DesiredShards()
  readonly #series = new WeakMap<Labels, SentLabels | { readonly dropped: true }>()
  /** Where the store gives references: two generations, so that a series that ended is forgotten. */
  #young = new Map<number, SentLabels | { readonly dropped: true }>()
  #old = new Map<number, SentLabels | { readonly dropped: true }>()
  #grownAtMs = 0
  readonly #exemplars = new Map<string, WriteExemplar[]>()
  #waitingExemplars = 0
  readonly #end = new AbortController()
  /** The end has waited long enough: even what is under way is given up. */
  readonly #late = new AbortController()
  /** Where what waits is on disk: the end is not waited for once the receiver does not take something. */
  #ending: AbortController | undefined
  readonly #loops: Promise<void>
  readonly #floats = new FloatsEncoder()
  readonly #floatsV2 = new FloatsEncoderV2()
  #traffic = { samplesIn: 0, samplesOut: 0 }

  constructor(config: RemoteWriteConfig<Step>, externalLabels: Labels, deps: SenderDeps<Step>) {
    this.config = config
    this.#deps = deps
    this.#external = externalLabels
    this.#delivery = new Delivery(config, this.#late.signal, {
      ...deps,
      totals: this.totals,
      onTrouble: () => this.#ending?.abort(),
    })
    const { queue } = config
    const onDropped = ({ samples, histograms }: Count, why: string) => {
      this.totals.dropped.add(why, false, samples)
      this.totals.dropped.add(why, true, histograms)
    }
    // First, as it alone may refuse.
    this.#spool = deps.spool === undefined ? undefined : new Spool({ ...deps, ...deps.spool, onDropped })
    const capacity = queue.capacity * Math.min(queue.maxShards, this.#spool === undefined ? Infinity : LANES_IN_MEMORY)
    this.#shards = new Shards(
      {
        clock: deps.clock,
        maxSamplesPerSend: queue.maxSamplesPerSend,
        batchSendDeadlineMs: queue.batchSendDeadlineMs,
        capacity,
        isSpooled: this.#spool !== undefined,
        send: (batch, signal) => this.#send(batch, signal),
        onDropped: (dropped, why) => this.#drop(dropped, why),
        onSettled: (batch, left) => this.#backlog?.settled(batch, left),
      },
      queue.minShards,
    )
    if (this.#spool !== undefined)
      this.#backlog = new Backlog({
        spool: this.#spool,
        lanes: this.#shards,
        capacity,
        hashOf: ({ key }) => hashOf(key),
        onDropped,
      })
    this.#loops = Promise.all([this.#reshard(), this.#sendMetadata()]).then(() => undefined)
  }

  get shards(): { readonly now: number; readonly desired: number; readonly pending: number } {
    const pending = this.#shards.pending + (this.#backlog?.waiting ?? 0)
    return { now: this.#shards.count, desired: this.#desired.desired, pending }
  }

  /** What lies on disk; `undefined` without a spool. */
  get spooled(): SpoolReading | undefined {
    if (this.#spool === undefined) return undefined
    const { bytes, segments, damagedBytes, failures, fault } = this.#spool
    return { bytes, segments, damagedBytes, failures, isHealthy: fault === '', waiting: this.#backlog?.waiting ?? 0 }
  }

  /** Whether the receiver reads 1.0 alone, although 2.0 is configured. */
  get fellBack(): boolean {
    return this.#delivery.fellBack
  }

  /** Takes what a commit brought. */
  commit(committed: Committed): void {
    const { count, labels, ref, timestamps, histograms } = committed
    const { totals, config } = this
    const backlog = this.#backlog
    backlog?.begin()
    if (this.#deps.clock.monotonicMs() - this.#grownAtMs > GENERATION_MS) this.#forgetOld()
    for (let i = 0; i < count; i++) {
      const series = ref === undefined ? this.#seriesOf(labels(i)) : this.#seriesBy(ref(i), labels, i)
      const histogram = histograms?.[i]
      if ('dropped' in series) {
        totals.dropped.add('dropped_series', histogram !== undefined)
        continue
      }
      if (histogram !== undefined) {
        if (config.version === 'v1' && !config.sendNativeHistograms) continue
        if (!this.#carries(histogram)) {
          totals.dropped.add(NOT_IN_V1, true)
          continue
        }
      }
      const at = timestamps[i]!
      if (at > totals.highestAt) totals.highestAt = at
      this.#traffic.samplesIn++
      if (backlog === undefined) this.#shards.push(series, committed, i, 0)
      else backlog.add(series, committed, i)
    }
    backlog?.commit()
  }

  exemplar(of: Labels, exemplar: WriteExemplar): void {
    if (this.config.version === 'v1' && !this.config.sendExemplars) return
    const series = this.#seriesOf(of)
    if ('dropped' in series) return
    if (this.#waitingExemplars >= MAX_WAITING_EXEMPLARS) this.#dropOldestExemplars()
    this.#waitingExemplars++
    const { key } = series.labels
    const waiting = this.#exemplars.get(key)
    if (waiting === undefined) this.#exemplars.set(key, [exemplar])
    else waiting.push(exemplar)
  }

  /** Of the series that has waited longest: it may have ended, and its room is needed by those that live. */
  #dropOldestExemplars(): void {
    for (const [key, { length }] of this.#exemplars) {
      this.#exemplars.delete(key)
      this.#waitingExemplars -= length
      this.totals.exemplarsDropped += length
      return
    }
  }

  /** Gives its spool free at once, for the sender that goes on with it: what was not acknowledged there is sent again by that one. */
  letGo(): void {
    this.#late.abort()
    this.#end.abort()
    this.#backlog?.[Symbol.dispose]()
  }

  /**
   * Ends: what waits is sent until `signal` aborts; the rest is counted as dropped, or with a spool stays for the next start. With one
   * nobody waits for a receiver that does not answer.
   */
  async end(signal: AbortSignal): Promise<void> {
    let stop = signal
    if (this.#backlog !== undefined) {
      this.#ending = new AbortController()
      stop = AbortSignal.any([signal, this.#ending.signal])
      if (this.totals.lastError !== '') this.#ending.abort()
    }
    if (stop.aborted) this.#late.abort()
    else stop.addEventListener('abort', () => this.#late.abort(), { once: true })
    this.#end.abort()
    await this.#loops
    await this.#shards.flush(stop)
    this.#backlog?.[Symbol.dispose]()
  }

  #forgetOld(): void {
    this.#old = this.#young
    this.#young = new Map()
    this.#grownAtMs = this.#deps.clock.monotonicMs()
  }

  #seriesBy(ref: number, labels: (index: number) => Labels, index: number): SentLabels | { readonly dropped: true } {
    const known = this.#young.get(ref)
    if (known !== undefined) return known
    const series = this.#old.get(ref) ?? this.#relabelled(labels(index))
    this.#young.set(ref, series)
    return series
  }

  #seriesOf(labels: Labels): SentLabels | { readonly dropped: true } {
    const known = this.#series.get(labels)
    if (known !== undefined) return known
    const series = this.#relabelled(labels)
    this.#series.set(labels, series)
    return series
  }

  #relabelled(labels: Labels): SentLabels | { readonly dropped: true } {
    const relabelled = this.#deps.relabel(withExternal(labels, this.#external), this.config.writeRelabelConfigs)
    if (relabelled === undefined || relabelled.size === 0) return { dropped: true }
    return { labels: relabelled, hash: hashOf(relabelled.key) }
  }

  #drop(dropped: QueuedSamples, reason: string): void {
    // What has a ticket is on disk and will be sent by the next start.
    for (let i = 0; i < dropped.count; i++)
      if (dropped.tickets[i] === 0) this.totals.dropped.add(reason, dropped.histograms[i] !== undefined)
  }

  #takeExemplars(series: SentLabels): readonly WriteExemplar[] {
    const waiting = this.#exemplars.get(series.labels.key)
    if (waiting === undefined) return []
    this.#exemplars.delete(series.labels.key)
    this.#waitingExemplars -= waiting.length
    return waiting.sort((a, b) => a.at - b.at)
  }

  /** As `ShardsDeps.send`. */
  async #send(queued: QueuedSamples, signal: AbortSignal): Promise<QueuedSamples | undefined> {
    const { totals } = this
    let left = queued
    let batch: SendBatch | undefined
    let message: Message | undefined
    const next = (): Message | undefined => {
      const fresh = this.#sendable(left)
      if (message === undefined || fresh !== left || message.version !== this.#delivery.version) {
        if (batch !== undefined) this.#putBack(batch)
        left = fresh
        if (fresh.count === 0) batch = message = undefined
        else if (this.#exemplars.size === 0 && isPlain(fresh)) {
          batch = { ...NOTHING_SENT, samples: fresh.count }
          message = this.#messageOfFloats(fresh, batch)
        } else {
          batch = batchOf(fresh, (series) => this.#takeExemplars(series))
          message = this.#messageOf(batch)
        }
      }
      return message
    }
    const outcome = await this.#delivery.deliver(next, signal)
    if (outcome.kind === 'aborted') {
      if (batch !== undefined) this.#putBack(batch)
      return left
    }
    if (outcome.kind === 'nothing' || batch === undefined) return undefined
    if (outcome.kind === 'lost' && outcome.status === 400 && this.#isReplayed(left)) {
      this.#putBack(batch)
      return await this.#sendApart(left, signal)
    }
    totals.samples += batch.samples
    totals.histograms += batch.histograms
    totals.exemplars += batch.exemplars
    this.#traffic.samplesOut += left.count
    if (outcome.kind === 'lost') {
      totals.samplesFailed += outcome.lost.samples
      totals.histogramsFailed += outcome.lost.histograms
      totals.exemplarsFailed += outcome.lost.exemplars
    }
    for (const at of left.timestamps) if (at > totals.highestSentAt) totals.highestSentAt = at
    return undefined
  }

  #isReplayed({ count, tickets }: QueuedSamples): boolean {
    return this.#backlog !== undefined && count > 0 && this.#backlog.isReplayed(tickets[0]!)
  }

  /**
   * What was read from disk after a restart may have arrived before it, and a receiver like Prometheus refuses a whole request of 1.0 for
   * one sample that is older than the last of its series. In halves, what has not arrived gets through; what is refused alone is dropped.
   */
  async #sendApart(queued: QueuedSamples, signal: AbortSignal): Promise<QueuedSamples | undefined> {
    if (queued.count === 1) {
      this.#drop({ ...queued, tickets: new Float64Array(1) }, 'refused_after_restart')
      return undefined
    }
    const half = queued.count >> 1
    const places = Array.from({ length: queued.count }, (_, i) => i)
    if ((await this.#send(picked(queued, places.slice(0, half)), signal)) !== undefined) return queued
    return await this.#send(picked(queued, places.slice(half)), signal)
  }

  /** The fast way: floats alone, without exemplars. */
  #messageOfFloats(queued: QueuedSamples, sent: Sent): Message {
    const { version } = this.#delivery
    const { metadata } = this.#deps
    const bytes =
      version === 'v1'
        ? this.#floats.encode(queued)
        : this.#floatsV2.encode(queued, { metadataOf: this.#metadataOf, revision: metadata.revision })
    return { version, body: compressSync(bytes), sent }
  }

  readonly #metadataOf = (family: string): Metadata | undefined =>
    this.#deps.metadata.get(family) ?? REPORT_METADATA.get(family)

  #messageOf(batch: SendBatch): Message {
    const { version } = this.#delivery
    const bytes = version === 'v1' ? encodeWriteV1({ ...batch, metadata: [] }) : encodeWriteV2(batch, this.#metadataOf)
    // 2,000 samples take a fraction of a millisecond: less than a turn through the thread pool.
    return { version, body: compressSync(bytes), sent: batch }
  }

  #putBack({ series }: SendBatch): void {
    for (const { labels, exemplars } of series) {
      if (exemplars.length === 0) continue
      this.#exemplars.set(labels.key, [...exemplars, ...(this.#exemplars.get(labels.key) ?? [])])
      this.#waitingExemplars += exemplars.length
    }
  }

  /** The same, without what is too old by now or has no place in the version that is spoken by now: that is counted. */
  #sendable(queued: QueuedSamples): QueuedSamples {
    const limit = this.config.queue.sampleAgeLimitMs
    const oldest = limit === 0 ? Number.NEGATIVE_INFINITY : this.#deps.clock.now() - limit
    if (limit === 0 && !this.#delivery.fellBack) return queued
    const kept: number[] = []
    for (let i = 0; i < queued.count; i++) {
      const histogram = queued.histograms[i]
      const isHistogram = histogram !== undefined
      if (queued.timestamps[i]! < oldest) this.totals.dropped.add('too_old', isHistogram)
      else if (isHistogram && !this.#carries(histogram)) this.totals.dropped.add(NOT_IN_V1, true)
      else kept.push(i)
    }
    return kept.length === queued.count ? queued : picked(queued, kept)
  }

  #carries({ schema }: NativeHistogram): boolean {
    return this.#delivery.version === 'v2' || schema !== CUSTOM_SCHEMA
  }

  async #reshard(): Promise<void> {
    const { clock } = this.#deps
    const { minShards: min, maxShards: max } = this.config.queue
    const { signal } = this.#end
    while (!signal.aborted) {
      await clock.sleep(RESHARD_INTERVAL_MS, signal)
      if (signal.aborted) return
      const traffic = { ...this.#traffic, sendingMs: this.totals.sendingMs, pending: this.#shards.pending }
      this.#traffic = { samplesIn: 0, samplesOut: 0 }
      this.totals.sendingMs = 0
      const next = this.#desired.next(traffic, { now: this.#shards.count, min, max })
      // While nothing gets through, more lanes would only knock more often.
      if (traffic.samplesOut > 0) await this.#shards.resize(next)
    }
  }

  /** For 1.0 alone: 2.0 tells metadata with each series. */
  async #sendMetadata(): Promise<void> {
    const { clock, metadata } = this.#deps
    const { config, totals } = this
    const { signal } = this.#end
    if (!config.metadata.send) return
    while (!signal.aborted) {
      await clock.sleep(config.metadata.sendIntervalMs, signal)
      if (this.#delivery.version !== 'v1') continue
      const all = [...metadata].map(([family, one]) => ({ family, ...one })).sort((a, b) => byBytes(a.family, b.family))
      for (let i = 0; i < all.length && !signal.aborted; i += config.metadata.maxSamplesPerSend) {
        const part = all.slice(i, i + config.metadata.maxSamplesPerSend)
        const nothing = { series: [], timestamps: new Float64Array(0), values: new Float64Array(0) }
        const body = compressSync(encodeWriteV1({ ...nothing, metadata: part }))
        const outcome = await this.#delivery.deliver(() => ({ version: 'v1', body, sent: NONE }), signal)
        if (outcome.kind === 'aborted') return
        totals.metadata += part.length
        if (outcome.kind === 'lost') totals.metadataFailed += part.length
      }
    }
  }
}

const NONE: Sent = { samples: 0, histograms: 0, exemplars: 0 }
/** A batch whose series are in its message already: there is nothing to be put back. */
const NOTHING_SENT: SendBatch = {
  ...NONE,
  series: [],
  timestamps: new Float64Array(0),
  values: new Float64Array(0),
  starts: new Float64Array(0),
}

/** External labels where the series has none of that name. */
function withExternal(labels: Labels, external: Labels): Labels {
  return external.size === 0 ? labels : Labels.fromPairs([...external, ...labels])
}

/** FNV-1a over code units: spreads series over lanes, and nothing else hangs on it. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return hash >>> 0
}
