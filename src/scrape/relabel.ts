/**
 * Relabelling, with Prometheus' semantics: steps in order, each seeing what the one before it left.
 *
 * - A missing label reads as ''; setting a label to '' removes it; expressions are anchored at both ends.
 * - Expressions run on the linear engine, so that no label of a target can hold a scrape.
 * - `hashmod` is the last eight bytes of MD5, so that shards are the same as a Prometheus would cut them.
 */
import { createHash } from 'node:crypto'
import { AssayError, compileGroups, compileRegex, expandMatch, Labels } from '#core'
import type { RelabelAction, RelabelConfig } from './types.ts'

const NEEDS_TARGET: readonly RelabelAction[] = [
  'replace',
  'hashmod',
  'lowercase',
  'uppercase',
  'keepequal',
  'dropequal',
]

/** Returns false when the set is dropped. */
type Step = (labels: Map<string, string>) => boolean

// A configuration is plain data that lives as long as its targets; what it compiles to lives with it.
const compiled = new WeakMap<RelabelConfig, Step>()

/** The label set after all steps, or `undefined` when one dropped it. Throws `ASSAY_SCRAPE_RELABEL`, `ASSAY_REGEX`. */
export function relabel(labels: Labels, configs: readonly RelabelConfig[]): Labels | undefined {
  if (configs.length === 0) return labels
  const map = new Map(labels)
  for (const config of configs) if (!stepOf(config)(map)) return undefined
  return Labels.fromPairs(map)
}

/** Checks steps before they are needed. Throws `ASSAY_SCRAPE_RELABEL` or `ASSAY_REGEX`. */
export function checkRelabel(configs: readonly RelabelConfig[]): void {
  for (const config of configs) stepOf(config)
}

function stepOf(config: RelabelConfig): Step {
  const known = compiled.get(config)
  if (known !== undefined) return known
  const step = compile(config)
  compiled.set(config, step)
  return step
}

function compile(config: RelabelConfig): Step {
  const { action, sourceLabels, separator, targetLabel, replacement } = config
  if (NEEDS_TARGET.includes(action) && targetLabel === '') {
    throw new AssayError(
      'ASSAY_SCRAPE_RELABEL',
      `relabel action ${action} needs a target_label; write target_label: name`,
    )
  }
  const matches = compileRegex(config.regex)
  const groups = action === 'replace' || action === 'labelmap' ? compileGroups(config.regex) : undefined
  const source = (labels: Map<string, string>) => sourceLabels.map((name) => labels.get(name) ?? '').join(separator)
  const put = (labels: Map<string, string>, name: string, value: string) => {
    if (value === '') labels.delete(name)
    else labels.set(name, value)
    return true
  }
  switch (action) {
    case 'replace':
      return (labels) => {
        const match = groups!(source(labels))
        const target = match === null ? '' : expandMatch(targetLabel, match)
        return match === null || target === '' || put(labels, target, expandMatch(replacement, match))
      }
    case 'keep':
      return (labels) => matches(source(labels))
    case 'drop':
      return (labels) => !matches(source(labels))
    case 'keepequal':
      return (labels) => (labels.get(targetLabel) ?? '') === source(labels)
    case 'dropequal':
      return (labels) => (labels.get(targetLabel) ?? '') !== source(labels)
    case 'hashmod': {
      if (!Number.isInteger(config.modulus) || config.modulus < 1) {
        throw new AssayError(
          'ASSAY_SCRAPE_RELABEL',
          'relabel action hashmod needs a modulus of at least 1; write modulus: 8',
        )
      }
      const modulus = BigInt(config.modulus)
      return (labels) =>
        put(labels, targetLabel, String(createHash('md5').update(source(labels)).digest().readBigUInt64BE(8) % modulus))
    }
    case 'labelmap':
      return (labels) => {
        for (const [name, value] of [...labels]) {
          const match = groups!(name)
          const target = match === null ? '' : expandMatch(replacement, match)
          if (target !== '') put(labels, target, value)
        }
        return true
      }
    case 'labeldrop':
      return (labels) => {
        for (const name of [...labels.keys()]) if (matches(name)) labels.delete(name)
        return true
      }
    case 'labelkeep':
      return (labels) => {
        for (const name of [...labels.keys()]) if (!matches(name)) labels.delete(name)
        return true
      }
    case 'lowercase':
      return (labels) => put(labels, targetLabel, source(labels).toLowerCase())
    case 'uppercase':
      return (labels) => put(labels, targetLabel, source(labels).toUpperCase())
    default:
      return action satisfies never
  }
}
