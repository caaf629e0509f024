/**
 * The process and its runtime, under the names that prom-client has made common, read when scraped and at no other time.
 *
 * - No timer runs: the loop's delay is sampled by its own iterations where Node can (an idle process stays asleep).
 * - Figures over a time do not depend on who scrapes how often: utilization covers the last 5 to 10 s or since the scrape before,
 *   delays the last 15 to 30 s. For exact rates there are counters: `nodejs_eventloop_active_seconds_total` and its idle twin.
 */
import { readdir } from 'node:fs/promises'
import { type EventLoopUtilization, monitorEventLoopDelay, PerformanceObserver, performance } from 'node:perf_hooks'
import { getHeapSpaceStatistics, getHeapStatistics } from 'node:v8'
import type { Guard } from '../guard.ts'
import { type Family, observe, type Store, set } from '../store/index.ts'
import { limitsReader, tryRead } from './limits.ts'

const GC_BOUNDS = [0.0001, 0.001, 0.01, 0.1, 1, 2, 5] as const
const GC_KINDS: Readonly<Record<number, string>> = {
  1: 'minor',
  2: 'minor',
  4: 'major',
  8: 'incremental',
  16: 'weakcb',
}
const UTILIZATION_WINDOW_MS = 5_000
const DELAY_WINDOW_MS = 15_000

/** Starts watching; disposing stops the observers. */
export function watchRuntime(store: Store, guard: Guard): Disposable {
  const owned: (() => void)[] = []
  const started = new Collectors(store)
  processFigures(started)
  heapFigures(started)
  loopFigures(started, owned)
  gcFigures(store, guard, owned)
  store.collectors.push(() => started.collect())
  return {
    [Symbol.dispose](): void {
      for (const stop of owned.splice(0)) stop()
    },
  }
}

/** Gauges and counters with the function that reads them. */
class Collectors {
  readonly store: Store
  readonly #reads: (() => void | Promise<void>)[] = []

  constructor(store: Store) {
    this.store = store
  }

  add(read: () => void | Promise<void>): void {
    this.#reads.push(read)
  }

  /** One value without labels; `undefined` leaves it out. */
  value(kind: 'counter' | 'gauge', name: string, help: string, read: () => number | undefined): void {
    const family = this.store.family({ name, help, kind })
    this.#reads.push(() => {
      const value = read()
      if (value !== undefined) set(family.series(), value)
    })
  }

  async collect(): Promise<void> {
    for (const read of this.#reads) await read()
  }
}

function processFigures(figures: Collectors): void {
  const { store } = figures
  const user = store
    .family({ name: 'process_cpu_user_seconds_total', help: 'CPU time in user mode.', kind: 'counter' })
    .series()
  const system = store
    .family({ name: 'process_cpu_system_seconds_total', help: 'CPU time in system mode.', kind: 'counter' })
    .series()
  const cpu = store
    .family({ name: 'process_cpu_seconds_total', help: 'CPU time, user and system.', kind: 'counter' })
    .series()
  figures.add(() => {
    const usage = process.cpuUsage()
    set(user, usage.user / 1e6)
    set(system, usage.system / 1e6)
    set(cpu, (usage.user + usage.system) / 1e6)
  })
  const startedAt = performance.timeOrigin / 1_000
  figures.value('gauge', 'process_start_time_seconds', 'When the process started, Unix time.', () => startedAt)

  const memory = new Map(
    (
      [
        ['rss', 'process_resident_memory_bytes', 'Resident memory.'],
        ['heapTotal', 'nodejs_heap_size_total_bytes', "Size of V8's heap."],
        ['heapUsed', 'nodejs_heap_size_used_bytes', "Used part of V8's heap."],
        ['external', 'nodejs_external_memory_bytes', 'Memory of objects that V8 holds outside of its heap.'],
        ['arrayBuffers', 'nodejs_array_buffers_bytes', 'Memory of buffers.'],
      ] as const
    ).map(([key, name, help]) => [key, store.family({ name, help, kind: 'gauge' }).series()]),
  )
  figures.add(() => {
    const usage = process.memoryUsage()
    for (const [key, slot] of memory) set(slot, usage[key])
  })

  const limits = limitsReader()
  const cores = 'Cores this process may use: the quota of its cgroup, else those of the machine.'
  figures.value('gauge', 'process_cpu_limit_cores', cores, () => limits(performance.now()).cpuCores)
  const bytes = 'Memory this process may use: the limit of its cgroup, else that of the machine.'
  figures.value('gauge', 'process_memory_limit_bytes', bytes, () => limits(performance.now()).memoryBytes)

  if (process.platform !== 'linux') return
  const open = store.family({ name: 'process_open_fds', help: 'Open file descriptors.', kind: 'gauge' })
  figures.add(async () => {
    const found = await readdir('/proc/self/fd').catch(() => undefined)
    // One of them is the folder being read.
    if (found !== undefined) set(open.series(), found.length - 1)
  })
  const [, most] = /^Max open files\s+(\d+)/m.exec(tryRead('/proc/self/limits') ?? '') ?? []
  if (most !== undefined)
    figures.value('gauge', 'process_max_fds', 'The most file descriptors it may open.', () => Number(most))
  figures.value('gauge', 'process_virtual_memory_bytes', 'Virtual memory.', () => {
    const pages = Number(tryRead('/proc/self/statm')?.split(' ', 1)[0])
    return Number.isFinite(pages) ? pages * 4_096 : undefined
  })
}

function heapFigures(figures: Collectors): void {
  const { store } = figures
  const space = (what: string, help: string): Family =>
    store.family({ name: `nodejs_heap_space_size_${what}_bytes`, help, kind: 'gauge' })
  const total = space('total', "Size of each space of V8's heap.")
  const used = space('used', "Used part of each space of V8's heap.")
  const available = space('available', "Free part of each space of V8's heap.")
  figures.add(() => {
    for (const one of getHeapSpaceStatistics()) {
      const labels = [['space', one.space_name.replace(/_space$/, '')]] as const
      set(total.series(labels), one.space_size)
      set(used.series(labels), one.space_used_size)
      set(available.series(labels), one.space_available_size)
    }
  })
  figures.value(
    'gauge',
    'nodejs_heap_size_limit_bytes',
    "The most V8's heap may grow to.",
    () => getHeapStatistics().heap_size_limit,
  )
  figures.value('counter', 'nodejs_heap_allocated_bytes_total', "Bytes allocated on V8's heap since the start.", () => {
    const allocated: unknown = Reflect.get(getHeapStatistics(), 'total_allocated_bytes')
    return typeof allocated === 'number' ? allocated : undefined
  })
  const [major = '', minor = '', patch = ''] = process.versions.node.split('.')
  const version = store.family({ name: 'nodejs_version_info', help: 'The version of Node.js.', kind: 'gauge' })
  set(
    version.series([
      ['version', process.version],
      ['major', major],
      ['minor', minor],
      ['patch', patch],
    ]),
    1,
  )

  const resources = store.family({
    name: 'nodejs_active_resources',
    help: 'What keeps the event loop alive, by type.',
    kind: 'gauge',
    maxSeries: 100,
  })
  const all = store.family({
    name: 'nodejs_active_resources_total',
    help: 'How many resources keep the event loop alive.',
    kind: 'gauge',
  })
  const handles = store.family({
    name: 'nodejs_active_handles_total',
    help: 'Sockets, servers, timers and the like.',
    kind: 'gauge',
  })
  const requests = store.family({
    name: 'nodejs_active_requests_total',
    help: 'Operations under way: reads, look-ups, connects.',
    kind: 'gauge',
  })
  figures.add(() => {
    const counts = new Map<string, number>()
    let underWay = 0
    const active = process.getActiveResourcesInfo()
    for (const type of active) {
      counts.set(type, (counts.get(type) ?? 0) + 1)
      if (/Req(?:Wrap|Callback|Promise)?$/.test(type)) underWay++
    }
    resources.clear()
    for (const [type, count] of counts) set(resources.series([['type', type]]), count)
    set(all.series(), active.length)
    set(handles.series(), active.length - underWay)
    set(requests.series(), underWay)
  })
}

function loopFigures(figures: Collectors, owned: (() => void)[]): void {
  const { store } = figures
  const active = store
    .family({
      name: 'nodejs_eventloop_active_seconds_total',
      help: 'Time the event loop has spent at work.',
      kind: 'counter',
    })
    .series()
  const idle = store
    .family({
      name: 'nodejs_eventloop_idle_seconds_total',
      help: 'Time the event loop has spent waiting.',
      kind: 'counter',
    })
    .series()
  const utilization = store
    .family({ name: 'nodejs_eventloop_utilization', help: 'Share of time at work, 0 to 1, lately.', kind: 'gauge' })
    .series()
  let before: EventLoopUtilization = { active: 0, idle: 0, utilization: 0 }
  let current = before
  figures.add(() => {
    const now = performance.eventLoopUtilization()
    set(active, now.active / 1_000)
    set(idle, now.idle / 1_000)
    if (now.active + now.idle - current.active - current.idle >= UTILIZATION_WINDOW_MS) {
      before = current
      current = now
    }
    const worked = now.active - before.active
    const passed = worked + now.idle - before.idle
    set(utilization, passed > 0 ? Math.min(1, Math.max(0, worked / passed)) : 0)
  })

  const delays = new DelayWindow()
  owned.push(() => delays.stop())
  const gauge = (suffix: string, help: string) =>
    store.family({ name: `nodejs_eventloop_lag${suffix}_seconds`, help, kind: 'gauge' }).series()
  const lag = gauge('', 'How long the event loop took to come round during this scrape.')
  const slots = {
    min: gauge('_min', 'Least delay of the event loop lately.'),
    max: gauge('_max', 'Greatest delay of the event loop lately.'),
    mean: gauge('_mean', 'Mean delay of the event loop lately.'),
    stddev: gauge('_stddev', 'Standard deviation of the delay of the event loop lately.'),
  }
  const percentiles = ([50, 90, 99] as const).map(
    (p) => [p, gauge(`_p${p}`, `${p}th percentile of the delay of the event loop lately.`)] as const,
  )
  figures.add(async () => {
    const from = performance.now()
    await new Promise<void>((resolve) => setImmediate(resolve))
    set(lag, (performance.now() - from) / 1_000)
    const histogram = delays.read(from)
    const seconds = (nanoseconds: number): number =>
      histogram.count > 0 ? Math.max(0, nanoseconds - delays.surplusNs) / 1e9 : 0
    set(slots.min, seconds(histogram.min))
    set(slots.max, seconds(histogram.max))
    set(slots.mean, seconds(histogram.mean))
    set(slots.stddev, histogram.count > 0 ? histogram.stddev / 1e9 : 0)
    for (const [p, slot] of percentiles) set(slot, seconds(histogram.percentile(p)))
  })
}

type IntervalHistogram = ReturnType<typeof monitorEventLoopDelay>

/** Since then the delay can be sampled by the loop's own iterations; before, a timer measures, and what it waits is in the figure. */
const PER_ITERATION_SINCE = 26
const TIMER_MS = 20

/** Two histograms that take turns: the older one is read, and always covers at least one window. */
class DelayWindow {
  /** Part of every value that is not delay. */
  readonly surplusNs: number
  #older: IntervalHistogram
  #younger: IntervalHistogram
  #turnedAt = performance.now()

  constructor() {
    const perIteration = Number(process.versions.node.split('.', 1)[0]) >= PER_ITERATION_SINCE
    this.surplusNs = perIteration ? 0 : TIMER_MS * 1e6
    // `samplePerIteration` is not in the types yet.
    const options = { resolution: TIMER_MS, samplePerIteration: perIteration }
    this.#older = monitorEventLoopDelay(options)
    this.#younger = monitorEventLoopDelay(options)
    this.#older.enable()
    this.#younger.enable()
  }

  read(nowMs: number): IntervalHistogram {
    if (nowMs - this.#turnedAt >= DELAY_WINDOW_MS) {
      const emptied = this.#older
      emptied.reset()
      this.#older = this.#younger
      this.#younger = emptied
      this.#turnedAt = nowMs
    }
    return this.#older
  }

  stop(): void {
    this.#older.disable()
    this.#younger.disable()
  }
}

function gcFigures(store: Store, guard: Guard, owned: (() => void)[]): void {
  const family = store.family({
    name: 'nodejs_gc_duration_seconds',
    help: 'Duration of garbage collections by kind.',
    kind: 'histogram',
    bounds: GC_BOUNDS,
  })
  const note = guard.wrap('gc', (entries: readonly { readonly duration: number; readonly detail?: unknown }[]) => {
    for (const { duration, detail } of entries) {
      const kind = typeof detail === 'object' && detail !== null ? Number(Reflect.get(detail, 'kind')) : 0
      observe(family.series([['kind', GC_KINDS[kind] ?? 'other']]), duration / 1_000)
    }
  })
  const observer = new PerformanceObserver((list) => void note(list.getEntries()))
  // Unbuffered: the timeline would keep every entry for readers that never come.
  observer.observe({ type: 'gc', buffered: false })
  owned.push(() => observer.disconnect())
}
