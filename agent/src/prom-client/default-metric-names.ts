/** prom-client's default metrics by the parts it lists. */
export const DEFAULT_METRICS: Readonly<Record<string, readonly string[]>> = {
  processCpuTotal: ['process_cpu_user_seconds_total', 'process_cpu_system_seconds_total', 'process_cpu_seconds_total'],
  processStartTime: ['process_start_time_seconds'],
  osMemoryHeap: ['process_resident_memory_bytes', 'process_virtual_memory_bytes', 'process_heap_bytes'],
  processOpenFileDescriptors: ['process_open_fds'],
  processMaxFileDescriptors: ['process_max_fds'],
  eventLoopLag: ['', '_min', '_max', '_mean', '_stddev', '_p50', '_p90', '_p99'].map((part) =>
    part === '' ? 'nodejs_eventloop_lag_seconds' : `nodejs_eventloop_lag${part}_seconds`,
  ),
  processResources: ['nodejs_active_resources', 'nodejs_active_resources_total'],
  processHandles: ['nodejs_active_handles', 'nodejs_active_handles_total'],
  processRequests: ['nodejs_active_requests', 'nodejs_active_requests_total'],
  heapSizeAndUsed: ['nodejs_heap_size_total_bytes', 'nodejs_heap_size_used_bytes', 'nodejs_external_memory_bytes'],
  heapSpacesSizeAndUsed: ['total', 'used', 'available'].map((part) => `nodejs_heap_space_size_${part}_bytes`),
  version: ['nodejs_version_info'],
  gc: ['nodejs_gc_duration_seconds'],
}

/** What else the agent tells of process and runtime, some of it by OpenTelemetry's names. */
const OTHER_NAMES = `process_cpu_limit_cores process_memory_limit_bytes process_cgroup_memory_bytes process_cgroup_memory_working_set_bytes
  process_cgroup_cpu_periods_total process_cgroup_cpu_throttled_periods_total process_cgroup_cpu_throttled_seconds_total
  process_cgroup_oom_kills_total nodejs_heap_size_after_gc_bytes nodejs_external_memory_after_gc_bytes nodejs_array_buffers_bytes
  nodejs_heap_size_limit_bytes nodejs_heap_allocated_bytes_total nodejs_eventloop_active_seconds_total nodejs_eventloop_idle_seconds_total
  nodejs_eventloop_time_seconds_total nodejs_eventloop_utilization nodejs_eventloop_utilization_ratio nodejs_eventloop_blocked_seconds
  nodejs_eventloop_delay_min_seconds nodejs_eventloop_delay_max_seconds nodejs_eventloop_delay_mean_seconds
  nodejs_eventloop_delay_stddev_seconds nodejs_eventloop_delay_p50_seconds nodejs_eventloop_delay_p90_seconds
  nodejs_eventloop_delay_p99_seconds v8js_gc_duration_seconds v8js_memory_heap_used_bytes v8js_memory_heap_limit_bytes
  v8js_memory_heap_space_size_bytes v8js_memory_heap_space_available_size_bytes v8js_memory_heap_space_physical_size_bytes
  v8js_resource_active`

/** Names that are the agent's, whether it tells them yet or not. */
export const AGENT_NAMES: ReadonlySet<string> = new Set([
  ...Object.values(DEFAULT_METRICS).flat(),
  ...OTHER_NAMES.split(/\s+/),
])
