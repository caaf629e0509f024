/** `<relabel_config>`: the steps of relabelling, checked as Prometheus checks them. */
import { z } from 'zod'
import { compileGroups } from '#core'
import { RELABEL_ACTIONS, type RelabelConfig } from '#scrape'
import { limit, text, texts } from './config-scalars.ts'

const WITH_TARGET = ['replace', 'hashmod', 'lowercase', 'uppercase', 'keepequal', 'dropequal']

export const relabelStep = z
  .strictObject({
    action: text.pipe(z.string().toLowerCase()).pipe(z.enum(RELABEL_ACTIONS)).default('replace'),
    source_labels: texts.optional(),
    separator: text.optional(),
    regex: text.refine(isRegex, { message: 'not a regular expression (RE2)' }).optional(),
    modulus: limit.optional(),
    target_label: text.optional(),
    replacement: text.optional(),
  })
  .superRefine((step, context) => {
    const { action } = step
    const wrong = (key: string, message: string) => context.addIssue({ code: 'custom', path: [key], message })
    const alone = (...allowed: readonly string[]) => {
      for (const [key, value] of Object.entries(step))
        if (key !== 'action' && value !== undefined && !allowed.includes(key))
          wrong(key, `${action} takes ${allowed.join(' and ')} alone; remove ${key}`)
    }
    if (WITH_TARGET.includes(action) && (step.target_label ?? '') === '')
      wrong('target_label', `relabel action ${action} needs a target_label; write target_label: name`)
    if (action === 'hashmod' && (step.modulus ?? 0) === 0)
      wrong('modulus', 'relabel action hashmod needs a modulus of at least 1; write modulus: 8')
    if (action === 'keepequal' || action === 'dropequal') alone('source_labels', 'target_label')
    if (action === 'labeldrop' || action === 'labelkeep') alone('regex')
    if ((action === 'lowercase' || action === 'uppercase') && step.replacement !== undefined)
      wrong('replacement', `${action} has no replacement; it writes source_labels to target_label`)
  })

export const relabelSteps = z.array(relabelStep, { error: 'a list of steps was expected' })

/** With Prometheus' defaults filled in. */
export function relabelOf(step: z.output<typeof relabelStep>): RelabelConfig {
  return {
    action: step.action,
    sourceLabels: step.source_labels ?? [],
    separator: step.separator ?? ';',
    regex: step.regex ?? '(.*)',
    modulus: step.modulus ?? 0,
    targetLabel: step.target_label ?? '',
    replacement: step.replacement ?? '$1',
  }
}

function isRegex(source: string): boolean {
  try {
    compileGroups(source)
    return true
  } catch {
    return false
  }
}
