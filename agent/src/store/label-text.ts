/**
 * Labels as they are written on a page: `method="GET",route="/"`, without braces. Text and OpenMetrics escape alike.
 *
 * Values are cut at MAX_VALUE_LENGTH: a label is for telling series apart, not for carrying texts. Lone surrogates, which UTF-8 cannot
 * write, become U+FFFD. Both happen before a series is looked for, so that two that read the same are one.
 */

/** OpenTelemetry's attribute for what did not fit any more. */
export const OVERFLOW_LABELS = 'otel_metric_overflow="true"'
export const MAX_VALUE_LENGTH = 256
const SPECIAL = /["\\\n]/
const LONE = /\p{Surrogate}/u
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"(?:,|$)/gy

/** A value as it can be written. */
export function wellFormed(value: string): string {
  if (value.length <= MAX_VALUE_LENGTH && !LONE.test(value)) return value
  const cut = value.length > MAX_VALUE_LENGTH ? value.slice(0, MAX_VALUE_LENGTH) : value
  return cut.replace(/\p{Surrogate}/gu, '\ufffd')
}

/** Absent and empty values are left out. */
export function formatLabels(names: readonly string[], values: readonly (string | undefined)[]): string {
  let text = ''
  for (let i = 0; i < values.length; i++) {
    const value = values[i]
    if (value === undefined || value === '') continue
    text += `${text === '' ? '' : ','}${names[i]!}="${escapeValue(value)}"`
  }
  return text
}

/** The pairs that were formatted. */
export function unformatLabels(text: string): [name: string, value: string][] {
  return [...text.matchAll(LABEL)].map(([, name = '', value = '']) => [name, unescapeValue(value)])
}

export function escapeValue(value: string): string {
  return SPECIAL.test(value) ? value.replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/\n/g, '\\n') : value
}

function unescapeValue(value: string): string {
  return value.replace(/\\(.)/g, (_all, one: string) => (one === 'n' ? '\n' : one))
}
