/**
 * The loop, wired: alerts come in, incidents and messages are durable, actions go out through runtimes.
 *
 * A changed definition gets a new responder and notifier over the same state: what is open goes on where it was, exactly
 * as after a restart.
 */
import { createNotifier, type Notifier } from '#alerting'
import { type Clock, type Log, PageWriter, type QueryFn, type Text } from '#core'
import type { Plan } from '#model'
import { createResponder, createRuntime, type Responder } from '#responder'
import type { AlertSink } from '#rules'
import type { TargetStatus } from '#scrape'
import type { EventWire, Loop } from '#server'
import type { State } from '#state'

export type LoopDeps = {
  readonly plan: Plan
  readonly state: State
  readonly query: QueryFn
  readonly targets: () => readonly TargetStatus[]
  readonly clock: Clock
  readonly log: Log
  readonly resolve: (text: Text) => string
  readonly emit: (event: EventWire) => void
  /** How people reach assay, for links in messages. */
  readonly url: string
}

export type RunningLoop = Loop &
  AsyncDisposable & {
    readonly sink: AlertSink
    /** Goes on with another plan. Rejects when that one can't be opened, and then goes on with the old one. */
    readonly apply: (plan: Plan) => Promise<void>
    /** Text format 0.0.4. */
    readonly metrics: () => string
  }

export async function openLoop(deps: LoopDeps): Promise<RunningLoop> {
  let { plan } = deps
  let current = await openOnce(deps)
  return {
    sink: (alerts, group, at) => current.responder.sink(alerts, group, at),
    incidents: () => current.responder.incidents(),
    incident: (id) => current.responder.incident(id),
    tickets: () => current.responder.tickets(),
    mode: () => current.responder.mode(),
    approval: (incident) => current.responder.approval(incident),
    verifyUntil: (incident) => current.responder.verifyUntil(incident),
    approve: (incident, action, by) => current.responder.approve(incident, action, by),
    pause: (by) => current.responder.pause(by),
    resume: (by) => current.responder.resume(by),
    metrics: () => loopMetrics(current.responder, current.notifier),
    async apply(next) {
      const before = plan
      // One responder at a time over one state: the old one ends before the new one begins.
      await current.owned.disposeAsync()
      try {
        current = await openOnce({ ...deps, plan: next })
        plan = next
      } catch (error) {
        current = await openOnce({ ...deps, plan: before })
        throw error
      }
    },
    [Symbol.asyncDispose]: () => current.owned.disposeAsync(),
  }
}

async function openOnce({ plan, state, query, targets, clock, log, resolve, emit, url }: LoopDeps) {
  await using owned = new AsyncDisposableStack()
  const notifier = owned.use(createNotifier({ receivers: plan.receivers, state, clock, log, resolve }))
  const responder = owned.use(
    await createResponder({
      name: plan.name,
      externalUrl: url,
      parts: plan.parts,
      policies: plan.policies,
      state,
      query,
      runtimes: new Map(plan.runtimes.map((spec) => [spec.name, createRuntime(spec, clock, resolve)])),
      clock,
      log,
      blind: (part) => targets().find(({ target, health }) => target.pool === part && health === 'down')?.lastError,
      ...(plan.tell === undefined ? {} : { fallbackReceiver: plan.tell }),
      onEvent: emit,
      wake: () => notifier.wake(),
      turnMs: Math.min(1000, plan.evaluationIntervalMs),
      startGraceMs: Math.max(5000, 3 * plan.scrapeIntervalMs),
    }),
  )
  return { notifier, responder, owned: owned.move() }
}

function loopMetrics(responder: Responder, notifier: Notifier): string {
  const page = new PageWriter()
  const { decisions, refusals, actions } = responder.counters()
  const family = (name: string, help: string, label: string, counts: Readonly<Record<string, number>>) => {
    page.family(name, 'counter', help)
    for (const [value, count] of Object.entries(counts)) page.sample(count, { [label]: value })
  }
  family('assay_loop_decisions_total', 'Decisions of the loop, by what was decided.', 'decision', decisions)
  family('assay_loop_refusals_total', 'Actions that a rail refused.', 'rail', refusals)
  family('assay_loop_actions_total', 'Actions done, by outcome.', 'outcome', actions)
  const open = responder.incidents().filter(({ state }) => state !== 'resolved')
  page.single('assay_incidents_open', 'gauge', 'Incidents that are not resolved.', open.length)
  page.family('assay_notifications_pending', 'gauge', 'Messages that wait for their receiver.')
  for (const { receiver, pending } of notifier.status()) page.sample(pending, { receiver })
  page.family('assay_notifications_delivered_total', 'counter', 'Messages that their receiver took.')
  for (const { receiver, delivered } of notifier.status()) page.sample(delivered, { receiver })
  page.family('assay_notifications_failures_total', 'counter', 'Tries to deliver that failed.')
  for (const { receiver, failures } of notifier.status()) page.sample(failures, { receiver })
  return page.toString()
}
