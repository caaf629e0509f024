/**
 * Says in what two answers to one question differ, if they do.
 *
 * - Order counts where PromQL defines it: in a matrix (by labels), and behind `sort` and its kin. A vector is a set otherwise.
 * - Numbers agree to `TOLERANCE` of the larger one: the last bits of sums and of sin() may fall either way.
 * - Error texts are compared by kind alone: ours say what to write instead. Warnings and infos are compared as they are.
 */
import type { Answer, ResultSeries } from './ask.ts'

export const TOLERANCE = 1e-12

export type Kind = 'status' | 'type' | 'labels' | 'instants' | 'value' | 'order' | 'warnings' | 'infos'
export type Difference = {
  readonly kind: Kind
  readonly what: string
  /** Of a value: ours and theirs, each a number in text or a histogram. */
  readonly values?: readonly [unknown, unknown]
}

/** At most one difference of the results, one of the warnings and one of the infos. `ordered`: the outermost call orders a vector. */
export function compare(
  ours: Answer,
  theirs: Answer,
  { ordered = false, tolerance = TOLERANCE }: { readonly ordered?: boolean; readonly tolerance?: number } = {},
): readonly Difference[] {
  const [a, b] = [ours.body, theirs.body]
  if (ours.code !== theirs.code || a.status !== b.status || a.errorType !== b.errorType)
    return [{ kind: 'status', what: `${brief(ours)} | ${brief(theirs)}` }]
  if (a.data === undefined || b.data === undefined) return []
  if (a.data.resultType !== b.data.resultType)
    return [{ kind: 'type', what: `${a.data.resultType} | ${b.data.resultType}` }]
  return [
    compareResults(a.data, b.data, ordered, tolerance),
    compareTexts('warnings', a.warnings, b.warnings),
    compareTexts('infos', a.infos, b.infos),
  ].filter((one) => one !== undefined)
}

function brief({ code, body }: Answer): string {
  return body.status === 'success' ? `${code}` : `${code} ${body.errorType}: ${body.error}`
}

type Data = NonNullable<Answer['body']['data']>

function compareResults(a: Data, b: Data, ordered: boolean, tolerance: number): Difference | undefined {
  if (a.resultType === 'scalar' || a.resultType === 'string') {
    const same = JSON.stringify(a.result) === JSON.stringify(b.result)
    if (same) return undefined
    const [x, y] = [a.result, b.result] as (readonly [number, string])[]
    return a.resultType === 'scalar' && x![0] === y![0] && sameNumber(x![1], y![1], tolerance)
      ? undefined
      : { kind: 'value', what: `${JSON.stringify(x)} | ${JSON.stringify(y)}` }
  }
  const [ours, theirs] = [a.result, b.result] as (readonly ResultSeries[])[]
  const [oursBy, theirsBy] = [byLabels(ours!), byLabels(theirs!)]
  for (const [key, list] of theirsBy)
    if (oursBy.get(key)?.length !== list.length) return { kind: 'labels', what: `only in theirs: ${key}` }
  for (const [key, list] of oursBy)
    if (theirsBy.get(key)?.length !== list.length) return { kind: 'labels', what: `only in ours: ${key}` }
  for (const [key, list] of oursBy) {
    for (const [i, one] of list.entries()) {
      const difference = compareSeries(one, theirsBy.get(key)![i]!, tolerance)
      if (difference !== undefined) return { ...difference, what: `${key}: ${difference.what}` }
    }
  }
  if (a.resultType !== 'matrix' && !ordered) return undefined
  // Equal values may stand either way, 0 and -0 among them.
  const orderOf = (list: readonly ResultSeries[]) =>
    list.map((one) => (a.resultType === 'matrix' ? keyOf(one) : (one.value?.[1] ?? 'histogram')))
  const [x, y] = [orderOf(ours!), orderOf(theirs!)]
  return x.every((one, i) => sameNumber(one, y[i]!, tolerance) || Number(one) === Number(y[i]))
    ? undefined
    : { kind: 'order', what: `${x.join(' ').slice(0, 300)} | ${y.join(' ').slice(0, 300)}` }
}

function keyOf({ metric }: ResultSeries): string {
  return JSON.stringify(Object.fromEntries(Object.entries(metric).toSorted(([a], [b]) => (a < b ? -1 : 1))))
}

function byLabels(list: readonly ResultSeries[]): Map<string, ResultSeries[]> {
  return Map.groupBy(list, keyOf)
}

function compareSeries(a: ResultSeries, b: ResultSeries, tolerance: number): Difference | undefined {
  const [ours, theirs] = [pointsOf(a), pointsOf(b)]
  if (ours.map(([at]) => at).join(' ') !== theirs.map(([at]) => at).join(' ')) {
    const at = new Set(theirs.map(([time]) => time)).symmetricDifference(new Set(ours.map(([time]) => time)))
    return { kind: 'instants', what: `${ours.length} samples | ${theirs.length} samples, not both at ${[...at][0]}` }
  }
  for (const [i, [at, value]] of ours.entries())
    if (!sameValue(value, theirs[i]![1], tolerance))
      return {
        kind: 'value',
        what: `at ${at}: ${JSON.stringify(value)} | ${JSON.stringify(theirs[i]![1])}`,
        values: [value, theirs[i]![1]],
      }
  return undefined
}

/** Floats and histograms apart, as `[instant and kind, value]`. */
function pointsOf({ value, values, histogram, histograms }: ResultSeries): (readonly [string, unknown])[] {
  const floats = values ?? (value === undefined ? [] : [value])
  const others = histograms ?? (histogram === undefined ? [] : [histogram])
  return [
    ...floats.map(([at, one]) => [String(at), one] as const),
    ...others.map(([at, one]) => [`${at}h`, one] as const),
  ]
}

/** Strings that are numbers, and whatever JSON holds of them: a histogram's count, sum and buckets. */
function sameValue(a: unknown, b: unknown, tolerance: number): boolean {
  if (typeof a === 'string' && typeof b === 'string') return sameNumber(a, b, tolerance)
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return a === b
  const [keys, others] = [Object.keys(a), Object.keys(b)]
  return (
    keys.length === others.length &&
    keys.every((key) => sameValue((a as Record<string, unknown>)[key], (b as Record<string, unknown>)[key], tolerance))
  )
}

/** Both as Prometheus spells them. -0 differs from 0, and NaN is NaN. */
export function sameNumber(a: string, b: string, tolerance: number): boolean {
  if (a === b) return true
  const [x, y] = [Number(a), Number(b)]
  if (!Number.isFinite(x) || !Number.isFinite(y)) return false
  if (x === 0 && y === 0) return false
  return Math.abs(x - y) <= tolerance * Math.max(Math.abs(x), Math.abs(y))
}

function compareTexts(
  kind: 'warnings' | 'infos',
  a: readonly string[] = [],
  b: readonly string[] = [],
): Difference | undefined {
  const [ours, theirs] = [new Set(a), new Set(b)]
  // Beyond ten, Prometheus tells any ten of them and how many more there are.
  const omitted = /^\d+ more \w+ annotations omitted$/
  if (a.length === b.length && omitted.test(a.at(-1) ?? '') && a.at(-1) === b.at(-1)) return undefined
  const only = [...ours.difference(theirs)].map((text) => `ours: ${text}`)
  only.push(...[...theirs.difference(ours)].map((text) => `theirs: ${text}`))
  return only.length === 0 ? undefined : { kind, what: only.join('; ') }
}
