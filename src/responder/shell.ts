/**
 * The shell around `decide`: it gathers facts, makes decisions durable, and then does what they ask.
 *
 * - One decision at a time; what is decided is on disk before it is shown or done.
 * - A write that fails changes nothing: the next turn decides again. An outcome that could not be written is kept
 *   until it is.
 * - Asking (queries, runtimes) happens beside each other and has deadlines: one part that hangs holds up no other.
 */
import { AssayError, type UnixMs } from '#core'
import type { AlertSink } from '#rules'
import type { Ended, Judged } from './act.ts'
import { Arrivals } from './arrivals.ts'
import { type Decided, decide, type LoopEvent } from './decide.ts'
import { applied, type LoopConfig, type World } from './draft.ts'
import { type Asked, Eyes, openOf } from './facts.ts'
import { type Limits, perform, reconcile } from './perform.ts'
import { type Probe, withOneLess } from './probe.ts'
import { judge } from './rails.ts'
import { type ActionRecord, type IncidentRecord, incidentOf, stateOf, ticketOf } from './records.ts'
import type { Counters, Responder, ResponderEvent, ResponderOptions } from './responder.ts'
import type { Incident, Mode, Ticket } from './types.ts'

/** A difference between wall clock and monotonic clock above this is a jump, not drift. */
const JUMP_MS = 2000

export class LoopShell implements Responder {
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
  readonly #arrivals: Arrivals
  readonly #eyes: Eyes
  /** The latest measured values: shown, and written with the next change. */
  readonly #values = new Map<string, number>()
  #unsaved: (LoopEvent & { readonly kind: 'ended' })[] = []
  #seen: { readonly wall: number; readonly monotonic: number }
  #pausing: { readonly by: string; readonly at: UnixMs } | undefined
  readonly #counts: Record<keyof Counters, Record<string, number>> = { decisions: {}, refusals: {}, actions: {} }

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
    this.#eyes = new Eyes({ ...options, config: this.#config, limits: this.#limits, signal: this.#stop.signal })
    this.#arrivals = new Arrivals((id) => this.#eyes.policy(id), options.blind)
    this.sink = (alerts, group) => this.#arrivals.take(alerts, group)
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
      const step = this.#eyes.step(record)
      const found =
        step === undefined ? undefined : { probe: await this.#probe(record), ...(await this.#eyes.status(step)) }
      const gathered = found === undefined ? undefined : this.#judgeable(incident, found, by)
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
    return structuredClone(this.#counts)
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
    const open = new Set(openOf(this.#world).map(({ key }) => key))
    for (const arrival of this.#arrivals.drain()) {
      if (open.has(arrival.key)) continue
      try {
        // A rule may go on firing (`keep_firing_for`, a slower interval) after its condition ended.
        const condition = this.#eyes.policy(arrival.policy)?.condition
        if (condition !== undefined && (await this.#eyes.probe(arrival.key, condition, undefined)).health === 'good')
          continue
        const { key: _, ...alert } = arrival
        await this.#commit({ kind: 'alert', ...alert })
      } catch (error) {
        this.#arrivals.putBack(arrival)
        throw error
      }
    }
  }

  async #observe(): Promise<void> {
    const grace = this.#options.clock.monotonicMs() - this.#startedAt < (this.#options.startGraceMs ?? 30_000)
    const probed = await Promise.all(
      openOf(this.#world).map(async (record) => ({ record, probe: await this.#probe(record) })),
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
    const due = openOf(this.#world).filter(
      ({ phase }) =>
        phase.kind === 'due' || (phase.kind === 'refused' && (phase.retryAt === undefined || phase.retryAt <= at)),
    )
    // What is asked of others side by side; facts of our own for each when its turn has come.
    const asked = await Promise.all(due.map(async (record) => ({ id: record.id, found: await this.#look(record) })))
    for (const { id, found } of asked) {
      const event = found === undefined ? undefined : this.#judgeable(id, found)
      if (event !== undefined) await this.#commit({ kind: 'judged', ...event })
    }
  }

  /** `undefined`: the refusal of before still stands, and the runtime need not be asked to know it. */
  async #look(record: IncidentRecord): Promise<Asked | undefined> {
    const step = this.#eyes.step(record)
    if (step === undefined) return undefined
    const probe = await this.#probe(record)
    const { phase } = record
    if (phase.kind === 'refused' && phase.rail !== 'bounds') {
      const event = this.#judgeable(record.id, { probe })
      const stands =
        event !== undefined &&
        judge(event.proposal, event.facts, this.#options.clock.now()).verdicts.some(
          (verdict) => !verdict.allow && verdict.rail === phase.rail && verdict.next === 'wait',
        )
      if (stands) return undefined
    }
    return { probe, ...(await this.#eyes.status(step)) }
  }

  /** One instance less, once it would do for long enough. */
  async #takeBack(): Promise<void> {
    const open = new Set(openOf(this.#world).map(({ key }) => key))
    for (const record of [...this.#world.incidents.values()]) {
      const { id, key, phase, scaled, condition } = record
      if (scaled === undefined || phase.kind !== 'resolved' || condition?.op !== '>' || open.has(key)) continue
      const running = scaled.action === undefined ? undefined : this.#world.actions.get(scaled.action)
      if (running !== undefined && running.outcome === undefined) continue
      const step = this.#eyes.step(record)
      if (step?.kind !== 'scaleOut') continue
      const probe = await this.#probe(record)
      const less = withOneLess(probe.value, scaled.instances)
      const below = less === undefined ? undefined : less < step.scaleInBelow * condition.threshold
      await this.#commit({ kind: 'calm', incident: id, below })
      const since = this.#world.incidents.get(id)?.scaled?.belowSince
      if (since === undefined || this.#options.clock.now() - since < step.scaleInAfterMs) continue
      const event = this.#judgeable(id, { probe, ...(await this.#eyes.status(step)) })
      if (event !== undefined) await this.#commit({ kind: 'judged', ...event })
    }
  }

  #judgeable(id: string, asked: Asked, approvedBy?: string): Judged | undefined {
    return this.#eyes.judgeable(this.#world, id, asked, {
      pausing: this.#pausing,
      ...(approvedBy === undefined ? {} : { approvedBy }),
    })
  }

  #probe({ key, condition }: IncidentRecord): Promise<Probe> {
    return this.#eyes.probe(key, condition, this.#arrivals.expression(key))
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
    this.#count(decided)
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

function bump(counts: Record<string, number>, name: string): void {
  counts[name] = (counts[name] ?? 0) + 1
}
