/**
 * What assay says of itself: its process, its store, and what each room adds.
 */
import { readdirSync } from 'node:fs'
import { type Clock, PageWriter, type UnixMs } from '#core'
import type { Tsdb } from '#tsdb'
import { VERSION } from './version.ts'

export type OwnMetricsDeps = {
  readonly clock: Clock
  readonly startedAt: UnixMs
  /** Absent: samples are kept by a remote engine. */
  readonly store: Pick<Tsdb, 'stats'> | undefined
  /** Pages of the rooms, each in text format 0.0.4. */
  readonly rooms: readonly (() => string)[]
}

export function ownMetrics({ startedAt, store, rooms }: OwnMetricsDeps): string {
  const cpu = process.cpuUsage()
  const memory = process.memoryUsage()
  const loop = performance.eventLoopUtilization()
  const page = new PageWriter()
    .family('assay_build_info', 'gauge', 'Version of assay; the value is always 1.')
    .sample(1, { version: VERSION, node: process.version })
    .single('process_start_time_seconds', 'gauge', 'Start time of the process, in Unix seconds.', startedAt / 1000)
    .single(
      'process_cpu_seconds_total',
      'counter',
      'User and system CPU time spent, in seconds.',
      (cpu.user + cpu.system) / 1e6,
    )
    .single('process_resident_memory_bytes', 'gauge', 'Resident memory.', memory.rss)
    .single('process_open_fds', 'gauge', 'Open file descriptors.', openFiles())
    .single('nodejs_heap_size_used_bytes', 'gauge', 'Used heap.', memory.heapUsed)
    .single('nodejs_external_memory_bytes', 'gauge', 'Memory outside the heap.', memory.external)
    .single(
      'nodejs_eventloop_active_seconds_total',
      'counter',
      'Time the event loop was busy, in seconds.',
      loop.active / 1000,
    )
    .single(
      'nodejs_eventloop_idle_seconds_total',
      'counter',
      'Time the event loop waited, in seconds.',
      loop.idle / 1000,
    )
  if (store !== undefined) writeStore(page, store.stats())
  for (const room of rooms) page.raw(room())
  return page.toString()
}

function writeStore(page: PageWriter, stats: ReturnType<Tsdb['stats']>): void {
  page
    .single('prometheus_tsdb_head_series', 'gauge', 'Series in memory.', stats.series)
    .single('assay_store_samples', 'gauge', 'Samples kept.', stats.samples)
    .single('prometheus_tsdb_storage_blocks_bytes', 'gauge', 'Bytes the store takes on disk.', stats.sizeBytes)
    .single('prometheus_tsdb_blocks_loaded', 'gauge', 'Blocks that are open.', stats.blocks)
    .single('prometheus_tsdb_wal_storage_size_bytes', 'gauge', 'Bytes of the log of commits.', stats.walBytes)
    .single(
      'assay_store_checkpoint_bytes',
      'gauge',
      'Bytes of the copy of the head that the next start loads.',
      stats.checkpointBytes,
    )
    .single('assay_store_head_samples', 'gauge', 'Samples that are not in a block yet.', stats.headSamples)
    .single(
      'assay_store_head_bytes',
      'gauge',
      'Memory of what is not in a block yet: samples, labels, lists of series.',
      stats.headBytes,
    )
    .single('assay_store_late_samples', 'gauge', 'Late samples that are not in a block yet.', stats.lateSamples)
    .single('assay_store_blocks_set_aside', 'gauge', 'Damaged blocks that no longer serve.', stats.setAside.length)
    .single('assay_store_cache_bytes', 'gauge', 'What was read of blocks and is kept.', stats.cacheBytes)
    .single(
      'assay_store_cache_evictions_total',
      'counter',
      'What was read of blocks and had to make room.',
      stats.cacheEvictions,
    )
}

function openFiles(): number | undefined {
  try {
    return readdirSync('/proc/self/fd').length
  } catch {
    return undefined // no /proc here
  }
}
