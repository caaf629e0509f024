/**
 * Where the metrics of the drop-in live: in the agent's store, so that they stand on the agent's page and the exposition thread can read
 * them while the application is blocked.
 *
 * - A name on that page belongs to one metric. A second metric of the same name (a registry of its own, a test that builds the service
 *   twice), one that the agent itself has, or one in no registry, keeps its values where only its registries read them.
 * - A metric that leaves its last registry gives its name back.
 * - With ASSAY_AGENT=off there is no agent; then every metric is of the second sort, and `register.metrics()` works as ever.
 */
import cluster from 'node:cluster'
import '../index.ts'
import {
  type Family,
  type LabelPairs,
  looseSlot,
  makeScale,
  type Scale,
  type Slot,
  type Store,
} from '../store/index.ts'
import { AGENT_NAMES } from './default-metric-names.ts'

/** What is used of the agent, which may be another copy of this package. */
type Agent = {
  readonly store: Store
  start(): void
}

/** A metric as its place on the page sees it. */
export type Tenant = {
  readonly name: string
  /** The application's own `collect`, when it has one. */
  readonly collect?: (() => unknown) | undefined
}

/** Series of one metric; more are counted into the overflow series. */
export const UNCLAIMED_MAX_SERIES = 2_000

const AGENT = Symbol.for('assay.agent.1')
const tenants = new Map<string, Tenant>()
/** Names of families that were made here; they stay when their metric goes. */
const ours = new Set<string>()
let isCollecting = false

export function agent(): Agent | undefined {
  return (globalThis as { [AGENT]?: Agent })[AGENT]
}

export function maxSeries(): number {
  agent()?.start()
  return agent()?.store.maxSeries ?? UNCLAIMED_MAX_SERIES
}

export type HomeSpec = {
  readonly name: string
  readonly help: string
  readonly kind: 'counter' | 'gauge' | 'histogram'
  readonly bounds?: readonly number[]
  /** Series that one set of labels takes: a summary's quantiles. */
  readonly perEntry?: number
}

/** Where one metric's values are kept: a family of the agent's page, or slots that only its registries read. */
export class Home {
  readonly #tenant: Tenant
  readonly #spec: HomeSpec
  #family: Family | undefined
  #scale: Scale | undefined

  constructor(tenant: Tenant, spec: HomeSpec) {
    this.#tenant = tenant
    this.#spec = spec
  }

  slot(pairs: LabelPairs): Slot {
    if (this.#family === undefined && this.#scale === undefined) this.#settle()
    return this.#family?.series(pairs) ?? looseSlot(this.#scale)
  }

  drop(slot: Slot): void {
    this.#family?.remove(slot)
  }

  /** A series was one too many. */
  refused(): void {
    if (this.#family !== undefined) this.#family.refused++
  }

  /** The metric has left its last registry; its slots were dropped before. What it records from now on nobody else shows. */
  moveOut(): void {
    const { name, bounds = [] } = this.#spec
    if (tenants.get(name) === this.#tenant) tenants.delete(name)
    this.#family = undefined
    this.#scale = makeScale(bounds, false)
  }

  #settle(): void {
    const shown = agent()?.store
    if (shown !== undefined && isFree(shown, this.#spec.name)) {
      try {
        // One more than the metric holds itself: its overflow is a series like the others.
        const { perEntry = 1, ...spec } = this.#spec
        this.#family = shown.family({ ...spec, maxSeries: (maxSeries() + 1) * perEntry })
        ours.add(this.#spec.name)
        tenants.set(this.#spec.name, this.#tenant)
        collectAtScrape(shown)
        return
      } catch {
        // The name was another kind's before, or had other bounds; a page cannot change that while it is read.
      }
    }
    this.#scale = makeScale(this.#spec.bounds ?? [], false)
  }
}

function isFree(store: Store, name: string): boolean {
  if (tenants.has(name) || AGENT_NAMES.has(name)) return false
  if (ours.has(name)) return true
  for (const family of store.families()) if (family.name === name) return false
  return true
}

/** In a cluster the agent's page has a label `worker` of its own; the application's goes by the name that Prometheus would give it. */
export function shownLabel(name: string): string {
  return name === 'worker' && (cluster.isWorker || (process.env['NODE_APP_INSTANCE'] ?? '') !== '')
    ? 'exported_worker'
    : name
}

function collectAtScrape(store: Store): void {
  if (isCollecting) return
  isCollecting = true
  store.collectors.push(async () => {
    const results = await Promise.allSettled(
      Array.from(tenants.values(), async (tenant) => {
        await tenant.collect?.()
      }),
    )
    for (const result of results) if (result.status === 'rejected') throw result.reason
  })
}
