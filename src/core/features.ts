/**
 * Prometheus' feature flags (`--enable-feature`): the same names, and the same defaults, so that a query or a page means here
 * what it means there. All are off unless named.
 *
 * - `known`: taken and without effect here, because what it switches is always so, or does not exist in assay.
 * - `gone`: once a flag of Prometheus, now its normal behaviour: taken with a warning.
 *
 * Source: prometheus: docs/feature_flags.md, of version 3.14.
 */
export const FEATURES = [
  'auto-reload-config',
  'concurrent-rule-eval',
  'created-timestamp-zero-ingestion',
  'exemplar-storage',
  'extra-scrape-metrics',
  'metadata-wal-records',
  'otlp-deltatocumulative',
  'otlp-native-delta-ingestion',
  'promql-binop-fill-modifiers',
  'promql-delayed-name-removal',
  'promql-experimental-functions',
  'promql-extended-range-selectors',
  'promql-per-step-stats',
  'st-storage',
  'type-and-unit-labels',
  'use-start-timestamps',
] as const
export type Feature = (typeof FEATURES)[number]

const KNOWN = ['delayed-compaction', 'memory-snapshot-on-shutdown', 'old-ui', 'use-uncached-io', 'xor2-encoding']
const GONE = [
  'agent',
  'auto-gomaxprocs',
  'auto-gomemlimit',
  'expand-external-labels',
  'native-histograms',
  'new-service-discovery-manager',
  'no-default-scrape-port',
  'otlp-write-receiver',
  'promql-at-modifier',
  'promql-duration-expr',
  'promql-negative-offset',
  'remote-write-receiver',
  'utf8-names',
]

/** The features of a comma-separated list, and a sentence for each name that has no effect. */
export function parseFeatures(text: string): {
  readonly features: ReadonlySet<Feature>
  readonly warnings: readonly string[]
} {
  const features = new Set<Feature>()
  const warnings: string[] = []
  for (const name of text.split(',').map((one) => one.trim())) {
    if (name === '') continue
    const feature = FEATURES.find((one) => one === name)
    if (feature !== undefined) features.add(feature)
    else if (GONE.includes(name)) warnings.push(`--enable-feature=${name}: no flag any more, this is how it works`)
    else if (!KNOWN.includes(name))
      warnings.push(
        `--enable-feature=${name}: there is no such feature; those with an effect are ${FEATURES.join(', ')}`,
      )
  }
  return { features, warnings }
}
