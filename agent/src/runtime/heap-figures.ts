/**
 * V8's heap, and what keeps the event loop alive, read at scrape.
 *
 * Names and labels are prom-client's, and beside them those of OpenTelemetry's conventions for V8 (@opentelemetry/instrumentation-runtime-node,
 * in Prometheus' spelling), so that dashboards made for either find their series.
 */
import { getHeapSpaceStatistics, getHeapStatistics } from 'node:v8'
import { type Family, type Slot, set } from '../store/index.ts'
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

  heapSpaces(figures)
}

/** What is told of each space: Node's word, prom-client's name and OpenTelemetry's. `limit` was the size's before its conventions 1.42. */
const SPACES = [
  ['space_size', 'size_total', ['space_size', 'limit'], 'Size'],
  ['space_used_size', 'size_used', ['used'], 'Used part'],
  ['space_available_size', 'size_available', ['space_available_size'], 'Free part'],
  ['physical_space_size', undefined, ['space_physical_size'], 'Memory taken from the system'],
] as const

function heapSpaces(figures: Figures): void {
  const families = SPACES.map(([key, name, otherNames, what]) => {
    const help = `${what} of each space of V8's heap.`
    const byName = name === undefined ? [] : [figures.gauge(`nodejs_heap_space_${name}_bytes`, help)]
    return { key, byName, others: otherNames.map((other) => figures.gauge(`v8js_memory_heap_${other}_bytes`, help)) }
  })
  const spaces = new Map<string, readonly (readonly [key: (typeof SPACES)[number][0], slots: readonly Slot[]])[]>()
  figures.add(() => {
    for (const one of getHeapSpaceStatistics()) {
      let figuresOfSpace = spaces.get(one.space_name)
      if (figuresOfSpace === undefined) {
        const shortName = one.space_name.replace(/_space$/, '')
        figuresOfSpace = families.map(({ key, byName, others }) => [
          key,
          [
            ...byName.map((family) => family.series([['space', shortName]])),
            ...others.map((family) => family.series([['v8js_heap_space_name', one.space_name]])),
          ],
        ])
        spaces.set(one.space_name, figuresOfSpace)
      }
      for (const [key, slots] of figuresOfSpace) for (const slot of slots) set(slot, one[key])
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
  const family = (name: string, help: string): Family => figures.gauge(name, help, { maxSeries: MAX_TYPES })
  const byType = (what: string, help: string) => ['type', family(`nodejs_active_${what}`, help)] as const
  const alive = 'What keeps the event loop alive, by type.'
  const resources = new CountsByType(byType('resources', alive), [
    'v8js_resource_type',
    family('v8js_resource_active', alive),
  ])
  const handles = new CountsByType(byType('handles', 'Sockets, servers and the like that are open, by type.'))
  const requests = new CountsByType(byType('requests', 'Operations under way, by type: reads, look-ups, connects.'))
  const total = (what: string, help: string) => figures.gauge(`nodejs_active_${what}_total`, help).series()
  const allResources = total('resources', 'How many resources keep the event loop alive.')
  const allHandles = total('handles', 'How many sockets, servers and the like are open.')
  const allRequests = total('requests', 'How many operations are under way: reads, look-ups, connects.')
  figures.add(() => {
    const active = process.getActiveResourcesInfo()
    const counts = new Map<string, number>()
    for (const type of active) counts.set(type, (counts.get(type) ?? 0) + 1)
    const open = new Map<string, number>()
    const underWay = new Map<string, number>()
    for (const [type, count] of counts) {
      if (/Req(?:Wrap|Callback|Promise)?$/.test(type)) underWay.set(type, count)
      // Timers are resources, but were never handles.
      else if (!/^(?:Timeout|Immediate)$/.test(type)) {
        const name = HANDLE_NAMES[type] ?? type
        open.set(name, (open.get(name) ?? 0) + count)
      }
    }
    resources.set(counts)
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
