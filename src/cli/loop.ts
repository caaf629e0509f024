import type { Clock, Log, QueryFn, Text } from '#core'
import type { Plan } from '#model'
import type { AlertSink } from '#rules'
import type { TargetStatus } from '#scrape'
import type { EventWire, Loop } from '#server'
import type { State } from '#state'

export type LoopDeps = {
  readonly plan: () => Plan
  readonly state: State
  readonly query: QueryFn
  readonly targets: () => readonly TargetStatus[]
  readonly clock: Clock
  readonly log: Log
  readonly resolve: (text: Text) => string
  readonly emit: (event: EventWire) => void
  readonly url: () => string
}

export type RunningLoop = Loop &
  AsyncDisposable & {
    readonly sink: AlertSink
    readonly apply: (plan: Plan) => Promise<void>
    readonly metrics: () => string
  }

export async function openLoop(_: LoopDeps): Promise<RunningLoop> {
  return {
    incidents: () => [],
    incident: () => undefined,
    tickets: () => [],
    mode: () => 'auto',
    approval: () => undefined,
    verifyUntil: () => undefined,
    approve: async () => {},
    pause: async () => {},
    resume: async () => {},
    sink: () => {},
    apply: async () => {},
    metrics: () => '',
    [Symbol.asyncDispose]: async () => {},
  }
}
