/**
 * A drop-in for prom-client 15: `import client from '@assay/agent/prom-client'`, the same calls, the agent's store underneath.
 *
 * What differs stands in docs/guide/from-prom-client.md, each point with its reason; conformance.integration.test.ts runs the same calls against both.
 */
import { exponentialBuckets, linearBuckets } from './bucket-generators.ts'
import { AggregatorRegistry, aggregators } from './cluster.ts'
import { Counter } from './counter.ts'
import { collectDefaultMetrics } from './default-metrics.ts'
import { Gauge } from './gauge.ts'
import { Histogram } from './histogram.ts'
import { Pushgateway } from './pushgateway.ts'
import { OPENMETRICS_CONTENT_TYPE, PROMETHEUS_CONTENT_TYPE, Registry, register } from './registry.ts'
import { Summary } from './summary.ts'
import { validateMetricName } from './validate.ts'

export type { CounterConfiguration, CounterInternal, IncreaseDataWithExemplar } from './counter.ts'
export type { DefaultMetricsCollectorConfiguration } from './default-metrics.ts'
export type { GaugeConfiguration, GaugeInternal } from './gauge.ts'
export type { HistogramConfiguration, HistogramInternal, HistogramTimer, ObserveDataWithExemplar } from './histogram.ts'
export type { Aggregator, CollectFunction, LabelValues, Metric, MetricObject, MetricValue } from './metric.ts'
export type { RegistryContentType } from './registry.ts'
export type { SummaryConfiguration, SummaryInternal } from './summary.ts'

const prometheusContentType = PROMETHEUS_CONTENT_TYPE
const openMetricsContentType = OPENMETRICS_CONTENT_TYPE

const client = {
  register,
  Registry,
  get contentType(): string {
    return register.contentType
  },
  set contentType(type: string) {
    register.setContentType(type)
  },
  prometheusContentType,
  openMetricsContentType,
  validateMetricName,
  Counter,
  Gauge,
  Histogram,
  Summary,
  Pushgateway,
  linearBuckets,
  exponentialBuckets,
  collectDefaultMetrics,
  aggregators,
  AggregatorRegistry,
}

export {
  AggregatorRegistry,
  aggregators,
  Counter,
  collectDefaultMetrics,
  exponentialBuckets,
  Gauge,
  Histogram,
  linearBuckets,
  openMetricsContentType,
  Pushgateway,
  prometheusContentType,
  Registry,
  register,
  Summary,
  validateMetricName,
}
export default client
/** What `require('@assay/agent/prom-client')` answers where Node can require ES modules. */
export { client as 'module.exports' }
