/**
 * prom-client's Histogram over the store's: buckets are counted in shared memory and cumulated when they are told.
 *
 * - Bounds are put in order, each once, infinite ones left out: `+Inf` is always there.
 * - A value goes to the first bound that it does not exceed, as there.
 */
import { bucketOf, observe } from '../store/index.ts'
import { type BucketCounts, bucketsAt } from './bucket-counts.ts'
import { type Exemplar, makeExemplar } from './exemplar.ts'
import { Home } from './home.ts'
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
import { braced, defaultsBeside, exemplarText, joinLabels, numberText } from './page-text.ts'
import { isObject, type Labels, labelsOf, notANumber } from './validate.ts'

export type HistogramConfiguration<T extends string> = MetricConfiguration<T> & {
  /** Upper bounds in the metric's own unit. */
  readonly buckets?: readonly number[]
  readonly collect?: CollectFunction<Histogram<T>>
}

export type ObserveDataWithExemplar<T extends string> = {
  readonly value: number
  readonly labels?: LabelValues<T>
  readonly exemplarLabels?: LabelValues<string>
}

export type HistogramTimer<T extends string> = (labels?: LabelValues<T>, exemplarLabels?: LabelValues<string>) => number

export type HistogramInternal<T extends string> = {
  observe(value: number): void
  startTimer(): HistogramTimer<T>
}

export const DEFAULT_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] as const

export class Histogram<T extends string = string> extends Metric<T, number> {
  readonly type = 'histogram'
  readonly #home: Home
  readonly buckets: readonly number[]
  /** By place and bucket, the one above the last bound too, as registries of their own tell them. */
  readonly #exemplars: Map<number, (Exemplar | undefined)[]> | undefined
  /** Places with exemplars that are not on the agent's page yet. */
  readonly #fresh = new Set<number>()

  constructor(config: HistogramConfiguration<T>) {
    super(config)
    if (this.labelNames.includes('le' as T)) throw new Error('le is a reserved label keyword')
    const given = (config.buckets ?? DEFAULT_BUCKETS).map(Number).filter(Number.isFinite)
    this.buckets = Object.freeze(Array.from(new Set(given)).sort((a, b) => a - b))
    const { name, help, labelNames, buckets: bounds, needsLoop, enableExemplars: exemplars } = this
    this.#home = new Home(this, { name, help, kind: 'histogram', labelNames, bounds, needsLoop, exemplars })
    if (exemplars) this.#exemplars = new Map()
    if (this.only !== undefined) this.cellOf(this.only)
    this.enter()
  }

  observe(value: number): void
  observe(labels: LabelValues<T>, value: number): void
  observe(data: ObserveDataWithExemplar<T>): void
  observe(first: unknown, value?: unknown): void {
    if (this.#exemplars !== undefined) {
      const { labels = {}, value: seen, exemplarLabels = {} } = (first ?? {}) as ObserveDataWithExemplar<T>
      const entry = this.#observeWith(labels, seen)
      this.#keepExemplar(entry, seen, exemplarLabels)
    } else {
      this.#observeWith(first === 0 ? 0 : first || {}, value)
    }
  }

  /** The answer, called later, observes the seconds in between and gives them. */
  startTimer(labels?: LabelValues<T>, exemplarLabels?: LabelValues<string>): HistogramTimer<T> {
    const from = performance.now()
    return (more, moreExemplarLabels) => {
      const seconds = (performance.now() - from) / 1_000
      const entry = this.#observeWith({ ...labels, ...more }, seconds)
      this.#keepExemplar(entry, seconds, { ...exemplarLabels, ...moreExemplarLabels })
      return seconds
    }
  }

  labels(...values: (string | number)[]): HistogramInternal<T>
  labels(labels: LabelValues<T>): HistogramInternal<T>
  labels(...given: unknown[]): HistogramInternal<T> {
    const labels = labelsOf(this.labelNames, given)
    const entry = this.find(labels)
    entry.child ??= this.#child(entry, labels as LabelValues<T>)
    return entry.child as HistogramInternal<T>
  }

  /** Shows the series with nothing observed; one that is there begins anew. */
  zero(labels: LabelValues<T>): void {
    this.remove(labels)
    this.cellOf(this.find(labels as Labels))
  }

  override showExemplars(): void {
    for (const cell of this.#fresh) {
      this.#exemplars?.get(cell)?.forEach((exemplar, bucket) => {
        if (exemplar !== undefined) this.#home.exemplify(cell, bucket, exemplar)
      })
    }
    this.#fresh.clear()
  }

  reset(): void {
    this.forgetAll()
  }

  async get(): Promise<MetricObject<T>> {
    await this.collect?.()
    const { name, help, type, aggregator } = this
    const values: MetricValue<T>[] = []
    for (const entry of this.known.recorded()) {
      const own = this.known.labelsOf(entry)
      const exemplars = this.#exemplars?.get(entry.cell)
      const { sum, counts } = this.#buckets(entry.cell)
      const tell = (suffix: string, value: number, labels: object, exemplar?: Exemplar | null): void => {
        values.push({ metricName: `${name}_${suffix}`, value, labels: labels as LabelValues<T>, exemplar })
      }
      let count = 0
      for (const [i, bound] of [...this.buckets, '+Inf'].entries()) {
        count += counts[i]!
        tell('bucket', count, { le: bound, ...own }, exemplars?.[i] ?? null)
      }
      tell('sum', sum, own)
      tell('count', count, own)
    }
    return { name, help, type, values, aggregator }
  }

  lines(out: string[], { isOpenMetrics, defaults }: PageFormat): void {
    const { name, buckets } = this
    for (const entry of this.known.recorded()) {
      const [names, texts] = this.shownLabels(entry)
      const own = joinLabels(names, texts)
      const labels = [defaultsBeside(defaults, names, texts), own] as const
      const behind = braced(...labels).slice(1) || '}'
      const exemplars = isOpenMetrics ? this.#exemplars?.get(entry.cell) : undefined
      const { sum, counts } = this.#buckets(entry.cell)
      let count = 0
      for (let i = 0; i <= buckets.length; i++) {
        count += counts[i]!
        const le = `le="${i < buckets.length ? buckets[i]! : '+Inf'}"`
        out.push(
          `${name}_bucket{${le}${behind === '}' ? behind : `,${behind}`} ${count}${exemplarText(exemplars?.[i])}`,
        )
      }
      out.push(`${name}_sum${braced(...labels)} ${numberText(sum)}`, `${name}_count${braced(...labels)} ${count}`)
    }
  }

  protected makeCell(texts: Texts): number {
    return this.#home.take(texts)
  }

  protected dropCell(cell: number, texts: Texts): void {
    this.#exemplars?.delete(cell)
    this.#fresh.delete(cell)
    this.#home.drop(cell, texts)
  }

  protected moveOut(): void {
    this.#home.moveOut()
  }

  protected refused(): void {
    this.#home.refused()
  }

  #child(entry: Entry<number>, labels: LabelValues<T>): HistogramInternal<T> {
    return {
      observe: (value) => {
        if (!Number.isFinite(value)) throw notANumber(value)
        this.#observe(entry, value)
      },
      startTimer: () => this.startTimer(labels),
    }
  }

  #observe(entry: Entry<number>, value: number): void {
    const cell = this.cellOf(entry)
    observe(this.#home.slotAt(cell), value)
  }

  #buckets(cell: number): BucketCounts {
    const { at, values, words, scale } = this.#home.slotAt(cell)
    return bucketsAt(at, scale, values, words)
  }

  #observeWith(labels: unknown, value: unknown): Entry<number> {
    const seen = isObject(labels) ? value : labels
    const entry = this.find((isObject(labels) ? labels : {}) as Labels)
    if (!Number.isFinite(seen)) throw notANumber(seen)
    this.#observe(entry, seen as number)
    return entry
  }

  #keepExemplar(entry: Entry<number>, value: number, labels: LabelValues<string>): void {
    if (this.#exemplars === undefined || Object.keys(labels).length === 0) return
    const exemplar = makeExemplar(labels, value)
    const cell = this.cellOf(entry)
    const kept = this.#exemplars.get(cell)
    const at = bucketOf(this.#home.scale, value)
    if (kept === undefined) this.#exemplars.set(cell, Object.assign([], { [at]: exemplar }))
    else kept[at] = exemplar
    this.#fresh.add(cell)
  }
}
