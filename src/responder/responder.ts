/**
 * The loop's door: what it is given, what it offers, and how it starts from what is durable.
 *
 * - It is fed by the rules through `sink`, and asks for everything else itself.
 * - It shows nothing that is not on disk.
 */
import type { Clock, Log, QueryFn, UnixMs } from '#core'
import type { AlertSink } from '#rules'
import type { State } from '#state'
import type { Limits } from './perform.ts'
import { COLLECTIONS, decodeRecord, NEW_LOOP } from './records.ts'
import { LoopShell } from './shell.ts'
import type { Incident, IncidentState, Mode, PolicySpec, Runtime, Ticket } from './types.ts'

/** Told after it is durable. */
export type ResponderEvent =
  | { readonly kind: 'incident'; readonly id: string; readonly state: IncidentState }
  | { readonly kind: 'ticket'; readonly id: string }
  | { readonly kind: 'mode'; readonly mode: Mode | 'paused' }
  | { readonly kind: 'overview' }

export type ResponderOptions = {
  /** The system's, for subjects. */
  readonly name: string
  readonly externalUrl: string
  readonly parts: readonly { readonly id: string; readonly title: string; readonly uses: readonly string[] }[]
  readonly policies: readonly PolicySpec[]
  readonly state: State
  readonly query: QueryFn
  /** By `RuntimeSpec.name`. */
  readonly runtimes: ReadonlyMap<string, Runtime>
  readonly clock: Clock
  readonly log: Log
  /** Why a part can't be asked, in words; `undefined` while it can. */
  readonly blind: (part: string) => string | undefined
  readonly onEvent?: (event: ResponderEvent) => void
  /** Messages are in the outbox: the notifier's `wake`. */
  readonly wake?: () => void
  /** Who is told of an escalation when the policy names nobody. */
  readonly fallbackReceiver?: string
  /** Between two looks at what is open; the default is 1 s. */
  readonly turnMs?: number
  /** How long a question to a person stands; 30 min. */
  readonly approvalMs?: number
  /** Actions per hour over all policies before a person is asked; 10. */
  readonly actionsPerHour?: number
  /** Failed actions in a row before a person is asked; 3. */
  readonly breakAfter?: number
  /** Share of the parts that may be acted upon at once; 0.34. */
  readonly blastShare?: number
  /** After a start, how long missing data only means that nothing was scraped yet; 30 s. */
  readonly startGraceMs?: number
  readonly limits?: Partial<Limits>
}

export interface Responder extends AsyncDisposable {
  /** Give this to the rules. */
  readonly sink: AlertSink
  incidents(): readonly Incident[]
  incident(id: string): Incident | undefined
  tickets(): readonly Ticket[]
  mode(): Mode | 'paused'
  approval(incident: string): { readonly action: string; readonly text: string; readonly expiresAt: UnixMs } | undefined
  verifyUntil(incident: string): UnixMs | undefined
  /** Rejects with `ASSAY_APPROVAL_*` when the question no longer stands. */
  approve(incident: string, action: string, by: string): Promise<void>
  pause(by: string): Promise<void>
  resume(by: string): Promise<void>
  /** One look at everything. Runs by itself; called by hand in tests. */
  turn(): Promise<void>
  /** Resolves when no action is under way. */
  settled(): Promise<void>
  counters(): Counters
}

export type Counters = {
  readonly decisions: Readonly<Record<string, number>>
  readonly refusals: Readonly<Record<string, number>>
  readonly actions: Readonly<Record<string, number>>
}

/** Reads what is durable, finds out what became of intents that a crash cut off, and goes on. Rejects with `ASSAY_RESPONDER_STATE`. */
export async function createResponder(options: ResponderOptions): Promise<Responder> {
  const { state } = options
  const read = async <C extends 'incidents' | 'tickets' | 'targets' | 'actions'>(collection: C) =>
    new Map(
      (await state.list(COLLECTIONS[collection])).map(
        ({ id, value }) => [id, decodeRecord(collection, id, value)] as const,
      ),
    )
  const loop = await state.get(COLLECTIONS.loop, 'loop')
  return new LoopShell(options, {
    incidents: await read('incidents'),
    tickets: await read('tickets'),
    targets: await read('targets'),
    actions: await read('actions'),
    loop: loop === undefined ? NEW_LOOP : decodeRecord('loop', 'loop', loop),
  })
}
