/**
 * Metrics that only the application knows: `counter`, `gauge`, `histogram`.
 *
 * - Declared once, at the top of a module; the same declaration twice is the same metric.
 * - A wrong declaration throws where it is written: it is the author's typo, found at the first start. Recording never throws.
 * - A value that is not finite, or a counter that would fall, is left out and counted in `assay_agent_rejected_values_total`.
 * - `with(labels)` resolves a series once: recording to it is an addition at a known place (2 to 4 ns; with three labels at each
 *   call 64 to 73; `bench/agent/index.ts record`).
 */
import { COLLECT_MS, inTime } from '../in-time.ts'
import { add, addToGauge, exemplify, type Family, observe, type Slot, type Store, set } from '../store/index.ts'
import { LabelSet, type LabelSpec, type LabelsOf } from './label-set.ts'

export type OwnMetricOptions<Labels extends LabelSpec = readonly never[]> = {
  readonly help: string
  /** The names of its labels, or each with its values. A label has few values: never an id, a URL or a message. */
  readonly labels?: Labels
  /** The most series; what comes later is added to the overflow series. Left out: ASSAY_AGENT_MAX_SERIES. */
  readonly maxSeries?: number
}

export type GaugeOptions<Labels extends LabelSpec = readonly never[]> = OwnMetricOptions<Labels> & {
  /**
   * Called at each scrape, to set what is now: `collect: (gauge) => gauge.set(queue.length)`. A series that it does not set has no value; while it
   * fails, or takes longer than a quarter of a second, none has: nothing rather than an old figure.
   */
  readonly collect?: (gauge: Gauge<Labels>) => void | Promise<void>
}

export type HistogramOptions<Labels extends LabelSpec = readonly never[]> = OwnMetricOptions<Labels> & {
  /** Upper bounds, ascending, in the metric's own unit. */
  readonly bounds?: readonly number[]
  /** Keeps a native histogram beside the buckets, for values that are never negative. */
  readonly native?: boolean
}

/** One series of a counter. */
export type CounterSeries = {
  /** Adds `by`, 1 when not said. */
  inc(by?: number): void
}

export type Counter<Labels extends LabelSpec = readonly never[]> = {
  inc(labels?: LabelsOf<Labels>, by?: number): void
  with(labels: LabelsOf<Labels>): CounterSeries
  /** Forgets a series. What is still recorded to it goes nowhere. */
  remove(labels: LabelsOf<Labels>): void
}

/** One series of a gauge. */
export type GaugeSeries = {
  set(value: number): void
  /** Adds `by`, which may be negative; 1 when not said. */
  add(by?: number): void
}

export type Gauge<Labels extends LabelSpec = readonly never[]> = {
  set(value: number, labels?: LabelsOf<Labels>): void
  add(by?: number, labels?: LabelsOf<Labels>): void
  with(labels: LabelsOf<Labels>): GaugeSeries
  remove(labels: LabelsOf<Labels>): void
}

/** The trace in which a value was observed: 32 and 16 hexadecimal digits. */
export type Trace = { readonly traceId: string; readonly spanId: string }

/** One series of a histogram. */
export type HistogramSeries = {
  /** In base units: seconds, bytes. */
  observe(value: number, trace?: Trace): void
  /** Starts a stopwatch; calling what it returns observes the seconds since, and returns them. */
  start(): () => number
}

export type Histogram<Labels extends LabelSpec = readonly never[]> = {
  observe(value: number, labels?: LabelsOf<Labels>, trace?: Trace): void
  /** Labels may be said at the start or at the end. */
  start(labels?: LabelsOf<Labels>): (labels?: LabelsOf<Labels>) => number
  with(labels: LabelsOf<Labels>): HistogramSeries
  remove(labels: LabelsOf<Labels>): void
}

export const DEFAULT_BOUNDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] as const
const MAX_BOUNDS = 64

/** Values that could not be recorded. */
class Rejected {
  readonly #slot: Slot

  constructor(store: Store) {
    const help = 'Values the application gave that could not be recorded.'
    this.#slot = store.family({ name: 'assay_agent_rejected_values_total', help, kind: 'counter' }).series()
  }

  note(): void {
    add(this.#slot, 1)
  }
}

/** Has the place itself: to reach it through the slot took a third of the time of an increment. */
class OneCounter implements CounterSeries {
  values: Float64Array
  at: number
  readonly #rejected: Rejected

  constructor(slot: Slot, rejected: Rejected) {
    this.values = slot.values
    this.at = slot.at
    this.#rejected = rejected
    slot.twin = this
  }

  inc(by = 1): void {
    // NaN, negative and infinite values fail.
    if (by >= 0 && by < Number.POSITIVE_INFINITY) this.values[this.at]! += by
    else this.#rejected.note()
  }
}

class OneGauge implements GaugeSeries {
  readonly #slot: Slot
  readonly #rejected: Rejected

  constructor(slot: Slot, rejected: Rejected) {
    this.#slot = slot
    this.#rejected = rejected
  }

  set(value: number): void {
    if (Number.isFinite(value)) set(this.#slot, value)
    else this.#rejected.note()
  }

  add(by = 1): void {
    if (Number.isFinite(by)) addToGauge(this.#slot, by)
    else this.#rejected.note()
  }
}

class OneHistogram implements HistogramSeries {
  readonly #slot: Slot
  readonly #rejected: Rejected

  constructor(slot: Slot, rejected: Rejected) {
    this.#slot = slot
    this.#rejected = rejected
  }

  observe(value: number, trace?: Trace): void {
    if (!Number.isFinite(value)) {
      this.#rejected.note()
      return
    }
    observe(this.#slot, value)
    if (trace !== undefined) exemplify(this.#slot, value, trace, Date.now())
  }

  start(): () => number {
    const from = performance.now()
    return () => {
      const seconds = Math.max(0, performance.now() - from) / 1_000
      this.observe(seconds)
      return seconds
    }
  }
}

export class OwnMetrics {
  readonly #store: Store
  readonly #rejected: Rejected
  /** By name; of a gauge that is declared twice the last one. */
  readonly #collects = new Map<string, () => void | Promise<void>>()

  constructor(store: Store) {
    this.#store = store
    this.#rejected = new Rejected(store)
  }

  counter<const Labels extends LabelSpec = readonly never[]>(
    name: string,
    options: OwnMetricOptions<Labels>,
  ): Counter<Labels> {
    const { at, series, remove } = this.#declare('counter', name, options)
    const rejected = this.#rejected
    return {
      inc: (labels, by = 1) => {
        if (by >= 0 && by < Number.POSITIVE_INFINITY) add(at(labels), by)
        else rejected.note()
      },
      with: (labels) => {
        const slot = series(labels)
        return slot.twin instanceof OneCounter ? slot.twin : new OneCounter(slot, rejected)
      },
      remove,
    }
  }

  gauge<const Labels extends LabelSpec = readonly never[]>(name: string, options: GaugeOptions<Labels>): Gauge<Labels> {
    const { collect } = options
    const { at, series, remove, family } = this.#declare('gauge', name, options, undefined, collect !== undefined)
    const rejected = this.#rejected
    const gauge: Gauge<Labels> = {
      set: (value, labels) => {
        if (Number.isFinite(value)) set(at(labels), value)
        else rejected.note()
      },
      add: (by = 1, labels) => {
        if (Number.isFinite(by)) addToGauge(at(labels), by)
        else rejected.note()
      },
      with: (labels) => new OneGauge(series(labels), rejected),
      remove,
    }
    if (collect !== undefined) this.#collectAtScrape(family, () => collect(gauge))
    return gauge
  }

  histogram<const Labels extends LabelSpec = readonly never[]>(
    name: string,
    options: HistogramOptions<Labels>,
  ): Histogram<Labels> {
    const bounds = options.bounds ?? DEFAULT_BOUNDS
    if (
      bounds.length > MAX_BOUNDS ||
      !bounds.every((bound, i) => Number.isFinite(bound) && (i === 0 || bound > bounds[i - 1]!))
    ) {
      throw new TypeError(`ASSAY_AGENT_METRIC: ${name}: bounds must be finite, ascending and at most ${MAX_BOUNDS}`)
    }
    const { at, series, remove } = this.#declare('histogram', name, options, bounds)
    const rejected = this.#rejected
    const record = (value: number, labels?: LabelsOf<Labels>, trace?: Trace): void => {
      if (!Number.isFinite(value)) {
        rejected.note()
        return
      }
      const slot = at(labels)
      observe(slot, value)
      if (trace !== undefined) exemplify(slot, value, trace, Date.now())
    }
    return {
      observe: record,
      start: (labels) => {
        const from = performance.now()
        return (more) => {
          const seconds = Math.max(0, performance.now() - from) / 1_000
          record(seconds, more === undefined ? labels : { ...labels, ...more })
          return seconds
        }
      },
      with: (labels) => new OneHistogram(series(labels), rejected),
      remove,
    }
  }

  #collectAtScrape(family: Family, collect: () => void | Promise<void>): void {
    const isKnown = this.#collects.has(family.name)
    this.#collects.set(family.name, collect)
    if (isKnown) return
    this.#store.collectors.push(async () => {
      family.clear()
      await inTime(COLLECT_MS, async () => await this.#collects.get(family.name)?.()).catch(() => family.clear())
    })
  }

  #declare<Labels extends LabelSpec>(
    kind: Family['kind'],
    name: string,
    { help, labels, maxSeries, native }: HistogramOptions<Labels>,
    bounds?: readonly number[],
    needsLoop = false,
  ): {
    readonly family: Family
    /** A slot until the next call. */
    readonly at: (labels?: LabelsOf<Labels>) => Slot
    readonly series: (labels?: LabelsOf<Labels>) => Slot
    readonly remove: (labels: LabelsOf<Labels>) => void
  } {
    if (!/^[a-zA-Z_:][a-zA-Z0-9_:]*$/.test(name))
      throw new TypeError(`ASSAY_AGENT_METRIC: "${name}" is not a metric name; write orders_total`)
    const set = new LabelSet(name, labels)
    const family = this.#store.family({
      name,
      help,
      kind,
      labels: set.names,
      needsLoop,
      ...(bounds === undefined ? {} : { bounds, native: native === true }),
      ...(maxSeries === undefined ? {} : { maxSeries }),
    })
    const read = (given: LabelsOf<Labels> | undefined) =>
      set.read(given as Readonly<Record<string, unknown>> | undefined)
    if (set.names.length === 0) {
      const only = family.series()
      return { family, at: () => only, series: () => only, remove: () => {} }
    }
    return {
      family,
      // Values can be taken away from series that have a slot of their own.
      at: (given) => (needsLoop ? family.slotOf(read(given)) : family.passingSlot(read(given))),
      series: (given) => family.slotOf(read(given)),
      remove: (given) => void family.removeValues(read(given)),
    }
  }
}
