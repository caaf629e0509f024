/**
 * Metrics that only the application knows: `counter`, `gauge`, `histogram`.
 *
 * - Declared once, at the top of a module; the same declaration twice is the same metric.
 * - A wrong declaration throws where it is written: it is the author's typo, found at the first start. Recording never throws.
 * - A value that is not finite, or a counter that would fall, is left out and counted in `assay_agent_rejected_values_total`.
 */
import { add, type Family, type LabelPairs, observe, type Slot, type Store, set } from '../store/index.ts'

export type OwnMetricOptions<Label extends string = string> = {
  readonly help: string
  /** The names of its labels. A label has few values: never an id, a URL or a message. */
  readonly labels?: readonly Label[]
}

/** A value for each label; a label without one is absent. */
export type LabelValues<Label extends string = string> = Readonly<Partial<Record<Label, string | number>>>

export type Counter<Label extends string = string> = {
  /** Adds `by`, 1 when not said. */
  inc(labels?: LabelValues<Label>, by?: number): void
}

export type Gauge<Label extends string = string> = {
  set(value: number, labels?: LabelValues<Label>): void
  /** Adds `by`, which may be negative; 1 when not said. */
  add(by?: number, labels?: LabelValues<Label>): void
}

export type Histogram<Label extends string = string> = {
  /** In base units: seconds, bytes. */
  observe(value: number, labels?: LabelValues<Label>): void
}

export const DEFAULT_BOUNDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] as const

export class OwnMetrics {
  readonly #store: Store
  readonly #rejected: Slot

  constructor(store: Store) {
    this.#store = store
    const help = 'Values the application gave that could not be recorded.'
    this.#rejected = store.family({ name: 'assay_agent_rejected_values_total', help, kind: 'counter' }).series()
  }

  counter<Label extends string>(name: string, options: OwnMetricOptions<Label>): Counter<Label> {
    const series = this.#declare('counter', name, options)
    return {
      inc: (labels, by = 1) => {
        if (this.#fits(by) && (by >= 0 || this.#reject())) add(series(labels), by)
      },
    }
  }

  gauge<Label extends string>(name: string, options: OwnMetricOptions<Label>): Gauge<Label> {
    const series = this.#declare('gauge', name, options)
    return {
      set: (value, labels) => {
        if (this.#fits(value)) set(series(labels), value)
      },
      add: (by = 1, labels) => {
        if (this.#fits(by)) add(series(labels), by)
      },
    }
  }

  histogram<Label extends string>(
    name: string,
    options: OwnMetricOptions<Label> & { readonly bounds?: readonly number[] },
  ): Histogram<Label> {
    const bounds = options.bounds ?? DEFAULT_BOUNDS
    if (
      bounds.length > 64 ||
      !bounds.every((bound, i) => Number.isFinite(bound) && (i === 0 || bound > bounds[i - 1]!))
    ) {
      throw new TypeError(`ASSAY_AGENT_METRIC: ${name}: bounds must be finite, ascending and at most 64`)
    }
    const series = this.#declare('histogram', name, options, bounds)
    return {
      observe: (value, labels) => {
        if (this.#fits(value)) observe(series(labels), value)
      },
    }
  }

  #declare<Label extends string>(
    kind: Family['kind'],
    name: string,
    { help, labels = [] }: OwnMetricOptions<Label>,
    bounds?: readonly number[],
  ): (values?: LabelValues<Label>) => Slot {
    if (!/^[a-zA-Z_:][a-zA-Z0-9_:]*$/.test(name))
      throw new TypeError(`ASSAY_AGENT_METRIC: "${name}" is not a metric name; write orders_total`)
    for (const label of labels) {
      if (!/^[a-zA-Z_][a-zA-Z0-9_]*$/.test(label) || label.startsWith('__') || label === 'le' || label === 'worker') {
        throw new TypeError(
          `ASSAY_AGENT_METRIC: ${name}: "${label}" cannot be a label; use letters, digits and _, not le, worker or __`,
        )
      }
    }
    const family = this.#store.family(bounds === undefined ? { name, help, kind } : { name, help, kind, bounds })
    if (labels.length === 0) {
      const only = family.series()
      return () => only
    }
    return (values) =>
      family.series(labels.map((label) => [label, String(values?.[label] ?? '')] as const) satisfies LabelPairs)
  }

  #fits(value: unknown): value is number {
    return (typeof value === 'number' && Number.isFinite(value)) || this.#reject()
  }

  #reject(): false {
    add(this.#rejected, 1)
    return false
  }
}
