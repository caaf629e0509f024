/**
 * The lanes in which samples of one receiver are sent: in parallel to each other, each series always in one.
 *
 * - A lane sends when it has a full batch, or when its oldest sample has waited for the deadline; one request at a time, so the
 *   samples of a series arrive in order.
 * - What waits is bounded over all lanes, in samples and in buckets of histograms, of which one sample may have thousands. When it is
 *   full the oldest samples of the lane go and are counted.
 * - The number of lanes may change while they run: what waits, and what was being tried again, moves over in its order.
 */
import type { Clock, NativeHistogram } from '#core'
import { Notice } from './notice.ts'
import { type QueuedSamples, type SampleColumns, SampleQueue, type SentLabels } from './sample-queue.ts'

export type ShardsDeps = {
  readonly clock: Clock
  readonly maxSamplesPerSend: number
  readonly batchSendDeadlineMs: number
  /** Most samples that wait, over all lanes. */
  readonly capacity: number
  /** What comes beyond the bounds is kept elsewhere: who pushes asks `room`, and nothing is dropped here. */
  readonly isSpooled?: boolean
  /** Sends until it is done or lost; resolves with what is left when it is aborted before: nothing of it is known to have arrived. */
  readonly send: (batch: QueuedSamples, signal: AbortSignal) => Promise<QueuedSamples | undefined>
  readonly onDropped: (dropped: QueuedSamples, why: 'queue_full' | 'shutdown') => void
  /** Samples have left: they were sent or are lost, all but those `left` over. */
  readonly onSettled?: (batch: QueuedSamples, left: QueuedSamples | undefined) => void
}

/** Buckets and bounds that wait at most, over all lanes, each with its share: about 200 MB. */
export const MAX_WAITING_BUCKETS = 10_000_000

type Lane = {
  readonly queue: SampleQueue
  readonly notice: Notice
  /** Of the histograms in the queue. */
  buckets: number
  /** The batch that is being sent. */
  inFlight: QueuedSamples | undefined
  done: Promise<void>
}

export class Shards {
  readonly #deps: ShardsDeps
  #lanes: Lane[] = []
  #waiting = 0
  /** Aborts what the lanes of today do; a new set has its own. */
  #stop = new AbortController()
  /** Lanes end when nothing waits any more. */
  #flushing = false
  #resizing: Promise<void> | undefined

  constructor(deps: ShardsDeps, count: number) {
    this.#deps = deps
    this.#open(count)
  }

  get count(): number {
    return this.#lanes.length
  }

  /** Samples that wait or are being sent. */
  get pending(): number {
    return this.#lanes.reduce((sum, { inFlight }) => sum + (inFlight?.count ?? 0), this.#waiting)
  }

  /** Samples that wait, whatever is being sent. */
  get waiting(): number {
    return this.#waiting
  }

  /** Whether so many more samples, with so many buckets, may be pushed. What is empty has room for anything. */
  room(samples: number, buckets: number): boolean {
    if (this.#waiting === 0) return true
    if (this.#waiting + samples > this.#deps.capacity) return false
    return buckets === 0 || this.#lanes.reduce((sum, lane) => sum + lane.buckets, buckets) <= MAX_WAITING_BUCKETS
  }

  /** Entry `index` of the columns. `ticket`: of the record it came with, 0: none. */
  push(series: SentLabels, from: SampleColumns, index: number, ticket: number): void {
    const lane = this.#lanes[series.hash % this.#lanes.length]!
    lane.queue.push(series, from, index, ticket)
    this.#waiting++
    lane.buckets += bucketsOf(from.histograms?.[index])
    if (this.#deps.isSpooled !== true)
      while (lane.queue.count > 0 && this.#isFull(lane)) this.#deps.onDropped(this.#take(lane, 1), 'queue_full')
    const { count } = lane.queue
    // The first sample starts the deadline's clock, a full batch ends the wait; between them nobody has to wake.
    if (count === 1 || count === this.#deps.maxSamplesPerSend) lane.notice.give()
  }

  #isFull({ buckets }: Lane): boolean {
    return this.#waiting > this.#deps.capacity || buckets > MAX_WAITING_BUCKETS / this.#lanes.length
  }

  #take(lane: Lane, count: number): QueuedSamples {
    const taken = lane.queue.take(count)
    this.#waiting -= taken.count
    for (const histogram of taken.histograms) lane.buckets -= bucketsOf(histogram)
    return taken
  }

  /** Changes the number of lanes; a second call while one is under way waits for nothing and does nothing. */
  async resize(count: number): Promise<void> {
    if (this.#resizing !== undefined || this.#flushing || count === this.#lanes.length) return
    this.#resizing = this.#move(count)
    await this.#resizing
    this.#resizing = undefined
  }

  /** Sends what waits until `signal` aborts; what is left then is dropped and counted. Nothing may be pushed after. */
  async flush(signal: AbortSignal): Promise<void> {
    await this.#resizing
    this.#flushing = true
    for (const { notice } of this.#lanes) notice.give()
    const all = Promise.all(this.#lanes.map(({ done }) => done))
    const late = () => {
      this.#stop.abort()
      for (const { notice } of this.#lanes) notice.give()
    }
    if (signal.aborted) late()
    else signal.addEventListener('abort', late, { once: true })
    await all
    signal.removeEventListener('abort', late)
    for (const lane of this.#lanes) {
      if (lane.inFlight !== undefined) this.#deps.onDropped(lane.inFlight, 'shutdown')
      if (lane.queue.count > 0) this.#deps.onDropped(this.#take(lane, lane.queue.count), 'shutdown')
      lane.inFlight = undefined
    }
  }

  #open(count: number): void {
    this.#stop = new AbortController()
    const { signal } = this.#stop
    this.#lanes = Array.from({ length: count }, () => {
      const lane: Lane = {
        queue: new SampleQueue(),
        notice: new Notice(),
        buckets: 0,
        inFlight: undefined,
        done: Promise.resolve(),
      }
      return lane
    })
    for (const lane of this.#lanes) lane.done = this.#run(lane, signal)
  }

  async #move(count: number): Promise<void> {
    const before = this.#lanes
    this.#stop.abort()
    for (const { notice } of before) notice.give()
    await Promise.all(before.map(({ done }) => done))
    this.#open(count)
    for (const lane of before) {
      const waited = this.#take(lane, lane.queue.count)
      if (lane.inFlight !== undefined) this.#pushAll(lane.inFlight)
      this.#pushAll(waited)
    }
  }

  #pushAll(queued: QueuedSamples): void {
    for (let i = 0; i < queued.count; i++) this.push(queued.series[i]!, queued, i, queued.tickets[i]!)
  }

  async #run(lane: Lane, signal: AbortSignal): Promise<void> {
    const { maxSamplesPerSend, send, onSettled } = this.#deps
    while (!signal.aborted) {
      await this.#gather(lane, signal)
      if (signal.aborted || lane.queue.count === 0) break
      const batch = this.#take(lane, maxSamplesPerSend)
      lane.inFlight = batch
      lane.inFlight = await send(batch, signal)
      onSettled?.(batch, lane.inFlight)
    }
  }

  /** Waits until there is something to send now, or reason to end. */
  async #gather({ queue, notice }: Lane, signal: AbortSignal): Promise<void> {
    const { clock, maxSamplesPerSend, batchSendDeadlineMs } = this.#deps
    const idle = () => !signal.aborted && !this.#flushing
    while (queue.count === 0 && idle()) await notice.wait()
    if (queue.count >= maxSamplesPerSend || !idle()) return
    const enough = new AbortController()
    let isDue = false
    void clock.sleep(batchSendDeadlineMs, enough.signal).then(() => {
      isDue = true
      notice.give()
    })
    while (!isDue && queue.count < maxSamplesPerSend && idle()) await notice.wait()
    enough.abort()
  }
}

function bucketsOf(histogram: NativeHistogram | undefined): number {
  if (histogram === undefined) return 0
  const { positive, negative, customBounds } = histogram
  return positive.indices.length + negative.indices.length + customBounds.length
}
