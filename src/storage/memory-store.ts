/**
 * The simplest correct store: every sample in two growing columns per series, every query a walk over all series.
 *
 * - It is the model that the durable engine is tested against, and the store of tests above this room.
 * - Nothing is ever removed: for a process that runs for days take `#tsdb`.
 * - A third column holds the number of the commit that brought a sample; an open querier reads the commits before it.
 * - Late samples are put where they belong. Hints of histograms hold only between neighbours that both came in order, or both late.
 */
import {
  byBytes,
  isStaleAt,
  type Labels,
  type Matcher,
  matchesAll,
  type NativeHistogram,
  sameHistogram,
  type UnixMs,
  unixMs,
} from '#core'
import { Batch, grown, isInstant, sameBits } from './batch.ts'
import type { CommitListener } from './commit-listener.ts'
import { compareLabels } from './compare-labels.ts'
import { Rejections } from './rejections.ts'
import { settleHint } from './settle-hint.ts'
import type {
  Appender,
  AppenderOptions,
  CommitReport,
  Querier,
  Samples,
  Series,
  SeriesRef,
  Store,
  StoreStats,
} from './types.ts'

export type MemoryStoreOptions = {
  /** Most series it takes; samples of further ones are rejected as `series-limit`. */
  readonly maxSeries?: number
  /** Samples that come late are taken when they are not older than the newest one by more than this. Default 0: none. */
  readonly outOfOrderWindowMs?: number
  readonly onCommit?: CommitListener
}

export function memoryStore(options: MemoryStoreOptions = {}): Store {
  return new MemoryStore(options)
}

type MemorySeries = {
  readonly labels: Labels
  timestamps: Float64Array
  values: Float64Array
  commits: Float64Array
  /** By instant: those of floats are absent. Hints of late ones are as they came. */
  readonly histograms: Map<number, NativeHistogram>
  readonly starts: Map<number, number>
  /** Instants of samples that came late. */
  readonly late: Set<number>
  count: number
}

class MemoryStore implements Store {
  /** Index 0 stays empty: reference 0 stands for a series that was refused. */
  readonly #series: (MemorySeries | undefined)[] = [undefined]
  readonly #refs = new Map<string, number>()
  readonly #maxSeries: number
  readonly #windowMs: number
  #newest = -Infinity
  #commits = 0

  readonly #onCommit: CommitListener | undefined

  constructor({ maxSeries = Infinity, outOfOrderWindowMs = 0, onCommit }: MemoryStoreOptions) {
    this.#maxSeries = maxSeries
    this.#windowMs = outOfOrderWindowMs
    this.#onCommit = onCommit
  }

  appender({ keepOrder = false }: AppenderOptions = {}): Appender {
    return new MemoryAppender({
      labelsOf: (ref) => this.#series[ref]?.labels,
      find: (ref, labels) => this.#find(ref, labels),
      create: (labels) => this.#create(labels),
      commit: (batch, report) => this.#commit(batch, report, keepOrder ? 0 : this.#windowMs),
    })
  }

  querier(start: UnixMs, end: UnixMs): Querier {
    return new MemoryQuerier(this.#series, this.#commits, start, end)
  }

  stats(): StoreStats {
    const all = this.#series.filter((one) => one !== undefined && one.count > 0) as readonly MemorySeries[]
    const sum = (of: (one: MemorySeries) => number) => all.reduce((total, one) => total + of(one), 0)
    return {
      series: all.length,
      samples: sum((one) => one.count),
      sizeBytes: sum((one) => one.timestamps.byteLength * 3),
      minTime: all.length === 0 ? undefined : unixMs(all.reduce((t, one) => Math.min(t, one.timestamps[0]!), Infinity)),
      maxTime:
        all.length === 0
          ? undefined
          : unixMs(all.reduce((t, one) => Math.max(t, one.timestamps[one.count - 1]!), -Infinity)),
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  #find(ref: SeriesRef | undefined, labels: Labels): number {
    if (ref !== undefined && this.#series[ref] !== undefined) return ref
    return this.#refs.get(labels.key) ?? 0
  }

  #create(labels: Labels): number {
    if (this.#refs.size >= this.#maxSeries) return 0
    const ref = this.#series.length
    const column = () => new Float64Array(4)
    this.#series.push({
      labels,
      timestamps: column(),
      values: column(),
      commits: column(),
      histograms: new Map(),
      starts: new Map(),
      late: new Set(),
      count: 0,
    })
    this.#refs.set(labels.key, ref)
    return ref
  }

  #commit(batch: Batch, rejections: Rejections, windowMs: number): CommitReport {
    this.#commits++
    const takenFrom = this.#newest - windowMs
    const taken = new Batch(this.#onCommit === undefined ? 0 : batch.count)
    let appended = 0
    for (let i = 0; i < batch.count; i++) {
      const one = this.#series[batch.refs[i]!]!
      const at = unixMs(batch.timestamps[i]!)
      const last = one.count === 0 ? -Infinity : one.timestamps[one.count - 1]!
      const isHistogram = batch.histograms?.[i] !== undefined
      if (at < last && windowMs === 0) rejections.add('out-of-order', one.labels, at, isHistogram)
      else if (at < last && at < takenFrom) rejections.add('too-old', one.labels, at, isHistogram)
      else {
        const place = placeOf(one, at)
        if (one.timestamps[place] !== at || place === one.count) {
          put(one, place, batch, i, this.#commits)
          this.#newest = Math.max(this.#newest, at)
          if (this.#onCommit !== undefined) copyEntry(taken, batch, i)
          appended++
        } else if (!isRepeated(one, place, batch, i)) rejections.add('duplicate', one.labels, at, isHistogram)
      }
    }
    if (taken.count > 0) this.#onCommit?.({ ...taken, labels: (i) => this.#series[taken.refs[i]!]!.labels })
    return { appended, rejected: rejections.list() }
  }
}

function copyEntry(into: Batch, batch: Batch, i: number): void {
  const ref = batch.refs[i]!
  const at = batch.timestamps[i]!
  const histogram = batch.histograms?.[i]
  if (histogram !== undefined) into.pushHistogram(ref, at, histogram, batch.starts?.[i])
  else if (isStaleAt(batch.values, i)) into.markStale(ref, at)
  else into.push(ref, at, batch.values[i]!, batch.starts?.[i])
}

function isRepeated(one: MemorySeries, place: number, batch: Batch, i: number): boolean {
  const known = one.histograms.get(one.timestamps[place]!)
  const again = batch.histograms?.[i]
  if (known !== undefined && again !== undefined) return sameHistogram(known, again)
  return known === again && sameBits(one.values, place, batch.values, i)
}

/** The place of the first sample that is not before `at`. */
function placeOf(one: MemorySeries, at: number): number {
  let place = one.count
  while (place > 0 && one.timestamps[place - 1]! >= at) place--
  return place
}

function put(one: MemorySeries, place: number, batch: Batch, i: number, commit: number): void {
  if (one.count === one.timestamps.length) {
    one.timestamps = grown(one.timestamps, one.count * 2)
    one.values = grown(one.values, one.count * 2)
    one.commits = grown(one.commits, one.count * 2)
  }
  const at = batch.timestamps[i]!
  const isLate = place < one.count
  for (const column of [one.timestamps, one.values, one.commits]) column.copyWithin(place + 1, place, one.count)
  one.timestamps[place] = at
  one.values.set(batch.values.subarray(i, i + 1), place)
  one.commits[place] = commit
  if (isLate) one.late.add(at)
  const histogram = batch.histograms?.[i]
  if (histogram !== undefined)
    one.histograms.set(at, isLate ? histogram : settled(histogramAt(one, place - 1), histogram))
  const startAt = batch.starts?.[i] ?? 0
  if (startAt !== 0) one.starts.set(at, startAt)
  one.count++
}

/** `undefined` also where a stale marker is, or nothing. */
function histogramAt(one: MemorySeries, place: number): NativeHistogram | undefined {
  return place >= 0 && !isStaleAt(one.values, place) ? one.histograms.get(one.timestamps[place]!) : undefined
}

function settled(before: NativeHistogram | undefined, histogram: NativeHistogram): NativeHistogram {
  return { ...histogram, resetHint: settleHint(before, histogram) }
}

type AppenderDeps = {
  readonly labelsOf: (ref: SeriesRef) => Labels | undefined
  readonly find: (ref: SeriesRef | undefined, labels: Labels) => number
  readonly create: (labels: Labels) => number
  readonly commit: (batch: Batch, rejections: Rejections) => CommitReport
}

class MemoryAppender implements Appender {
  readonly #deps: AppenderDeps
  readonly #rejections = new Rejections()
  #batch: Batch | undefined = new Batch()

  constructor(deps: AppenderDeps) {
    this.#deps = deps
  }

  append(ref: SeriesRef | undefined, labels: Labels, at: UnixMs, value: number, startAt = 0): SeriesRef {
    const batch = this.#open()
    const found = this.#place(ref, labels, at)
    if (found > 0) batch.push(found, at, value, startAt)
    return (found < 0 ? (ref ?? 0) : found) as SeriesRef
  }

  appendHistogram(
    ref: SeriesRef | undefined,
    labels: Labels,
    at: UnixMs,
    histogram: NativeHistogram,
    startAt = 0,
  ): SeriesRef {
    const batch = this.#open()
    const found = this.#place(ref, labels, at, true)
    if (found > 0) batch.pushHistogram(found, at, histogram, startAt)
    return (found < 0 ? (ref ?? 0) : found) as SeriesRef
  }

  /** The series a sample goes to; 0 when it was refused, -1 when the sample was. */
  #place(ref: SeriesRef | undefined, labels: Labels, at: UnixMs, isHistogram = false): number {
    if (!isInstant(at)) {
      this.#rejections.add('no-instant', labels, at, isHistogram)
      return -1
    }
    const found = this.#deps.find(ref, labels) || this.#deps.create(labels)
    if (found === 0) this.#rejections.add('series-limit', labels, at, isHistogram)
    return found
  }

  appendStale(ref: SeriesRef | undefined, labels: Labels, at: UnixMs): void {
    const batch = this.#open()
    const found = this.#deps.find(ref, labels)
    if (found !== 0 && isInstant(at)) batch.markStale(found, at)
  }

  appendKnown(ref: SeriesRef, at: UnixMs, value: number, startAt = 0): boolean {
    const labels = this.labelsOf(ref)
    if (labels !== undefined) this.append(ref, labels, at, value, startAt)
    return labels !== undefined
  }

  appendStaleKnown(ref: SeriesRef, at: UnixMs): boolean {
    const labels = this.labelsOf(ref)
    if (labels !== undefined) this.appendStale(ref, labels, at)
    return labels !== undefined
  }

  labelsOf(ref: SeriesRef): Labels | undefined {
    this.#open()
    return this.#deps.labelsOf(ref)
  }

  commit(): CommitReport {
    const batch = this.#open()
    this.#batch = undefined
    return this.#deps.commit(batch, this.#rejections)
  }

  [Symbol.dispose](): void {
    this.#batch = undefined
  }

  #open(): Batch {
    if (this.#batch === undefined) throw new TypeError('BUG: an appender was used after its commit or disposal')
    return this.#batch
  }
}

class MemoryQuerier implements Querier {
  readonly #all: readonly (MemorySeries | undefined)[]
  readonly #commit: number
  readonly #start: number
  readonly #end: number

  constructor(all: readonly (MemorySeries | undefined)[], commit: number, start: number, end: number) {
    this.#all = all
    this.#commit = commit
    this.#start = start
    this.#end = end
  }

  select(matchers: readonly Matcher[]): readonly Series[] {
    return this.#matching(matchers).map((one) => ({ labels: one.labels, samples: () => this.#samples(one) }))
  }

  labelNames(matchers: readonly Matcher[]): readonly string[] {
    return sortedUnique(this.#matching(matchers).flatMap((one) => one.labels.flat.filter((_, i) => i % 2 === 0)))
  }

  labelValues(name: string, matchers: readonly Matcher[]): readonly string[] {
    return sortedUnique(this.#matching(matchers).map((one) => one.labels.get(name))).filter((value) => value !== '')
  }

  series(matchers: readonly Matcher[]): readonly Labels[] {
    return this.#matching(matchers).map((one) => one.labels)
  }

  [Symbol.dispose](): void {}

  #matching(matchers: readonly Matcher[]): readonly MemorySeries[] {
    const found = this.#all.filter(
      (one) => one !== undefined && matchesAll(matchers, one.labels) && this.#samples(one).count > 0,
    ) as MemorySeries[]
    return found.sort((a, b) => compareLabels(a.labels, b.labels))
  }

  #samples(one: MemorySeries): Samples {
    if (one.late.size > 0) return this.#withLate(one)
    let from = 0
    while (from < one.count && one.timestamps[from]! < this.#start) from++
    let to = from
    while (to < one.count && one.timestamps[to]! <= this.#end && one.commits[to]! <= this.#commit) to++
    const samples = {
      timestamps: one.timestamps.slice(from, to),
      values: one.values.slice(from, to),
      count: to - from,
    }
    // Nearly every series holds floats alone, of which no start is known.
    if (one.histograms.size === 0 && one.starts.size === 0) return samples
    return { ...samples, ...extrasAt(one, samples.timestamps, (at) => one.histograms.get(at)) }
  }

  /** Commits no longer ascend, and a histogram's hint depends on its neighbours. */
  #withLate(one: MemorySeries): Samples {
    const visible = Array.from({ length: one.count }, (_, place) => place).filter(
      (place) => one.commits[place]! <= this.#commit,
    )
    const places = visible.filter(
      (place) => one.timestamps[place]! >= this.#start && one.timestamps[place]! <= this.#end,
    )
    const isLate = (place: number) => one.late.has(one.timestamps[place]!)
    const values = new Float64Array(places.length)
    // Through a view: a stale marker is bits.
    for (const [i, place] of places.entries()) values.set(one.values.subarray(place, place + 1), i)
    const timestamps = Float64Array.from(places, (place) => one.timestamps[place]!)
    const histogramOf = (at: number, i: number): NativeHistogram | undefined => {
      const histogram = one.histograms.get(at)
      const place = places[i]!
      if (histogram === undefined) return undefined
      const isSwitch = i > 0 && isLate(places[i - 1]!) !== isLate(place)
      if (isSwitch && histogram.resetHint !== 'gauge') return { ...histogram, resetHint: 'unknown' }
      if (!isLate(place)) return histogram
      const before = visible.findLast((other) => other < place && isLate(other))
      return settled(before === undefined ? undefined : histogramAt(one, before), histogram)
    }
    return { timestamps, values, count: places.length, ...extrasAt(one, timestamps, histogramOf) }
  }
}

function extrasAt(
  one: MemorySeries,
  timestamps: Float64Array,
  histogramOf: (at: number, i: number) => NativeHistogram | undefined,
): Pick<Samples, 'histograms' | 'starts'> {
  const histograms = Array.from(timestamps, histogramOf)
  const starts = timestamps.map((at) => one.starts.get(at) ?? 0)
  return {
    ...(histograms.some((histogram) => histogram !== undefined) ? { histograms } : {}),
    ...(starts.some((start) => start !== 0) ? { starts } : {}),
  }
}

function sortedUnique(texts: readonly string[]): readonly string[] {
  return [...new Set(texts)].sort(byBytes)
}
