/** How metrics of OpenTelemetry become series: the `otlp` section of a `prometheus.yml`, with its defaults. */

export const TRANSLATION_STRATEGIES = [
  'UnderscoreEscapingWithSuffixes',
  'UnderscoreEscapingWithoutSuffixes',
  'NoUTF8EscapingWithSuffixes',
  'NoTranslation',
] as const
export type TranslationStrategy = (typeof TRANSLATION_STRATEGIES)[number]

export type OtlpSettings = {
  readonly strategy: TranslationStrategy
  /** Attributes of the resource that become labels of its every series; `'all'` but `ignoreResourceAttributes`. */
  readonly promoteResourceAttributes: readonly string[] | 'all'
  readonly ignoreResourceAttributes: readonly string[]
  /** `target_info` also has what `job` and `instance` are made of. */
  readonly keepIdentifyingResourceAttributes: boolean
  /** Explicit histograms become native ones with custom buckets instead of classic series. */
  readonly convertHistogramsToNhcb: boolean
  /** Name, version, schema and attributes of the scope become labels `otel_scope_*`. */
  readonly promoteScopeMetadata: boolean
  readonly labelNameUnderscoreSanitization: boolean
  readonly labelNamePreserveMultipleUnderscores: boolean
}

export const DEFAULT_OTLP_SETTINGS: OtlpSettings = {
  strategy: 'UnderscoreEscapingWithSuffixes',
  promoteResourceAttributes: [],
  ignoreResourceAttributes: [],
  keepIdentifyingResourceAttributes: false,
  convertHistogramsToNhcb: false,
  promoteScopeMetadata: false,
  labelNameUnderscoreSanitization: true,
  labelNamePreserveMultipleUnderscores: true,
}
