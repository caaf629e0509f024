/**
 * The lines of a registry's page, in prom-client's order and spelling, so that a page before and after the move differs in nothing that a
 * parser sees: `le` before the labels, default labels behind a series' own.
 *
 * One spelling differs: NaN is written `NaN`, as both formats define it; prom-client writes `Nan`.
 */
import type { Exemplar } from './exemplar.ts'

export function numberText(value: number): string {
  if (Number.isFinite(value)) return `${value}`
  return Number.isNaN(value) ? 'NaN' : value < 0 ? '-Inf' : '+Inf'
}

export function escapeText(text: string): string {
  return text.replace(/\\/g, '\\\\').replace(/\n/g, '\\n')
}

export function labelText(name: string, value: unknown): string {
  if (typeof value !== 'string') return `${name}="${String(value)}"`
  return `${name}="${/[\\\n"]/.test(value) ? escapeText(value).replace(/"/g, '\\"') : value}"`
}

/** Labels without braces, from names and texts; empty ones are left out. */
export function joinLabels(names: readonly string[], texts: readonly string[]): string {
  let joined = ''
  for (let i = 0; i < names.length; i++) {
    const text = texts[i]!
    if (text === '') continue
    joined += joined === '' ? labelText(names[i]!, text) : `,${labelText(names[i]!, text)}`
  }
  return joined
}

/** The default labels that a series with these labels does not have itself. */
export function defaultsBeside(
  defaults: Readonly<Record<string, unknown>>,
  names: readonly string[],
  texts: readonly string[],
): string {
  let joined = ''
  for (const name in defaults) {
    const at = names.indexOf(name)
    if (at >= 0 && texts[at] !== '') continue
    joined += `${joined === '' ? '' : ','}${labelText(name, defaults[name])}`
  }
  return joined
}

export function braced(...parts: readonly string[]): string {
  const joined = parts.filter((part) => part !== '').join(',')
  return joined === '' ? '' : `{${joined}}`
}

/** What follows the value of a line: nothing, or the exemplar where the format has them. */
export function exemplarText(exemplar: Exemplar | null | undefined): string {
  if (exemplar === null || exemplar === undefined) return ''
  const labels = Object.entries(exemplar.labelSet).map(([name, value]) => labelText(name, value))
  return ` # {${labels.join(',')}} ${numberText(exemplar.value)} ${exemplar.timestamp}`
}
