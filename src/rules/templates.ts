/** A rule with its templates parsed, once: what its labels and annotations say for one element. */
import { Labels, type QueryFn, type UnixMs, type VectorSample, vectorOf } from '#core'
import { labelMap } from './template/functions.ts'
import type { Template } from './template/parse.ts'
import { compileTemplate, expand } from './template/run.ts'
import type { AlertingRule } from './types.ts'

export type TemplateContext = {
  readonly query: QueryFn
  readonly at: UnixMs
  readonly externalLabels: Readonly<Record<string, string>>
  readonly externalUrl: string
  readonly signal?: AbortSignal
}

export type RuleTemplates = {
  readonly labels: readonly (readonly [string, Template])[]
  readonly annotations: readonly (readonly [string, Template])[]
}

/** Throws `ASSAY_RULES_TEMPLATE`. */
export function compileRule(rule: AlertingRule): RuleTemplates {
  const compiled = (record: Readonly<Record<string, string>>) =>
    Object.entries(record).map(([name, source]) => [name, compileTemplate(source)] as const)
  return { labels: compiled(rule.labels), annotations: compiled(rule.annotations) }
}

/** The alert's final labels and its annotations. */
export async function expandRule(
  rule: AlertingRule,
  templates: RuleTemplates,
  sample: VectorSample,
  context: TemplateContext,
): Promise<{ readonly labels: Labels; readonly annotations: Readonly<Record<string, string>> }> {
  const data = {
    labels: labelMap(sample.labels),
    externalLabels: labelMap(Labels.of(context.externalLabels)),
    value: sample.value,
  }
  const deps = {
    externalUrl: context.externalUrl,
    at: context.at,
    query: async (promql: string) =>
      vectorOf(await context.query(promql, { at: context.at }, context.signal)).map(({ labels, value }) => ({
        Labels: labelMap(labels),
        Value: value,
      })),
  }
  const expanded = async (pairs: RuleTemplates['labels']) => {
    const out: Record<string, string> = {}
    for (const [name, template] of pairs) out[name] = await expand(template, data, deps)
    return out
  }
  const own = await expanded(templates.labels)
  return {
    labels: sample.labels.without('__name__').withAll({ ...own, alertname: rule.alert }),
    annotations: await expanded(templates.annotations),
  }
}
