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
import type { DelayHistograms } from '../runtime/sampled-delays.ts'
import {
  type Family,
  type Kind,
  looseSlot,
  makeScale,
  type Scale,
  type Slot,
  type Store,
  seriesWidth,
} from '../store/index.ts'
import { AGENT_NAMES } from './default-metric-names.ts'
import { type Exemplar, pageLabels } from './exemplar.ts'

/** What is used of the agent, which may be another copy of this package. */
type Agent = {
  readonly store: Store
  readonly delays?: DelayHistograms | undefined
  start(): void
}

/** A metric as its place on the page sees it. */
export type Tenant = {
  readonly name: string
  /** The application's own `collect`, when it has one. */
  readonly collect?: (() => unknown) | undefined
  /** Writes the exemplars noted since the last time onto the page. */
  readonly showExemplars?: () => void
}

/** Series of one metric; more are counted into the overflow series. */
export const UNCLAIMED_MAX_SERIES = 2_000

const AGENT = Symbol.for('assay.agent.1')
const tenants = new Map<string, Tenant>()
/** Names of families that were made here, with their labels; they stay when their metric goes. */
const ours = new Map<string, string>()
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
  readonly kind: Kind
  readonly labelNames: readonly string[]
  /** Of a histogram; of a summary the shares of its quantiles. */
  readonly bounds?: readonly number[]
  /** The application brings it up to date when it is asked: it has a `collect`. */
  readonly needsLoop: boolean
  readonly exemplars?: boolean
}

/** Numbers that many series lie in. The views are replaced as they grow: read them each time. */
export type Numbers = { readonly doubles: Float64Array; readonly words: Uint32Array }

/** Where one metric's values are kept: a family of the agent's page, or numbers that only its registries read. */
export class Home {
  readonly scale: Scale
  readonly #tenant: Tenant
  readonly #spec: HomeSpec
  numbers: Numbers = NO_NUMBERS
  #family: Family | undefined
  #own: OwnNumbers | undefined
  #slot: Slot | undefined

  constructor(tenant: Tenant, spec: HomeSpec) {
    this.#tenant = tenant
    this.#spec = { ...spec, labelNames: spec.labelNames.map(shownLabel) }
    this.scale = makeScale(spec.bounds ?? [], false)
  }

  /** What lies at a place. */
  valueAt(place: number): number {
    return this.numbers.doubles[place] ?? 0
  }

  /** The place of a new series with these values of the labels, or of the overflow series. All zero; NOWHERE when there is no memory. */
  take(texts: readonly string[] | 'overflow'): number {
    if (this.#family === undefined && this.#own === undefined) this.#settle()
    if (this.#family === undefined) return this.#own!.take()
    const slot = texts === 'overflow' ? this.#family.series(OVERFLOW) : this.#family.passingSlot(texts)
    if (slot.growth === undefined) return NOWHERE
    this.numbers = slot.growth.numbers
    this.#slot ??= { ...slot, twin: undefined }
    return slot.at
  }

  drop(place: number, texts: readonly string[] | 'overflow'): void {
    if (place === NOWHERE) return
    if (this.#family === undefined) this.#own?.giveBack(place)
    else if (texts === 'overflow') this.#family.remove(this.#family.series(OVERFLOW))
    else this.#family.removeValues(texts)
  }

  /** A slot to record to that place with; good until the next call. */
  slotAt(place: number): Slot {
    if (place === NOWHERE) return looseSlot(this.scale)
    const { doubles, words } = this.numbers
    const slot = (this.#slot ??= looseSlot(this.scale))
    // Only when they have grown: to write a reference costs more than to compare one.
    if (slot.values !== doubles) {
      slot.values = doubles
      slot.words = words
    }
    slot.at = place
    slot.first = place * 2 + 3
    return slot
  }

  /** Shows an exemplar on the agent's page; `bucket` is 0 of a counter. */
  exemplify(place: number, bucket: number, exemplar: Exemplar): void {
    if (this.#family === undefined || place === NOWHERE) return
    const labels = pageLabels(exemplar)
    if (labels === undefined) return
    this.#family.exemplify(place, bucket, { value: exemplar.value, at: exemplar.timestamp, labels })
  }

  /** A series was one too many. */
  refused(): void {
    if (this.#family !== undefined) this.#family.refused++
  }

  /** The metric has left its last registry; its places were dropped before. What it records from now on nobody else shows. */
  moveOut(): void {
    const { name } = this.#spec
    if (tenants.get(name) === this.#tenant) tenants.delete(name)
    this.#family = undefined
    this.#slot = undefined
    this.#keepToItself()
  }

  #settle(): void {
    const shown = agent()?.store
    const { labelNames, ...spec } = this.#spec
    if (shown !== undefined && isFree(shown, spec.name, labelNames)) {
      try {
        // One more than the metric holds itself: its overflow is a series like the others.
        this.#family = shown.family({ ...spec, labels: labelNames, maxSeries: maxSeries() + 1 })
        ours.set(spec.name, String(labelNames))
        tenants.set(spec.name, this.#tenant)
        collectAtScrape(shown)
        return
      } catch {
        // The name was another kind's before, or had other bounds; a page cannot change that while it is read.
      }
    }
    this.#keepToItself()
  }

  #keepToItself(): void {
    this.#own = new OwnNumbers(seriesWidth(this.#spec.kind, this.scale))
    this.numbers = this.#own
  }
}

const OVERFLOW = [['otel_metric_overflow', 'true']] as const
const NO_NUMBERS: Numbers = { doubles: new Float64Array(0), words: new Uint32Array(0) }

/** No element of an array: what is written there is gone. */
const NOWHERE = -1

/** Numbers of one metric that no other thread reads. */
class OwnNumbers implements Numbers {
  doubles: Float64Array
  words: Uint32Array
  readonly #width: number
  readonly #free: number[] = []
  #used = 0

  constructor(width: number) {
    this.#width = width
    this.doubles = new Float64Array(width)
    this.words = new Uint32Array(this.doubles.buffer)
  }

  take(): number {
    const again = this.#free.pop()
    if (again !== undefined) {
      this.doubles.fill(0, again, again + this.#width)
      return again
    }
    const place = this.#used
    this.#used += this.#width
    if (this.#used > this.doubles.length) {
      const more = new Float64Array(this.#used * 2)
      more.set(this.doubles)
      this.doubles = more
      this.words = new Uint32Array(more.buffer)
    }
    return place
  }

  giveBack(place: number): void {
    this.#free.push(place)
  }
}

function isFree(store: Store, name: string, labelNames: readonly string[]): boolean {
  if (tenants.has(name) || AGENT_NAMES.has(name)) return false
  const before = ours.get(name)
  if (before !== undefined) return before === String(labelNames)
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
        tenant.showExemplars?.()
      }),
    )
    for (const result of results) if (result.status === 'rejected') throw result.reason
  })
}
