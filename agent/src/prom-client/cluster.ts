/**
 * prom-client's AggregatorRegistry. The agent's workers share one address already, so that nothing is sent around here:
 * `clusterMetrics()` gives the page of that address, with every worker's series under its label `worker`.
 *
 * `aggregate` joins pages told as JSON by each metric's `aggregator`, as there.
 */
import { readConfig } from '../config.ts'
import { agent } from './home.ts'
import type { MetricObject, MetricValue } from './metric.ts'
import { OPENMETRICS_CONTENT_TYPE, PROMETHEUS_CONTENT_TYPE, Registry } from './registry.ts'

type Aggregate = (metrics: readonly MetricObject[]) => MetricObject | undefined

const TIMEOUT_MS = 5_000

export class AggregatorRegistry extends Registry {
  /** The whole page of all workers. Rejects when the agent's address does not answer. */
  async clusterMetrics(): Promise<string> {
    const { token, listen } = readConfig(process.env, () => {})
    const { host, port } = (agent() as { address?: typeof listen } | undefined)?.address ?? listen
    const reachable = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host
    const type = this.isOpenMetrics ? OPENMETRICS_CONTENT_TYPE : PROMETHEUS_CONTENT_TYPE
    const headers = { accept: type, ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) }
    const address = `http://${reachable.includes(':') ? `[${reachable}]` : reachable}:${port}/metrics`
    try {
      const response = await fetch(address, { headers, signal: AbortSignal.timeout(TIMEOUT_MS) })
      if (!response.ok) throw new Error(`status ${response.status}`)
      return await response.text()
    } catch (cause) {
      if (cause instanceof Error && cause.name === 'TimeoutError') throw new Error('Operation timed out.', { cause })
      throw new Error(`the workers' metrics cannot be read from ${address}; is ASSAY_AGENT off?`, { cause })
    }
  }

  static aggregate(
    metricsArr: readonly (readonly MetricObject[])[],
    registryType: string = PROMETHEUS_CONTENT_TYPE,
  ): Registry {
    const registry = new Registry(registryType)
    const byName = new Map<string, MetricObject[]>()
    for (const metric of metricsArr.flat()) {
      const known = byName.get(metric.name)
      if (known === undefined) byName.set(metric.name, [metric])
      else known.push(metric)
    }
    for (const metrics of byName.values()) {
      const name = metrics[0]!.aggregator
      const aggregate = (aggregators as Partial<Record<string, Aggregate>>)[name ?? 'sum']
      if (aggregate === undefined) throw new Error(`'${name}' is not a defined aggregator.`)
      const joined = aggregate(metrics)
      if (joined !== undefined) registry.registerMetric({ name: joined.name, get: () => joined })
    }
    return registry
  }

  /** Taken and checked; every registry's metrics are on the page. */
  static setRegistries(registries: Registry | readonly Registry[]): void {
    for (const registry of [registries].flat()) {
      if (!(registry instanceof Registry)) throw new TypeError(`Expected Registry, got ${typeof registry}`)
    }
  }
}

function aggregator(join: (values: readonly number[]) => number): Aggregate {
  return (metrics) => {
    const [first] = metrics
    if (first === undefined) return undefined
    const same = new Map<string, MetricValue[]>()
    for (const value of metrics.flatMap(({ values }) => values)) {
      const labels = Object.entries(value.labels).sort(([a], [b]) => (a < b ? -1 : 1))
      const key = JSON.stringify([value.metricName, labels])
      const known = same.get(key)
      if (known === undefined) same.set(key, [value])
      else known.push(value)
    }
    const values = Array.from(same.values(), (group): MetricValue => {
      const { metricName, labels } = group[0]!
      const value = join(group.map((one) => one.value))
      return metricName === undefined ? { value, labels } : { value, labels, metricName }
    })
    return { ...first, values }
  }
}

export const aggregators = {
  sum: aggregator((values) => values.reduce((sum, value) => sum + value, 0)),
  first: aggregator(([first = 0]) => first),
  omit: (): undefined => undefined,
  average: aggregator((values) => values.reduce((sum, value) => sum + value, 0) / values.length),
  min: aggregator((values) => Math.min(...values)),
  max: aggregator((values) => Math.max(...values)),
} as const
