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

/** Names that are the agent's, whether it tells them yet or not. */
export const AGENT_NAMES: ReadonlySet<string> = new Set(Object.values(DEFAULT_METRICS).flat())
