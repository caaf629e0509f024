/**
 * The seam between what writes samples and what keeps them. Two implementations run one conformance suite:
 * the simplest one (`memoryStore`) and `#tsdb`.
 *
 * - A sample is (series, instant, value or native histogram), with the start timestamp of its counter where the writer knew it.
 *   Per series, instants only grow, but for late samples within a window that a store may have; a stale marker ends it for readers. A series may change between floats and histograms.
 * - Readers get columns and never learn how they are kept.
 * - Everything here is synchronous: a durable store writes ahead with one system call per commit.
 */
import type { Brand, Labels, Matcher, NativeHistogram, UnixMs } from '#core'
import type { SeriesSet } from './series-set.ts'

/** A number for a known series, valid while the store is open. `undefined` stands for "look it up by labels". */
export type SeriesRef = Brand<number, 'SeriesRef'>

/**
 * Equal instants with an equal value (by its bits) are taken silently; everything else that a series cannot take is
 * rejected, and the rest of the batch goes on. With a window for late samples, one that comes late is taken when it is not older than the
 * newest sample of the store by more than the window, and `too-old` otherwise; of an instant the first sample stays. `no-instant`: not whole milliseconds, beyond `MAX_INSTANT`, or
 * further ahead of the clock than the store allows.
 */
export type Rejected = {
  readonly reason: 'out-of-order' | 'duplicate' | 'too-old' | 'series-limit' | 'no-instant'
  readonly count: number
  /** How many of them are native histograms; absent: none. */
  readonly histograms?: number
  /** The first such sample, for the message. */
  readonly labels: Labels
  readonly at: UnixMs
}

export type CommitReport = { readonly appended: number; readonly rejected: readonly Rejected[] }

/** A batch of writes: all visible (and, in a durable store, logged) after `commit`, none after disposal without it. Not reusable. */
export interface Appender extends Disposable {
  /**
   * `labels` must be those of `ref`: a reference may have been forgotten, and then they say which series it was. Returns
   * the reference for the next batch; 0 stands for a series that was refused. What cannot be taken is told by `commit`.
   * `startAt`: when the counter behind the sample began, Unix milliseconds; 0, the default, is "not known".
   * A NaN becomes the one ordinary NaN: a stale marker is made by `appendStale` alone.
   */
  append(ref: SeriesRef | undefined, labels: Labels, at: UnixMs, value: number, startAt?: number): SeriesRef
  /**
   * As `append`, for a native histogram that has no fault (`histogramFault`). Its reset hint is settled at commit against the sample
   * before it (`settleHint`).
   */
  appendHistogram(
    ref: SeriesRef | undefined,
    labels: Labels,
    at: UnixMs,
    histogram: NativeHistogram,
    startAt?: number,
  ): SeriesRef
  /** Ends the series for readers at `at`. A marker for a series that is not there is dropped. */
  appendStale(ref: SeriesRef | undefined, labels: Labels, at: UnixMs): void
  /**
   * As `append`, for a writer that keeps references and no labels: the fast path. `false` when the reference was forgotten: then nothing
   * was appended, and `append` with the labels gives a new one.
   */
  appendKnown(ref: SeriesRef, at: UnixMs, value: number, startAt?: number): boolean
  /** As `appendStale`, by the reference alone. `false` when it was forgotten: then the series is not there to be ended. */
  appendStaleKnown(ref: SeriesRef, at: UnixMs): boolean
  /** The labels of a series; `undefined` when the reference was forgotten. They may be made anew by each call. */
  labelsOf(ref: SeriesRef): Labels | undefined
  /** Throws `ASSAY_STORE_WRITE` when the disk refuses; then nothing of the batch is visible. */
  commit(): CommitReport
}

/** Ascending in time. Only the first `count` entries count; the arrays belong to the reader until its querier is disposed. */
export type Samples = {
  readonly timestamps: Float64Array
  readonly values: Float64Array
  readonly count: number
  /** There when one of the samples is a native histogram: at its place, and then `values` holds 0 there. */
  readonly histograms?: readonly (NativeHistogram | undefined)[]
  /** There when a start timestamp is known: Unix milliseconds, 0 where it is not. */
  readonly starts?: Float64Array
}

export type Series = {
  readonly labels: Labels
  /** The samples within the querier's bounds, stale markers included (see `isStaleAt`). */
  readonly samples: () => Samples
}

/** A consistent view of one span of time, inclusive at both ends. */
export interface Querier extends Disposable {
  /** Series that match all matchers and have a sample in the span, ordered by labels. At least one matcher. */
  select(matchers: readonly Matcher[]): readonly Series[]
  /** The same as a whole, for a store that has something better than `select`: ask by `selectSet`, which knows those that have not. */
  selectSet?(matchers: readonly Matcher[]): SeriesSet
  labelNames(matchers: readonly Matcher[]): readonly string[]
  labelValues(name: string, matchers: readonly Matcher[]): readonly string[]
  /** Label sets alone, ordered: what `/api/v1/series` lists. */
  series(matchers: readonly Matcher[]): readonly Labels[]
}

export type StoreStats = {
  readonly series: number
  readonly samples: number
  readonly sizeBytes: number
  readonly minTime: UnixMs | undefined
  readonly maxTime: UnixMs | undefined
}

export type AppenderOptions = {
  /** Late samples are refused as `out-of-order`, whatever the window: for results and markers that later ones may have overtaken. */
  readonly keepOrder?: boolean
}

export interface Store extends AsyncDisposable {
  appender(options?: AppenderOptions): Appender
  querier(start: UnixMs, end: UnixMs): Querier
  stats(): StoreStats
}
