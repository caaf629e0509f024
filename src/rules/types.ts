/**
 * Rules as Prometheus has them. Expressions are PromQL; templates in labels and annotations are Go's, as far as
 * alerts use them.
 */
import type { Labels, UnixMs } from '#core'

export type RecordingRule = {
  readonly kind: 'record'
  readonly record: string
  readonly expr: string
  readonly labels: Readonly<Record<string, string>>
}
export type AlertingRule = {
  readonly kind: 'alert'
  readonly alert: string
  readonly expr: string
  readonly forMs: number
  readonly keepFiringForMs: number
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
}
export type Rule = RecordingRule | AlertingRule

/** Rules evaluated together, in order, at one instant. `name` is unique within `file`. */
export type RuleGroup = {
  readonly name: string
  readonly file: string
  readonly intervalMs: number
  readonly limit: number
  readonly queryOffsetMs: number
  readonly rules: readonly Rule[]
}

/** One alert of one rule, as it stands after an evaluation. */
export type AlertState = 'pending' | 'firing' | 'resolved'
export type Alert = {
  /** Of the labels; equal over restarts. */
  readonly fingerprint: string
  readonly rule: string
  readonly group: string
  readonly state: AlertState
  /** With `alertname`, without external labels. */
  readonly labels: Labels
  readonly annotations: Readonly<Record<string, string>>
  /** Of the last evaluation that returned it. */
  readonly value: number
  readonly activeAt: UnixMs
  readonly firedAt: UnixMs | undefined
  readonly resolvedAt: UnixMs | undefined
  /** Set while `keepFiringForMs` alone keeps it: since the first evaluation that did not return it. */
  readonly keepFiringSince?: UnixMs
  /**
   * Set on a resolved alert that ended because its data vanished: the expression returned nothing, and the series it
   * reads are gone too. Missing data is never recovery: who verifies must not take it for health.
   */
  readonly blind?: boolean
}

/** Told after each evaluation of a group, with all its pending, firing and newly resolved alerts. Must not throw. */
export type AlertSink = (alerts: readonly Alert[], group: RuleGroup, at: UnixMs) => void

/** The state of one rule after its last evaluation, for `/api/v1/rules`. */
export type RuleStatus = {
  readonly health: 'ok' | 'err' | 'unknown'
  readonly lastError: string
  readonly lastEvaluation: UnixMs | undefined
  readonly evaluationTimeMs: number
  readonly alerts: readonly Alert[]
}
export type RuleGroupStatus = {
  readonly group: RuleGroup
  readonly lastEvaluation: UnixMs | undefined
  readonly evaluationTimeMs: number
  /** In the order of the group's rules. */
  readonly rules: readonly RuleStatus[]
}
