/**
 * prom-client's Summary: quantiles computed in the process, over all values or over a window of time.
 *
 * - Quantiles are a t-digest's here as there, with other centroids: exact while there are at most 512 values, then within 1 % of rank,
 *   finer at the ends.
 * - On the agent's page the quantiles are a gauge with the label `quantile`, beside the counters `_sum` and `_count`: quantiles are
 *   brought up to date at each scrape, the counters at once. `register.metrics()` tells one summary.
 * - A histogram is the better choice for what several processes measure: quantiles cannot be merged.
 */
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
import { QuantileWindow } from './quantiles.ts'
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
  /** Places. */
  readonly sum: number
  readonly count: number
  readonly quantiles: readonly number[]
}

const DEFAULT_PERCENTILES = [0.01, 0.05, 0.5, 0.9, 0.95, 0.99, 0.999] as const

export class Summary<T extends string = string> extends Metric<T, Cell> {
  readonly type = 'summary'
  readonly percentiles: readonly number[]
  readonly #window: Pick<SummaryConfiguration<T>, 'maxAgeSeconds' | 'ageBuckets'>
  readonly #isPruning: boolean
  readonly #quantiles: Home
  readonly #sum: Home
  readonly #count: Home

  constructor(config: SummaryConfiguration<T>) {
    super(config)
    if (this.labelNames.includes('quantile' as T)) throw new Error('quantile is a reserved label keyword')
    this.percentiles = [...(config.percentiles ?? DEFAULT_PERCENTILES)]
    this.#window = config
    this.#isPruning = config.pruneAgedBuckets === true
    const { name, help, labelNames } = this
    const tenant = { name, collect: () => this.#bringUpToDate() }
    const part = (suffix: string): Home =>
      new Home({ name: `${name}${suffix}` }, { name: `${name}${suffix}`, help, kind: 'counter', labelNames })
    const quantiled = ['quantile', ...labelNames]
    const perEntry = this.percentiles.length
    this.#quantiles = new Home(tenant, { name, help, kind: 'gauge', labelNames: quantiled, perEntry })
    this.#sum = part('_sum')
    this.#count = part('_count')
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
      this.#sum.numbers.doubles[cell.sum] = 0
      this.#count.numbers.doubles[cell.count] = 0
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
    return {
      window: new QuantileWindow(maxAgeSeconds, ageBuckets, Date.now()),
      sum: this.#sum.take(texts),
      count: this.#count.take(texts),
      // What is beyond the limit has no quantiles there: they would be of everything.
      quantiles: texts === 'overflow' ? [] : this.#quantileTexts(texts).map((one) => this.#quantiles.take(one)),
    }
  }

  protected dropCell(cell: Cell, texts: Texts): void {
    this.#sum.drop(cell.sum, texts)
    this.#count.drop(cell.count, texts)
    if (texts === 'overflow') return
    for (const [i, one] of this.#quantileTexts(texts).entries()) this.#quantiles.drop(cell.quantiles[i]!, one)
  }

  protected moveOut(): void {
    for (const home of [this.#quantiles, this.#sum, this.#count]) home.moveOut()
  }

  protected refused(): void {
    this.#count.refused()
  }

  #observe(entry: Entry<Cell>, value: number): void {
    const { window, sum, count } = this.cellOf(entry)
    window.push(value, Date.now())
    this.#sum.numbers.doubles[sum]! += value
    this.#count.numbers.doubles[count]! += 1
  }

  #quantileTexts(texts: readonly string[]): (readonly string[])[] {
    return this.percentiles.map((quantile) => [String(quantile), ...texts])
  }

  *#told(): Generator<{ entry: Entry<Cell>; own: object; quantiles: readonly number[]; sum: number; count: number }> {
    const now = Date.now()
    for (const entry of Array.from(this.known.recorded())) {
      const { cell } = entry
      const digest = cell.window.at(now)
      if (this.#isPruning && digest.size === 0) {
        this.known.remove(entry)
        this.dropCell(cell, entry.texts)
        continue
      }
      yield {
        entry,
        own: this.known.labelsOf(entry),
        quantiles: this.percentiles.map((quantile) => digest.quantile(quantile) ?? 0),
        sum: this.#sum.valueAt(cell.sum),
        count: this.#count.valueAt(cell.count),
      }
    }
  }

  async #bringUpToDate(): Promise<void> {
    await this.collect?.()
    if (agent() === undefined) return
    for (const { entry, quantiles } of this.#told()) {
      const { doubles } = this.#quantiles.numbers
      for (const [i, place] of entry.cell?.quantiles.entries() ?? []) doubles[place] = quantiles[i]!
    }
  }
}
