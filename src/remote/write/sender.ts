/**
 * Writes to one receiver: from commits of the store to requests over HTTP.
 *
 * - A series is looked at once: external labels, relabelling and its lane are remembered as long as the store knows the series.
 * - What the receiver cannot take now (5xx, no answer, 429 where that is asked for) is tried again until it is taken or the
 *   sender ends, with growing waits; what it will never take is counted as failed and told in the log.
 * - Exemplars wait for the next sample of their series and travel with it.
 * - What waits is lost when the process ends before it is flushed: the queue is in memory alone.
 *
 * Source: Prometheus remote write specifications 1.0 and 2.0; prometheus: storage/remote/queue_manager.go.
 */
import { compressSync } from 'snappy'
import { byBytes, type Clock, CUSTOM_SCHEMA, Labels, type Log, messageOf, redactUrl, type Text } from '#core'
import type { Committed, Metadata, MetadataStore } from '#storage'
import { batchOf } from './batch-of.ts'
import type { RemoteWriteConfig } from './config.ts'
import { DesiredShards, RESHARD_INTERVAL_MS } from './desired-shards.ts'
import { encodeWriteV1 } from './encode-v1.ts'
import { encodeWriteV2 } from './encode-v2.ts'
import { judgeAnswer, type Sent, type Verdict } from './judge-answer.ts'
import { contentTypeOf } from './negotiate.ts'
import type { PostClient } from './post-client.ts'
import type { QueuedSamples, SentLabels } from './sample-queue.ts'
import { newTotals, type SenderTotals } from './sender-metrics.ts'
import { Shards } from './shards.ts'
import type { WriteExemplar } from './types.ts'

export type SenderDeps<Step> = {
  readonly clock: Clock
  readonly log: Log
  readonly metadata: MetadataStore
  readonly client: PostClient
  readonly relabel: (labels: Labels, steps: readonly Step[]) => Labels | undefined
  readonly resolve: (text: Text) => string
  /** How we call ourselves. */
  readonly version: string
  /** In [0, 1). */
  readonly random: () => number
}

/** Exemplars that wait for a sample of their series, over all series. */
const MAX_WAITING_EXEMPLARS = 10_000
/** No receiver puts us off for longer at a time. */
const MAX_RETRY_AFTER_MS = 300_000

export class Sender<Step> {
  readonly config: RemoteWriteConfig<Step>
  readonly totals: SenderTotals = newTotals()
  readonly #deps: SenderDeps<Step>
  readonly #external: Labels
  readonly #shards: Shards
  readonly #desired = new DesiredShards()
  /** `undefined` in it: dropped by relabelling. */
  readonly #series = new WeakMap<Labels, SentLabels | { readonly dropped: true }>()
  readonly #exemplars = new Map<string, WriteExemplar[]>()
  #waitingExemplars = 0
  readonly #end = new AbortController()
  /** The end has waited long enough: even what is under way is given up. */
  readonly #late = new AbortController()
  readonly #loops: Promise<void>
  #traffic = { samplesIn: 0, samplesOut: 0, sendingMs: 0 }

  constructor(config: RemoteWriteConfig<Step>, externalLabels: Labels, deps: SenderDeps<Step>) {
    this.config = config
    this.#deps = deps
    this.#external = externalLabels
    const { queue } = config
    this.#shards = new Shards(
      {
        clock: deps.clock,
        maxSamplesPerSend: queue.maxSamplesPerSend,
        batchSendDeadlineMs: queue.batchSendDeadlineMs,
        capacity: queue.capacity * queue.maxShards,
        send: (batch, signal) => this.#send(batch, signal),
        onDropped: (dropped, why) => this.#drop(dropped, why),
      },
      queue.minShards,
    )
    this.#loops = Promise.all([this.#reshard(), this.#sendMetadata()]).then(() => undefined)
  }

  get shards(): { readonly now: number; readonly desired: number; readonly pending: number } {
    return { now: this.#shards.count, desired: this.#desired.desired, pending: this.#shards.pending }
  }

  /** Takes what a commit brought. */
  commit({ count, labels, timestamps, values, histograms, starts }: Committed): void {
    const { totals, config } = this
    for (let i = 0; i < count; i++) {
      const series = this.#seriesOf(labels(i))
      const histogram = histograms?.[i]
      if ('dropped' in series) {
        totals.dropped.add('dropped_series', histogram !== undefined)
        continue
      }
      if (histogram !== undefined && config.version === 'v1') {
        if (!config.sendNativeHistograms) continue
        if (histogram.schema === CUSTOM_SCHEMA) {
          totals.dropped.add('nhcb_in_rw1_not_supported', true)
          continue
        }
      }
      const at = timestamps[i]!
      if (at > totals.highestAt) totals.highestAt = at
      this.#traffic.samplesIn++
      this.#shards.push(series, at, { values, index: i }, starts?.[i] ?? 0, histogram)
    }
  }

  exemplar(of: Labels, exemplar: WriteExemplar): void {
    if (this.config.version === 'v1' && !this.config.sendExemplars) return
    const series = this.#seriesOf(of)
    if ('dropped' in series) return
    if (this.#waitingExemplars >= MAX_WAITING_EXEMPLARS) {
      this.totals.exemplarsDropped++
      return
    }
    this.#waitingExemplars++
    const { key } = series.labels
    const waiting = this.#exemplars.get(key)
    if (waiting === undefined) this.#exemplars.set(key, [exemplar])
    else waiting.push(exemplar)
  }

  /** Ends: what waits is sent until `signal` aborts, the rest is counted as dropped. */
  async end(signal: AbortSignal): Promise<void> {
    if (signal.aborted) this.#late.abort()
    else signal.addEventListener('abort', () => this.#late.abort(), { once: true })
    this.#end.abort()
    await this.#loops
    await this.#shards.flush(signal)
  }

  #seriesOf(labels: Labels): SentLabels | { readonly dropped: true } {
    const known = this.#series.get(labels)
    if (known !== undefined) return known
    const relabelled = this.#deps.relabel(withExternal(labels, this.#external), this.config.writeRelabelConfigs)
    const series =
      relabelled === undefined || relabelled.size === 0
        ? ({ dropped: true } as const)
        : { labels: relabelled, hash: hashOf(relabelled.key) }
    this.#series.set(labels, series)
    return series
  }

  #drop(dropped: QueuedSamples, reason: string): void {
    for (let i = 0; i < dropped.count; i++) this.totals.dropped.add(reason, dropped.histograms[i] !== undefined)
  }

  #takeExemplars(series: SentLabels): readonly WriteExemplar[] {
    const waiting = this.#exemplars.get(series.labels.key)
    if (waiting === undefined) return []
    this.#exemplars.delete(series.labels.key)
    this.#waitingExemplars -= waiting.length
    return waiting.sort((a, b) => a.at - b.at)
  }

  /** As `ShardsDeps.send`. */
  async #send(queued: QueuedSamples, signal: AbortSignal): Promise<boolean> {
    const { totals, config } = this
    const fresh = this.#withoutOld(queued)
    if (fresh.count === 0) return true
    const batch = batchOf(fresh, (series) => this.#takeExemplars(series))
    const message =
      config.version === 'v1'
        ? encodeWriteV1({ ...batch, metadata: [] })
        : encodeWriteV2(batch, (family): Metadata | undefined => this.#deps.metadata.get(family))
    const verdict = await this.#deliver(message, batch, signal)
    if (verdict === undefined) {
      for (const { labels, exemplars } of batch.series) this.#putBack(labels, exemplars)
      return false
    }
    totals.samples += batch.samples
    totals.histograms += batch.histograms
    totals.exemplars += batch.exemplars
    this.#traffic.samplesOut += fresh.count
    if (verdict.kind === 'done') totals.lastError = ''
    if (verdict.kind === 'lost') {
      totals.samplesFailed += verdict.lost.samples
      totals.histogramsFailed += verdict.lost.histograms
      totals.exemplarsFailed += verdict.lost.exemplars
      this.#complain(verdict.why)
    }
    for (const at of fresh.timestamps) if (at > totals.highestSentAt) totals.highestSentAt = at
    return true
  }

  #putBack(labels: Labels, exemplars: readonly WriteExemplar[]): void {
    if (exemplars.length === 0) return
    this.#exemplars.set(labels.key, [...exemplars, ...(this.#exemplars.get(labels.key) ?? [])])
    this.#waitingExemplars += exemplars.length
  }

  #withoutOld(queued: QueuedSamples): QueuedSamples {
    const limit = this.config.queue.sampleAgeLimitMs
    if (limit === 0) return queued
    const oldest = this.#deps.clock.now() - limit
    const kept: number[] = []
    for (let i = 0; i < queued.count; i++) {
      if (queued.timestamps[i]! >= oldest) kept.push(i)
      else this.totals.dropped.add('too_old', queued.histograms[i] !== undefined)
    }
    if (kept.length === queued.count) return queued
    const values = new Float64Array(kept.length)
    // By its bytes: a stale marker is bits.
    for (const [to, from] of kept.entries()) values.set(queued.values.subarray(from, from + 1), to)
    return {
      count: kept.length,
      series: kept.map((i) => queued.series[i]!),
      timestamps: Float64Array.from(kept, (i) => queued.timestamps[i]!),
      values,
      starts: Float64Array.from(kept, (i) => queued.starts[i]!),
      histograms: kept.map((i) => queued.histograms[i]),
    }
  }

  /** Tries until the receiver has taken or refused it; `undefined`: aborted before. */
  async #deliver(message: Buffer, sent: Sent, signal: AbortSignal): Promise<Verdict | undefined> {
    const { clock, random } = this.#deps
    const { queue } = this.config
    // 2,000 samples take a fraction of a millisecond: less than a turn through the thread pool.
    const body = compressSync(message)
    let backoffMs = queue.minBackoffMs
    for (;;) {
      if (signal.aborted) return undefined
      const verdict = await this.#attempt(body, sent)
      if (verdict.kind !== 'retry') return verdict
      this.totals.samplesRetried += sent.samples
      this.totals.histogramsRetried += sent.histograms
      this.totals.exemplarsRetried += sent.exemplars
      this.#complain(verdict.why)
      // Between half of the step and all of it, so that senders do not come back together.
      const own = backoffMs / 2 + (backoffMs / 2) * random()
      await clock.sleep(Math.min(MAX_RETRY_AFTER_MS, Math.max(own, verdict.afterMs ?? 0)), signal)
      backoffMs = Math.min(queue.maxBackoffMs, backoffMs * 2)
    }
  }

  async #attempt(body: Buffer, sent: Sent): Promise<Verdict> {
    const { clock, client } = this.#deps
    const { config, totals } = this
    const startedMs = clock.monotonicMs()
    // Neither a new number of lanes nor the end aborts a request under way: whether it arrived would not be known.
    const done = new AbortController()
    const late = new AbortController()
    const signal = AbortSignal.any([late.signal, this.#late.signal])
    void clock.sleep(config.timeoutMs, done.signal).then(() => {
      if (!done.signal.aborted) late.abort(new Error(`no answer within ${config.timeoutMs} ms`))
    })
    try {
      const answer = await client.post({ url: config.url, headers: this.#headers(), body }, signal)
      totals.bytes += body.length
      return judgeAnswer(answer, sent, {
        version: config.version,
        retryOnHttp429: config.queue.retryOnHttp429,
        now: clock.now(),
      })
    } catch (thrown) {
      return { kind: 'retry', why: messageOf(late.signal.aborted ? late.signal.reason : thrown) }
    } finally {
      done.abort()
      const tookMs = clock.monotonicMs() - startedMs
      this.#traffic.sendingMs += tookMs
      totals.duration.observe(tookMs / 1000)
    }
  }

  #headers(): Readonly<Record<string, string>> {
    const { config } = this
    const { resolve, version } = this.#deps
    const own = Object.entries(config.headers).map(([name, value]) => [name.toLowerCase(), resolve(value)] as const)
    return {
      ...Object.fromEntries(own),
      'content-type': contentTypeOf(config.version),
      'content-encoding': 'snappy',
      'x-prometheus-remote-write-version': config.version === 'v1' ? '0.1.0' : '2.0.0',
      'user-agent': `assay/${version}`,
    }
  }

  /** Told once until something else is wrong: a receiver that is down is one fact. */
  #complain(why: string): void {
    if (this.totals.lastError === why) return
    this.totals.lastError = why
    this.#deps.log.warn({ remote: this.config.name, url: redactUrl(this.config.url), why }, 'remote write: not taken')
  }

  async #reshard(): Promise<void> {
    const { clock } = this.#deps
    const { minShards: min, maxShards: max } = this.config.queue
    const { signal } = this.#end
    while (!signal.aborted) {
      await clock.sleep(RESHARD_INTERVAL_MS, signal)
      if (signal.aborted) return
      const traffic = { ...this.#traffic, pending: this.#shards.pending }
      this.#traffic = { samplesIn: 0, samplesOut: 0, sendingMs: 0 }
      const next = this.#desired.next(traffic, { now: this.#shards.count, min, max })
      // While nothing gets through, more lanes would only knock more often.
      if (traffic.samplesOut > 0) await this.#shards.resize(next)
    }
  }

  /** 1.0 alone: 2.0 tells metadata with each series. */
  async #sendMetadata(): Promise<void> {
    const { clock, metadata } = this.#deps
    const { config, totals } = this
    const { signal } = this.#end
    if (config.version !== 'v1' || !config.metadata.send) return
    while (!signal.aborted) {
      await clock.sleep(config.metadata.sendIntervalMs, signal)
      const all = [...metadata].map(([family, one]) => ({ family, ...one })).sort((a, b) => byBytes(a.family, b.family))
      for (let i = 0; i < all.length && !signal.aborted; i += config.metadata.maxSamplesPerSend) {
        const part = all.slice(i, i + config.metadata.maxSamplesPerSend)
        const nothing = { series: [], timestamps: new Float64Array(0), values: new Float64Array(0) }
        const verdict = await this.#deliver(encodeWriteV1({ ...nothing, metadata: part }), NONE, signal)
        if (verdict === undefined) return
        totals.metadata += part.length
        if (verdict.kind === 'lost') {
          totals.metadataFailed += part.length
          this.#complain(verdict.why)
        }
      }
    }
  }
}

const NONE: Sent = { samples: 0, histograms: 0, exemplars: 0 }

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
