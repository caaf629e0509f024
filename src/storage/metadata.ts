/**
 * What is known of a metric family: type, help, unit. Bounded: the families seen longest ago leave first.
 */
export const METRIC_TYPES = [
  'counter',
  'gauge',
  'histogram',
  'gaugehistogram',
  'summary',
  'info',
  'stateset',
  'unknown',
] as const
export type MetricType = (typeof METRIC_TYPES)[number]
export type Metadata = { readonly type: MetricType; readonly help: string; readonly unit: string }

const MAX_FAMILIES = 50_000

export class MetadataStore {
  readonly #families = new Map<string, Metadata>()

  set(family: string, metadata: Metadata): void {
    const known = this.#families.get(family)
    if (
      known !== undefined &&
      known.type === metadata.type &&
      known.help === metadata.help &&
      known.unit === metadata.unit
    )
      return
    this.#families.delete(family)
    this.#families.set(family, metadata)
    if (this.#families.size > MAX_FAMILIES) this.#families.delete(this.#families.keys().next().value!)
  }

  get(family: string): Metadata | undefined {
    return this.#families.get(family)
  }

  *[Symbol.iterator](): Generator<[string, Metadata], void, undefined> {
    yield* this.#families
  }
}
