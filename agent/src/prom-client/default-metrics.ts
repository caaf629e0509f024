/**
 * `collectDefaultMetrics`: the agent measures process and runtime anyway, so nothing is begun here. The registry gets views of the agent's
 * series under prom-client's names, so that a `/metrics` route of the service still has them.
 *
 * - Read from the agent at each page; a series that this system or Node does not have is left out, as there.
 * - `prefix` and `labels` hold for these views; the agent's own page keeps the plain names.
 * - `gcDurationBuckets` and `eventLoopMonitoringPrecision` are taken and do nothing: there is one set of buckets, and no timer.
 */
import { agentFamily } from './agent-families.ts'
import type { BucketCounts } from './bucket-counts.ts'
import { DEFAULT_METRICS } from './default-metric-names.ts'
import { agent } from './home.ts'
import type { MetricObject, MetricValue } from './metric.ts'
import { type Registry, register } from './registry.ts'
import { isObject } from './validate.ts'

export type DefaultMetricsCollectorConfiguration = {
  readonly register?: Registry
  readonly prefix?: string
  readonly labels?: Readonly<Record<string, string>>
  readonly gcDurationBuckets?: readonly number[]
  readonly eventLoopMonitoringPrecision?: number
}

function collect(config?: DefaultMetricsCollectorConfiguration | null): void {
  if (config !== null && config !== undefined && !isObject(config)) {
    throw new TypeError('config must be null, undefined, or an object')
  }
  agent()?.start()
  const { register: registry = register, prefix = '', labels = {} } = config ?? {}
  for (const name of Object.values(DEFAULT_METRICS).flat()) registry.registerMetric(new AgentView(name, prefix, labels))
}

export const collectDefaultMetrics: typeof collect & { readonly metricsList: readonly string[] } = Object.assign(
  collect,
  { metricsList: Object.keys(DEFAULT_METRICS) },
)

/** One family of the agent, as a registry sees it. */
class AgentView {
  readonly name: string
  readonly #source: string
  readonly #labels: Readonly<Record<string, string>>

  constructor(source: string, prefix: string, labels: Readonly<Record<string, string>>) {
    this.name = `${prefix}${source}`
    this.#source = source
    this.#labels = labels
  }

  /** The agent's figures are never set back. */
  reset(): void {}

  async get(): Promise<MetricObject> {
    const { name } = this
    const family = await agentFamily(this.#source)
    const values: MetricValue[] = []
    for (const series of family?.series ?? []) {
      const labels = { ...this.#labels, ...series.labels }
      if ('value' in series) values.push({ labels, value: series.value })
      else spread(values, name, labels, series.buckets, series.bounds)
    }
    const { help = 'Not measured here.', kind = 'gauge' } = family ?? {}
    return { name, help, type: kind, values, aggregator: 'sum' }
  }
}

function spread(
  values: MetricValue[],
  name: string,
  labels: object,
  { sum, counts }: BucketCounts,
  bounds: Float64Array,
): void {
  let count = 0
  for (const [i, one] of counts.entries()) {
    count += one
    values.push({ metricName: `${name}_bucket`, labels: { le: bounds[i] ?? '+Inf', ...labels }, value: count })
  }
  values.push({ metricName: `${name}_sum`, labels, value: sum }, { metricName: `${name}_count`, labels, value: count })
}
