/** Parts, incidents and readings for tests of the overview. */
import { unixMs } from '#core'
import type { Plan, PlanPart, Signal } from '#model'
import type { Incident, PolicySpec } from '#responder'
import { emptyPlan, NOW, targetStatus } from '../server.test-support.ts'
import type { Facts } from './overview.ts'
import type { Readings } from './readings.ts'

export const now = unixMs(NOW)

export function ago(ms: number): ReturnType<typeof unixMs> {
  return unixMs(NOW - ms)
}

export function signal(id: string, over: Partial<Signal> = {}): Signal {
  return { id, title: id, unit: 'count', expr: id, form: 'number', ...over }
}

export function planPart(id: string, over: Partial<PlanPart> = {}): PlanPart {
  return {
    id,
    title: id,
    kind: 'api',
    job: id,
    uses: [],
    channels: [],
    signals: [signal(`${id}_rate`)],
    charts: [],
    ...over,
  }
}

export function incident(id: string, over: Partial<Incident> = {}): Incident {
  return {
    id,
    policy: 'mesSlow',
    title: 'mes answers slowly: p95 above 500 ms for 5 min',
    parts: ['mes'],
    state: 'open',
    openedAt: ago(60_000),
    resolvedAt: undefined,
    condition: {
      expr: 'p95 > 0.5',
      measure: 'p95',
      op: '>',
      threshold: 0.5,
      unit: 'seconds',
      title: 'p95 latency of mes',
    },
    activeAt: ago(180_000),
    value: 0.9,
    ticket: undefined,
    cause: undefined,
    timeline: [],
    ...over,
  }
}

export function policy(id: string, over: Partial<PolicySpec> = {}): PolicySpec {
  const { condition, title, parts } = incident('x')
  return {
    id,
    parts,
    title,
    ...(condition === undefined ? {} : { condition }),
    forMs: 300_000,
    steps: [{ kind: 'ticket', receiver: 'developers' }],
    mode: 'auto',
    cooldownMs: 0,
    verify: { holdMs: 1, timeoutMs: 2 },
    ...over,
  }
}

export function readings(values: Record<string, number> = {}, over: Partial<Readings> = {}): Readings {
  return {
    at: now,
    values: new Map(Object.entries(values)),
    failed: new Set(),
    sparks: new Map(),
    lastUp: new Map(),
    ...over,
  }
}

/** Everything up and measured, nothing wrong; `over` says what differs. */
export function facts(parts: readonly PlanPart[], over: Partial<Facts> = {}, plan: Partial<Plan> = {}): Facts {
  return {
    plan: { ...emptyPlan, parts, ...plan },
    readings: readings(Object.fromEntries(parts.flatMap(({ signals }) => signals.map(({ expr }) => [expr, 1])))),
    incidents: [],
    targets: parts.map(({ job }) => targetStatus(job)),
    groups: [],
    mode: 'auto',
    loop: { approval: () => undefined, verifyUntil: () => undefined },
    startedAt: ago(3600_000),
    now,
    ...over,
  }
}
