/**
 * Names of OpenTelemetry in Prometheus' words: `http.server.duration` in `s` is `http_server_duration_seconds`.
 *
 * - `escaping`: what Prometheus' oldest readers do not know (all but letters, digits, `_` and, in metrics, `:`) becomes `_`.
 *   Without it names stay as they are.
 * - `suffixes`: unit, `_total` and `_ratio` are put at the end where the name does not have them.
 * - A name of which nothing is left cannot be taken: `undefined`.
 *
 * Source: prometheus/otlptranslator (metric_namer.go, label_namer.go, unit_namer.go); OpenTelemetry specification 1.38,
 * compatibility/prometheus_and_openmetrics.md.
 */
import type { MetricKind } from './data.ts'

/** UCUM units that Prometheus has words for. `1` is no unit. */
const UNITS: Readonly<Record<string, string>> = {
  d: 'days',
  h: 'hours',
  min: 'minutes',
  s: 'seconds',
  ms: 'milliseconds',
  us: 'microseconds',
  ns: 'nanoseconds',
  By: 'bytes',
  KiBy: 'kibibytes',
  MiBy: 'mebibytes',
  GiBy: 'gibibytes',
  TiBy: 'tibibytes',
  KBy: 'kilobytes',
  MBy: 'megabytes',
  GBy: 'gigabytes',
  TBy: 'terabytes',
  m: 'meters',
  V: 'volts',
  A: 'amperes',
  J: 'joules',
  W: 'watts',
  g: 'grams',
  Cel: 'celsius',
  Hz: 'hertz',
  '1': '',
  '%': 'percent',
}

/** The same behind a slash: one of it. */
const PER_UNITS: Readonly<Record<string, string>> = {
  s: 'second',
  m: 'minute',
  h: 'hour',
  d: 'day',
  w: 'week',
  mo: 'month',
  y: 'year',
}

export type NameRules = { readonly escaping: boolean; readonly suffixes: boolean }
export type LabelRules = {
  readonly escaping: boolean
  /** `_x` becomes `key_x`. */
  readonly keyBeforeUnderscore: boolean
  /** `a__b` stays so; otherwise it becomes `a_b`. */
  readonly keepUnderscores: boolean
}
export type NamedMetric = { readonly name: string; readonly unit: string; readonly kind: MetricKind }

export function metricName(metric: NamedMetric, { escaping, suffixes }: NameRules): string | undefined {
  const { name } = metric
  const made = !escaping
    ? suffixes
      ? nameWithSuffixes(metric)
      : name
    : suffixes
      ? escapedWithSuffixes(metric)
      : escaped(name, /[^a-zA-Z0-9:_]+/)
  if (made === '' || (escaping && made !== name && /^_*$/.test(made))) return undefined
  return made
}

export function labelName(
  name: string,
  { escaping, keyBeforeUnderscore, keepUnderscores }: LabelRules,
): string | undefined {
  if (/^_*$/.test(name)) return undefined
  if (!escaping) return name
  let made: string
  if (keepUnderscores) made = name.replace(/[^a-zA-Z0-9_]/gu, '_')
  else {
    // Names that Prometheus keeps for itself lose their inner underscores alone.
    const reserved = name.length > 4 && name.startsWith('__') && name.endsWith('__')
    const inner = reserved ? name.slice(2, -2) : name
    made = inner.replace(/[^a-zA-Z0-9]+/gu, '_')
    if (reserved) made = `__${made}__`
  }
  if (/^[0-9]/.test(made)) made = `key_${made}`
  else if (keyBeforeUnderscore && /^_(?!_)/.test(made)) made = `key${made}`
  return /^_*$/.test(made) ? undefined : made
}

/** `By/s` as `bytes_per_second`; '' for what is no unit. */
export function unitName(unit: string, escaping = true): string {
  const { main, per } = partsOf(unit)
  const words = escaping ? [cleaned(main), cleaned(per)] : [main, per]
  return words
    .filter((word) => word !== '')
    .join('_')
    .replace(/^_|_$/g, '')
}

/** Without leading, trailing or doubled separators; a digit at its head gets a `_` before it. */
function escaped(name: string, separator: RegExp): string {
  return guarded(tokensOf(name, separator).join('_'))
}

function escapedWithSuffixes({ name, unit, kind }: NamedMetric): string {
  let tokens = tokensOf(name, /[^a-zA-Z0-9:]+/)
  const { main, per } = partsOf(unit)
  const perSuffix = cleaned(per) === 'per_' ? '' : cleaned(per).replace(/_$/, '')
  const addsPer = perSuffix !== '' && !tokens.includes(perSuffix)
  let mainSuffix = cleaned(main)
  if (tokens.includes(mainSuffix)) mainSuffix = ''
  if (addsPer) mainSuffix = mainSuffix.replace(/_$/, '')
  if (mainSuffix !== '') tokens.push(mainSuffix)
  if (addsPer) tokens.push(perSuffix)
  const last = lastSuffix(unit, kind)
  if (last !== undefined) tokens = [...tokens.filter((token) => token !== last), last]
  return guarded(tokens.join('_'))
}

function nameWithSuffixes({ name, unit, kind }: NamedMetric): string {
  const { main, per } = partsOf(unit)
  const last = lastSuffix(unit, kind)
  let made = last === undefined ? name : withoutSuffix(name, last)
  if (per !== '') made = withoutSuffix(made, per)
  if (main !== '' && !made.endsWith(main)) made += `_${main}`
  if (per !== '') made += `_${per}`
  return last === undefined ? made : `${made}_${last}`
}

/** Counters count a total; a gauge without dimension is a ratio (a counter of unit `1` counts objects). */
function lastSuffix(unit: string, kind: MetricKind): string | undefined {
  if (kind === 'counter') return 'total'
  return unit === '1' && kind === 'gauge' ? 'ratio' : undefined
}

/** Also takes the character before the suffix, which is taken for a separator. */
function withoutSuffix(name: string, suffix: string): string {
  return name.endsWith(suffix) && name.length > suffix.length + 1 ? name.slice(0, -suffix.length - 1) : name
}

/** Units in braces are annotations, not units. */
function partsOf(unit: string): { readonly main: string; readonly per: string } {
  const slash = unit.indexOf('/')
  const main = (slash === -1 ? unit : unit.slice(0, slash)).trim()
  const per = slash === -1 ? '' : unit.slice(slash + 1).trim()
  const known = (table: Readonly<Record<string, string>>, word: string) =>
    /[{}]/.test(word) ? '' : Object.hasOwn(table, word) ? table[word]! : word
  const perWord = known(PER_UNITS, per)
  return { main: known(UNITS, main), per: perWord === '' ? '' : `per_${perWord}` }
}

function cleaned(unit: string): string {
  return unit
    .replace(/[^a-zA-Z0-9:]/gu, '_')
    .replace(/__+/g, '_')
    .replace(/^_/, '')
}

function tokensOf(name: string, separator: RegExp): string[] {
  return name.split(separator).filter((token) => token !== '')
}

function guarded(name: string): string {
  return /^[0-9]/.test(name) ? `_${name}` : name
}
