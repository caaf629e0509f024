/** A server over the memory store, for tests: everything real but what would need another room. */
import { type Clock, Labels, ManualClock, type QueryFn, silentLog, unixMs } from '#core'
import type { Plan } from '#model'
import type { Incident, Ticket } from '#responder'
import type { RuleGroupStatus } from '#rules'
import type { Target, TargetStatus } from '#scrape'
import { MetadataStore, memoryStore } from '#storage'
import { Notifications } from './prometheus/notifications.ts'
import { createServer, type RunningServer, type ServerOptions } from './server.ts'
import type { Loop, ServerDeps } from './types.ts'
import type { EventWire } from './wire.ts'

export const NOW = Date.UTC(2026, 0, 2, 3, 4, 5)

export const emptyPlan: Plan = {
  name: 'workshop',
  scrapeIntervalMs: 15_000,
  evaluationIntervalMs: 15_000,
  externalLabels: {},
  watchesItself: false,
  parts: [],
  edges: [],
  callers: [],
  scrapes: [],
  collectors: [],
  ruleGroups: [],
  policies: [],
  receivers: [],
  runtimes: [],
}

export type World = {
  clock: ManualClock
  store: ReturnType<typeof memoryStore>
  metadata: MetadataStore
  plan: Plan
  targets: TargetStatus[]
  groups: RuleGroupStatus[]
  incidents: Incident[]
  tickets: Ticket[]
  calls: string[]
  notifications: Notifications
  publish: (event: EventWire) => void
  server: RunningServer
  get: (path: string, init?: RequestInit) => Promise<Answer>
} & AsyncDisposable

export type Answer = {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  // biome-ignore lint/suspicious/noExplicitAny: tests look into any answer
  readonly json: any
}

/** Values of `up` by job in the store, as an instant query without an engine would find them; anything else is a parse error. */
export type WorldOptions = {
  readonly query?: QueryFn
  readonly deps?: Partial<ServerDeps>
  readonly server?: Partial<ServerOptions>
  readonly clock?: Clock
}

export async function openWorld(options: WorldOptions = {}): Promise<World> {
  const clock = new ManualClock(NOW)
  const store = memoryStore()
  const metadata = new MetadataStore()
  const listeners = new Set<(event: EventWire) => void>()
  const world = {
    clock,
    store,
    metadata,
    plan: emptyPlan,
    targets: [] as TargetStatus[],
    groups: [] as RuleGroupStatus[],
    incidents: [] as Incident[],
    tickets: [] as Ticket[],
    calls: [] as string[],
    notifications: new Notifications(clock),
    publish: (event: EventWire) => {
      for (const listener of listeners) listener(event)
    },
  }
  let paused = false
  const loop: Loop = {
    incidents: () => world.incidents,
    incident: (id) => world.incidents.find((one) => one.id === id),
    tickets: () => world.tickets,
    mode: () => (paused ? 'paused' : 'auto'),
    approval: () => undefined,
    verifyUntil: () => undefined,
    approve: async (incident, action, by) => void world.calls.push(`approve ${incident} ${action} by ${by}`),
    pause: async (by) => {
      paused = true
      world.calls.push(`pause by ${by}`)
    },
    resume: async (by) => {
      paused = false
      world.calls.push(`resume by ${by}`)
    },
  }
  const nothing: QueryFn = async () => ({ kind: 'vector', samples: [], warnings: [], infos: [] })
  const deps: ServerDeps = {
    clock: options.clock ?? clock,
    log: silentLog,
    plan: () => world.plan,
    query: options.query ?? nothing,
    store,
    metadata,
    targets: () => world.targets,
    droppedTargets: () => [{ pool: 'shop', discoveredLabels: Labels.of({ __address__: 'x' }) }],
    ruleGroups: () => world.groups,
    loop,
    subscribe: (listener) => {
      listeners.add(listener)
      return { [Symbol.dispose]: () => void listeners.delete(listener) }
    },
    ownMetrics: () => '# TYPE assay_test gauge\nassay_test 1\n',
    flags: { 'web.listen-address': '127.0.0.1:2424' },
    configText: () => 'name: workshop\n',
    startedAt: unixMs(NOW - 3600_000),
    configLoad: () => ({ ok: true, at: unixMs(NOW - 3600_000) }),
    notifications: world.notifications,
    lookbackMs: 300_000,
    features: new Set(),
    webRoot: undefined,
    limits: { maxSamples: 1e6, queryTimeoutMs: 10_000, maxPoints: 11_000 },
    ...options.deps,
  }
  const server = await createServer(deps, { listen: { host: '127.0.0.1', port: 0 }, ...options.server })
  return {
    ...world,
    // The live lists, not copies: tests put things into them.
    get plan() {
      return world.plan
    },
    set plan(plan: Plan) {
      world.plan = plan
    },
    server,
    get: async (path, init) => {
      const response = await fetch(server.url + path, init)
      const text = await response.text()
      const isJson = response.headers.get('content-type')?.startsWith('application/json') === true
      return { status: response.status, headers: response.headers, text, json: isJson ? JSON.parse(text) : undefined }
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  }
}

/** Writes samples of one series; `null` is a stale marker. */
export function write(
  world: Pick<World, 'store'>,
  record: Record<string, string>,
  samples: readonly (readonly [number, number | null])[],
): void {
  using batch = world.store.appender()
  for (const [at, value] of samples) {
    if (value === null) batch.appendStale(undefined, Labels.of(record), unixMs(at))
    else batch.append(undefined, Labels.of(record), unixMs(at), value)
  }
  batch.commit()
}

export function targetStatus(
  job: string,
  over: Partial<TargetStatus> = {},
  target: Partial<Target> = {},
): TargetStatus {
  return {
    target: {
      pool: job,
      labels: Labels.of({ job, instance: '127.0.0.1:2431' }),
      discoveredLabels: Labels.of({ __address__: '127.0.0.1:2431' }),
      url: 'http://127.0.0.1:2431/metrics',
      intervalMs: 15_000,
      timeoutMs: 10_000,
      honorLabels: false,
      honorTimestamps: true,
      metricRelabelConfigs: [],
      limits: {},
      read: () => Promise.reject(new Error('not read in this test')),
      ...target,
    },
    health: 'up',
    lastError: '',
    lastScrape: unixMs(NOW - 1000),
    lastScrapeDurationMs: 12,
    samples: 3,
    ...over,
  }
}
