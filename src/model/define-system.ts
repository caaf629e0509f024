/**
 * `defineSystem`: from values to the Plan. Pure: it reads no clock, no environment and no file.
 */

import type { CollectorSpec } from '#collectors'
import { AssayError, type DurationText, formatDuration, formatValue, parseDuration, parseSize } from '#core'
import type { ActionSpec, Mode, PolicySpec } from '#responder'
import type { AlertingRule, Rule, RuleGroup } from '#rules'
import type { ScrapeConfig } from '#scrape'
import { builtIns } from './built-in.ts'
import { edgesAndCallers } from './edges.ts'
import type { ExprContext } from './measure.ts'
import { outboxesOf, unsentRatioRule } from './outbox.ts'
import type { ApiOptions, Part } from './parts.ts'
import type { Plan, PlanPart } from './plan.ts'
import type { Action, Policy } from './policies.ts'
import type { Receiver, RuntimeRef } from './receivers.ts'
import { chartsOf, signalsOf } from './signals.ts'

export type SystemDefinition = {
  readonly name: string
  /** Every part, under the name it shall have everywhere. */
  readonly parts: Readonly<Record<string, Part>>
  readonly policies?: Readonly<Record<string, Policy>>
  /** How often parts are asked; 15 s when absent. */
  readonly scrapeEvery?: DurationText
  /** How often conditions are judged; as often as parts are asked when absent. */
  readonly evaluateEvery?: DurationText
  /** The window of every rate; four scrapes, and 1 minute at least, when absent. */
  readonly window?: DurationText
  /** For every policy that does not say its own. Absent: `auto` for tickets and notices, `suggest` for scale and restart. */
  readonly mode?: Mode
  /** Who hears of what assay watches without being asked (a part is down, a queue is stuck, storage fills). */
  readonly tell?: Receiver
  /** How long those conditions must hold; 2 minutes when absent. */
  readonly patience?: DurationText
  readonly externalLabels?: Readonly<Record<string, string>>
}

/** A name that is a label value, a path segment and a word in a sentence at once. */
const NAME = /^[A-Za-z][A-Za-z0-9_-]{0,62}$/

/** The job of assay's own series. */
const SELF = 'assay'

/** Throws `ASSAY_MODEL_*`: which name, what is wrong, what to write. */
export function defineSystem(definition: SystemDefinition): Plan {
  const scrapeIntervalMs = parseDuration(definition.scrapeEvery ?? '15s')
  const evaluationIntervalMs = parseDuration(definition.evaluateEvery ?? definition.scrapeEvery ?? '15s')
  const window = definition.window ?? formatDuration(Math.max(60_000, scrapeIntervalMs * 4))
  const names = new Map<Part, string>()
  for (const [id, part] of Object.entries(definition.parts)) {
    checkName('part', id)
    const other = names.get(part)
    if (other !== undefined) {
      throw new AssayError(
        'ASSAY_MODEL_TWICE',
        `parts: ${id} and ${other} are the same value; define each part once, or list it under one name`,
      )
    }
    names.set(part, id)
  }
  const nameOf = (part: Part, where: string): string => {
    const name = names.get(part)
    if (name === undefined) {
      const known = [...names.values()].join(', ')
      throw new AssayError(
        'ASSAY_MODEL_NOT_LISTED',
        `${where} refers to a part (${part.kind}) that is not listed; add it to parts: { ${known}, ... }`,
      )
    }
    return name
  }
  const contextOf = (id: string): ExprContext => {
    const { part } = named.find((one) => one.id === id) ?? {}
    const usedBy = named.filter(
      (one) => one.part.kind === 'api' && one.part.options.uses?.some((used) => used === part),
    )
    return { job: id, window, ...(usedBy.length === 0 ? {} : { usedBy: usedBy.map((one) => one.id) }) }
  }
  const policies = Object.entries(definition.policies ?? {}).map(([id, policy]) => {
    checkName('policy', id)
    return { id, policy, part: nameOf(policy.measure.part(), `policies.${id}`) }
  })
  const named = [...names].map(([part, id]) => ({ id, part, title: titleOf(id) }))

  const parts = named.map(({ id, part, title }): PlanPart => {
    const limits = new Map(
      policies.filter((one) => one.part === id).map(({ policy }) => [policy.measure.id, policy.threshold]),
    )
    const context = contextOf(id)
    return {
      id,
      title,
      kind: part.kind,
      job: id,
      uses: part.kind === 'api' ? (part.options.uses ?? []).map((used) => nameOf(used, `parts.${id}.uses`)) : [],
      channels: part.kind === 'api' ? Object.keys(part.options.channels ?? {}) : [],
      signals: signalsOf(part, context, limits),
      charts: chartsOf(part, context, limits),
    }
  })
  checkCycles(parts)

  const receivers = new Map<string, Receiver['spec']>()
  const runtimes = new Map<string, RuntimeRef['spec']>()
  const register = <Spec extends { readonly name: string }>(
    known: Map<string, Spec>,
    spec: Spec,
    what: string,
  ): string => {
    const other = known.get(spec.name)
    if (other !== undefined && other !== spec && JSON.stringify(other) !== JSON.stringify(spec)) {
      throw new AssayError(
        'ASSAY_MODEL_NAME',
        `two ${what}s are named ${JSON.stringify(spec.name)}; give one another name`,
      )
    }
    known.set(spec.name, spec)
    return spec.name
  }
  const actionSpec = (action: Action, where: string): ActionSpec => {
    switch (action.kind) {
      case 'ticket':
      case 'notify':
        return { kind: action.kind, receiver: register(receivers, action.receiver.spec, 'receiver') }
      case 'scaleOut': {
        const part = nameOf(action.part, where)
        const { min, max, scaleInAfterMs, scaleInBelow } = action
        const workload = action.part.options.workload ?? part
        return {
          kind: 'scaleOut',
          part,
          workload,
          runtime: register(runtimes, action.on.spec, 'runtime'),
          min,
          max,
          scaleInAfterMs,
          scaleInBelow,
        }
      }
      case 'restart': {
        const part = nameOf(action.part, where)
        const workload = action.part.options.workload ?? part
        return {
          kind: 'restart',
          part,
          workload,
          runtime: register(runtimes, action.on.spec, 'runtime'),
          minHealthy: action.minHealthy,
        }
      }
      default:
        return action satisfies never
    }
  }
  const compiled = policies.map(({ id, policy, part }) => {
    const steps = policy.actions.map((action) => actionSpec(action, `policies.${id}`))
    return compilePolicy(id, policy, part, steps, contextOf(part), definition.mode)
  })
  const told = definition.tell === undefined ? undefined : register(receivers, definition.tell.spec, 'receiver')
  const builtIn = builtIns(named, {
    patienceMs: parseDuration(definition.patience ?? '2m'),
    scrapeIntervalMs,
    window,
    receiver: told,
  })
  for (const { policy } of builtIn) {
    if (compiled.some(({ spec }) => spec.id === policy.id)) {
      throw new AssayError(
        'ASSAY_MODEL_NAME',
        `policies.${policy.id}: that name is taken by what assay watches by itself; write another one`,
      )
    }
  }
  const group = (name: string, rules: readonly Rule[]): RuleGroup => ({
    name,
    file: 'assay.config.ts',
    intervalMs: evaluationIntervalMs,
    limit: 0,
    queryOffsetMs: 0,
    rules,
  })

  return {
    name: definition.name,
    scrapeIntervalMs,
    evaluationIntervalMs,
    externalLabels: definition.externalLabels ?? {},
    watchesItself: true,
    parts,
    ...edgesAndCallers(named, nameOf, window),
    scrapes: named.flatMap(({ id, part }) =>
      part.kind === 'api' ? [scrapeOf(id, part.options, scrapeIntervalMs)] : [],
    ),
    collectors: named.flatMap(({ id, part }): CollectorSpec[] => {
      if (part.kind !== 'api') return [collectorOf(id, part)]
      const { users, targets, token } = part.options
      const asked = token === undefined ? {} : { token }
      return users === true ? [{ kind: 'users', part: `${id}:users`, service: id, targets, ...asked }] : []
    }),
    ruleGroups: [
      group(
        'policies',
        compiled.map(({ rule }) => rule),
      ),
      group(
        'parts',
        builtIn.flatMap(({ rules }) => rules),
      ),
      group(
        'recorded',
        named.flatMap(({ id, part }) =>
          part.kind === 'postgres' && part.options.outbox !== undefined
            ? [unsentRatioRule(id, part.options.outbox, contextOf(id))]
            : [],
        ),
      ),
    ].filter(({ rules }) => rules.length > 0),
    policies: [...compiled.map(({ spec }) => spec), ...builtIn.map(({ policy }) => policy)],
    receivers: [...receivers.values()],
    ...(told === undefined ? {} : { tell: told }),
    runtimes: [...runtimes.values()],
  }
}

function compilePolicy(
  id: string,
  policy: Policy,
  part: string,
  steps: readonly ActionSpec[],
  context: ExprContext,
  systemMode: Mode | undefined,
) {
  const { measure, op, threshold, forMs, options } = policy
  const expr = measure.expr(context)
  const comparison = `(${expr}) ${op} ${formatValue(threshold)}`
  const above = op === '>' ? 'above' : 'below'
  const held = forMs === 0 ? '' : ` for ${formatDuration(forMs)}`
  const title = `${titleOf(part)} ${measure.complaint}: ${measure.title} ${above} ${policy.limit}${held}`
  const touchesMachines = steps.some(({ kind }) => kind === 'scaleOut' || kind === 'restart')
  const spec: PolicySpec = {
    id,
    parts: [part],
    title,
    condition: {
      expr: comparison,
      measure: expr,
      op,
      threshold,
      unit: measure.unit,
      title: `${measure.title} of ${titleOf(part)}`,
    },
    forMs,
    steps,
    mode: options.mode ?? systemMode ?? (touchesMachines ? 'suggest' : 'auto'),
    cooldownMs: options.cooldownMs ?? Math.max(60_000, 2 * forMs),
    verify: {
      holdMs: options.holdMs ?? Math.max(forMs / 2, 10_000),
      timeoutMs: options.timeoutMs ?? Math.max(2 * forMs, 60_000),
    },
  }
  const rule: AlertingRule = {
    kind: 'alert',
    alert: id,
    expr: comparison,
    forMs,
    keepFiringForMs: 0,
    labels: { policy: id, part },
    annotations: { summary: title },
  }
  return { spec, rule }
}

function scrapeOf(id: string, { targets, token }: ApiOptions, intervalMs: number): ScrapeConfig {
  if (targets.length === 0)
    throw new AssayError(
      'ASSAY_MODEL_TARGETS',
      `parts.${id}: targets is empty; write where its agent answers, as in ['127.0.0.1:9464']`,
    )
  for (const target of targets) {
    if (!/^(\[[0-9a-fA-F:.]+\]|[^\s/:@]+):\d{1,5}$/.test(target)) {
      throw new AssayError(
        'ASSAY_MODEL_TARGETS',
        `parts.${id}: ${JSON.stringify(target)} is no target; write host:port, without a scheme or a path`,
      )
    }
  }
  return {
    jobName: id,
    intervalMs,
    timeoutMs: Math.min(intervalMs, 10_000),
    scheme: 'http',
    metricsPath: '/metrics',
    params: {},
    honorLabels: false,
    honorTimestamps: true,
    staticConfigs: [{ targets, labels: {} }],
    fileSdConfigs: [],
    relabelConfigs: [],
    metricRelabelConfigs: [],
    limits: {},
    ...(token === undefined ? {} : { authorization: { type: 'Bearer', credentials: token } }),
  }
}

function collectorOf(id: string, part: Exclude<Part, { kind: 'api' }>): CollectorSpec {
  switch (part.kind) {
    case 'postgres':
      return {
        kind: 'postgres',
        part: id,
        url: part.options.url,
        ...(part.options.outbox === undefined ? {} : { outboxes: outboxesOf(id, part.options.outbox) }),
      }
    case 'rabbitmq':
      return { kind: 'rabbitmq', part: id, deadLetters: [], ...part.options }
    case 'bucket': {
      const { capacity, ...rest } = part.options
      return {
        kind: 'bucket',
        part: id,
        region: 'us-east-1',
        ...rest,
        ...(capacity === undefined ? {} : { capacityBytes: parseSize(capacity) }),
      }
    }
    case 'host':
      return { kind: 'host', part: id }
    default:
      return part satisfies never
  }
}

function checkName(what: string, name: string): void {
  if (what === 'part' && name === SELF)
    throw new AssayError('ASSAY_MODEL_NAME', `part "${SELF}": assay watches itself under that name; write another one`)
  if (NAME.test(name)) return
  throw new AssayError(
    'ASSAY_MODEL_NAME',
    `${what} ${JSON.stringify(name)}: begin with a letter and use letters, digits, - and _, at most 63`,
  )
}

/** Parts that use each other in a circle: "dependency bad, do not restart" would never end. */
function checkCycles(parts: readonly PlanPart[]): void {
  const uses = new Map(parts.map((part) => [part.id, part.uses]))
  const walk = (id: string, path: readonly string[]): void => {
    if (path.includes(id))
      throw new AssayError(
        'ASSAY_MODEL_CYCLE',
        `parts use each other in a circle: ${[...path.slice(path.indexOf(id)), id].join(' -> ')}; drop one \`uses\``,
      )
    for (const used of uses.get(id) ?? []) walk(used, [...path, id])
  }
  for (const { id } of parts) walk(id, [])
}

/** `shopDb` -> `shop db`. */
export function titleOf(id: string): string {
  return id
    .replaceAll(/([a-z0-9])([A-Z])/g, '$1 $2')
    .replaceAll(/[-_]+/g, ' ')
    .toLowerCase()
}
