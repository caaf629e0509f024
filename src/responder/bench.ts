/**
 * Support for the loop's tests: a responder over a memory store of facts, a runtime in memory, a clock turned by hand
 * and measures that a test sets. Everything is real but time, metrics and processes.
 */
import { type Clock, Labels, ManualClock, type QueryFn, silentLog, unixMs } from '#core'
import type { Alert, RuleGroup } from '#rules'
import { memoryState, type State } from '#state'
import { createResponder, type Responder, type ResponderOptions } from './responder.ts'
import { type MemoryRuntime, memoryRuntime } from './runtimes/memory-runtime.ts'
import type { ActionSpec, PolicySpec } from './types.ts'

export const START = 1_700_000_000_000

export const scaleOut: ActionSpec = {
  kind: 'scaleOut',
  part: 'mes',
  workload: 'mes',
  runtime: 'pm2',
  min: 1,
  max: 3,
  scaleInAfterMs: 60_000,
  scaleInBelow: 0.8,
}
export const restart: ActionSpec = { kind: 'restart', part: 'crm', workload: 'crm', runtime: 'pm2', minHealthy: 1 }

export function policyOf(
  id: string,
  part: string,
  steps: readonly ActionSpec[],
  more: Partial<PolicySpec> = {},
): PolicySpec {
  return {
    id,
    parts: [part],
    title: `${part} is in trouble: ${id} above 100/s`,
    condition: {
      expr: `m_${id} > 100`,
      measure: `m_${id}`,
      op: '>',
      threshold: 100,
      unit: 'per_second',
      title: `rate of ${part}`,
    },
    forMs: 10_000,
    steps,
    mode: 'auto',
    cooldownMs: 120_000,
    verify: { holdMs: 5000, timeoutMs: 30_000 },
    ...more,
  }
}

export const POLICIES: readonly PolicySpec[] = [
  policyOf('mesSlow', 'mes', [{ kind: 'ticket', receiver: 'developers' }]),
  policyOf('mesBusy', 'mes', [scaleOut]),
  policyOf('crmErrors', 'crm', [{ kind: 'notify', receiver: 'support' }]),
  policyOf('crmSaturated', 'crm', [restart]),
  {
    id: 'partDown',
    parts: ['shop', 'crm', 'mes', 'crmDb'],
    title: 'a part does not answer',
    forMs: 2000,
    steps: [{ kind: 'notify', receiver: 'support' }],
    mode: 'auto',
    cooldownMs: 60_000,
    verify: { holdMs: 5000, timeoutMs: 0 },
  },
]

export const PARTS: ResponderOptions['parts'] = [
  { id: 'shop', title: 'shop', uses: ['mes'] },
  { id: 'crm', title: 'CRM', uses: ['crmDb'] },
  { id: 'mes', title: 'MES', uses: ['mesDb'] },
  { id: 'crmDb', title: 'CRM db', uses: [] },
  { id: 'mesDb', title: 'MES db', uses: [] },
]

export type Bench = AsyncDisposable & {
  readonly clock: ManualClock
  readonly state: State
  readonly runtime: MemoryRuntime
  readonly loop: Responder
  /** Measures by PromQL; `undefined` is no data. */
  readonly measures: Record<string, number | undefined>
  readonly blind: Map<string, string>
  readonly events: string[]
  /** Alerts of these policies (`partDown/crmDb`) fire from now on, until told otherwise. */
  fire(...keys: readonly string[]): void
  /** Time passes, one turn a second; `each` runs before every turn. */
  run(seconds: number, each?: () => void): Promise<void>
  /** One turn, waiting for what it does. */
  turn(): Promise<void>
  outbox(): Promise<readonly { readonly receiver: string; readonly subject: string; readonly body: string }[]>
  /** The timeline's kinds of the only incident, or of that policy's. */
  kinds(policy?: string): readonly string[]
}

export type BenchOptions = Partial<Omit<ResponderOptions, 'clock'>> & {
  readonly clock?: ManualClock
  /** What the responder reads, when it is not the same as what turns. */
  readonly seenClock?: Clock
  readonly runtime?: MemoryRuntime
  readonly measures?: Record<string, number | undefined>
}

export async function openBench(options: BenchOptions = {}): Promise<Bench> {
  const clock = options.clock ?? new ManualClock(START)
  const state = options.state ?? memoryState()
  const runtime = options.runtime ?? memoryRuntime({ mes: 1, crm: 2 }, clock)
  const measures = options.measures ?? {}
  const blind = new Map<string, string>()
  const events: string[] = []
  const policies = options.policies ?? POLICIES
  let firing: readonly string[] = []
  const query: QueryFn = async (promql, when) => {
    const value = measures[promql]
    const at = 'at' in when ? when.at : when.end
    return {
      kind: 'vector',
      samples: value === undefined ? [] : [{ labels: Labels.empty, at, value }],
      warnings: [],
      infos: [],
    }
  }
  const loop = await createResponder({
    name: 'workshop',
    externalUrl: 'http://127.0.0.1:2424/',
    parts: PARTS,
    policies,
    state,
    query,
    runtimes: new Map([['pm2', runtime]]),
    log: silentLog,
    blind: (part) => blind.get(part),
    onEvent: (event) => events.push(event.kind),
    turnMs: 1_000_000_000, // turned by hand
    startGraceMs: 0,
    ...options,
    clock: options.seenClock ?? clock,
  })
  const tell = () => {
    const alerts = firing.map((key): Alert => {
      const [policy = '', part] = key.split('/')
      const labels = Labels.of({ alertname: policy, policy, part })
      return {
        fingerprint: key,
        rule: policy,
        group: 'g',
        state: 'firing',
        labels,
        annotations: { summary: part === undefined ? '' : `${part} can't be reached` },
        value: measures[`m_${policy}`] ?? 0,
        activeAt: unixMs(clock.now() - 10_000),
        firedAt: clock.now(),
        resolvedAt: undefined,
      }
    })
    loop.sink(alerts, groupOf(policies), clock.now())
  }
  const turn = async () => {
    tell()
    await loop.turn()
    await loop.settled()
  }
  return {
    clock,
    state,
    runtime,
    loop,
    measures,
    blind,
    events,
    turn,
    fire(...keys) {
      firing = keys
    },
    async run(seconds, each) {
      for (let s = 0; s < seconds; s++) {
        await clock.advance(1000)
        each?.()
        await turn()
      }
    },
    async outbox() {
      return (await state.list('outbox')).map(
        ({ value }) => value as unknown as { receiver: string; subject: string; body: string },
      )
    },
    kinds(policy) {
      const found = loop.incidents().filter((incident) => policy === undefined || incident.policy === policy)
      return found.length === 1 ? found[0]!.timeline.map(({ kind }) => kind) : [`${found.length} incidents`]
    },
    [Symbol.asyncDispose]: () => loop[Symbol.asyncDispose](),
  }
}

/** The rules behind the policies, as the model writes them. */
function groupOf(policies: readonly PolicySpec[]): RuleGroup {
  const rule = (policy: string, part: string | undefined, expr: string) => ({
    kind: 'alert' as const,
    alert: policy,
    expr,
    forMs: 0,
    keepFiringForMs: 0,
    labels: part === undefined ? { policy } : { policy, part },
    annotations: {},
  })
  return {
    name: 'g',
    file: 'plan',
    intervalMs: 1000,
    limit: 0,
    queryOffsetMs: 0,
    rules: policies.flatMap(({ id, parts, condition }) =>
      condition === undefined
        ? parts.map((part) => rule(id, part, `up{job="${part}"} == 0`))
        : [rule(id, undefined, condition.expr)],
    ),
  }
}
