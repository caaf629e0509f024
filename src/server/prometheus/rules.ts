/** `rules` and `alerts`. */
import { createHash } from 'node:crypto'
import { FEATURES, type Feature } from '#core'
import { formatExpr, parse } from '#promql'
import type { Alert, AlertingRule, RecordingRule, RuleGroup, RuleGroupStatus, RuleStatus } from '#rules'
import { invalidParam } from '../http/api-error.ts'
import { type Params, tryParseInt } from '../http/params.ts'
import type { Handler } from './call.ts'
import { parseMatchers } from './matchers.ts'
import { success } from './render.ts'
import { NEVER } from './targets.ts'

export const rules: Handler = ({ deps, params }) => {
  // Checked in Prometheus' order.
  const sets = parseMatchers(params.all('match[]'))
  const type = params.get('type').toLowerCase()
  if (type !== '' && type !== 'alert' && type !== 'record')
    throw invalidParam('type', `not supported value ${JSON.stringify(type)}`)
  const exclude = params.flag('exclude_alerts')
  if (typeof exclude === 'string') throw invalidParam('exclude_alerts', `error converting exclude_alerts: ${exclude}`)
  const page = pageOf(params)
  const keeps = ruleFilter(params, type, sets)
  const all = deps.ruleGroups()
  const from = page.token === '' ? 0 : all.findIndex(({ group }) => tokenOf(group) === page.token)
  if (from === -1)
    throw invalidParam('group_next_token', `invalid group_next_token '${page.token}'. were rule groups changed?`)
  const groups: unknown[] = []
  for (const status of all.slice(from)) {
    const { group } = status
    if (!among(params.all('rule_group[]'), group.name) || !among(params.all('file[]'), group.file)) continue
    const shown = ruleGroup(status, keeps, exclude !== true)
    if (shown.rules.length === 0) continue
    if (groups.length === page.limit) return success({ groups, groupNextToken: tokenOf(group) })
    groups.push(shown)
  }
  return success({ groups })
}

/** `group_limit` groups from `group_next_token` on; '' is the beginning. Throws `bad_data`. */
function pageOf(params: Params): { readonly limit: number; readonly token: string } {
  const text = params.get('group_limit')
  const token = params.get('group_next_token')
  if (text === '') {
    if (token === '') return { limit: Number.POSITIVE_INFINITY, token }
    throw invalidParam('group_next_token', 'group_limit needs to be present in order to paginate over the groups')
  }
  const limit = tryParseInt(text)
  const wrong = typeof limit === 'string' ? limit : Math.abs(limit) >= 2 ** 31 ? 'value out of range' : undefined
  if (wrong !== undefined || typeof limit === 'string')
    throw invalidParam(
      'group_limit',
      `group_limit needs to be a valid number: strconv.ParseInt: parsing ${JSON.stringify(text)}: ${wrong}`,
    )
  if (limit <= 0) throw invalidParam('group_limit', 'group_limit needs to be greater than 0')
  return { limit, token }
}

/** Prometheus' own, so that a page can be continued on another server with the same files. */
function tokenOf({ file, name }: RuleGroup): string {
  return createHash('sha256').update(`${file};${name}`).digest('hex')
}

export const alerts: Handler = ({ deps }) =>
  success({ alerts: deps.ruleGroups().flatMap(({ rules }) => rules.flatMap((rule) => active(rule).map(renderAlert))) })

type AnyRule = AlertingRule | RecordingRule
type KeepsRule = (rule: AnyRule) => boolean

function ruleFilter(params: Params, type: string, sets: ReturnType<typeof parseMatchers>): KeepsRule {
  const names = params.all('rule_name[]')
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
    query: normal(rule),
    duration: rule.forMs / 1000,
    keepFiringFor: rule.keepFiringForMs / 1000,
    labels: rule.labels,
    annotations: rule.annotations,
    alerts: withAlerts ? all.map(renderAlert) : null,
    ...evaluation(status),
    type: 'alerting',
  }
}

function recordingRule(rule: RecordingRule, status: RuleStatus): unknown {
  return { name: rule.record, query: normal(rule), labels: rule.labels, ...evaluation(status), type: 'recording' }
}

const EVERY_FEATURE: ReadonlySet<Feature> = new Set(FEATURES)

// Rules live as long as their configuration, and are shown many times.
const printed = new WeakMap<AnyRule, string>()

/** The expression as Prometheus prints it. It was read when the rule was: that it can be is not asked again. */
function normal(rule: AnyRule): string {
  let text = printed.get(rule)
  if (text === undefined) printed.set(rule, (text = formatExpr(parse(rule.expr, EVERY_FEATURE))))
  return text
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
    ...(alert.keepFiringSince === undefined ? {} : { keepFiringSince: instant(alert.keepFiringSince) }),
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
