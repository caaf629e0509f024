/**
 * prom-client's Summary: quantiles computed in the process, over all values or over a window of time.
 *
 * - Quantiles are a t-digest's here as there, with other centroids: exact while there are at most 512 values, then within 1 % of rank,
 *   finer at the ends.
 * - On the agent's page `_sum` and `_count` are of the moment, also while the event loop is blocked. Quantiles are brought up to date at each
 *   scrape, which only the thread that has the digests can do: without it they are missing from the page.
 * - Where several threads of the application have the same series, the greatest of their quantiles is told.
 * - A histogram is the better choice for what several processes measure: quantiles cannot be merged.
 */

import { SUMMARY, unsetAt } from '../store/index.ts'
import { agent, Home } from './home.ts'
import type { Entry } from './known-series.ts'
import {
  type CollectFunction,
  type LabelValues,
  Metric,
  type MetricConfiguration,
  type MetricObject,
  type MetricValue,
  type PageFormat,
  type Texts,
} from './metric.ts'
import { braced, defaultsBeside, joinLabels, numberText } from './page-text.ts'
import { type Digest, QuantileWindow } from './quantiles.ts'
import { type Labels, labelsOf, notANumber } from './validate.ts'

export type SummaryConfiguration<T extends string> = MetricConfiguration<T> & {
  /** Shares between 0 and 1. */
  readonly percentiles?: readonly number[]
  readonly maxAgeSeconds?: number
  readonly ageBuckets?: number
  /** Series whose window is empty are forgotten. */
  readonly pruneAgedBuckets?: boolean
  /** Taken and not needed: the digest keeps itself small. */
  readonly compressCount?: number
  readonly collect?: CollectFunction<Summary<T>>
}

export type SummaryInternal<T extends string> = {
  observe(value: number): void
  startTimer(): (labels?: LabelValues<T>) => number
}

type Cell = {
  readonly window: QuantileWindow
  readonly place: number
}

const DEFAULT_PERCENTILES = [0.01, 0.05, 0.5, 0.9, 0.95, 0.99, 0.999] as const

export class Summary<T extends string = string> extends Metric<T, Cell> {
  readonly type = 'summary'
  readonly percentiles: readonly number[]
  readonly #window: Pick<SummaryConfiguration<T>, 'maxAgeSeconds' | 'ageBuckets'>
  readonly #isPruning: boolean
  /** The shares as the page has them: ascending, each once. */
  readonly #shares: readonly number[]
  readonly #home: Home

  constructor(config: SummaryConfiguration<T>) {
    super(config)
    if (this.labelNames.includes('quantile' as T)) throw new Error('quantile is a reserved label keyword')
    this.percentiles = [...(config.percentiles ?? DEFAULT_PERCENTILES)]
    this.#window = config
    this.#isPruning = config.pruneAgedBuckets === true
    const { name, help, labelNames, needsLoop } = this
    this.#shares = Array.from(new Set(this.percentiles)).sort((a, b) => a - b)
    const tenant = { name, collect: () => this.#bringUpToDate() }
    this.#home = new Home(tenant, { name, help, kind: 'summary', labelNames, bounds: this.#shares, needsLoop })
    if (this.only !== undefined) this.cellOf(this.only)
    this.enter()
  }

  observe(value: number): void
  observe(labels: LabelValues<T>, value: number): void
  observe(first: unknown, second?: unknown): void {
    const labels = first === 0 ? 0 : first || {}
    const [given, value] = second === undefined ? [{}, labels] : [labels, second]
    const entry = this.find(given as Labels)
    if (!Number.isFinite(value)) throw notANumber(value)
    this.#observe(entry, value as number)
  }

  startTimer(labels?: LabelValues<T>): (labels?: LabelValues<T>) => number {
    const from = performance.now()
    return (more) => {
      const seconds = (performance.now() - from) / 1_000
      this.observe({ ...labels, ...more } as LabelValues<T>, seconds)
      return seconds
    }
  }

  labels(...values: (string | number)[]): SummaryInternal<T>
  labels(labels: LabelValues<T>): SummaryInternal<T>
  labels(...given: unknown[]): SummaryInternal<T> {
    const labels = labelsOf(this.labelNames, given)
    const entry = this.find(labels)
    entry.child ??= {
      observe: (value: number) => {
        if (!Number.isFinite(value)) throw notANumber(value)
        this.#observe(entry, value)
      },
      startTimer: () => this.startTimer(labels as LabelValues<T>),
    }
    return entry.child as SummaryInternal<T>
  }

  /** Every series begins anew and stays. */
  reset(): void {
    for (const { cell } of this.known.recorded()) {
      cell.window.clear()
      const { doubles } = this.#home.numbers
      doubles.fill(0, cell.place, cell.place + SUMMARY.quantiles)
    }
  }

  async get(): Promise<MetricObject<T>> {
    await this.collect?.()
    const { name, help, type, aggregator } = this
    const values: MetricValue<T>[] = []
    for (const { own, quantiles, sum, count } of this.#told()) {
      const labels = own as LabelValues<T>
      for (const [i, quantile] of this.percentiles.entries()) {
        values.push({ labels: { quantile, ...labels } as LabelValues<T>, value: quantiles[i]! })
      }
      values.push({ metricName: `${name}_sum`, labels, value: sum })
      values.push({ metricName: `${name}_count`, labels, value: count })
    }
    return { name, help, type, values, aggregator }
  }

  lines(out: string[], { defaults }: PageFormat): void {
    const { name } = this
    for (const { entry, quantiles, sum, count } of this.#told()) {
      const [names, texts] = this.shownLabels(entry)
      const labels = [joinLabels(names, texts), defaultsBeside(defaults, names, texts)] as const
      for (const [i, quantile] of this.percentiles.entries()) {
        out.push(`${name}${braced(`quantile="${quantile}"`, ...labels)} ${numberText(quantiles[i]!)}`)
      }
      out.push(`${name}_sum${braced(...labels)} ${numberText(sum)}`, `${name}_count${braced(...labels)} ${count}`)
    }
  }

  protected makeCell(texts: Texts): Cell {
    const { maxAgeSeconds, ageBuckets } = this.#window
    const place = this.#home.take(texts)
    // Absent until they are asked for; what is beyond the limit never has them: they would be of everything.
    if (place >= 0)
      for (let i = 0; i < this.#shares.length; i++) unsetAt(this.#home.numbers.words, quantileAt(place, i))
    return { window: new QuantileWindow(maxAgeSeconds, ageBuckets, Date.now()), place }
  }

  protected dropCell(cell: Cell, texts: Texts): void {
    this.#home.drop(cell.place, texts)
  }

  protected moveOut(): void {
    this.#home.moveOut()
  }

  protected refused(): void {
    this.#home.refused()
  }

  #observe(entry: Entry<Cell>, value: number): void {
    const { window, place } = this.cellOf(entry)
    window.push(value, Date.now())
    const { doubles } = this.#home.numbers
    doubles[place + SUMMARY.sum]! += value
    doubles[place + SUMMARY.count]! += 1
  }

  /** All series with their digests; those whose window is empty are forgotten, where that is asked for. */
  *#digests(): Generator<{ entry: Entry<Cell>; place: number; digest: Digest }> {
    const now = Date.now()
    for (const entry of Array.from(this.known.recorded())) {
      const { cell } = entry
      const digest = cell.window.at(now)
      if (this.#isPruning && digest.size === 0) {
        this.known.remove(entry)
        this.dropCell(cell, entry.texts)
        continue
      }
      yield { entry, place: cell.place, digest }
    }
  }

  *#told(): Generator<{ entry: Entry<Cell>; own: object; quantiles: readonly number[]; sum: number; count: number }> {
    for (const { entry, place, digest } of this.#digests()) {
      yield {
        entry,
        own: this.known.labelsOf(entry),
        quantiles: this.percentiles.map((quantile) => digest.quantile(quantile) ?? 0),
        sum: this.#home.valueAt(place + SUMMARY.sum),
        count: this.#home.valueAt(place + SUMMARY.count),
      }
    }
  }

  async #bringUpToDate(): Promise<void> {
    await this.collect?.()
    if (agent() === undefined) return
    for (const { entry, place, digest } of this.#digests()) {
      if (entry === this.known.overflow) continue
      const { doubles } = this.#home.numbers
      for (const [i, share] of this.#shares.entries()) doubles[quantileAt(place, i)] = digest.quantile(share) ?? 0
    }
  }
}

function quantileAt(place: number, index: number): number {
  return place + SUMMARY.quantiles + index
}
