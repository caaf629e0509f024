/**
 * The eyes of the loop: measures, runtimes and its own records become the facts that rails judge.
 *
 * - Every question has a deadline; one that fails is a fact too (`blind`, or no status with its reason).
 * - Facts of our own making are taken at the moment of judging, as one decision changes them for the next.
 */
import { type Clock, type Log, messageOf, type QueryFn, type UnixMs } from '#core'
import { type ActingStep, dueStep, type Judged, proposalOf, scaleInOf, targetOf } from './act.ts'
import { dependenciesOf, PART_DOWN } from './detect.ts'
import type { LoopConfig, World } from './draft.ts'
import { type Limits, withDeadline } from './perform.ts'
import { type Probe, probeCondition, probeExpression } from './probe.ts'
import type { Facts, Proposal } from './rails.ts'
import type { IncidentRecord } from './records.ts'
import type { Condition, PolicySpec, Runtime, WorkloadStatus } from './types.ts'

export type EyesOptions = {
  readonly config: LoopConfig
  readonly query: QueryFn
  readonly runtimes: ReadonlyMap<string, Runtime>
  readonly clock: Clock
  readonly log: Log
  readonly blind: (part: string) => string | undefined
  readonly limits: Limits
  readonly signal: AbortSignal
}

/** What had to be asked of others. */
export type Asked = { readonly probe: Probe; readonly status?: WorkloadStatus; readonly error?: string }

export class Eyes {
  readonly #options: EyesOptions

  constructor(options: EyesOptions) {
    this.#options = options
  }

  policy(id: string): PolicySpec | undefined {
    return this.#options.config.policies.find((policy) => policy.id === id)
  }

  /** The step that an incident is about to take, or, once resolved, the one it takes back. */
  step(record: IncidentRecord): ActingStep | undefined {
    const policy = this.policy(record.policy)
    if (record.phase.kind !== 'resolved') return dueStep(policy, record)
    return record.scaled === undefined ? undefined : dueStep(policy, { ...record, step: record.scaled.step })
  }

  /** The condition now; `expr` for policies without a single measure. */
  async probe(key: string, condition: Condition | undefined, expr: string | undefined): Promise<Probe> {
    const { clock, query, log, limits, signal } = this.#options
    if (condition === undefined && expr === undefined) return { health: 'blind' }
    const at = clock.now()
    try {
      const probe = await withDeadline(clock, limits.statusTimeoutMs, signal, `the condition of ${key}`, (deadline) =>
        condition === undefined
          ? probeExpression(query, expr ?? '', at, deadline)
          : probeCondition(query, condition, at, deadline),
      )
      if (probe.error !== undefined) {
        log.warn({ err: probe.error, key }, 'a condition could not be read; it counts as no data')
      }
      return probe
    } catch (error) {
      signal.throwIfAborted()
      return { health: 'blind', error }
    }
  }

  async status(step: ActingStep): Promise<Pick<Asked, 'status' | 'error'>> {
    const { runtimes, clock, limits, signal } = this.#options
    const runtime = runtimes.get(step.runtime)
    if (runtime === undefined) return { error: `there is no runtime ${step.runtime}` }
    const what = `the status of ${step.workload}`
    try {
      const ask = (deadline: AbortSignal) => runtime.status(step.workload, deadline)
      return { status: await withDeadline(clock, limits.statusTimeoutMs, signal, what, ask) }
    } catch (error) {
      signal.throwIfAborted()
      return { error: messageOf(error) }
    }
  }

  /** `undefined`: there is nothing to propose any more. */
  judgeable(
    world: World,
    id: string,
    { probe, status, error }: Asked,
    more: {
      readonly approvedBy?: string
      /** The switch is being thrown right now. */
      readonly pausing?: { readonly by: string; readonly at: UnixMs } | undefined
    },
  ): Judged | undefined {
    const record = world.incidents.get(id)
    const step = record === undefined ? undefined : this.step(record)
    const policy = record === undefined ? undefined : this.policy(record.policy)
    if (record === undefined || step === undefined || policy === undefined) return undefined
    const desired = status?.desired ?? 0
    const proposal: Proposal =
      record.phase.kind === 'resolved' ? scaleInOf(record, step, desired) : proposalOf(record, step, desired)
    const target = world.targets.get(targetOf(step))
    const { budget, breakAfter, blastShare, parts } = this.#options.config
    const since = this.#options.clock.now() - budget.windowMs
    const open = openOf(world)
    const acting = new Set(
      open
        .filter(({ phase }) => phase.kind === 'acting' || phase.kind === 'verifying')
        .flatMap((one) => this.step(one)?.part ?? []),
    )
    acting.delete(step.part)
    const facts: Facts = {
      mode: policy.mode,
      approvedBy: more.approvedBy,
      paused: world.loop.paused ?? more.pausing,
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
      budget: { ...budget, used: world.loop.actions.filter((at) => at > since).length },
      failedInRow: world.loop.failedInRow,
      breakAfter,
      dependency: this.#dependency(world, step.part),
      acting: { parts: acting.size, of: parts.length, share: blastShare },
      otherIncident: open.find((one) => one.id !== id && one.parts.includes(step.part))?.id,
    }
    const pids = status?.instances.flatMap(({ pid }) => pid ?? []) ?? []
    return { proposal, facts, intent: { runtime: step.runtime, workload: step.workload, pids } }
  }

  /** A part that this one uses, directly or not, and that is down. */
  #dependency(world: World, part: string): Facts['dependency'] {
    const { config, blind } = this.#options
    for (const id of dependenciesOf({ config }, [part])) {
      if (id === part) continue
      const title = config.parts.find((one) => one.id === id)?.title ?? id
      const reason = blind(id)
      if (reason !== undefined && reason !== '') return { part: title, reason }
      const down = openOf(world).find((one) => one.policy === PART_DOWN && one.parts.includes(id))
      if (down !== undefined) return { part: title, reason: down.title }
    }
    return undefined
  }
}

export function openOf(world: World): readonly IncidentRecord[] {
  return [...world.incidents.values()].filter(({ phase }) => phase.kind !== 'resolved')
}
