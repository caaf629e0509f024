/**
 * What the metrics of the drop-in have in common: prom-client's configuration, its refusals, its registries; series in the agent's store.
 *
 * - A series' values are a slot of shared memory, resolved once; an entry without a slot has recorded nothing yet, or was removed.
 * - A metric that has left all its registries begins anew: its place on the agent's page may be another's by then.
 */
import { maxSeries } from './home.ts'
import { type Entry, KnownSeries } from './known-series.ts'
import { type Registry, register } from './registry.ts'
import { isObject, type Labels, labelsOf, validateLabelNames, validateMetricName } from './validate.ts'

export type LabelValues<T extends string> = Partial<Record<T, string | number>>
export type Aggregator = 'omit' | 'sum' | 'first' | 'min' | 'max' | 'average'
export type CollectFunction<T> = (this: T) => void | Promise<void>

export type MetricConfiguration<T extends string> = {
  readonly name: string
  readonly help: string
  readonly labelNames?: readonly T[]
  readonly registers?: readonly Registry[]
  readonly aggregator?: Aggregator
  readonly enableExemplars?: boolean
}

export type MetricValue<T extends string = string> = {
  readonly value: number
  readonly labels: LabelValues<T>
  readonly metricName?: string
  readonly exemplar?: unknown
}

/** As `get()` tells a metric. */
export type MetricObject<T extends string = string> = {
  readonly name: string
  readonly help: string
  readonly type: 'counter' | 'gauge' | 'histogram' | 'summary'
  readonly aggregator: Aggregator
  readonly values: MetricValue<T>[]
}

/** A series' values of the labels, in their order. */
export type Texts = readonly string[] | 'overflow'

const OVERFLOW = [['otel_metric_overflow'], ['true']] as const

export abstract class Metric<T extends string = string, Cell = unknown> {
  readonly name: string
  readonly help: string
  readonly labelNames: readonly T[]
  readonly registers: readonly Registry[]
  readonly aggregator: Aggregator
  readonly enableExemplars: boolean
  readonly collect: (() => void | Promise<void>) | undefined
  abstract readonly type: MetricObject['type']
  readonly #memberships = new Set<Registry>()
  protected readonly known: KnownSeries<Cell>
  /** Of a metric without labels. */
  protected readonly only: Entry<Cell> | undefined

  constructor(config: MetricConfiguration<T> & { readonly collect?: unknown }) {
    if (!isObject(config)) throw new TypeError('constructor expected a config object')
    const { name, help, labelNames, registers, aggregator, enableExemplars, collect } = config
    if (!help) throw new Error('Missing mandatory help parameter')
    if (!name) throw new Error('Missing mandatory name parameter')
    if (!validateMetricName(name)) throw new Error('Invalid metric name')
    if (!validateLabelNames(labelNames)) throw new Error('Invalid label name')
    if (collect && typeof collect !== 'function') throw new Error('Optional "collect" parameter must be a function')
    this.name = name
    this.help = String(help)
    this.labelNames = labelNames === undefined ? [] : [...labelNames]
    this.registers = registers ?? [register]
    this.aggregator = aggregator ?? 'sum'
    this.enableExemplars = enableExemplars === true
    this.collect = collect as (() => void | Promise<void>) | undefined
    this.known = new KnownSeries(this.labelNames, maxSeries(), () => this.refused())
    this.only = this.labelNames.length === 0 ? this.known.find({}) : undefined
  }

  /** What it shows is brought up to date by the application, when it is asked. */
  protected get needsLoop(): boolean {
    return this.collect !== undefined
  }

  /** Enters the registries; the last act of each kind's constructor, so that what was refused is registered nowhere. */
  protected enter(): void {
    for (const registry of this.registers) {
      if (this.enableExemplars && !registry.isOpenMetrics) {
        throw new TypeError('Exemplars are supported only on OpenMetrics registries')
      }
      registry.registerMetric(this)
    }
  }

  /** Told by a registry. */
  joined(registry: Registry): void {
    this.#memberships.add(registry)
  }

  /** Told by a registry. */
  left(registry: Registry): void {
    if (!this.#memberships.delete(registry) || this.#memberships.size > 0) return
    this.forgetAll()
    this.moveOut()
  }

  /** Of those kinds that have any. */
  showExemplars(): void {}

  abstract reset(): void
  abstract get(): Promise<MetricObject<T>>
  /** Appends its lines to a page, after the application's `collect`. `defaults` are the registry's labels. */
  abstract lines(out: string[], format: PageFormat): void

  /** Forgets one series. */
  remove(...given: unknown[]): void {
    const entry = this.known.peek(labelsOf(this.labelNames, given))
    if (entry === undefined) return
    const { cell } = entry
    this.known.remove(entry)
    if (cell !== undefined) this.dropCell(cell, entry.texts)
  }

  /** A place for the values of a series, at nothing. */
  protected abstract makeCell(texts: Texts): Cell
  protected abstract dropCell(cell: Cell, texts: Texts): void
  /** Gives its name on the agent's page back. */
  protected abstract moveOut(): void
  /** A series was counted into the overflow. */
  protected abstract refused(): void

  protected find(labels: Labels): Entry<Cell> {
    return this.known.find(labels)
  }

  protected cellOf(entry: Entry<Cell>): Cell {
    return entry.cell ?? this.#takeCell(entry)
  }

  /** Names and texts as a page shows them. */
  protected shownLabels(entry: Entry<Cell>): readonly [names: readonly string[], texts: readonly string[]] {
    return entry === this.known.overflow ? OVERFLOW : [this.labelNames, entry.texts]
  }

  protected forgetAll(): void {
    for (const entry of this.known.recorded()) this.dropCell(entry.cell, this.#textsOf(entry))
    this.known.clear()
  }

  #takeCell(given: Entry<Cell>): Cell {
    const entry = this.known.revive(given)
    entry.cell ??= this.makeCell(this.#textsOf(entry))
    return entry.cell
  }

  #textsOf(entry: Entry<Cell>): Texts {
    return entry === this.known.overflow ? 'overflow' : entry.texts
  }
}

/** How a registry wants its page. */
export type PageFormat = {
  readonly isOpenMetrics: boolean
  /** Labels that every series has unless it has its own. */
  readonly defaults: Readonly<Record<string, unknown>>
}
