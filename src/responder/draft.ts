/**
 * One decision in the making: what is known, what changes, who is told, what is to be done.
 *
 * - Reads see what the decision has changed already; the world itself is not touched.
 * - Whatever changes leaves an audit entry.
 */
import { createHash } from 'node:crypto'
import { type Notification, outboxWrite } from '#alerting'
import type { UnixMs } from '#core'
import type { Json, Write } from '#state'
import {
  type ActionRecord,
  COLLECTIONS,
  type Collection,
  encodeRecord,
  type IncidentRecord,
  type LoopRecord,
  type TargetRecord,
  type TicketRecord,
} from './records.ts'
import type { PolicySpec, TimelineEntry } from './types.ts'

/** Everything the loop knows, as it stands durably. */
export type World = {
  readonly incidents: ReadonlyMap<string, IncidentRecord>
  readonly tickets: ReadonlyMap<string, TicketRecord>
  readonly targets: ReadonlyMap<string, TargetRecord>
  /** Intents without an outcome, and the last ones with. */
  readonly actions: ReadonlyMap<string, ActionRecord>
  readonly loop: LoopRecord
}

/** What the definition says. */
export type LoopConfig = {
  readonly name: string
  /** Where people reach assay, without a slash at the end. */
  readonly externalUrl: string
  readonly policies: readonly PolicySpec[]
  readonly parts: readonly { readonly id: string; readonly title: string; readonly uses: readonly string[] }[]
  /** Who is told of an escalation when the policy names nobody. */
  readonly fallbackReceiver?: string | undefined
  readonly approvalMs: number
  readonly budget: { readonly limit: number; readonly windowMs: number }
  readonly breakAfter: number
  /** Share of all parts that may be acted upon at once. */
  readonly blastShare: number
}

export type Effect = { readonly kind: 'act'; readonly action: ActionRecord }

export type Change =
  | { readonly collection: 'incidents'; readonly record: IncidentRecord }
  | { readonly collection: 'tickets'; readonly record: TicketRecord }
  | { readonly collection: 'targets'; readonly record: TargetRecord }
  | { readonly collection: 'actions'; readonly record: ActionRecord }
  | { readonly collection: 'loop'; readonly record: LoopRecord }
  | { readonly collection: Collection; readonly gone: string }

export type Decision = {
  readonly changes: readonly Change[]
  /** The changes, the messages and the audit as one batch. */
  readonly writes: readonly Write[]
  readonly effects: readonly Effect[]
  /** Whether somebody is told. */
  readonly notifies: boolean
}

const MAX_TIMELINE = 200
/** First entries that stay when a timeline is cut. */
const TIMELINE_HEAD = 20
/** Ended incidents, closed tickets and past actions that are kept; the audit has them all. */
export const MAX_KEPT = 1000

export class Draft {
  readonly world: World
  readonly config: LoopConfig
  readonly at: UnixMs
  readonly #changes = new Map<string, Change>()
  readonly #messages: Notification[] = []
  readonly #audit: Json[] = []
  readonly effects: Effect[] = []

  constructor(world: World, config: LoopConfig, at: UnixMs) {
    this.world = world
    this.config = config
    this.at = at
  }

  incident(id: string): IncidentRecord | undefined {
    const change = this.#changes.get(`incidents/${id}`)
    return change !== undefined && 'record' in change ? (change.record as IncidentRecord) : this.world.incidents.get(id)
  }

  ticket(id: string): TicketRecord | undefined {
    return this.world.tickets.get(id)
  }

  target(id: string): TargetRecord {
    return this.world.targets.get(id) ?? { id }
  }

  policy(id: string): PolicySpec | undefined {
    return this.config.policies.find((policy) => policy.id === id)
  }

  titleOf(part: string): string {
    return this.config.parts.find(({ id }) => id === part)?.title ?? part
  }

  putIncident(record: IncidentRecord): void {
    const { timeline } = record
    const cut =
      timeline.length <= MAX_TIMELINE
        ? timeline
        : [...timeline.slice(0, TIMELINE_HEAD), ...timeline.slice(TIMELINE_HEAD - MAX_TIMELINE)]
    this.#put({ collection: 'incidents', record: { ...record, timeline: cut } }, record.id)
  }

  putTicket(record: TicketRecord): void {
    this.#put({ collection: 'tickets', record }, record.id)
  }

  putTarget(record: TargetRecord): void {
    this.#put({ collection: 'targets', record }, record.id)
  }

  putAction(record: ActionRecord): void {
    this.#put({ collection: 'actions', record }, record.id)
  }

  putLoop(record: LoopRecord): void {
    this.#put({ collection: 'loop', record }, 'loop')
  }

  drop(collection: Collection, id: string): void {
    this.#put({ collection, gone: id }, id)
  }

  send(notification: Notification): void {
    this.#messages.push(notification)
  }

  audit(entry: Json): void {
    this.#audit.push(entry)
  }

  decision(): Decision {
    const changes = [...this.#changes.values()]
    const writes: Write[] = changes.map((change) =>
      'record' in change
        ? {
            kind: 'put',
            collection: COLLECTIONS[change.collection],
            id: change.collection === 'loop' ? 'loop' : (change.record as { readonly id: string }).id,
            value: encodeRecord(change.record),
          }
        : { kind: 'delete', collection: COLLECTIONS[change.collection], id: change.gone },
    )
    writes.push(...this.#messages.map(outboxWrite))
    writes.push(...this.#audit.map((entry): Write => ({ kind: 'audit', at: this.at, entry })))
    return { changes, writes, effects: this.effects, notifies: this.#messages.length > 0 }
  }

  #put(change: Change, id: string): void {
    this.#changes.set(`${change.collection}/${id}`, change)
  }
}

/** The world after a decision. */
export function applied(world: World, changes: readonly Change[]): World {
  const next = {
    incidents: new Map(world.incidents),
    tickets: new Map(world.tickets),
    targets: new Map(world.targets),
    actions: new Map(world.actions),
    loop: world.loop,
  }
  for (const change of changes) {
    if (!('record' in change)) {
      if (change.collection !== 'loop') next[change.collection].delete(change.gone)
      continue
    }
    switch (change.collection) {
      case 'incidents':
        next.incidents.set(change.record.id, change.record)
        break
      case 'tickets':
        next.tickets.set(change.record.id, change.record)
        break
      case 'targets':
        next.targets.set(change.record.id, change.record)
        break
      case 'actions':
        next.actions.set(change.record.id, change.record)
        break
      case 'loop':
        next.loop = change.record
        break
      default:
        change satisfies never
    }
  }
  return next
}

/** An incident with one more line. */
export function noted(record: IncidentRecord, entry: TimelineEntry): IncidentRecord {
  return { ...record, timeline: [...record.timeline, { ...entry, rails: entry.rails?.map((rail) => ({ ...rail })) }] }
}

/** The same parts give the same id, in every process and after every crash. */
export function idOf(...parts: readonly (string | number)[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 12)
}
