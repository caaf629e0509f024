/**
 * The labels of a series from the attributes of its point, its scope and its resource.
 *
 * - Attributes whose names become the same are joined with `;`, in the order of their names.
 * - Promoted attributes of the resource stand back behind those of the point; `job`, `instance`, the scope's and `__name__` go before.
 * - `job` is `service.namespace/service.name`, `instance` is `service.instance.id`.
 * - A name of which nothing can be made makes the point one that cannot be taken.
 *
 * Source: prometheus: storage/remote/otlptranslator/prometheusremotewrite/helper.go and metrics_to_prw.go.
 */
import { byBytes, Labels, METRIC_NAME } from '#core'
import type { Attributes, ScopeMetrics } from './data.ts'
import { type LabelRules, labelName } from './names.ts'
import type { OtlpSettings } from './settings.ts'

/** What `job` and `instance` are made of. */
const IDENTIFYING = ['service.namespace', 'service.name', 'service.instance.id'] as const

/** Most labels of one series. */
const MAX_LABELS = 1000

/** Labels, or a sentence that says why there are none. */
export type MadeLabels = Labels | string

/** Makes labels for one request; names are translated once. */
export class LabelMaker {
  readonly #settings: OtlpSettings
  readonly #rules: LabelRules
  readonly #names = new Map<string, string | undefined>()

  constructor(settings: OtlpSettings) {
    this.#settings = settings
    this.#rules = {
      escaping: isEscaping(settings),
      keyBeforeUnderscore: settings.labelNameUnderscoreSanitization,
      keepUnderscores: settings.labelNamePreserveMultipleUnderscores,
    }
  }

  /** What the resource gives to each of its series. */
  resource(attributes: Attributes): ResourceLabels {
    const { promoteResourceAttributes: promoted, ignoreResourceAttributes: ignored } = this.#settings
    const own = new Map(attributes)
    const found: [string, string][] = []
    for (const [name, value] of promoted === 'all' || promoted.length > 0 ? attributes : []) {
      if (promoted === 'all' ? ignored.includes(name) : !promoted.includes(name)) continue
      const label = this.#name(name)
      if (label === undefined) return { fault: nameFault(name) }
      found.push([label, value])
    }
    return { identity: identityOf(own), promoted: found }
  }

  /** What the scope gives to each of its series. */
  scope({ name, version, schemaUrl, attributes }: ScopeMetrics): ScopeLabels {
    if (!this.#settings.promoteScopeMetadata || name === '') return []
    const made: [string, string][] = []
    for (const [key, value] of attributes) {
      const label = this.#name(`otel_scope_${key}`)
      if (label !== undefined) made.push([label, value])
    }
    made.push(['otel_scope_name', name], ['otel_scope_version', version], ['otel_scope_schema_url', schemaUrl])
    return made
  }

  /** Labels without a metric name; `added` go before all. */
  point(attributes: Attributes, resource: ResourceLabels, scope: ScopeLabels, added: ScopeLabels): MadeLabels {
    if (resource.fault !== undefined) return resource.fault
    const made = this.#attributes(attributes)
    if (typeof made === 'string') return made
    for (const [name, value] of resource.promoted) if ((made.get(name) ?? '') === '') made.set(name, value)
    return finished(made, [...resource.identity, ...scope, ...added])
  }

  /** The labels of `target_info`, or `undefined` when it would say nothing that the series do not say. */
  targetInfo(attributes: Attributes): MadeLabels | undefined {
    const own = new Map(attributes)
    const identity = identityOf(own)
    for (const name of IDENTIFYING) own.delete(name)
    if (own.size === 0) return undefined
    const made = this.#attributes(this.#settings.keepIdentifyingResourceAttributes ? attributes : [...own])
    if (typeof made === 'string') return made
    const labels = finished(made, [...identity, [METRIC_NAME, 'target_info']])
    return typeof labels === 'string' || labels.has('job') || labels.has('instance') ? labels : undefined
  }

  #attributes(attributes: Attributes): Map<string, string> | string {
    const made = new Map<string, string>()
    const sorted = attributes.length > 1 ? attributes.toSorted(([a], [b]) => byBytes(a, b)) : attributes
    for (const [name, value] of sorted) {
      if (name === METRIC_NAME) continue
      const label = this.#name(name)
      if (label === undefined) return nameFault(name)
      const before = made.get(label)
      made.set(label, (before ?? '') === '' ? value : `${before};${value}`)
    }
    return made
  }

  #name(name: string): string | undefined {
    if (this.#names.has(name)) return this.#names.get(name)
    const made = labelName(name, this.#rules)
    this.#names.set(name, made)
    return made
  }
}

type Pairs = readonly (readonly [name: string, value: string])[]

export type ResourceLabels =
  | { readonly identity: Pairs; readonly promoted: Pairs; readonly fault?: undefined }
  | { readonly fault: string }
export type ScopeLabels = Pairs

export function isEscaping({ strategy }: OtlpSettings): boolean {
  return strategy === 'UnderscoreEscapingWithSuffixes' || strategy === 'UnderscoreEscapingWithoutSuffixes'
}

export function hasSuffixes({ strategy }: OtlpSettings): boolean {
  return strategy === 'UnderscoreEscapingWithSuffixes' || strategy === 'NoUTF8EscapingWithSuffixes'
}

function identityOf(attributes: ReadonlyMap<string, string>): Pairs {
  const service = attributes.get('service.name')
  const namespace = attributes.get('service.namespace')
  const instance = attributes.get('service.instance.id')
  const pairs: [string, string][] = []
  if (service !== undefined && (service !== '' || namespace !== undefined))
    pairs.push(['job', namespace === undefined ? service : `${namespace}/${service}`])
  if (instance !== undefined && instance !== '') pairs.push(['instance', instance])
  return pairs
}

function finished(made: Map<string, string>, last: Pairs): MadeLabels {
  for (const [name, value] of last) made.set(name, value)
  if (made.size > MAX_LABELS) return `it has ${made.size} labels, more than ${MAX_LABELS}`
  return Labels.fromPairs(made)
}

function nameFault(name: string): string {
  return `the name of the attribute ${JSON.stringify(name.slice(0, 100))} leaves nothing that a label can be named`
}
