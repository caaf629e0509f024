/**
 * The head of a stopped Prometheus, from its log: `wal/` and, for samples that came late, `wbl/`. The chunks it keeps beside (`chunks_head`)
 * hold nothing that the log does not.
 *
 * - The log is in order of arrival and is wanted in order of labels, and may be larger than memory: it is read once for what series there
 *   are, and then once for each stretch of series whose samples fit `MAX_SAMPLES`.
 * - Samples in order that lie before the end of the last block are in blocks, or were deleted there: they are left out, as Prometheus does.
 */
import { AssayError, histogramFault, type Labels, type NativeHistogram, writeStale } from '#core'
import { compareLabels, grown } from '#storage'
import { DamagedError } from '../codec/bytes.ts'
import type { Columns } from '../columns/weave.ts'
import type { Interval } from '../deletion/tombstones.ts'
import { decodeRecord, type RecordUse } from './decode-record.ts'
import { logFiles, recordsOf } from './log-records.ts'
import { leaveOut, type Skipped, type Source, type SourceSeries } from './source.ts'

/** Held at once: 16 bytes each, and what histograms take, counted by `HISTOGRAM_SAMPLES`. */
const MAX_SAMPLES = 16_000_000
const HISTOGRAM_SAMPLES = 50

type LoggedSeries = { readonly labels: Labels; readonly refs: number[]; samples: number }
type File = { readonly path: string; readonly isLate: boolean }

export class LogSource implements Source {
  readonly name = 'the log'
  readonly minTime: number
  readonly maxTime: number
  readonly #files: readonly File[]
  readonly #series: readonly LoggedSeries[]
  readonly #deleted: ReadonlyMap<number, readonly Interval[]>
  readonly #from: number
  readonly #skipped: Skipped

  /** `from`: the end of the last block, or -Infinity. */
  constructor(dirs: { readonly wal: string; readonly wbl: string }, from: number, skipped: Skipped) {
    this.#skipped = skipped
    this.#from = from
    this.#files = [
      ...logFiles(dirs.wal).map((path) => ({ path, isLate: false })),
      ...logFiles(dirs.wbl).map((path) => ({ path, isLate: true })),
    ]
    const byRef = new Map<number, LoggedSeries>()
    const byKey = new Map<string, LoggedSeries>()
    const deleted = new Map<number, Interval[]>()
    let minTime = Infinity
    let maxTime = -Infinity
    const count = (ref: number, at: number, weight: number) => {
      const one = byRef.get(ref)
      if (one === undefined) {
        skipped.add('samples of series that the log does not name', `series ${ref}`)
        return
      }
      one.samples += weight
      if (at < minTime) minTime = at
      if (at > maxTime) maxTime = at
    }
    this.#read({
      series: (ref, labels) => {
        const known = byKey.get(labels.key)
        if (known === undefined) {
          const one = { labels, refs: [ref], samples: 0 }
          byKey.set(labels.key, one)
          byRef.set(ref, one)
        } else if (!byRef.has(ref)) {
          known.refs.push(ref)
          byRef.set(ref, known)
        }
      },
      sample: (ref, at) => count(ref, at, 1),
      histogram: (ref, at) => count(ref, at, HISTOGRAM_SAMPLES),
      deleted: (ref, start, to) => {
        const known = deleted.get(ref)
        if (known === undefined) deleted.set(ref, [{ from: start, to }])
        else known.push({ from: start, to })
      },
      passedOver: (what) => skipped.add(what, 'in the log'),
    })
    this.minTime = minTime
    this.maxTime = maxTime
    this.#deleted = deleted
    this.#series = [...byKey.values()].sort((a, b) => compareLabels(a.labels, b.labels))
  }

  *series(low: number, high: number): Generator<SourceSeries, void, undefined> {
    for (let from = 0; from < this.#series.length; ) {
      let to = from
      for (let samples = 0; to < this.#series.length; to++) {
        samples += this.#series[to]!.samples
        if (samples > MAX_SAMPLES && to > from) break
      }
      yield* this.#stretch(this.#series.slice(from, to), low, high)
      from = to
    }
  }

  [Symbol.dispose](): void {}

  *#stretch(series: readonly LoggedSeries[], low: number, high: number): Generator<SourceSeries, void, undefined> {
    const byRef = new Map<number, Gathered>()
    for (const { refs, samples } of series) {
      if (samples > 0) for (const ref of refs) byRef.set(ref, new Gathered())
    }
    const into = (ref: number, at: number) => (at < low || at > high ? undefined : byRef.get(ref))
    this.#read({
      series: () => undefined,
      sample: (ref, at, values, startAt) => into(ref, at)?.add(at, values, startAt, undefined),
      histogram: (ref, at, histogram) => {
        const fault = histogram === undefined ? undefined : histogramFault(histogram)
        if (fault === undefined) into(ref, at)?.add(at, histogram === undefined ? STALE : ZERO, 0, histogram)
        else this.#skipped.add('damaged histogram', `in the log: ${fault}`)
      },
      deleted: () => undefined,
      passedOver: () => undefined,
    })
    for (const { labels, refs } of series) {
      const columns: Columns[] = []
      for (const ref of refs) {
        const gone = this.#deleted.get(ref) ?? []
        for (const run of byRef.get(ref)?.runs() ?? []) {
          const left = leaveOut(run, (at) => gone.some(({ from, to }) => at >= from && at <= to))
          if (left !== undefined) columns.push(left)
        }
        byRef.delete(ref)
      }
      if (columns.length > 0) yield { labels, columns }
    }
  }

  /** The whole log. Samples in order that blocks have are left out. */
  #read(use: RecordUse): void {
    const onDamage = (what: string) => this.#skipped.add('damaged bytes of the log', what)
    for (const { path, isLate } of this.#files) {
      const from = isLate ? -Infinity : this.#from
      const taken: RecordUse = {
        ...use,
        sample: (ref, at, values, startAt) => {
          if (at >= from) use.sample(ref, at, values, startAt)
        },
        histogram: (ref, at, histogram) => {
          if (at >= from) use.histogram(ref, at, histogram)
        },
      }
      for (const record of recordsOf(path, onDamage)) {
        try {
          decodeRecord(record, taken)
        } catch (error) {
          if (!(error instanceof DamagedError) && !(error instanceof AssayError)) throw error
          onDamage(`${path}: a record makes no sense (${error.message})`)
        }
      }
    }
  }
}

const ZERO = Float64Array.of(0)
const STALE = Float64Array.of(0)
writeStale(STALE, 0)

/** One series' samples as they come: mostly ascending. */
class Gathered {
  #timestamps: Float64Array = new Float64Array(16)
  #values: Float64Array = new Float64Array(16)
  #starts: Float64Array | undefined
  #histograms: (NativeHistogram | undefined)[] | undefined
  #count = 0

  add(at: number, value: Float64Array, startAt: number, histogram: NativeHistogram | undefined): void {
    const place = this.#count++
    if (place === this.#timestamps.length) {
      this.#timestamps = grown(this.#timestamps, place * 2)
      this.#values = grown(this.#values, place * 2)
      if (this.#starts !== undefined) this.#starts = grown(this.#starts, place * 2)
    }
    this.#timestamps[place] = at
    this.#values.set(value, place)
    if (startAt !== 0) (this.#starts ??= new Float64Array(this.#timestamps.length))[place] = startAt
    if (histogram !== undefined) (this.#histograms ??= [])[place] = histogram
  }

  /** Ascending stretches. */
  runs(): readonly Columns[] {
    const found: Columns[] = []
    for (let from = 0; from < this.#count; ) {
      let to = from + 1
      while (to < this.#count && this.#timestamps[to]! > this.#timestamps[to - 1]!) to++
      const histograms = this.#histograms
      found.push({
        timestamps: this.#timestamps.subarray(from, to),
        values: this.#values.subarray(from, to),
        count: to - from,
        ...(this.#starts === undefined ? {} : { starts: this.#starts.subarray(from, to) }),
        ...(histograms === undefined
          ? {}
          : { histograms: Array.from({ length: to - from }, (_, i) => histograms[from + i]) }),
      })
      from = to
    }
    return found
  }
}
