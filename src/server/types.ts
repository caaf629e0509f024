/**
 * What the server is handed by the `cli`. It holds no state of its own: it asks, and it shows.
 */
import type { BodyFn, Clock, Feature, Labels, Log, Matcher, QueryFn, UnixMs } from '#core'
import type { Plan } from '#model'
import type { Forwarded, Question } from '#remote'
import type { Responder } from '#responder'
import type { RuleGroupStatus } from '#rules'
import type { TargetStatus } from '#scrape'
import type { ExemplarStore, LatestFn, ListFn, MetadataStore, Store } from '#storage'
import type { OpenBackup } from './assay/backups.ts'
import type { Notifications } from './prometheus/notifications.ts'
import type { EventWire } from './wire.ts'

/** The loop as the server sees it: read, and the few things a person may do by hand. */
export type Loop = Pick<
  Responder,
  'incidents' | 'incident' | 'tickets' | 'mode' | 'approval' | 'verifyUntil' | 'approve' | 'pause' | 'resume'
>

/** A block of the store: the span [start, end) in Unix milliseconds; `merged`: of how many it was made. */
export type StoredBlock = {
  readonly name: string
  readonly start: number
  readonly end: number
  readonly series: number
  readonly samples: number
  readonly merged: number
}

/** What may be done to the store by hand. Each rejects with what the disk said. */
export type StoreAdmin = {
  /** Inclusive, Unix milliseconds; one of the sets has to match. Resolves once it is durable. */
  readonly deleteSeries: (selection: {
    readonly sets: readonly (readonly Matcher[])[]
    readonly start: number
    readonly end: number
  }) => Promise<{ readonly series: number; readonly blocks: number }>
  /** Returns how many blocks were written anew. */
  readonly cleanTombstones: () => Promise<number>
  readonly snapshot: (options: { readonly skipHead: boolean }) => Promise<{ readonly name: string }>
}

export type ServerDeps = {
  readonly clock: Clock
  readonly log: Log
  readonly plan: () => Plan
  readonly query: QueryFn
  /** Asks and writes the answer in one, where another thread does both. Absent: `query` is asked, and written here. */
  readonly bodies?: BodyFn
  readonly store: Store
  /** Lists what is stored, where another thread does it. Absent: `store` is asked. */
  readonly list?: ListFn
  /** What `/federate` shows; absent: from the store. */
  readonly latest?: LatestFn
  /** With a remote engine: asks it what a client asks us, and hands the answer on as it comes. */
  readonly forward?: (question: Question, signal: AbortSignal) => Promise<Forwarded>
  readonly metadata: MetadataStore
  /** What lies on disk, for `status/tsdb/blocks`; absent: nothing. */
  readonly blocks?: () => readonly StoredBlock[]
  /** Absent: `--web.enable-admin-api` is not given. */
  readonly admin?: StoreAdmin
  /** Takes a backup of everything. Absent as `admin`. */
  readonly backup?: () => Promise<OpenBackup>
  /** Absent: `exemplar-storage` is off, and `query_exemplars` answers with nothing. */
  readonly exemplars?: ExemplarStore
  /** What `--enable-feature` switched on: which expressions are parsed, and how. */
  readonly features: ReadonlySet<Feature>
  readonly targets: () => readonly TargetStatus[]
  /** `more`: how many of its pool were dropped too and are not listed. */
  readonly droppedTargets: () => readonly {
    readonly pool: string
    readonly discoveredLabels: Labels
    readonly more?: number
  }[]
  readonly ruleGroups: () => readonly RuleGroupStatus[]
  readonly loop: Loop
  /** Events as they happen; the server fans them out. Returns the way to stop listening. */
  readonly subscribe: (listener: (event: EventWire) => void) => Disposable
  /** assay's own metrics as a page of the exposition format, for `/metrics`. */
  readonly ownMetrics: () => string
  /** Reads the configuration again; rejects with the reason when it is refused. Absent: not enabled. */
  readonly reload?: () => Promise<void>
  /** Ends the process in order. Absent: not enabled. */
  readonly quit?: () => void
  readonly flags: Readonly<Record<string, string>>
  /** For `status/config`: the configuration as text, without secrets. */
  readonly configText: () => string
  readonly startedAt: UnixMs
  /** How the last reading of the configuration went, and when the one that runs was read. */
  readonly configLoad: () => { readonly ok: boolean; readonly at: UnixMs }
  readonly notifications: Notifications
  /** How far back `/federate` looks for the latest sample. */
  readonly lookbackMs: number
  /** The built UI; absent: the API alone. */
  readonly webRoot: string | undefined
  readonly limits: { readonly maxSamples: number; readonly queryTimeoutMs: number; readonly maxPoints: number }
}
