/**
 * The labels of a metric of the application's own, typed: names alone, or each name with the values it may have.
 *
 *     labels: ['kind']                                  any text or number
 *     labels: { kind: ['print', 'mill'], region: [] }   only these values; [] is any
 *
 * A value that is not among those declared is `_other`, and counted as such: a label that has been given its values cannot grow.
 */
import type { LabelValues as Texts } from '../store/index.ts'

export type LabelSpec = readonly string[] | Readonly<Record<string, readonly string[]>>

/** What may be given as labels. A label without a value is absent. */
export type LabelsOf<Spec extends LabelSpec> = Spec extends readonly (infer Name extends string)[]
  ? Readonly<Partial<Record<Name, string | number>>>
  : { readonly [Name in keyof Spec]?: Spec[Name] extends readonly [] ? string | number : OneOf<Spec[Name]> }

type OneOf<Values> = Values extends readonly (infer Value extends string)[] ? Value : never

export const OTHER = '_other'
const RESERVED = ['le', 'quantile', 'worker', 'otel_metric_overflow']

export class LabelSet {
  readonly names: readonly string[]
  readonly #allowed: readonly (ReadonlySet<string> | undefined)[]
  readonly #values: (string | undefined)[]

  /** Throws for a name that cannot be a label. */
  constructor(metric: string, spec: LabelSpec = []) {
    const entries = Array.isArray(spec) ? spec.map((name) => [name, []] as const) : Object.entries(spec)
    for (const [name] of entries) {
      if (!/^[a-zA-Z_][a-zA-Z0-9_]*$/.test(name) || name.startsWith('__') || RESERVED.includes(name)) {
        throw new TypeError(
          `ASSAY_AGENT_METRIC: ${metric}: "${name}" cannot be a label; use letters, digits and _, not __ at the start, nor ${RESERVED.join(', ')}`,
        )
      }
    }
    this.names = entries.map(([name]) => name)
    if (new Set(this.names).size < this.names.length)
      throw new TypeError(`ASSAY_AGENT_METRIC: ${metric}: a label is declared twice`)
    this.#allowed = entries.map(([, values]) => (values.length === 0 ? undefined : new Set(values)))
    this.#values = this.names.map(() => undefined)
  }

  /** The values in the order of the names. One array for all calls. */
  read(labels: Readonly<Record<string, unknown>> | undefined): Texts {
    const values = this.#values
    for (let i = 0; i < values.length; i++) {
      const given = labels?.[this.names[i]!]
      const value = typeof given === 'string' ? given : given === undefined || given === null ? '' : String(given)
      const allowed = this.#allowed[i]
      values[i] = allowed === undefined || value === '' || allowed.has(value) ? value : OTHER
    }
    return values
  }
}
