/**
 * prom-client's Counter. Errors are its errors; what it would take and turn into nonsense (NaN, a text) is left out, so that a counter
 * stays a number.
 *
 * A kept child costs one addition: 7 ns here, 139 there, on a busy machine; with labels 210 and 450 (bench/agent/index.ts record).
 */
import { type Exemplar, makeExemplar } from './exemplar.ts'
import { Home } from './home.ts'
import type { Entry } from './known-series.ts'
import {
  type CollectFunction,
  type LabelValues,
  Metric,
  type MetricConfiguration,
  type MetricObject,
  type PageFormat,
  type Texts,
} from './metric.ts'
import { braced, defaultsBeside, exemplarText, joinLabels, numberText } from './page-text.ts'
import { isObject, type Labels, labelsOf, notANumber } from './validate.ts'

export type CounterConfiguration<T extends string> = MetricConfiguration<T> & {
  readonly collect?: CollectFunction<Counter<T>>
}

export type IncreaseDataWithExemplar<T extends string> = {
  readonly value?: number
  readonly labels?: LabelValues<T>
  readonly exemplarLabels?: LabelValues<string>
}

export type CounterInternal = { inc(value?: number): void }

export class Counter<T extends string = string> extends Metric<T, number> {
  readonly type = 'counter'
  readonly #home: Home
  /** By place, as registries of their own tell them. */
  readonly #exemplars: Map<number, Exemplar> | undefined
  /** Places whose exemplar is not on the agent's page yet. */
  readonly #fresh = new Set<number>()

  constructor(config: CounterConfiguration<T>) {
    super(config)
    const { name, help, labelNames, needsLoop, enableExemplars: exemplars } = this
    this.#home = new Home(this, { name, help, kind: 'counter', labelNames, needsLoop, exemplars })
    if (exemplars) this.#exemplars = new Map()
    if (this.only !== undefined) this.cellOf(this.only)
    this.enter()
  }

  /** Adds one, or `value`; to the series of `labels` when they are given. With exemplars it takes one object. */
  inc(value?: number): void
  inc(labels: LabelValues<T>, value?: number): void
  inc(data: IncreaseDataWithExemplar<T>): void
  inc(first?: unknown, value?: unknown): void {
    if (this.#exemplars !== undefined) {
      const { labels = {}, value: by = 1, exemplarLabels } = (first ?? {}) as IncreaseDataWithExemplar<T>
      const entry = this.find(labels as Labels)
      this.#add(entry, by)
      if (exemplarLabels !== undefined)
        this.#keepExemplar(this.cellOf(entry), makeExemplar(exemplarLabels, by === 0 ? 1 : by))
    } else if (isObject(first)) {
      this.#add(this.find(first as Labels), value)
    } else {
      this.#add(this.only ?? this.find({}), first)
    }
  }

  /** The series of these label values, to be kept: its `inc` is the fast way. */
  labels(...values: (string | number)[]): CounterInternal
  labels(labels: LabelValues<T>): CounterInternal
  labels(...given: unknown[]): CounterInternal {
    const entry = this.find(labelsOf(this.labelNames, given))
    entry.child ??= this.#child(entry)
    return entry.child as CounterInternal
  }

  override showExemplars(): void {
    for (const cell of this.#fresh) {
      const exemplar = this.#exemplars?.get(cell)
      if (exemplar !== undefined) this.#home.exemplify(cell, 0, exemplar)
    }
    this.#fresh.clear()
  }

  reset(): void {
    this.forgetAll()
    if (this.only !== undefined) this.cellOf(this.only)
  }

  async get(): Promise<MetricObject<T>> {
    await this.collect?.()
    const { name, help, type, aggregator } = this
    const values = Array.from(this.known.recorded(), (entry) => {
      const exemplar = this.#exemplars?.get(entry.cell)
      const labels = this.known.labelsOf(entry) as LabelValues<T>
      const value = this.#home.valueAt(entry.cell)
      return exemplar === undefined ? { value, labels } : { value, labels, exemplar }
    })
    return { name, help, type, values, aggregator }
  }

  lines(out: string[], { isOpenMetrics, defaults }: PageFormat): void {
    const name = isOpenMetrics ? `${this.name.replace(/_total$/, '')}_total` : this.name
    for (const entry of this.known.recorded()) {
      const [names, texts] = this.shownLabels(entry)
      const labels = braced(joinLabels(names, texts), defaultsBeside(defaults, names, texts))
      const example = isOpenMetrics ? exemplarText(this.#exemplars?.get(entry.cell)) : ''
      out.push(`${name}${labels} ${numberText(this.#home.valueAt(entry.cell))}${example}`)
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

  #keepExemplar(cell: number, exemplar: Exemplar): void {
    this.#exemplars?.set(cell, exemplar)
    this.#fresh.add(cell)
  }

  #child(entry: Entry<number>): CounterInternal {
    const home = this.#home
    return {
      inc: (value) => {
        const { cell } = entry
        if (cell !== undefined && value === undefined) home.numbers.doubles[cell]! += 1
        else if (cell !== undefined && typeof value === 'number' && value >= 0 && value < Infinity)
          home.numbers.doubles[cell]! += value
        else this.#add(entry, value)
      },
    }
  }

  #add(entry: Entry<number>, given: unknown): void {
    const by = given ?? 1
    if (by && !Number.isFinite(by)) throw notANumber(by)
    if ((by as number) < 0) throw new Error('It is not possible to decrease a counter')
    const cell = this.cellOf(entry)
    if (typeof by === 'number' && by > 0) this.#home.numbers.doubles[cell]! += by
  }
}
