/**
 * `features`: what this server can do, by Prometheus' categories and names, so that a client need not guess from a version.
 *
 * - A feature that is off stands there as false; one that assay does not have at all is not named, so that it is not taken for a flag.
 * - `status/buildinfo` has none of this: with it, Grafana would take us for Mimir.
 *
 * Source of the names: prometheus: cmd/prometheus/testdata/features.json.
 */
import { AGGREGATORS, EXPERIMENTAL_FUNCTIONS, FUNCTIONS, parse } from '#promql'
import { TEMPLATE_FUNCTIONS } from '#rules'
import type { ServerDeps } from '../types.ts'
import type { Handler } from './call.ts'
import { success } from './render.ts'

type Flags = Readonly<Record<string, boolean>>

const ALWAYS_PROMQL = [
  ...['at_modifier', 'bool', 'by', 'group_left', 'group_right', 'ignoring', 'negative_offset', 'offset', 'on'],
  ...['per_query_lookback_delta', 'subqueries', 'without'],
]
const OPERATORS = [
  ...['!=', '!~', '%', '*', '+', '-', '/', '<', '<=', '==', '=~', '>', '>=', '@', '^', 'and', 'atan2', 'or', 'unless'],
]
const EXPERIMENTAL_AGGREGATORS = ['limit_ratio', 'limitk']
const DISCOVERY = ['dns', 'file', 'http', 'static']

export const features: Handler = ({ deps }) => success(featuresOf(deps))

/** Names in the order of their bytes, as Go writes maps. */
export function featuresOf({
  features: on,
  reload,
  admin,
}: Pick<ServerDeps, 'features' | 'reload' | 'admin'>): Readonly<Record<string, Flags>> {
  const experimental = on.has('promql-experimental-functions')
  const fill = on.has('promql-binop-fill-modifiers')
  const extended = on.has('promql-extended-range-selectors')
  const typeAndUnit = on.has('type-and-unit-labels')
  return {
    api: sorted({
      ...all(['exclude_alerts', 'label_values_match', 'query_stats', 'query_warnings'], true),
      ...all(['time_range_labels', 'time_range_series', 'otlp_write_receiver', 'remote_write_receiver'], true),
      admin: admin !== undefined,
      lifecycle: reload !== undefined,
    }),
    otlp_receiver: {
      delta_conversion: on.has('otlp-deltatocumulative'),
      native_delta_ingestion: on.has('otlp-native-delta-ingestion'),
    },
    prometheus: { agent_mode: false, auto_reload_config: on.has('auto-reload-config'), server_mode: true },
    promql: sorted({
      ...all(ALWAYS_PROMQL, true),
      ...all(['fill', 'fill_left', 'fill_right'], fill),
      ...all(['anchored', 'smoothed'], extended),
      delayed_name_removal: on.has('promql-delayed-name-removal'),
      duration_expr: parses('m[1m + 1m]', on),
      per_step_stats: on.has('promql-per-step-stats'),
      type_and_unit_labels: typeAndUnit,
    }),
    promql_functions: sorted(
      Object.fromEntries(
        [...FUNCTIONS.keys()].map((name) => [name, experimental || !EXPERIMENTAL_FUNCTIONS.has(name)]),
      ),
    ),
    promql_operators: sorted({
      ...all([...OPERATORS, ...AGGREGATORS], true),
      ...all(EXPERIMENTAL_AGGREGATORS, experimental),
    }),
    rules: { concurrent_rule_eval: on.has('concurrent-rule-eval'), keep_firing_for: true, query_offset: true },
    scrape: {
      extra_scrape_metrics: true,
      start_timestamp_zero_ingestion: on.has('created-timestamp-zero-ingestion'),
      type_and_unit_labels: typeAndUnit,
    },
    service_discovery_providers: all(DISCOVERY, true),
    templating_functions: sorted(all(TEMPLATE_FUNCTIONS, true)),
    tsdb: { exemplar_storage: on.has('exemplar-storage'), isolation: true, native_histograms: true },
  }
}

/** Whether an expression is taken with what is switched on. */
function parses(text: string, on: ServerDeps['features']): boolean {
  try {
    return parse(text, on) !== undefined
  } catch {
    return false
  }
}

function all(names: readonly string[], value: boolean): Flags {
  return Object.fromEntries(names.map((name) => [name, value]))
}

function sorted(flags: Flags): Flags {
  return Object.fromEntries(Object.entries(flags).sort(([a], [b]) => (a < b ? -1 : 1)))
}
