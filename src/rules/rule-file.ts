/**
 * Rule files as Prometheus reads them, checked whole: every fault with its place and what to write instead.
 *
 * - Unknown keys are faults, as in Prometheus: a misspelt `for` would silently be 0.
 * - Expressions, durations, label names and templates are checked here, so that a loaded rule can be evaluated.
 */

import { isNode, LineCounter, parseDocument } from 'yaml'
import { z } from 'zod'
import {
  AssayError,
  FEATURES,
  type Feature,
  isLegacyLabel,
  isLegacyName,
  messageOf,
  sourceOf,
  tryNumber,
  tryParseDuration,
  withSources,
} from '#core'
import { parse } from '#promql'
import { compileTemplate } from './template/run.ts'
import type { Rule, RuleGroup } from './types.ts'

export type RuleFileIssue = { readonly file: string; readonly line: number; readonly text: string }

export type RuleFileOptions = {
  /** `evaluation_interval`: for groups that name none. */
  readonly defaultIntervalMs?: number
  /** `rule_query_offset`: for groups that name none. */
  readonly defaultQueryOffsetMs?: number
  /** What expressions may use beyond plain PromQL; absent: nothing, as in Prometheus. */
  readonly features?: ReadonlySet<Feature>
}

const MAX_SHOWN = 20
const DURATION = 'write a number and ms, s, m, h, d, w or y, as in 5m'

const text = z.preprocess(
  sourceOf,
  z.string({
    error: (issue) => (issue.input === undefined ? 'is missing; write it' : 'is no text; put it in quotes'),
  }),
)
const duration = text
  .refine((value) => tryParseDuration(value) !== undefined, {
    error: (issue) => `${show(issue.input)} is no duration; ${DURATION}`,
  })
  .transform((value) => tryParseDuration(value) ?? 0)
const EVERY_FEATURE: ReadonlySet<Feature> = new Set(FEATURES)
/** Which features may be used is asked when the whole file is read. */
const expression = text.superRefine((value, context) => {
  const fault = faultOf(value, EVERY_FEATURE)
  if (fault !== undefined) context.addIssue({ code: 'custom', message: fault })
})
const template = text.superRefine((value, context) => {
  try {
    compileTemplate(value)
  } catch (error) {
    context.addIssue({ code: 'custom', message: messageOf(error) })
  }
})
const labelName = z.string().refine((name) => isLegacyLabel(name) && name !== '__name__', {
  error: (issue) => `${show(issue.input)} is no label name; write letters, digits and _, not beginning with a digit`,
})
const labels = z.record(labelName, template)

const ruleSchema = z
  .strictObject({
    record: text.optional(),
    alert: text.optional(),
    expr: expression,
    for: duration.optional(),
    keep_firing_for: duration.optional(),
    labels: labels.optional(),
    annotations: z.record(labelName, template).optional(),
  })
  .superRefine((rule, context) => {
    const fault = (path: string, message: string) => context.addIssue({ code: 'custom', message, path: [path] })
    if ((rule.record === undefined) === (rule.alert === undefined)) {
      fault('expr', 'a rule is either recording or alerting; write one of record: and alert:')
    }
    if (rule.alert === '') fault('alert', 'the name is empty; write what is wrong when it fires, as in ApiIsSlow')
    if (rule.record === undefined) return
    if (!isLegacyName(rule.record)) {
      fault('record', `${show(rule.record)} is no metric name; write letters, digits, _ and :, as in job:errors:rate5m`)
    }
    for (const key of ['for', 'keep_firing_for', 'annotations'] as const) {
      if (rule[key] !== undefined) fault(key, `a recording rule takes no ${key}; remove it`)
    }
    for (const value of Object.values(rule.labels ?? {})) {
      if (value.includes('{{')) fault('labels', 'labels of a recording rule are not templates; write the value itself')
    }
  })

const groupSchema = z.strictObject({
  name: text.refine((name) => name !== '', 'the name is empty; write one that is unique in this file'),
  interval: duration.refine((ms) => ms > 0, 'an interval is longer than 0; leave it out for the default').optional(),
  limit: z.preprocess((given) => tryNumber(given) ?? given, z.int().min(0)).optional(),
  query_offset: duration.optional(),
  labels: labels.optional(),
  rules: z.array(ruleSchema).optional(),
})
const fileSchema = z.strictObject({ groups: z.array(groupSchema).optional() })

/** The groups of a file. Throws `ASSAY_RULES_FILE` with every fault on a line of its own. */
export function parseRuleFile(source: string, file: string, options: RuleFileOptions = {}): readonly RuleGroup[] {
  const { groups, issues } = checkRuleFile(source, file, options)
  if (issues.length === 0) return groups
  const shown = issues.slice(0, MAX_SHOWN).map((issue) => `${issue.file}:${issue.line}: ${issue.text}`)
  if (issues.length > MAX_SHOWN) shown.push(`and ${issues.length - MAX_SHOWN} more`)
  throw new AssayError('ASSAY_RULES_FILE', shown.join('\n'))
}

/** The same without throwing: what can be said of a file. `groups` is empty when there are issues. */
export function checkRuleFile(
  source: string,
  file: string,
  options: RuleFileOptions = {},
): { readonly groups: readonly RuleGroup[]; readonly issues: readonly RuleFileIssue[] } {
  const lines = new LineCounter()
  const document = parseDocument(source, { lineCounter: lines, prettyErrors: false })
  const issue = (offset: number, message: string) => ({ file, line: lines.linePos(offset).line, text: message })
  if (document.errors.length > 0) {
    return { groups: [], issues: document.errors.map((error) => issue(error.pos[0], `not YAML: ${error.message}`)) }
  }
  /** Where the value at `path` begins; where it is absent, the nearest that holds it. */
  const offsetOf = (path: readonly PropertyKey[]): number => {
    for (let depth = path.length; depth >= 0; depth--) {
      const node = depth === 0 ? document.contents : document.getIn(path.slice(0, depth), true)
      if (isNode(node) && node.range) return node.range[0]
    }
    return 0
  }
  let content: unknown
  try {
    content = withSources(document) ?? {}
  } catch (cause) {
    return { groups: [], issues: [issue(0, `${messageOf(cause)}; write out what its aliases (*name) stand for`)] }
  }
  const parsed = fileSchema.safeParse(content)
  if (!parsed.success) {
    const issues = parsed.error.issues.flatMap((found) => {
      const path = [...found.path]
      if (found.code === 'unrecognized_keys') {
        return found.keys.map((key) =>
          issue(offsetOf([...path, key]), `${at(path)}unknown key ${show(key)}; ${known(path)}`),
        )
      }
      const message = found.code === 'invalid_key' ? (found.issues[0]?.message ?? found.message) : found.message
      return [issue(offsetOf(path), `${at(path)}${message}`)]
    })
    return { groups: [], issues: issues.toSorted((a, b) => a.line - b.line) }
  }
  const groups = (parsed.data.groups ?? []).map(
    (group): RuleGroup => ({
      name: group.name,
      file,
      intervalMs: group.interval ?? options.defaultIntervalMs ?? 60_000,
      limit: group.limit ?? 0,
      queryOffsetMs: group.query_offset ?? options.defaultQueryOffsetMs ?? 0,
      rules: (group.rules ?? []).map((rule) => ruleOf(rule, group.labels ?? {})),
    }),
  )
  const twice = groups.flatMap(({ name }, i) =>
    groups.findIndex((other) => other.name === name) === i
      ? []
      : [issue(offsetOf(['groups', i, 'name']), `group ${show(name)} is there twice; give each its own name`)],
  )
  const duplicates = groups.flatMap((group, g) =>
    group.rules.flatMap((rule, r) =>
      group.rules.findIndex((other) => JSON.stringify(other) === JSON.stringify(rule)) === r
        ? []
        : [issue(offsetOf(['groups', g, 'rules', r]), 'this rule is there twice in its group; remove one')],
    ),
  )
  const switchedOff = (parsed.data.groups ?? []).flatMap((group, g) =>
    (group.rules ?? []).flatMap((rule, r) => {
      const fault = faultOf(rule.expr, options.features)
      return fault === undefined ? [] : [issue(offsetOf(['groups', g, 'rules', r, 'expr']), `expr: ${fault}`)]
    }),
  )
  const issues = [...twice, ...duplicates, ...switchedOff]
  return { groups: issues.length === 0 ? groups : [], issues }
}

function faultOf(expr: string, features: ReadonlySet<Feature> | undefined): string | undefined {
  try {
    parse(expr, features)
    return undefined
  } catch (error) {
    return messageOf(error)
  }
}

function ruleOf(rule: z.output<typeof ruleSchema>, groupLabels: Readonly<Record<string, string>>): Rule {
  const common = { expr: rule.expr, labels: { ...groupLabels, ...rule.labels } }
  if (rule.record !== undefined) return { kind: 'record', record: rule.record, ...common }
  return {
    kind: 'alert',
    alert: rule.alert ?? '',
    ...common,
    forMs: rule.for ?? 0,
    keepFiringForMs: rule.keep_firing_for ?? 0,
    annotations: rule.annotations ?? {},
  }
}

function at(path: readonly PropertyKey[]): string {
  const names = path.filter((part) => typeof part === 'string' && part !== 'groups' && part !== 'rules')
  return names.length === 0 ? '' : `${names.join('.')}: `
}

function known(path: readonly PropertyKey[]): string {
  const keys = path.length === 0 ? ['groups'] : Object.keys((path.includes('rules') ? ruleSchema : groupSchema).shape)
  return `write one of ${keys.join(', ')}`
}

function show(value: unknown): string {
  return JSON.stringify(value) ?? String(value)
}
