/** prom-client's Gauge: what is now. NaN and the infinities are values here, as they are there. */
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
import { braced, defaultsBeside, joinLabels, numberText } from './page-text.ts'
import { isObject, type Labels, labelsOf, notANumber } from './validate.ts'

export type GaugeConfiguration<T extends string> = MetricConfiguration<T> & {
  readonly collect?: CollectFunction<Gauge<T>>
}

export type GaugeInternal<T extends string> = {
  inc(value?: number): void
  dec(value?: number): void
  set(value: number): void
  setToCurrentTime(): void
  startTimer(): (labels?: LabelValues<T>) => number
}

export class Gauge<T extends string = string> extends Metric<T, number> {
  readonly type = 'gauge'
  readonly #home: Home

  constructor(config: GaugeConfiguration<T>) {
    super(config)
    const { name, help, labelNames, needsLoop } = this
    this.#home = new Home(this, { name, help, kind: 'gauge', labelNames, needsLoop })
    if (this.only !== undefined) this.cellOf(this.only)
    this.enter()
  }

  set(value: number): void
  set(labels: LabelValues<T>, value: number): void
  set(first: unknown, value?: unknown): void {
    if (isObject(first)) this.#set(this.#entry(first, value, 'Value'), value as number)
    else this.#set(this.#entry({}, first, 'Value'), first as number)
  }

  inc(value?: number): void
  inc(labels: LabelValues<T>, value?: number): void
  inc(first?: unknown, value?: unknown): void {
    const given = isObject(first) ? value : first
    const by = given === undefined ? 1 : given
    this.#add(this.#entry(isObject(first) ? first : {}, by, 'Delta'), by as number)
  }

  dec(value?: number): void
  dec(labels: LabelValues<T>, value?: number): void
  dec(first?: unknown, value?: unknown): void {
    const given = isObject(first) ? value : first
    const by = given === undefined ? -1 : -(given as number)
    this.#add(this.#entry(isObject(first) ? first : {}, by, 'Delta'), by as number)
  }

  /** Unix seconds. */
  setToCurrentTime(labels?: LabelValues<T>): void {
    this.set(labels ?? ({} as LabelValues<T>), Date.now() / 1_000)
  }

  /** The answer, called later, sets the seconds in between and gives them. */
  startTimer(labels?: LabelValues<T>): (labels?: LabelValues<T>) => number {
    const from = performance.now()
    return (more) => {
      const seconds = (performance.now() - from) / 1_000
      this.set({ ...labels, ...more } as LabelValues<T>, seconds)
      return seconds
    }
  }

  labels(...values: (string | number)[]): GaugeInternal<T>
  labels(labels: LabelValues<T>): GaugeInternal<T>
  labels(...given: unknown[]): GaugeInternal<T> {
    const labels = labelsOf(this.labelNames, given)
    const entry = this.find(labels)
    entry.child ??= this.#child(entry, labels as LabelValues<T>)
    return entry.child as GaugeInternal<T>
  }

  reset(): void {
    this.forgetAll()
    if (this.only !== undefined) this.cellOf(this.only)
  }

  async get(): Promise<MetricObject<T>> {
    await this.collect?.()
    const { name, help, type, aggregator } = this
    const values = Array.from(this.known.recorded(), (entry) => ({
      value: this.#home.valueAt(entry.cell),
      labels: this.known.labelsOf(entry) as LabelValues<T>,
    }))
    return { name, help, type, values, aggregator }
  }

  lines(out: string[], { defaults }: PageFormat): void {
    for (const entry of this.known.recorded()) {
      const [names, texts] = this.shownLabels(entry)
      const labels = braced(joinLabels(names, texts), defaultsBeside(defaults, names, texts))
      out.push(`${this.name}${labels} ${numberText(this.#home.valueAt(entry.cell))}`)
    }
  }

  protected makeCell(texts: Texts): number {
    return this.#home.take(texts)
  }

  protected dropCell(cell: number, texts: Texts): void {
    this.#home.drop(cell, texts)
  }

  protected moveOut(): void {
    this.#home.moveOut()
  }

  protected refused(): void {
    this.#home.refused()
  }

  #child(entry: Entry<number>, labels: LabelValues<T>): GaugeInternal<T> {
    return {
      inc: (value = 1) => this.#add(entry, checked(value, 'Delta')),
      dec: (value = 1) => this.#add(entry, -checked(value, 'Delta')),
      set: (value) => this.#set(entry, checked(value, 'Value')),
      setToCurrentTime: () => this.#set(entry, Date.now() / 1_000),
      startTimer: () => this.startTimer(labels),
    }
  }

  #entry(labels: object, value: unknown, what: 'Value' | 'Delta'): Entry<number> {
    checked(value, what)
    return this.find(labels as Labels)
  }

  #set(entry: Entry<number>, value: number): void {
    const cell = this.cellOf(entry)
    this.#home.numbers.doubles[cell] = value
  }

  #add(entry: Entry<number>, by: number): void {
    const cell = this.cellOf(entry)
    this.#home.numbers.doubles[cell]! += by
  }
}

function checked(value: unknown, what: 'Value' | 'Delta'): number {
  if (typeof value !== 'number') throw notANumber(value, what)
  return value
}
