/**
 * One rule group: its rules in order, at one instant, each seeing what the ones before it wrote.
 *
 * - A rule that errs writes and changes nothing; the group goes on with the next one.
 * - A series that a rule no longer yields is ended by a stale marker at that evaluation.
 * - A jump of the wall clock moves the alerts along, so that `for` counts time that passed.
 */
import {
  AssayError,
  type Clock,
  type Labels,
  type Log,
  messageOf,
  type QueryFn,
  type UnixMs,
  unixMs,
  vectorOf,
} from '#core'
import type { LatestFn, Store } from '#storage'
import { type LiveAlert, type Observation, shifted, step, withNewFor } from './alert.ts'
import { type DataNeed, dataNeedOf, withoutData } from './data-need.ts'
import { fingerprintOf } from './fingerprint.ts'
import { ALERTS, ALERTS_FOR_STATE, type RestoreOptions, restoreAlerts } from './restore.ts'
import { compileRule, expandRule, type RuleTemplates } from './templates.ts'
import type {
  Alert,
  AlertingRule,
  AlertSink,
  RecordingRule,
  Rule,
  RuleGroup,
  RuleGroupStatus,
  RuleStatus,
} from './types.ts'

export type GroupDeps = {
  readonly query: QueryFn
  readonly store: Pick<Store, 'appender'>
  readonly latest: LatestFn
  readonly clock: Clock
  readonly log: Log
  readonly sink: AlertSink
  readonly externalLabels: Readonly<Record<string, string>>
  readonly externalUrl: string
  readonly restore: RestoreOptions
}

/** A difference between wall clock and monotonic clock above this is a jump, not drift. */
const JUMP_MS = 1000

type Sample = { readonly labels: Labels; readonly value: number }

type RuleState = {
  readonly rule: Rule
  readonly templates: RuleTemplates | undefined
  readonly need: DataNeed
  alerts: Map<string, LiveAlert>
  /** What the last evaluation wrote, by key: what a stale marker must end. */
  written: Map<string, Labels>
  /** Whether alerts of before the restart have been looked for. */
  restored: boolean
  health: RuleStatus['health']
  lastError: string
  lastEvaluation: UnixMs | undefined
  evaluationTimeMs: number
}

export class GroupRunner {
  readonly group: RuleGroup
  readonly #deps: GroupDeps
  readonly #rules: readonly RuleState[]
  #lastEvaluation: UnixMs | undefined
  #evaluationTimeMs = 0
  #seen: { readonly wall: number; readonly monotonic: number } | undefined

  /**
   * Throws `ASSAY_RULES_TEMPLATE` and what the expression parser throws. `previous`: the same group before a reload,
   * whose rules hand over their state by name and labels.
   */
  constructor(group: RuleGroup, deps: GroupDeps, previous?: GroupRunner) {
    this.group = group
    const origin = { ruleGroup: { file: group.file, name: group.name } }
    this.#deps = { ...deps, query: (promql, when, signal) => deps.query(promql, { ...when, origin }, signal) }
    const left = previous === undefined ? [] : [...previous.#rules]
    this.#rules = group.rules.map((rule) => {
      const i = left.findIndex((old) => identity(old.rule) === identity(rule))
      return stateOf(rule, i < 0 ? undefined : left.splice(i, 1)[0])
    })
    if (previous !== undefined) {
      this.#lastEvaluation = previous.#lastEvaluation
      this.#seen = previous.#seen
    }
  }

  /** Ends what the rules of `before` wrote and none here goes on with. `next` is absent when the group is gone. */
  static retire(before: GroupRunner, next: GroupRunner | undefined, at: UnixMs): void {
    const kept = new Set(next === undefined ? [] : next.#rules.flatMap(({ written }) => [...written.keys()]))
    const ended = before.#rules.flatMap(({ written }) => [...written.values()]).filter(({ key }) => !kept.has(key))
    // Never before what was last written, which a clock that was set back would make it.
    before.#write([], ended, unixMs(Math.max(at, (before.#lastEvaluation ?? 0) + 1)))
  }

  status(): RuleGroupStatus {
    return {
      group: this.group,
      lastEvaluation: this.#lastEvaluation,
      evaluationTimeMs: this.#evaluationTimeMs,
      rules: this.#rules.map((state) => ({
        health: state.health,
        lastError: state.lastError,
        lastEvaluation: state.lastEvaluation,
        evaluationTimeMs: state.evaluationTimeMs,
        alerts: this.#alertsOf(state).filter(({ state: now }) => now !== 'resolved'),
      })),
    }
  }

  /** Alerts that ended at most `RESOLVED_RETENTION_MS` ago, for sending again. */
  resolved(): readonly Alert[] {
    return this.#rules.flatMap((state) => this.#alertsOf(state)).filter(({ state }) => state === 'resolved')
  }

  /** `unambiguous`: whether what is found in the store for a rule can only be its own. */
  async evaluate(at: UnixMs, unambiguous: (rule: AlertingRule) => boolean, signal?: AbortSignal): Promise<void> {
    const { clock, log, sink } = this.#deps
    const begun = clock.monotonicMs()
    this.#followClock()
    for (const state of this.#rules) {
      const started = clock.monotonicMs()
      try {
        if (state.rule.kind === 'record') await this.#record(state, state.rule, at, signal)
        else await this.#alert(state, state.rule, at, unambiguous(state.rule), signal)
        state.health = 'ok'
        state.lastError = ''
      } catch (error) {
        if (signal?.aborted) return
        state.health = 'err'
        state.lastError = messageOf(error)
        log.warn({ err: error, group: this.group.name, rule: nameOf(state.rule) }, 'a rule could not be evaluated')
      }
      if (signal?.aborted) return
      state.lastEvaluation = at
      state.evaluationTimeMs = clock.monotonicMs() - started
    }
    this.#lastEvaluation = at
    this.#evaluationTimeMs = clock.monotonicMs() - begun
    const told = this.#rules
      .flatMap((state) => this.#alertsOf(state))
      .filter((alert) => (alert.resolvedAt ?? at) === at)
    try {
      sink(told, this.group, at)
    } catch (error) {
      log.error({ err: error, group: this.group.name }, 'BUG: who listens to alerts threw')
    }
  }

  async #record(state: RuleState, rule: RecordingRule, at: UnixMs, signal?: AbortSignal): Promise<void> {
    const found = await this.#ask(rule.expr, at, signal)
    if (signal?.aborted) return
    const samples = found.map(({ labels, value }) => ({
      labels: labels.withAll({ ...rule.labels, __name__: rule.record }),
      value,
    }))
    this.#check(samples, 'recording')
    this.#replace(state, samples, at)
  }

  async #alert(state: RuleState, rule: AlertingRule, at: UnixMs, mine: boolean, signal?: AbortSignal): Promise<void> {
    const { externalLabels, externalUrl, query } = this.#deps
    const queryAt = this.#queryAt(at)
    const found = await this.#ask(rule.expr, at, signal)
    const context = { query, at: queryAt, externalLabels, externalUrl, ...(signal === undefined ? {} : { signal }) }
    const seen: (Observation & { holds: true })[] = []
    for (const sample of found) {
      const expanded = await expandRule(rule, state.templates ?? compileRule(rule), sample, context)
      seen.push({ holds: true, ...expanded, element: sample.labels.without('__name__'), value: sample.value })
    }
    this.#check(seen, 'alerting')
    const held = new Map(seen.map((one) => [one.labels.key, one]))
    const before = await this.#before(state, rule, { at, takes: (key) => mine || held.has(key), signal })
    if (signal?.aborted) return

    const vanished = [...before.values()].filter((alert) => alert.state === 'firing' && !held.has(alert.labels.key))
    const blind =
      vanished.length === 0
        ? new Set<Labels>()
        : await withoutData(
            state.need,
            vanished.map(({ element }) => element),
            query,
            queryAt,
            signal,
          )
    if (signal?.aborted) return

    const after = new Map<string, LiveAlert>()
    for (const key of new Set([...before.keys(), ...held.keys()])) {
      const alert = before.get(key)
      const observation = held.get(key) ?? { holds: false, blind: alert !== undefined && blind.has(alert.element) }
      const next = step(alert, observation, at, rule)
      if (next !== undefined) after.set(key, next)
    }
    const active = [...after.values()].filter((alert) => alert.state !== 'resolved')
    const { limit } = this.group
    if (limit > 0 && active.length > limit) {
      state.alerts = new Map()
      this.#replace(state, [], at)
      throw new AssayError(
        'ASSAY_RULES_LIMIT',
        `exceeded limit of ${limit} with ${active.length} alerts; narrow the expression or raise the group's limit`,
      )
    }
    state.alerts = after
    this.#replace(state, active.flatMap(samplesOf), at)
  }

  /** The alerts so far; at the first evaluation, those from before the restart. */
  async #before(
    state: RuleState,
    rule: AlertingRule,
    { at, takes, signal }: { at: UnixMs; takes: (key: string) => boolean; signal: AbortSignal | undefined },
  ): Promise<Map<string, LiveAlert>> {
    if (state.restored) return state.alerts
    const { alerts, series } = await restoreAlerts(this.#deps.latest, rule, at, { ...this.#deps.restore, signal })
    // Not before: an engine that does not answer is asked again at the next evaluation.
    state.restored = true
    const taken = new Map(alerts.filter(({ labels }) => takes(labels.key)).map((alert) => [alert.labels.key, alert]))
    for (const labels of series) {
      if (takes(labels.without('__name__', 'alertstate').key)) state.written.set(labels.key, labels)
    }
    return taken
  }

  async #ask(expr: string, at: UnixMs, signal?: AbortSignal) {
    return vectorOf(await this.#deps.query(expr, { at: this.#queryAt(at) }, signal))
  }

  #queryAt(at: UnixMs): UnixMs {
    return unixMs(at - this.group.queryOffsetMs)
  }

  #check(found: readonly { readonly labels: Labels }[], kind: 'alerting' | 'recording'): void {
    const { limit } = this.group
    if (kind === 'recording' && limit > 0 && found.length > limit) {
      throw new AssayError('ASSAY_RULES_LIMIT', `exceeded limit of ${limit} with ${found.length} series`)
    }
    const keys = new Set<string>()
    for (const { labels } of found) {
      if (keys.has(labels.key)) {
        throw new AssayError(
          'ASSAY_RULES_DUPLICATE',
          `two elements have the same labels after applying the rule's: ${labels}; keep a label that tells them apart`,
        )
      }
      keys.add(labels.key)
    }
  }

  #replace(state: RuleState, samples: readonly Sample[], at: UnixMs): void {
    const written = new Map(samples.map(({ labels }) => [labels.key, labels]))
    const ended = [...state.written.values()].filter(({ key }) => !written.has(key))
    this.#write(samples, ended, this.#queryAt(at))
    state.written = written
  }

  #write(samples: readonly Sample[], ended: readonly Labels[], at: UnixMs): void {
    if (samples.length + ended.length === 0) return
    using batch = this.#deps.store.appender({ keepOrder: true })
    for (const { labels, value } of samples) batch.append(undefined, labels, at, value)
    for (const labels of ended) batch.appendStale(undefined, labels, at)
    const { rejected } = batch.commit()
    for (const { reason, count, labels } of rejected) {
      this.#deps.log.warn(
        { reason, count, series: String(labels), group: this.group.name },
        'the store rejects what a rule writes',
      )
    }
  }

  #followClock(): void {
    const now = { wall: this.#deps.clock.now(), monotonic: this.#deps.clock.monotonicMs() }
    const before = this.#seen
    this.#seen = now
    if (before === undefined) return
    const jumpMs = Math.round(now.wall - before.wall - (now.monotonic - before.monotonic))
    if (Math.abs(jumpMs) <= JUMP_MS) return
    this.#deps.log.warn({ jumpMs, group: this.group.name }, 'the wall clock jumped; alerts keep their age')
    for (const state of this.#rules) {
      state.alerts = new Map([...state.alerts].map(([key, alert]) => [key, shifted(alert, jumpMs)]))
    }
  }

  #alertsOf(state: RuleState): readonly Alert[] {
    return [...state.alerts.values()].map((alert) => ({
      fingerprint: fingerprintOf(alert.labels),
      rule: nameOf(state.rule),
      group: this.group.name,
      state: alert.state,
      labels: alert.labels,
      annotations: alert.annotations,
      value: alert.value,
      activeAt: alert.activeAt,
      firedAt: alert.state === 'pending' ? undefined : alert.firedAt,
      resolvedAt: alert.state === 'resolved' ? alert.resolvedAt : undefined,
      ...(alert.state === 'firing' && alert.emptySince !== undefined ? { keepFiringSince: alert.emptySince } : {}),
      ...(alert.state === 'resolved' && alert.blind ? { blind: true } : {}),
    }))
  }
}

function stateOf(rule: Rule, old: RuleState | undefined): RuleState {
  const alerts = [...(old?.alerts ?? [])].map(([key, alert]) =>
    rule.kind === 'alert'
      ? ([key, withNewFor(alert, rule.forMs, old?.lastEvaluation ?? alert.activeAt)] as const)
      : undefined,
  )
  return {
    rule,
    templates: rule.kind === 'alert' ? compileRule(rule) : undefined,
    need: rule.kind === 'alert' ? dataNeedOf(rule.expr) : { kind: 'nothing' },
    alerts: new Map(alerts.filter((entry) => entry !== undefined)),
    written: new Map(old?.written),
    restored: old?.restored ?? false,
    health: old?.health ?? 'unknown',
    lastError: old?.lastError ?? '',
    lastEvaluation: old?.lastEvaluation,
    evaluationTimeMs: old?.evaluationTimeMs ?? 0,
  }
}

function samplesOf(alert: LiveAlert): readonly Sample[] {
  return [
    { labels: alert.labels.withAll({ __name__: ALERTS, alertstate: alert.state }), value: 1 },
    { labels: alert.labels.with('__name__', ALERTS_FOR_STATE), value: Math.floor(alert.activeAt / 1000) },
  ]
}

export function nameOf(rule: Rule): string {
  return rule.kind === 'alert' ? rule.alert : rule.record
}

/** What makes a rule the same one after a reload; its expression may have changed. */
function identity(rule: Rule): string {
  return JSON.stringify([rule.kind, nameOf(rule), Object.entries(rule.labels).sort()])
}
