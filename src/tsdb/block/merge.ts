/**
 * Puts several blocks' series together, ordered by labels: the source of a larger block. Blocks come in order of time.
 *
 * A series comes as a whole, but for one with histograms: that comes in parts as its blocks give it, one at once behind the other.
 */
import { compareLabels, grown } from '#storage'
import { unsettled } from '../columns/reset-hints.ts'
import type { SeriesColumns } from '../columns/series-columns.ts'

export type MergeSource = {
  readonly series: Iterator<SeriesColumns, void, undefined>
  /** It has late samples: the next source's hints were settled without them. */
  readonly isMixed?: boolean
}

export function* mergeSeries(sources: readonly MergeSource[]): Generator<SeriesColumns, void, undefined> {
  const heads = sources.map(({ series }) => next(series))
  const gathered = new Gathered()
  for (;;) {
    let least: SeriesColumns | undefined
    for (const one of heads) {
      if (one !== undefined && (least === undefined || compareLabels(one.labels, least.labels) < 0)) least = one
    }
    if (least === undefined) return
    const { labels } = least
    let last: MergeSource | undefined
    for (const [i, source] of sources.entries()) {
      for (let one = heads[i]; one !== undefined && compareLabels(one.labels, labels) === 0; one = heads[i]) {
        if (one.histograms === undefined) gathered.add(one)
        else {
          if (gathered.count > 0) yield { labels, ...gathered.take() }
          yield last !== undefined && last !== source && last.isMixed ? beginUnsettled(one) : one
        }
        last = source
        heads[i] = next(source.series)
      }
    }
    if (gathered.count > 0) yield { labels, ...gathered.take() }
  }
}

function beginUnsettled(series: SeriesColumns): SeriesColumns {
  const [first, ...others] = series.histograms ?? []
  return first === undefined ? series : { ...series, histograms: [unsettled(first), ...others] }
}

/** Columns of several parts one behind the other; used again for the next series. */
class Gathered {
  #timestamps: Float64Array = new Float64Array(1024)
  #values: Float64Array = new Float64Array(1024)
  #starts: Float64Array | undefined
  count = 0

  add({ timestamps, values, starts, count }: SeriesColumns): void {
    const needed = this.count + count
    if (needed > this.#timestamps.length) {
      this.#timestamps = grown(this.#timestamps, needed * 2)
      this.#values = grown(this.#values, needed * 2)
      if (this.#starts !== undefined) this.#starts = grown(this.#starts, needed * 2)
    }
    this.#timestamps.set(timestamps.subarray(0, count), this.count)
    this.#values.set(values.subarray(0, count), this.count)
    if (starts !== undefined) {
      this.#starts ??= new Float64Array(this.#timestamps.length)
      this.#starts.set(starts.subarray(0, count), this.count)
    }
    this.count = needed
  }

  take(): Omit<SeriesColumns, 'labels'> {
    const taken = { timestamps: this.#timestamps, values: this.#values, starts: this.#starts, count: this.count }
    this.#starts = undefined
    this.count = 0
    return taken
  }
}

function next(source: Iterator<SeriesColumns, void, undefined>): SeriesColumns | undefined {
  const step = source.next()
  return step.done === true ? undefined : step.value
}
