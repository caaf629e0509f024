/**
 * What public dashboards for Node.js ask for: metric names and the labels they choose or group by, as data.
 *
 * - `query` is ours: the smallest one that needs what the panel needs. `panel` says what it is for.
 * - `missing` stands where the agent does not have it, with the reason and where the same fact is found.
 * - Sources were read as public copies; two that are often named (Grafana 11956, 19419) could not be read and are not here.
 */
export type DashboardQuery = {
  readonly panel: string
  readonly query: string
  /** Why nothing is found. */
  readonly missing?: string
}

export type PublicDashboard = {
  readonly name: string
  readonly source: string
  readonly queries: readonly DashboardQuery[]
}

const ITS_OWN = 'of a package of its own, which goes on with the drop-in; here http_server_request_duration_seconds'
const OLD_SEMANTICS = 'the names before OpenTelemetry settled HTTP (2023); here http_server_request_duration_seconds'

export const PUBLIC_DASHBOARDS: readonly PublicDashboard[] = [
  {
    name: 'NodeJS Application Dashboard (Grafana 11159; 18575 is made from it)',
    source: 'copies with gnetId 11159 in public repositories: the dashboards of n8n and of subql nodes',
    queries: [
      { panel: 'instances to choose from', query: 'count by (instance) (nodejs_version_info)' },
      { panel: 'CPU, user', query: 'irate(process_cpu_user_seconds_total{instance=~".+"}[2m]) * 100' },
      { panel: 'CPU, system', query: 'irate(process_cpu_system_seconds_total{instance=~".+"}[2m]) * 100' },
      { panel: 'event loop lag', query: 'nodejs_eventloop_lag_seconds{instance=~".+"}' },
      { panel: 'Node.js version', query: 'sum by (version) (nodejs_version_info{instance=~".+"})' },
      { panel: 'restarts', query: 'sum(changes(process_start_time_seconds{instance=~".+"}[2m]))' },
      { panel: 'memory, resident', query: 'process_resident_memory_bytes{instance=~".+"}' },
      { panel: 'memory, heap', query: 'nodejs_heap_size_total_bytes{instance=~".+"}' },
      { panel: 'memory, heap used', query: 'nodejs_heap_size_used_bytes{instance=~".+"}' },
      { panel: 'memory, external', query: 'nodejs_external_memory_bytes{instance=~".+"}' },
      { panel: 'handles', query: 'nodejs_active_handles_total{instance=~".+"}' },
      { panel: 'requests', query: 'nodejs_active_requests_total{instance=~".+"}' },
      { panel: 'spaces, total', query: 'sum by (space) (nodejs_heap_space_size_total_bytes)' },
      { panel: 'spaces, used', query: 'sum by (space) (nodejs_heap_space_size_used_bytes)' },
      { panel: 'spaces, available', query: 'sum by (space) (nodejs_heap_space_size_available_bytes)' },
    ],
  },
  {
    name: 'Node.js Exporter Quickstart and Dashboard (Grafana 14058)',
    source: 'grafana.com/grafana/dashboards/14058-node-js: its list of panels over the default metrics of prom-client',
    queries: [
      { panel: 'Node.js version', query: 'nodejs_version_info{version=~"v.+"}' },
      { panel: 'restarts', query: 'changes(process_start_time_seconds[5m])' },
      { panel: 'CPU', query: 'rate(process_cpu_seconds_total[2m])' },
      { panel: 'memory', query: 'process_resident_memory_bytes' },
      { panel: 'handles and requests', query: 'nodejs_active_handles_total + nodejs_active_requests_total' },
      { panel: 'event loop latency', query: 'nodejs_eventloop_lag_p50_seconds + nodejs_eventloop_lag_p99_seconds' },
      { panel: 'GC duration by kind', query: 'rate(nodejs_gc_duration_seconds_sum{kind=~".+"}[2m])' },
      {
        panel: 'GC duration, mean',
        query: 'sum(nodejs_gc_duration_seconds_sum) / sum(nodejs_gc_duration_seconds_count)',
      },
      { panel: 'GC by buckets', query: 'sum by (le) (rate(nodejs_gc_duration_seconds_bucket[2m]))' },
      { panel: 'heap', query: 'nodejs_heap_size_used_bytes / nodejs_heap_size_total_bytes' },
      { panel: 'spaces', query: 'nodejs_heap_space_size_used_bytes{space="old"}' },
    ],
  },
  {
    name: 'Node.js Dashboard (Grafana 12230, for prometheus-api-metrics)',
    source: 'grafana.com/grafana/dashboards/12230-node-js-dashboard; names of the package prometheus-api-metrics',
    queries: [
      { panel: 'CPU', query: 'rate(process_cpu_user_seconds_total[2m])' },
      { panel: 'memory', query: 'process_resident_memory_bytes' },
      { panel: 'event loop', query: 'nodejs_eventloop_lag_seconds' },
      { panel: 'requests', query: 'sum by (route) (rate(http_request_duration_seconds_count[2m]))', missing: ITS_OWN },
      { panel: 'sizes', query: 'http_request_size_bytes_sum', missing: ITS_OWN },
    ],
  },
  {
    name: 'Grafana Cloud, knowledge graph: NodeJS',
    source: 'grafana.com/docs/grafana-cloud/knowledge-graph, runtimes, nodejs',
    queries: [
      { panel: 'heap', query: 'nodejs_heap_size_used_bytes / nodejs_heap_size_total_bytes' },
      { panel: 'spaces', query: 'nodejs_heap_space_size_used_bytes' },
      { panel: 'event loop', query: 'nodejs_eventloop_lag_seconds' },
      { panel: 'event loop, p99', query: 'nodejs_eventloop_lag_p99_seconds' },
      { panel: 'GC duration', query: 'rate(nodejs_gc_duration_seconds_sum[5m])' },
      { panel: 'GC count', query: 'rate(nodejs_gc_duration_seconds_count[5m])' },
      { panel: 'handles', query: 'nodejs_active_handles_total' },
      { panel: 'requests', query: 'nodejs_active_requests_total' },
      { panel: 'files', query: 'process_open_fds / process_max_fds' },
    ],
  },
  {
    name: 'Kiali, Node.js',
    source: 'kiali: the MonitoringDashboard "nodejs" that it ships',
    queries: [
      { panel: 'handles', query: 'nodejs_active_handles_total' },
      { panel: 'requests', query: 'nodejs_active_requests_total' },
      { panel: 'event loop lag', query: 'nodejs_eventloop_lag_seconds' },
      { panel: 'spaces, total', query: 'sum by (space) (nodejs_heap_space_size_total_bytes)' },
      { panel: 'spaces, used', query: 'sum by (space) (nodejs_heap_space_size_used_bytes)' },
    ],
  },
  {
    name: 'OpenTelemetry, HTTP and databases, stable names',
    source: 'opentelemetry.io semantic conventions, HTTP and database metrics, in the spelling of Prometheus',
    queries: [
      {
        panel: 'requests by route',
        query: 'sum by (http_route) (rate(http_server_request_duration_seconds_count[2m]))',
      },
      {
        panel: 'errors',
        query: 'sum by (http_route) (http_server_request_duration_seconds_count{http_response_status_code=~"5.."})',
      },
      {
        panel: 'latency, p95',
        query: 'histogram_quantile(0.95, sum by (le) (http_server_request_duration_seconds_bucket))',
      },
      {
        panel: 'methods',
        query: 'count by (http_request_method, url_scheme) (http_server_request_duration_seconds_count)',
      },
      { panel: 'active', query: 'sum(http_server_active_requests)' },
      { panel: 'clients', query: 'sum by (server_address) (rate(http_client_request_duration_seconds_count[2m]))' },
      { panel: 'client errors', query: 'http_client_request_duration_seconds_count{error_type!=""}' },
    ],
  },
  {
    name: 'OpenTelemetry, Node.js runtime',
    source:
      'inventories of @opentelemetry/instrumentation-runtime-node in public repositories, as a collector or Prometheus spells it',
    queries: [
      ...['min', 'max', 'mean', 'stddev', 'p50', 'p90', 'p99'].map((part) => ({
        panel: `event loop delay, ${part}`,
        query: `nodejs_eventloop_delay_${part}_seconds`,
      })),
      { panel: 'event loop utilization', query: 'avg_over_time(nodejs_eventloop_utilization_ratio[2m])' },
      { panel: 'event loop utilization, by the SDK’s own exporter', query: 'nodejs_eventloop_utilization' },
      {
        panel: 'event loop time',
        query:
          'sum by (nodejs_eventloop_state) (rate(nodejs_eventloop_time_seconds_total{nodejs_eventloop_state=~".+"}[2m]))',
      },
      { panel: 'GC, count', query: 'sum by (v8js_gc_type) (v8js_gc_duration_seconds_count{v8js_gc_type=~".+"})' },
      { panel: 'GC, mean', query: 'sum(v8js_gc_duration_seconds_sum) / sum(v8js_gc_duration_seconds_count)' },
      { panel: 'GC, p95', query: 'histogram_quantile(0.95, sum by (le) (rate(v8js_gc_duration_seconds_bucket[2m])))' },
      { panel: 'heap, share', query: 'v8js_memory_heap_used_bytes / v8js_memory_heap_limit_bytes > 0' },
      { panel: 'heap, used', query: 'sum by (v8js_heap_space_name) (v8js_memory_heap_used_bytes)' },
      { panel: 'old space', query: 'v8js_memory_heap_used_bytes{v8js_heap_space_name="old_space"}' },
      { panel: 'spaces, size', query: 'sum by (v8js_heap_space_name) (v8js_memory_heap_space_size_bytes)' },
      { panel: 'spaces, free', query: 'sum by (v8js_heap_space_name) (v8js_memory_heap_space_available_size_bytes)' },
      {
        panel: 'spaces, physical',
        query: 'sum by (v8js_heap_space_name) (v8js_memory_heap_space_physical_size_bytes)',
      },
      { panel: 'resources', query: 'sum by (v8js_resource_type) (v8js_resource_active)' },
      { panel: 'requests, old', query: 'http_server_duration_milliseconds_count', missing: OLD_SEMANTICS },
      { panel: 'clients, old', query: 'http_client_duration_milliseconds_count', missing: OLD_SEMANTICS },
    ],
  },
]
