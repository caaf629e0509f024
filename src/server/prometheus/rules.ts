/** `rules` and `alerts`. */
import type { Alert, AlertingRule, RecordingRule, RuleGroupStatus, RuleStatus } from '#rules'
import { invalidParam } from '../http/api-error.ts'
import type { Params } from '../http/params.ts'
import type { Handler } from './call.ts'
import { parseOne } from './matchers.ts'
import { success } from './render.ts'
import { NEVER } from './targets.ts'

export const rules: Handler = ({ deps, params }) => {
  const type = params.get('type').toLowerCase()
  if (type !== '' && type !== 'alert' && type !== 'record')
    throw invalidParam('type', `not supported value ${JSON.stringify(type)}`)
  const keeps = ruleFilter(params, type)
  const withAlerts = params.get('exclude_alerts').toLowerCase() !== 'true'
  const groups = deps
    .ruleGroups()
    .filter(({ group }) => among(params.all('rule_group[]'), group.name) && among(params.all('file[]'), group.file))
    .map((status) => ruleGroup(status, keeps, withAlerts))
  // A group that only the filters have emptied is left out; without filters an empty group is shown as it is.
  const filtered = type !== '' || params.all('rule_name[]').length > 0 || params.all('match[]').length > 0
  return success({ groups: filtered ? groups.filter((group) => group.rules.length > 0) : groups })
}

export const alerts: Handler = ({ deps }) =>
  success({ alerts: deps.ruleGroups().flatMap(({ rules }) => rules.flatMap((rule) => active(rule).map(renderAlert))) })

type AnyRule = AlertingRule | RecordingRule
type KeepsRule = (rule: AnyRule) => boolean

function ruleFilter(params: Params, type: string): KeepsRule {
  const names = params.all('rule_name[]')
  const sets = params.all('match[]').map((text) => parseOne(text))
  return (rule) =>
    (type === '' || rule.kind === type) &&
    among(names, rule.kind === 'alert' ? rule.alert : rule.record) &&
    (sets.length === 0 || sets.some((set) => set.every((one) => one.test(rule.labels[one.name] ?? ''))))
}

function among(wanted: readonly string[], value: string): boolean {
  return wanted.length === 0 || wanted.includes(value)
}

function ruleGroup({ group, ...status }: RuleGroupStatus, keeps: KeepsRule, withAlerts: boolean) {
  return {
    name: group.name,
    file: group.file,
    rules: group.rules.flatMap((rule, i) => {
      const of = status.rules[i]
      if (of === undefined || !keeps(rule)) return []
      return [rule.kind === 'alert' ? alertingRule(rule, of, withAlerts) : recordingRule(rule, of)]
    }),
    interval: group.intervalMs / 1000,
    limit: group.limit,
    evaluationTime: status.evaluationTimeMs / 1000,
    lastEvaluation: instant(status.lastEvaluation),
  }
}

function alertingRule(rule: AlertingRule, status: RuleStatus, withAlerts: boolean): unknown {
  const all = active(status)
  return {
    state: all.some(({ state }) => state === 'firing') ? 'firing' : all.length > 0 ? 'pending' : 'inactive',
    name: rule.alert,
    query: rule.expr,
    duration: rule.forMs / 1000,
    keepFiringFor: rule.keepFiringForMs / 1000,
    labels: rule.labels,
    annotations: rule.annotations,
    alerts: withAlerts ? all.map(renderAlert) : [],
    ...evaluation(status),
    type: 'alerting',
  }
}

function recordingRule(rule: RecordingRule, status: RuleStatus): unknown {
  const labels = Object.keys(rule.labels).length === 0 ? {} : { labels: rule.labels }
  return { name: rule.record, query: rule.expr, ...labels, ...evaluation(status), type: 'recording' }
}

function evaluation(status: RuleStatus): Record<string, unknown> {
  return {
    health: status.health,
    ...(status.lastError === '' ? {} : { lastError: status.lastError }),
    evaluationTime: status.evaluationTimeMs / 1000,
    lastEvaluation: instant(status.lastEvaluation),
  }
}

/** Resolved alerts are kept for a while so that their notice can be sent again; they are not active any more. */
function active(status: RuleStatus): readonly Alert[] {
  return status.alerts.filter(({ state }) => state !== 'resolved')
}

function renderAlert(alert: Alert): unknown {
  return {
    labels: alert.labels,
    annotations: alert.annotations,
    state: alert.state,
    activeAt: instant(alert.activeAt),
    value: formatExponent(alert.value),
  }
}

/** Go's `%e` with as many digits as needed: `1e+00`, `1.25e-01`. */
export function formatExponent(value: number): string {
  if (Number.isNaN(value)) return 'NaN'
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf'
  const text = Object.is(value, -0) ? '-0e+0' : value.toExponential()
  return text.replace(/e([+-])(\d)$/, 'e$10$2')
}

function instant(at: number | undefined): string {
  return at === undefined ? NEVER : new Date(at).toISOString()
}
