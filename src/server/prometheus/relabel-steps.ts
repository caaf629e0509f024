/** `targets/relabel_steps`: what each step of a job's relabelling makes of a label set, as Prometheus' UI shows it. */
import { Labels, messageOf } from '#core'
import { type RelabelConfig, relabel } from '#scrape'
import { ApiError } from '../http/api-error.ts'
import type { Handler } from './call.ts'
import { success } from './render.ts'

export const relabelSteps: Handler = ({ deps, params }) => {
  const pool = params.get('scrapePool')
  if (pool === '') throw new ApiError('bad_data', 'no scrapePool parameter provided')
  const text = params.get('labels')
  if (text === '') throw new ApiError('bad_data', 'no labels parameter provided')
  let labels: Labels | undefined = parseLabels(text)
  const job = deps.plan().scrapes.find(({ jobName }) => jobName === pool)
  if (job === undefined)
    throw new ApiError('bad_data', `error retrieving scrape config: scrape pool ${JSON.stringify(pool)} not found`)
  const steps = job.relabelConfigs.map((step) => {
    // What one step has dropped the others do not see.
    if (labels !== undefined) labels = relabel(labels, [step])
    return { rule: ruleOf(step), output: labels ?? {}, keep: labels !== undefined }
  })
  return success({ steps })
}

/** An object of texts; empty ones are no labels. Throws `bad_data`. */
function parseLabels(text: string): Labels {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      throw new TypeError('an object was expected; write {"__address__":"host:9100"}')
    const pairs = Object.entries(value)
    for (const [name, one] of pairs)
      if (typeof one !== 'string')
        throw new TypeError(`the value of ${JSON.stringify(name)} is no text; write it in quotes`)
    return Labels.of(value as Record<string, string>)
  } catch (thrown) {
    throw new ApiError('bad_data', `error parsing labels: ${messageOf(thrown)}`)
  }
}

/** As it would stand in `prometheus.yml`; what is not set is left out. */
function ruleOf(step: RelabelConfig): Readonly<Record<string, unknown>> {
  return {
    ...(step.sourceLabels.length === 0 ? {} : { source_labels: step.sourceLabels }),
    separator: step.separator,
    regex: step.regex,
    ...(step.modulus === 0 ? {} : { modulus: step.modulus }),
    ...(step.targetLabel === '' ? {} : { target_label: step.targetLabel }),
    replacement: step.replacement,
    action: step.action,
  }
}
