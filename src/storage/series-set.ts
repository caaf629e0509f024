/**
 * A selection as a whole: how many series, and what is asked of each by its number. `Querier.select` gives an object, labels and
 * columns of its own for every series; a query over thousands of them that wants a few sums needs none of that.
 *
 * - Numbers ascend with the labels, as `select` orders them.
 * - One series is read at a time: its columns are used again for the next, also for the next of another set of the querier.
 * - Series of which nothing lies in the span may be among them; reading says so. `select` leaves them out.
 */
import { type Labels, type Matcher, METRIC_NAME } from '#core'
import type { Querier, Samples, Series } from './types.ts'

/** Of each series the number of its group, and of each group its labels. Groups are numbered from 0, in the order of their first series. */
export type SeriesGroups = { readonly of: Uint32Array; readonly labels: readonly Labels[] }

/** Which labels make a group: only those of `names`, or with `without` all but those and the metric name. */
export type Grouping = { readonly without: boolean; readonly names: readonly string[] }

export interface SeriesSet {
  readonly count: number
  /** Made anew by each call, perhaps. */
  labels(series: number): Labels
  /** The samples within the querier's bounds, stale markers included. All of it is valid until the next call; its columns may be written to. */
  read(series: number): Samples
  /** As `read`, of the samples not after `at`; all but the newest of them may be left out. Where it is missing, `read` does. */
  readNewest?(series: number, at: number): Samples
  groups(grouping: Grouping): SeriesGroups
}

/** The selection of a querier, by its own means where it has some. At least one matcher. */
export function selectSet(querier: Querier, matchers: readonly Matcher[]): SeriesSet {
  return querier.selectSet?.(matchers) ?? new ListedSeries(querier.select(matchers))
}

/** The labels of a group, as PromQL has it: `without` takes the name along. */
export function groupLabelsOf(labels: Labels, { without, names }: Grouping): Labels {
  return without ? labels.without(METRIC_NAME, ...names) : labels.keep(names)
}

/** The simplest one, over what `select` gave: also the slow twin of every other. */
export class ListedSeries implements SeriesSet {
  readonly #series: readonly Series[]

  constructor(series: readonly Series[]) {
    this.#series = series
  }

  get count(): number {
    return this.#series.length
  }

  labels(series: number): Labels {
    return this.#series[series]!.labels
  }

  read(series: number): Samples {
    const samples = this.#series[series]!.samples()
    // They are ours to write to, and a store may keep what it gave.
    return { ...samples, timestamps: samples.timestamps.slice(), values: samples.values.slice() }
  }

  groups(grouping: Grouping): SeriesGroups {
    const numbers = new Map<string, number>()
    const labels: Labels[] = []
    const of = new Uint32Array(this.count)
    for (let i = 0; i < of.length; i++) {
      const group = groupLabelsOf(this.labels(i), grouping)
      let number = numbers.get(group.key)
      if (number === undefined) {
        number = labels.push(group) - 1
        numbers.set(group.key, number)
      }
      of[i] = number
    }
    return { of, labels }
  }
}
