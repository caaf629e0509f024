/**
 * Warnings and infos that Prometheus words, places or says otherwise in the version that is compared with: what `known-changes.ts` is for
 * results.
 */
import type { Answer } from './ask.ts'
import type { Case, Reason } from './known-changes.ts'

/** A warning or info in other words: what is left of it when the change is taken back. `''`: nothing. */
export type ChangedText = Reason & {
  readonly ours?: (text: string, given: Case) => string
  readonly theirs?: (text: string, given: Case) => string
}

/** Whether histograms are turned round in the query, or subtracted. */
export function negates(query: string): boolean {
  return /-\s*[a-z({]|[*/]\s*\(?-\d/.test(query.replace(/"[^"]*"/g, ''))
}

export function refusesBounds({ body }: Answer): boolean {
  return body.warnings?.some((text) => /incompatible (custom buckets|bucket layout)/.test(text)) ?? false
}

function withoutMetricOfBuckets(text: string): string {
  return /bucket label "le" is missing|mix of classic and native histograms|for monotonicity|has NaN observations/.test(
    text,
  )
    ? text.replace(/ for metric name "[^"]*"/, '')
    : text
}

/** It comes last: beyond ten warnings it is one of those that are counted only. */
function withoutSortWarning(text: string, { isRange, query }: Case): string {
  if (!isRange && !/\[[^\]]*:[^\]]*\]/.test(query)) return text
  if (text.includes('sort is ineffective for range queries')) return ''
  const omitted = /^(\d+)( more warning annotations omitted)$/.exec(text)
  return omitted !== null && /\bsort/.test(query) ? `${Number(omitted[1]) - 1}${omitted[2]}` : text
}

function withoutRepair(text: string): string {
  return text.includes('needed to be fixed for monotonicity')
    ? text.replace(/(?:, from buckets .*?, with a max diff of .*?)? \(\d+:\d+\)$/, '')
    : text
}

function withoutPlaceOfNan(text: string): string {
  return text.includes('input to histogram_quantile has NaN observations') ? text.replace(/ \(\d+:\d+\)$/, '') : text
}

export const CHANGED_TEXTS: readonly ChangedText[] = [
  {
    why: 'a warning that sorting has no effect in a range query',
    since: '3.13',
    ours: withoutSortWarning,
  },
  {
    why: '#15578: how far buckets had to be fixed is told, at the first place of several',
    since: '3.10',
    ours: withoutRepair,
    theirs: withoutRepair,
  },
  {
    why: '#15578: that buckets had to be fixed is told also where nothing was observed',
    since: '3.10',
    ours: (text, { theirs }) =>
      text.includes('needed to be fixed for monotonicity') &&
      theirs.body.infos?.some((one) => one.includes('needed to be fixed for monotonicity')) !== true &&
      JSON.stringify(theirs.body.data).includes('"NaN"')
        ? ''
        : text,
  },
  {
    why: 'with types as labels, a histogram is a counter too',
    since: '3.6',
    ours: (text) => text.replace('is not set to "counter" or "histogram"', 'is not set to "counter"'),
  },
  {
    why: '#16794: a metric name that is not known is not told',
    since: '3.7',
    theirs: (text) => text.replace(' for metric name ""', ''),
  },
  {
    why: 'that histogram_quantile meets NaN is told at the histogram, not at the number',
    since: '3.7',
    ours: withoutPlaceOfNan,
    theirs: withoutPlaceOfNan,
  },
  {
    why: 'of buckets that do not fit, and of NaN observed, the metric name is told with delayed removal of names alone',
    since: '3.13',
    ours: withoutMetricOfBuckets,
    theirs: withoutMetricOfBuckets,
  },
  {
    why: '#17278: histograms with other custom bounds are reconciled, which is told',
    since: '3.8',
    ours: (text) => (text.includes('mismatched custom buckets were reconciled') ? '' : text),
    theirs: (text) => (/incompatible (custom buckets|bucket layout)/.test(text) ? '' : text),
  },
  {
    why: '#17051: conflicting counter resets are told',
    since: '3.7',
    ours: (text) => (text.includes('conflicting counter resets during histogram') ? '' : text),
  },
  {
    why: '#17278: after bounds that differ, which are reconciled, exponential buckets are met, which do not go with custom ones',
    since: '3.8',
    ours: (text, { theirs }) =>
      text.includes('a mix of histograms with exponential and custom buckets') && refusesBounds(theirs) ? '' : text,
  },
  {
    why: '#16579: a histogram with its sign turned is a gauge',
    since: '3.6',
    ours: (text, { query, theirs }) =>
      text.includes('metric is not a counter') && negates(query) && !theirs.body.warnings?.includes(text) ? '' : text,
    theirs: (text, { query, ours }) =>
      text.includes('metric is not a gauge') && negates(query) && !ours.body.warnings?.includes(text) ? '' : text,
  },
  {
    why: 'sines, powers and logarithms are right to the last digit but one, also in a sentence',
    since: 'never',
    ours: roundedNumber,
    theirs: roundedNumber,
  },
  {
    why: '#16896, #16996: a position is that of the parenthesis or of what stands in it',
    since: '3.7',
    ours: withinParentheses,
    theirs: withinParentheses,
  },
]

function roundedNumber(text: string): string {
  return text.replace(
    /got (-?\d+(?:\.\d{10,}(?:e[+-]\d+)?|e[+-]\d+))/,
    (_, number: string) => `got ${Number(number).toPrecision(12)}`,
  )
}

/** A position at a parenthesis, moved to what stands in it. */
function withinParentheses(text: string, { query }: Case): string {
  return text.replace(/ \(1:(\d+)\)$/, (_, column: string) => {
    const at = Number(column) - 1
    return ` (1:${at + 1 + (/^[( ]*/.exec(query.slice(at))?.[0].length ?? 0)})`
  })
}
