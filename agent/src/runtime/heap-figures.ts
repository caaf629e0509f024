/** V8's heap, and what keeps the event loop alive, read at scrape. Names and labels are prom-client's. */
import { getHeapSpaceStatistics, getHeapStatistics } from 'node:v8'
import { type Slot, set } from '../store/index.ts'
import { CountsByType, type Figures } from './figures.ts'

const MAX_TYPES = 100

export function heapFigures(figures: Figures): void {
  const sizes = (
    [
      ['heapTotal', 'nodejs_heap_size_total_bytes', "Size of V8's heap."],
      ['heapUsed', 'nodejs_heap_size_used_bytes', "Used part of V8's heap."],
      ['external', 'nodejs_external_memory_bytes', 'Memory of objects that V8 holds outside of its heap.'],
      ['arrayBuffers', 'nodejs_array_buffers_bytes', 'Memory of buffers.'],
    ] as const
  ).map(([key, name, help]) => [key, figures.gauge(name, help).series()] as const)
  figures.add(() => {
    const usage = process.memoryUsage()
    for (const [key, slot] of sizes) set(slot, usage[key])
  })

  const limit = figures.gauge('nodejs_heap_size_limit_bytes', "The most V8's heap may grow to.").series()
  const help = "Bytes allocated on V8's heap since the start."
  const allocated = figures.counter('nodejs_heap_allocated_bytes_total', help)
  figures.add(() => {
    const statistics = getHeapStatistics()
    set(limit, statistics.heap_size_limit)
    // Only newer versions of Node tell it.
    const bytes: unknown = Reflect.get(statistics, 'total_allocated_bytes')
    if (typeof bytes === 'number') set(allocated.series(), bytes)
  })

  const total = figures.gauge('nodejs_heap_space_size_total_bytes', "Size of each space of V8's heap.")
  const used = figures.gauge('nodejs_heap_space_size_used_bytes', "Used part of each space of V8's heap.")
  const available = figures.gauge('nodejs_heap_space_size_available_bytes', "Free part of each space of V8's heap.")
  const spaces = new Map<string, readonly [total: Slot, used: Slot, available: Slot]>()
  figures.add(() => {
    for (const one of getHeapSpaceStatistics()) {
      let slots = spaces.get(one.space_name)
      if (slots === undefined) {
        const labels = [['space', one.space_name.replace(/_space$/, '')]] as const
        slots = [total.series(labels), used.series(labels), available.series(labels)]
        spaces.set(one.space_name, slots)
      }
      set(slots[0], one.space_size)
      set(slots[1], one.space_used_size)
      set(slots[2], one.space_available_size)
    }
  })
}

export function versionFigure(figures: Figures): void {
  const [major = '', minor = '', patch = ''] = process.versions.node.split('.')
  const version = figures.gauge('nodejs_version_info', 'The version of Node.js.', { needsLoop: false }).series([
    ['version', process.version],
    ['major', major],
    ['minor', minor],
    ['patch', patch],
  ])
  set(version, 1)
}

/** What dashboards know handles by, where Node now tells the type of the resource below. */
const HANDLE_NAMES: Readonly<Record<string, string>> = {
  TCPSocketWrap: 'Socket',
  TCPServerWrap: 'Server',
  PipeWrap: 'Socket',
  PipeServerWrap: 'Server',
  TTYWrap: 'WriteStream',
  ProcessWrap: 'ChildProcess',
  MessagePort: 'MessagePort',
}

export function activeFigures(figures: Figures): void {
  const family = (what: string, help: string) =>
    new CountsByType(figures.gauge(`nodejs_active_${what}`, help, { maxSeries: MAX_TYPES }))
  const resources = family('resources', 'What keeps the event loop alive, by type.')
  const handles = family('handles', 'Sockets, servers and the like that are open, by type.')
  const requests = family('requests', 'Operations under way, by type: reads, look-ups, connects.')
  const total = (what: string, help: string) => figures.gauge(`nodejs_active_${what}_total`, help).series()
  const allResources = total('resources', 'How many resources keep the event loop alive.')
  const allHandles = total('handles', 'How many sockets, servers and the like are open.')
  const allRequests = total('requests', 'How many operations are under way: reads, look-ups, connects.')
  figures.add(() => {
    const active = process.getActiveResourcesInfo()
    const byType = new Map<string, number>()
    for (const type of active) byType.set(type, (byType.get(type) ?? 0) + 1)
    const open = new Map<string, number>()
    const underWay = new Map<string, number>()
    for (const [type, count] of byType) {
      if (/Req(?:Wrap|Callback|Promise)?$/.test(type)) underWay.set(type, count)
      // Timers are resources, but were never handles.
      else if (!/^(?:Timeout|Immediate)$/.test(type)) {
        const name = HANDLE_NAMES[type] ?? type
        open.set(name, (open.get(name) ?? 0) + count)
      }
    }
    resources.set(byType)
    handles.set(open)
    requests.set(underWay)
    set(allResources, active.length)
    set(allHandles, sum(open))
    set(allRequests, sum(underWay))
  })
}

function sum(counts: ReadonlyMap<string, number>): number {
  let all = 0
  for (const count of counts.values()) all += count
  return all
}
