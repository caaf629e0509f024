/**
 * What waits for one receiver, in memory and on disk, as one queue in one order.
 *
 * - Each commit is on disk before it is acknowledged to whoever wrote. While the receiver keeps up, the same samples go to the lanes
 *   from memory and nothing is read back. When memory is full they stay on disk, and are read again as the lanes have room.
 * - While the disk refuses, samples are kept in memory, as many as `capacity`; beyond, the oldest go and are counted. What is there
 *   when it takes again is written first, so that the order holds.
 * - A sample is settled when it has arrived, or never will; when a record and all before it are, the position moves.
 */
import { setImmediate as nextTurn } from 'node:timers'
import { Labels, type NativeHistogram } from '#core'
import { type QueuedSamples, type SampleColumns, SampleQueue, type SentLabels } from '../sample-queue.ts'
import type { Shards } from '../shards.ts'
import { Ledger } from './ledger.ts'
import type { Position } from './position-file.ts'
import type { Spool } from './spool.ts'
import type { Count } from './spool-record.ts'

export type BacklogDeps = {
  readonly spool: Spool
  readonly lanes: Pick<Shards, 'push' | 'room' | 'waiting'>
  /** Samples that lanes hold before more is left on disk, and that wait in memory while the disk refuses. */
  readonly capacity: number
  readonly hashOf: (labels: Labels) => number
  readonly onDropped: (dropped: Count, why: 'queue_full' | 'unreadable' | 'shutdown') => void
}

/** Room for the samples of a commit, at first and after one that was larger than `MOST_KEPT`. */
const FIRST_ROOM = 1024
const MOST_KEPT = 65_536
/** Samples that are read back in one turn, a record more or less. */
const A_TURN = 4000

export class Backlog implements Disposable {
  readonly #deps: BacklogDeps
  readonly #ledger = new Ledger()
  readonly #overflow = new SampleQueue()
  readonly #gathered = new Gathered()
  /** Everything that came is in the lanes or done. */
  #isLive: boolean
  #isPumping = false
  #isClosed = false
  /** What lies in segments before this one was there when we began. */
  readonly #ownSegment: number
  #lastReplayed = 0
  /** Labels of series read back, of one segment. */
  #known = new Map<number, SentLabels>()
  #knownSegment = 0

  constructor(deps: BacklogDeps) {
    this.#deps = deps
    this.#ownSegment = deps.spool.segment
    const { samples, histograms } = deps.spool.unread
    this.#isLive = samples + histograms === 0
    this.#pump()
  }

  /** Samples that wait on disk or for it, and are in no lane. */
  get waiting(): number {
    const { samples, histograms } = this.#deps.spool.unread
    return (this.#isLive ? 0 : samples + histograms) + this.#overflow.count
  }

  /** Whether a record with this ticket may have been sent already, before the process that wrote it ended. */
  isReplayed(ticket: number): boolean {
    return ticket > 0 && ticket <= this.#lastReplayed
  }

  /** Begins a commit. */
  begin(): void {
    const { spool } = this.#deps
    this.#gathered.begin(!this.#isClosed && spool.ready() && this.#saveOverflow() ? spool.segment : undefined)
  }

  /** Entry `index` of the columns is one of the commit's samples. */
  add(series: SentLabels, from: SampleColumns, index: number): void {
    const gathered = this.#gathered
    if (gathered.segment !== undefined && series.spooled?.segment !== gathered.segment) {
      series.spooled = { segment: gathered.segment, number: this.#deps.spool.nextSeries() }
      gathered.named.push({ number: series.spooled.number, flat: series.labels.flat })
    }
    gathered.add(series, from, index)
  }

  /** Ends the commit: what was added is on disk now, or the disk is told to refuse. */
  commit(): void {
    const { spool, lanes } = this.#deps
    const gathered = this.#gathered
    if (gathered.count === 0) return
    if (this.#isClosed) {
      this.#deps.onDropped(gathered.total(), 'shutdown')
      gathered.release()
      return
    }
    const place = gathered.segment === undefined ? undefined : spool.append(gathered, gathered.total())
    const hasRoom = this.#isLive && lanes.room(gathered.count, gathered.buckets)
    if (hasRoom) {
      const ticket = place === undefined ? 0 : this.#ledger.enter(place, gathered.count)
      for (let i = 0; i < gathered.count; i++) lanes.push(gathered.series[i]!, gathered, i, ticket)
      if (place !== undefined) spool.passed(place)
    } else {
      this.#isLive = false
      if (place === undefined) this.#keepInMemory(gathered)
    }
    gathered.release()
    this.#pump()
  }

  /** As `ShardsDeps.onSettled`. */
  settled(batch: QueuedSamples, left: QueuedSamples | undefined): void {
    this.#settle(batch, 1)
    if (left !== undefined) this.#settle(left, -1)
    const place = this.#ledger.take()
    if (place !== undefined && !this.#isClosed) this.#deps.spool.acknowledge(place)
    this.#pump()
  }

  /** What the disk has not taken yet is offered to it once more; what it refuses is counted. */
  [Symbol.dispose](): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#saveOverflow()
    const left = this.#overflow.take(this.#overflow.count)
    if (left.count > 0) this.#deps.onDropped(countIn(left.histograms, left.count), 'queue_full')
    this.#deps.spool[Symbol.dispose]()
  }

  #settle({ count, tickets }: QueuedSamples, sign: 1 | -1): void {
    for (let from = 0; from < count; ) {
      const ticket = tickets[from]!
      let to = from + 1
      while (to < count && tickets[to] === ticket) to++
      if (ticket > 0) this.#ledger.settle(ticket, sign * (to - from))
      from = to
    }
  }

  #keepInMemory(gathered: Gathered): void {
    for (let i = 0; i < gathered.count; i++) this.#overflow.push(gathered.series[i]!, gathered, i, 0)
    const over = this.#overflow.count - this.#deps.capacity
    if (over <= 0) return
    const dropped = this.#overflow.take(over)
    this.#deps.onDropped(countIn(dropped.histograms, dropped.count), 'queue_full')
  }

  /** Writes what was kept in memory while the disk refused. False: it still does. */
  #saveOverflow(): boolean {
    if (this.#overflow.count === 0) return true
    const { spool } = this.#deps
    if (!spool.ready()) return false
    const kept = this.#overflow.take(this.#overflow.count)
    const gathered = new Gathered()
    gathered.begin(spool.segment)
    for (let i = 0; i < kept.count; i++) {
      const series = kept.series[i]!
      if (series.spooled?.segment !== spool.segment) {
        series.spooled = { segment: spool.segment, number: spool.nextSeries() }
        gathered.named.push({ number: series.spooled.number, flat: series.labels.flat })
      }
      gathered.add(series, kept, i)
    }
    if (spool.append(gathered, gathered.total()) !== undefined) return true
    for (let i = 0; i < kept.count; i++) this.#overflow.push(kept.series[i]!, kept, i, 0)
    return false
  }

  /** Moves what waits on disk, then in memory, to the lanes, while these have room. */
  #pump(): void {
    if (this.#isLive || this.#isPumping || this.#isClosed) return
    const { spool, lanes, capacity } = this.#deps
    let moved = 0
    while (lanes.waiting < capacity / 2 && lanes.room(1, 1)) {
      if (moved >= A_TURN) {
        this.#isPumping = true
        nextTurn(() => {
          this.#isPumping = false
          this.#pump()
        })
        return
      }
      const record = spool.read()
      if (record !== undefined) {
        moved += this.#pushRecord(record.place, record.samples)
        continue
      }
      if (this.#overflow.count === 0) {
        this.#isLive = true
        return
      }
      const kept = this.#overflow.take(A_TURN)
      for (let i = 0; i < kept.count; i++) lanes.push(kept.series[i]!, kept, i, 0)
      moved += kept.count
    }
  }

  #pushRecord(
    place: Position,
    samples: SampleColumns & { readonly count: number; readonly numbers: Uint32Array },
  ): number {
    const { lanes } = this.#deps
    const series = Array.from({ length: samples.count }, (_, i) => this.#seriesOf(place.segment, samples.numbers[i]!))
    const known = series.reduce((sum, one) => (one === undefined ? sum : sum + 1), 0)
    const ticket = this.#ledger.enter(place, known)
    if (place.segment < this.#ownSegment) this.#lastReplayed = ticket
    if (known < samples.count) this.#deps.onDropped({ samples: samples.count - known, histograms: 0 }, 'unreadable')
    for (const [i, one] of series.entries()) if (one !== undefined) lanes.push(one, samples, i, ticket)
    return samples.count
  }

  #seriesOf(segment: number, number: number): SentLabels | undefined {
    if (this.#knownSegment !== segment) {
      this.#known = new Map()
      this.#knownSegment = segment
    }
    const known = this.#known.get(number)
    if (known !== undefined) return known
    const flat = this.#deps.spool.flatOf(number)
    if (flat === undefined) return undefined
    const labels = Labels.fromSorted(flat)
    const series = { labels, hash: this.#deps.hashOf(labels) }
    this.#known.set(number, series)
    return series
  }
}

/** The samples of one commit, as the spool writes them and the lanes take them. Grows with them and is used again. */
class Gathered {
  count = 0
  segment: number | undefined
  buckets = 0
  named: { number: number; flat: readonly string[] }[] = []
  series: SentLabels[] = []
  numbers: Uint32Array = new Uint32Array(FIRST_ROOM)
  timestamps: Float64Array = new Float64Array(FIRST_ROOM)
  values: Float64Array = new Float64Array(FIRST_ROOM)
  #words: Uint32Array = new Uint32Array(this.values.buffer)
  #starts: Float64Array | undefined
  #hasStarts = false
  #histograms: (NativeHistogram | undefined)[] = []
  #histogramCount = 0

  get starts(): Float64Array | undefined {
    return this.#hasStarts ? this.#starts : undefined
  }

  get histograms(): readonly (NativeHistogram | undefined)[] | undefined {
    return this.#histogramCount > 0 ? this.#histograms : undefined
  }

  total(): Count {
    return { samples: this.count - this.#histogramCount, histograms: this.#histogramCount }
  }

  begin(segment: number | undefined): void {
    this.segment = segment
    this.count = 0
    this.buckets = 0
    if (this.named.length > 0) this.named = []
  }

  add(series: SentLabels, from: SampleColumns, index: number): void {
    if (this.count === this.timestamps.length) this.#resize(this.count * 2)
    const at = this.count++
    this.series[at] = series
    this.numbers[at] = series.spooled?.number ?? 0
    this.timestamps[at] = from.timestamps[index]!
    const source = from.values
    if (!Number.isNaN(source[index]!)) this.values[at] = source[index]!
    else {
      // A NaN keeps its payload in words alone.
      const words = new Uint32Array(source.buffer, source.byteOffset + index * 8, 2)
      this.#words[at * 2] = words[0]!
      this.#words[at * 2 + 1] = words[1]!
    }
    const startAt = from.starts?.[index] ?? 0
    if (startAt !== 0 && !this.#hasStarts) {
      this.#starts = new Float64Array(this.timestamps.length)
      this.#hasStarts = true
    }
    if (this.#hasStarts) this.#starts![at] = startAt
    const histogram = from.histograms?.[index]
    if (histogram === undefined) return
    this.#histograms[at] = histogram
    this.#histogramCount++
    this.buckets +=
      histogram.positive.indices.length + histogram.negative.indices.length + histogram.customBounds.length
  }

  /** Lets go of what would be kept alive. */
  release(): void {
    this.count = 0
    this.series.length = 0
    this.#hasStarts = false
    this.#starts = undefined
    if (this.#histogramCount > 0) this.#histograms = []
    this.#histogramCount = 0
    if (this.timestamps.length > MOST_KEPT) this.#resize(FIRST_ROOM, false)
  }

  #resize(size: number, keeps = true): void {
    const bytes = <T extends Uint32Array | Float64Array>(from: T, to: T): T => {
      if (keeps) new Uint8Array(to.buffer).set(new Uint8Array(from.buffer, from.byteOffset, from.byteLength))
      return to
    }
    this.numbers = bytes(this.numbers, new Uint32Array(size))
    this.timestamps = bytes(this.timestamps, new Float64Array(size))
    this.values = bytes(this.values, new Float64Array(size))
    this.#words = new Uint32Array(this.values.buffer)
    if (this.#starts !== undefined) this.#starts = bytes(this.#starts, new Float64Array(size))
  }
}

function countIn(histograms: readonly (NativeHistogram | undefined)[], count: number): Count {
  let some = 0
  for (let i = 0; i < count; i++) if (histograms[i] !== undefined) some++
  return { samples: count - some, histograms: some }
}
