/**
 * What is true of the whole process, whichever thread asks: CPU, memory, files, the limits of its container and what it uses of them.
 *
 * Names are prom-client's where it has one. Nothing here touches V8's heap, so a thread may read all of it while the main thread is
 * blocked; `main-thread.ts` has what only the main thread can tell.
 */
import { statSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { availableParallelism, totalmem } from 'node:os'
import { performance } from 'node:perf_hooks'
import { type Store, set } from '../store/index.ts'
import { cgroupLimits, cgroupUsageReader, type Read, tryRead } from './cgroup.ts'
import { type Fault, Figures } from './figures.ts'

/** A container's limits can change while it runs; they are read again after this time, not at each scrape. */
export const LIMITS_REFRESH_MS = 30_000

/** Declares the figures in `store`; what it answers brings them up to date. */
export function processFigures(store: Store, fault: Fault, read: Read = tryRead): () => Promise<void> {
  const figures = new Figures(store, fault)
  cpu(figures)
  memory(figures, read)
  files(figures, read)
  limits(figures, read)
  return () => figures.collect()
}

function cpu(figures: Figures): void {
  const user = figures.counter('process_cpu_user_seconds_total', 'CPU time in user mode.').series()
  const system = figures.counter('process_cpu_system_seconds_total', 'CPU time in system mode.').series()
  const both = figures.counter('process_cpu_seconds_total', 'CPU time, user and system.').series()
  figures.add(() => {
    const usage = process.cpuUsage()
    set(user, usage.user / 1e6)
    set(system, usage.system / 1e6)
    set(both, (usage.user + usage.system) / 1e6)
  })
  // In a worker thread timeOrigin is the thread's; uptime is the process's everywhere.
  const startedAt = Date.now() / 1_000 - process.uptime()
  figures.value(figures.gauge('process_start_time_seconds', 'When the process started, Unix time.'), () => startedAt)
}

function memory(figures: Figures, read: Read): void {
  figures.value(figures.gauge('process_resident_memory_bytes', 'Resident memory.'), () => process.memoryUsage.rss())
  if (process.platform !== 'linux') return
  const virtual = figures.gauge('process_virtual_memory_bytes', 'Virtual memory.')
  const data = figures.gauge('process_heap_bytes', 'Size of the data segment, as the kernel counts it.')
  figures.add(() => {
    const status = read('/proc/self/status') ?? ''
    for (const [family, key] of [
      [virtual, 'VmSize'],
      [data, 'VmData'],
    ] as const) {
      const kilobytes = new RegExp(`^${key}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]
      if (kilobytes !== undefined) set(family.series(), Number(kilobytes) * 1_024)
    }
  })
}

function files(figures: Figures, read: Read): void {
  if (process.platform !== 'linux') return
  const open = figures.gauge('process_open_fds', 'Open file descriptors.')
  figures.add(async () => {
    // Since Linux 6.2 the folder's size is their number; before, each has to be listed.
    const size = sizeOf('/proc/self/fd')
    if (size > 0) {
      set(open.series(), size)
      return
    }
    const found = await readdir('/proc/self/fd').catch(() => undefined)
    // One of them is the folder being read.
    if (found !== undefined) set(open.series(), found.length - 1)
  })
  const [, most] = /^Max open files\s+(\d+)/m.exec(read('/proc/self/limits') ?? '') ?? []
  if (most !== undefined)
    figures.value(figures.gauge('process_max_fds', 'The most file descriptors it may open.'), () => Number(most))
}

function sizeOf(path: string): number {
  try {
    return statSync(path).size
  } catch {
    return 0
  }
}

export type Limits = { readonly cpuCores: number; readonly memoryBytes: number }

/** What the process may use: its cgroup's limits, else what the machine has. */
export function limitsReader(read: Read = tryRead): (nowMs: number) => Limits {
  let last: Limits | undefined
  let readAt = 0
  return (nowMs) => {
    // A clock that jumps back reads again: older is not "long ago".
    if (last === undefined || Math.abs(nowMs - readAt) >= LIMITS_REFRESH_MS) {
      const { cpuCores, memoryBytes } = cgroupLimits(read)
      last = {
        cpuCores: Math.min(cpuCores ?? Number.POSITIVE_INFINITY, availableParallelism()),
        memoryBytes: Math.min(memoryBytes ?? Number.POSITIVE_INFINITY, totalmem()),
      }
      readAt = nowMs
    }
    return last
  }
}

function limits(figures: Figures, read: Read): void {
  const limit = limitsReader(read)
  const cores = 'Cores this process may use: the quota of its cgroup, else those of the machine.'
  figures.value(figures.gauge('process_cpu_limit_cores', cores), () => limit(performance.now()).cpuCores)
  const bytes = 'Memory this process may use: the limit of its cgroup, else that of the machine.'
  figures.value(figures.gauge('process_memory_limit_bytes', bytes), () => limit(performance.now()).memoryBytes)
  const usageOfGroup = cgroupUsageReader(read)
  if (process.platform !== 'linux' || usageOfGroup().memoryBytes === undefined) return

  const used = figures.gauge('process_cgroup_memory_bytes', 'Memory of the cgroup, all its processes and caches.')
  const working = figures.gauge(
    'process_cgroup_memory_working_set_bytes',
    'Memory of the cgroup that cannot be given back: without inactive file pages. At the limit the kernel kills.',
  )
  const periods = figures.counter('process_cgroup_cpu_periods_total', 'Periods of the CPU quota.')
  const throttled = figures.counter(
    'process_cgroup_cpu_throttled_periods_total',
    'Periods in which the quota was used up.',
  )
  const waited = figures.counter('process_cgroup_cpu_throttled_seconds_total', 'Time held back by the CPU quota.')
  const killed = figures.counter(
    'process_cgroup_oom_kills_total',
    'Processes of the cgroup that the kernel killed for memory.',
  )
  figures.add(() => {
    const usage = usageOfGroup()
    for (const [family, value] of [
      [used, usage.memoryBytes],
      [working, usage.workingSetBytes],
      [periods, usage.periods],
      [throttled, usage.throttledPeriods],
      [waited, usage.throttledSeconds],
      [killed, usage.oomKills],
    ] as const) {
      if (value !== undefined) set(family.series(), value)
    }
  })
}
