/**
 * The shell around `decide`: it gathers facts, makes decisions durable, and then does what they ask.
 *
 * - One decision at a time; what is decided is on disk before it is shown or done.
 * - A write that fails changes nothing: the next turn decides again. An outcome that could not be written is kept
 *   until it is.
 * - Asking (queries, runtimes) happens beside each other and has deadlines: one part that hangs holds up no other.
 */
import { AssayError, type Clock, type Log, messageOf, type QueryFn, type UnixMs } from '#core'
import type { Alert, AlertSink, RuleGroup } from '#rules'
import type { State } from '#state'
import { type ActingStep, dueStep, type Ended, type Judged, proposalOf, scaleInOf, targetOf } from './act.ts'
import { type Decided, decide, type LoopEvent } from './decide.ts'
import { dependenciesOf, type FiringAlert, keyOf, PART_DOWN } from './detect.ts'
import { applied, type LoopConfig, type World } from './draft.ts'
import { type Limits, perform, reconcile, withDeadline } from './perform.ts'
import { type Probe, probeCondition, probeExpression, withOneLess } from './probe.ts'
import type { Facts, Proposal } from './rails.ts'
import {
  type ActionRecord,
  COLLECTIONS,
  decodeRecord,
  type IncidentRecord,
  incidentOf,
  NEW_LOOP,
  stateOf,
  ticketOf,
} from './records.ts'
import type { Incident, IncidentState, Mode, PolicySpec, Runtime, Ticket, WorkloadStatus } from './types.ts'

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

const MAX_ARRIVALS = 10_000
const JUMP_MS = 2000

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

type Arrival = FiringAlert & { readonly key: string }

class LoopShell implements Responder {
  readonly sink: AlertSink
  readonly #options: ResponderOptions
  readonly #config: LoopConfig
  readonly #limits: Limits
  readonly #stop = new AbortController()
  readonly #running = new Set<Promise<void>>()
  readonly #startedAt: number
  #world: World
  #tail: Promise<unknown> = Promise.resolve()
  readonly #loop: Promise<void>
  /** Firing alerts that no turn has looked at yet, and the expression behind each key. */
  #arrivals = new Map<string, Arrival>()
  readonly #expressions = new Map<string, string>()
  /** The latest measured values: shown, and written with the next change. */
  readonly #values = new Map<string, number>()
  #unsaved: (LoopEvent & { readonly kind: 'ended' })[] = []
  #seen: { readonly wall: number; readonly monotonic: number }
  #pausing: { readonly by: string; readonly at: UnixMs } | undefined
  readonly #counts = { decisions: counter(), refusals: counter(), actions: counter() }

  constructor(options: ResponderOptions, world: World) {
    this.#options = options
    this.#world = world
    this.#limits = { actionTimeoutMs: 300_000, statusTimeoutMs: 10_000, settleMs: 15_000, ...options.limits }
    this.#config = {
      name: options.name,
      externalUrl: options.externalUrl.replace(/\/$/, ''),
      policies: options.policies,
      parts: options.parts,
      fallbackReceiver: options.fallbackReceiver,
      approvalMs: options.approvalMs ?? 1_800_000,
      budget: { limit: options.actionsPerHour ?? 10, windowMs: 3_600_000 },
      breakAfter: options.breakAfter ?? 3,
      blastShare: options.blastShare ?? 0.34,
    }
    const { clock } = options
    this.#seen = { wall: clock.now(), monotonic: clock.monotonicMs() }
    this.#startedAt = this.#seen.monotonic
    this.sink = (alerts, group) => this.#arrive(alerts, group)
    for (const action of world.actions.values()) if (action.outcome === undefined) this.#follow(action, true)
    this.#loop = this.#run()
  }

  incidents(): readonly Incident[] {
    return [...this.#world.incidents.values()].map((record) => this.#shown(record))
  }

  incident(id: string): Incident | undefined {
    const record = this.#world.incidents.get(id)
    return record === undefined ? undefined : this.#shown(record)
  }

  tickets(): readonly Ticket[] {
    return [...this.#world.tickets.values()].map(ticketOf)
  }

  mode(): Mode | 'paused' {
    if (this.#world.loop.paused !== undefined) return 'paused'
    const modes = this.#config.policies
      .filter(({ steps }) => steps.some(({ kind }) => kind === 'scaleOut' || kind === 'restart'))
      .map(({ mode }) => mode)
    return modes.includes('auto')
      ? 'auto'
      : modes.includes('suggest')
        ? 'suggest'
        : modes.includes('observe')
          ? 'observe'
          : 'auto'
  }

  approval(
    incident: string,
  ): { readonly action: string; readonly text: string; readonly expiresAt: UnixMs } | undefined {
    const record = this.#world.incidents.get(incident)
    if (record?.phase.kind === 'asking') {
      const { action, text, expiresAt } = record.phase
      return { action, text, expiresAt }
    }
    const { asking, action } = record?.scaled ?? {}
    if (asking === undefined || action === undefined || asking.expiresAt <= this.#options.clock.now()) return undefined
    return { action, text: asking.text, expiresAt: asking.expiresAt }
  }

  verifyUntil(incident: string): UnixMs | undefined {
    const phase = this.#world.incidents.get(incident)?.phase
    return phase?.kind === 'verifying' ? phase.until : undefined
  }

  approve(incident: string, action: string, by: string): Promise<void> {
    return this.#exclusive(async () => {
      const record = this.#world.incidents.get(incident)
      const asked = this.approval(incident)
      if (record === undefined || asked === undefined || asked.action !== action) {
        throw new AssayError(
          'ASSAY_APPROVAL_UNKNOWN',
          `incident ${incident} asks for no approval of ${action}; load it again`,
        )
      }
      if (asked.expiresAt <= this.#options.clock.now()) {
        throw new AssayError(
          'ASSAY_APPROVAL_EXPIRED',
          `the question expired at ${new Date(asked.expiresAt).toISOString()}; wait for it to be asked again`,
        )
      }
      const bound = record.phase.kind === 'asking' ? record.phase : record.scaled?.asking
      const gathered = await this.#gather(record, by)
      if (gathered === undefined || bound === undefined) {
        throw new AssayError('ASSAY_APPROVAL_UNKNOWN', `incident ${incident} has nothing to approve any more`)
      }
      const { proposal } = gathered
      if (proposal.id !== action || proposal.from !== bound.from || proposal.to !== bound.to) {
        throw new AssayError(
          'ASSAY_APPROVAL_CHANGED',
          `approved was to ${asked.text}, but ${proposal.from} instances run now; decide on what is asked next`,
        )
      }
      const { judgement } = await this.#commit({ kind: 'judged', ...gathered })
      if (judgement?.outcome !== 'act') {
        throw new AssayError(
          'ASSAY_APPROVAL_REFUSED',
          `a rail refuses it: ${judgement?.refusal?.reason ?? 'no reason given'}`,
        )
      }
    })
  }

  /** Holds from this very call on, also against a turn that is under way. */
  async pause(by: string): Promise<void> {
    const pausing = { by, at: this.#options.clock.now() }
    this.#pausing = pausing
    try {
      await this.#exclusive(async () => void (await this.#commit({ kind: 'paused', by })))
    } finally {
      if (this.#pausing === pausing) this.#pausing = undefined
    }
  }

  resume(by: string): Promise<void> {
    return this.#exclusive(async () => void (await this.#commit({ kind: 'resumed', by })))
  }

  turn(): Promise<void> {
    return this.#exclusive(() => this.#turn())
  }

  async settled(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running)
    await this.#tail
  }

  counters(): Counters {
    return {
      decisions: { ...this.#counts.decisions },
      refusals: { ...this.#counts.refusals },
      actions: { ...this.#counts.actions },
    }
  }

  /** Calls under way are cut off; the next start finds out what became of them. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    await this.#loop
    await this.settled()
  }

  async #run(): Promise<void> {
    const { clock, log, turnMs = 1000 } = this.#options
    for await (const _ of clock.ticks(turnMs, this.#stop.signal)) {
      await this.turn().catch((error: unknown) => {
        if (!this.#stop.signal.aborted) log.error({ err: error }, 'a turn of the loop failed; the next one tries again')
      })
    }
  }

  #arrive(alerts: readonly Alert[], group: RuleGroup): void {
    for (const rule of group.rules) {
      const { policy, part } = rule.labels
      if (rule.kind !== 'alert' || policy === undefined) continue
      this.#expressions.set(keyOf(this.#policy(policy), { policy, part }), rule.expr)
    }
    for (const alert of alerts) {
      const policy = alert.labels.get('policy')
      if (policy === '' || alert.state !== 'firing') continue
      const part = alert.labels.get('part') || undefined
      const key = keyOf(this.#policy(policy), { policy, part })
      if (this.#arrivals.size >= MAX_ARRIVALS && !this.#arrivals.has(key)) continue
      this.#arrivals.set(key, {
        key,
        policy,
        part,
        value: alert.value,
        activeAt: alert.activeAt,
        summary: alert.annotations['summary'] ?? '',
        reason: part === undefined ? '' : (this.#options.blind(part) ?? ''),
      })
    }
  }

  async #turn(): Promise<void> {
    await this.#followClock()
    for (const event of this.#unsaved.splice(0)) await this.#end(event)
    await this.#detect()
    await this.#observe()
    await this.#propose()
    await this.#takeBack()
  }

  /** A jump of the wall clock is no time that passed. */
  async #followClock(): Promise<void> {
    const { clock, log } = this.#options
    const now = { wall: clock.now() as number, monotonic: clock.monotonicMs() }
    const byMs = Math.round(now.wall - this.#seen.wall - (now.monotonic - this.#seen.monotonic))
    if (Math.abs(byMs) > JUMP_MS) {
      log.warn({ byMs }, 'the wall clock jumped; deadlines move along')
      await this.#commit({ kind: 'clock', byMs })
    }
    this.#seen = now
  }

  async #detect(): Promise<void> {
    const arrived = [...this.#arrivals.values()]
    this.#arrivals = new Map()
    const open = new Set(this.#open().map(({ key }) => key))
    for (const arrival of arrived) {
      if (open.has(arrival.key)) continue
      // A rule may go on firing (`keep_firing_for`, a slower interval) after its condition ended.
      const condition = this.#policy(arrival.policy)?.condition
      if (condition !== undefined && (await this.#probe(arrival.key, condition)).health === 'good') continue
      const { key: _, ...alert } = arrival
      try {
        await this.#commit({ kind: 'alert', ...alert })
      } catch (error) {
        this.#arrivals.set(arrival.key, arrival)
        throw error
      }
    }
  }

  async #observe(): Promise<void> {
    const grace = this.#options.clock.monotonicMs() - this.#startedAt < (this.#options.startGraceMs ?? 30_000)
    const probed = await Promise.all(
      this.#open().map(async (record) => ({ record, probe: await this.#probe(record.key, record.condition) })),
    )
    for (const { record, probe } of probed) {
      if (probe.health === 'blind' && grace) continue
      if (probe.value === undefined) this.#values.delete(record.id)
      else this.#values.set(record.id, probe.value)
      await this.#commit({ kind: 'observed', incident: record.id, health: probe.health, value: probe.value })
    }
  }

  async #propose(): Promise<void> {
    const at = this.#options.clock.now()
    const due = this.#open().filter(
      ({ phase }) =>
        phase.kind === 'due' || (phase.kind === 'refused' && (phase.retryAt === undefined || phase.retryAt <= at)),
    )
    // The slow facts side by side; those of our own making again for each, as one decision changes them for the next.
    const asked = await Promise.all(
      due.map(async (record) => ({ record, slow: await this.#ask(record, this.#step(record)) })),
    )
    for (const { record, slow } of asked) {
      const gathered = this.#facts(record, slow, undefined)
      if (gathered !== undefined) await this.#commit({ kind: 'judged', ...gathered })
    }
  }

  async #takeBack(): Promise<void> {
    const at = this.#options.clock.now()
    const open = new Set(this.#open().map(({ key }) => key))
    for (const { id, key } of this.#world.incidents.values()) {
      const record = this.#world.incidents.get(id)
      if (record?.scaled === undefined || record.phase.kind !== 'resolved' || open.has(key)) continue
      if (
        this.#world.actions.get(record.scaled.action ?? '')?.outcome === undefined &&
        record.scaled.action !== undefined &&
        record.scaled.asking === undefined
      )
        continue
      const step = this.#step(record)
      if (step?.kind !== 'scaleOut' || record.condition?.op !== '>') continue
      const slow = await this.#ask(record, step)
      const less = withOneLess(slow.probe.value, slow.status?.desired ?? 0)
      const below = less === undefined ? undefined : less < step.scaleInBelow * record.condition.threshold
      await this.#commit({ kind: 'calm', incident: id, below })
      const since = this.#world.incidents.get(id)?.scaled?.belowSince
      if (since === undefined || at - since < step.scaleInAfterMs) continue
      const gathered = this.#facts(this.#world.incidents.get(id) ?? record, slow, undefined)
      if (gathered !== undefined) await this.#commit({ kind: 'judged', ...gathered })
    }
  }

  async #gather(record: IncidentRecord, approvedBy: string): Promise<Judged | undefined> {
    return this.#facts(record, await this.#ask(record, this.#step(record)), approvedBy)
  }

  /** The step that an incident is about to take, or, once resolved, the one it takes back. */
  #step(record: IncidentRecord): ActingStep | undefined {
    const policy = this.#policy(record.policy)
    if (record.phase.kind !== 'resolved') return dueStep(policy, record)
    return record.scaled === undefined ? undefined : dueStep(policy, { ...record, step: record.scaled.step })
  }

  /** What has to be asked of others: the measure and the runtime. */
  async #ask(record: IncidentRecord, step: ActingStep | undefined): Promise<Slow> {
    const probe = await this.#probe(record.key, record.condition)
    if (step === undefined) return { probe, status: undefined, error: 'no step is due' }
    const runtime = this.#options.runtimes.get(step.runtime)
    if (runtime === undefined) return { probe, status: undefined, error: `there is no runtime ${step.runtime}` }
    try {
      const status = await withDeadline(
        this.#options.clock,
        this.#limits.statusTimeoutMs,
        this.#stop.signal,
        `the status of ${step.workload}`,
        (signal) => runtime.status(step.workload, signal),
      )
      return { probe, status, error: undefined }
    } catch (error) {
      this.#stop.signal.throwIfAborted()
      return { probe, status: undefined, error: messageOf(error) }
    }
  }

  #facts(given: IncidentRecord, { probe, status, error }: Slow, approvedBy: string | undefined): Judged | undefined {
    const record = this.#world.incidents.get(given.id)
    const step = record === undefined ? undefined : this.#step(record)
    const policy = record === undefined ? undefined : this.#policy(record.policy)
    if (record === undefined || step === undefined || policy === undefined) return undefined
    const taking = record.phase.kind === 'resolved'
    const desired = status?.desired ?? 0
    const proposal: Proposal = taking ? scaleInOf(record, step, desired) : proposalOf(record, step, desired)
    const target = this.#world.targets.get(targetOf(step))
    const at = this.#options.clock.now()
    const { budget, breakAfter, blastShare, parts } = this.#config
    const { loop } = this.#world
    const open = this.#open()
    const acting = new Set(
      open
        .filter(({ phase }) => phase.kind === 'acting' || phase.kind === 'verifying')
        .flatMap((one) => this.#step(one)?.part ?? []),
    )
    acting.delete(step.part)
    const other = open.find((one) => one.id !== record.id && one.parts.includes(step.part))
    const facts: Facts = {
      mode: policy.mode,
      approvedBy,
      paused: loop.paused ?? this.#pausing,
      health: probe.health,
      min: step.kind === 'scaleOut' ? step.min : 0,
      max: step.kind === 'scaleOut' ? step.max : 0,
      minHealthy: step.kind === 'restart' ? step.minHealthy : 0,
      status:
        status === undefined ? undefined : { desired, ready: status.instances.filter(({ ready }) => ready).length },
      statusError: error,
      busy: target?.busy,
      lastAction: target?.lastAction,
      cooldownMs: policy.cooldownMs,
      budget: { ...budget, used: loop.actions.filter((one) => one > at - budget.windowMs).length },
      failedInRow: loop.failedInRow,
      breakAfter,
      dependency: this.#dependency(step.part),
      acting: { parts: acting.size, of: parts.length, share: blastShare },
      otherIncident: other?.id,
    }
    const pids = status?.instances.flatMap(({ pid }) => pid ?? []) ?? []
    return { proposal, facts, intent: { runtime: step.runtime, workload: step.workload, pids } }
  }

  /** A part that this one uses, directly or not, and that is down. */
  #dependency(part: string): { readonly part: string; readonly reason: string } | undefined {
    const used = [...dependenciesOf({ config: this.#config }, [part])].filter((id) => id !== part)
    for (const id of used) {
      const title = this.#config.parts.find((one) => one.id === id)?.title ?? id
      const reason = this.#options.blind(id)
      if (reason !== undefined && reason !== '') return { part: title, reason }
      const down = this.#open().find((one) => one.policy === PART_DOWN && one.parts.includes(id))
      if (down !== undefined) return { part: title, reason: down.title }
    }
    return undefined
  }

  async #probe(key: string, condition: IncidentRecord['condition']): Promise<Probe> {
    const { clock, query, log } = this.#options
    const at = clock.now()
    const expr = this.#expressions.get(key)
    if (condition === undefined && expr === undefined) return { health: 'blind' }
    try {
      const probe = await withDeadline(
        clock,
        this.#limits.statusTimeoutMs,
        this.#stop.signal,
        `the condition of ${key}`,
        (signal) =>
          condition === undefined
            ? probeExpression(query, expr ?? '', at, signal)
            : probeCondition(query, condition, at, signal),
      )
      if (probe.error !== undefined)
        log.warn({ err: probe.error, key }, 'a condition could not be read; it counts as no data')
      return probe
    } catch (error) {
      this.#stop.signal.throwIfAborted()
      return { health: 'blind', error }
    }
  }

  /** Decides, makes it durable, and only then shows and does it. */
  async #commit(event: LoopEvent): Promise<Decided> {
    const { state, clock, onEvent, wake } = this.#options
    this.#stop.signal.throwIfAborted()
    const before = this.#world
    const decided = decide(before, event, this.#config, clock.now())
    if (decided.writes.length === 0) return decided
    await state.write(decided.writes)
    this.#world = applied(before, decided.changes)
    if (decided.judgement !== undefined) this.#count(decided)
    for (const effect of decided.effects) this.#follow(effect.action, false)
    if (decided.notifies) wake?.()
    if (onEvent !== undefined) this.#announce(before, decided, onEvent)
    return decided
  }

  #announce(before: World, { changes }: Decided, onEvent: (event: ResponderEvent) => void): void {
    for (const change of changes) {
      if (!('record' in change)) continue
      if (change.collection === 'incidents')
        onEvent({ kind: 'incident', id: change.record.id, state: stateOf(change.record.phase) })
      if (change.collection === 'tickets') onEvent({ kind: 'ticket', id: change.record.id })
    }
    if (before.loop.paused !== this.#world.loop.paused) onEvent({ kind: 'mode', mode: this.mode() })
    onEvent({ kind: 'overview' })
  }

  #count({ judgement }: Decided): void {
    if (judgement === undefined) return
    bump(this.#counts.decisions, judgement.outcome)
    for (const verdict of judgement.verdicts) if (!verdict.allow) bump(this.#counts.refusals, verdict.rail)
  }

  /** Does an action, or finds out what became of it, beside everything else. */
  #follow(action: ActionRecord, reconciled: boolean): void {
    const { clock, runtimes, log } = this.#options
    const work = async (): Promise<void> => {
      const runtime = runtimes.get(action.runtime)
      const how = reconciled ? reconcile : perform
      const outcome =
        runtime === undefined
          ? ({ outcome: 'failed', error: `there is no runtime ${action.runtime}` } as const)
          : await how(action, runtime, clock, this.#limits, this.#stop.signal)
      bump(this.#counts.actions, `${action.kind} ${outcome.outcome}`)
      await this.#exclusive(() => this.#end({ kind: 'ended', action: action.id, reconciled, ...outcome }))
    }
    const running = work()
      .catch((error: unknown) => {
        if (!this.#stop.signal.aborted) log.error({ err: error, action: action.id }, 'an action could not be followed')
      })
      .finally(() => this.#running.delete(running))
    this.#running.add(running)
  }

  async #end(event: { readonly kind: 'ended' } & Ended): Promise<void> {
    try {
      await this.#commit(event)
    } catch (error) {
      if (this.#stop.signal.aborted) return // the next start finds out
      this.#unsaved.push(event)
      this.#options.log.error(
        { err: error, action: event.action },
        'an outcome could not be written; it is tried again',
      )
    }
  }

  #open(): readonly IncidentRecord[] {
    return [...this.#world.incidents.values()].filter(({ phase }) => phase.kind !== 'resolved')
  }

  #policy(id: string): PolicySpec | undefined {
    return this.#config.policies.find((policy) => policy.id === id)
  }

  #shown(record: IncidentRecord): Incident {
    const value = record.phase.kind === 'resolved' ? undefined : this.#values.get(record.id)
    return incidentOf(value === undefined ? record : { ...record, value })
  }

  #exclusive<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#tail.then(work)
    this.#tail = result.catch(() => {})
    return result
  }
}

type Slow = { readonly probe: Probe; readonly status: WorkloadStatus | undefined; readonly error: string | undefined }

function counter(): Record<string, number> {
  return {}
}

function bump(counts: Record<string, number>, name: string): void {
  counts[name] = (counts[name] ?? 0) + 1
}
