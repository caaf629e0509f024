/**
 * What Prometheus changed after the version that is compared with, and what assay does otherwise on purpose: the only differences
 * that the differential tester passes over. Each with its reason; an entry that is too wide hides errors, so each is narrow.
 *
 * Sources: prometheus: CHANGELOG.md of 3.6 to 3.14, by the number of the change.
 */
import type { Answer, ResultSeries } from './ask.ts'
import { compare, type Difference } from './compare.ts'
import { CHANGED_TEXTS, type ChangedText, negates, refusesBounds } from './known-texts.ts'

export type Case = {
  readonly query: string
  /** More than one step. */
  readonly isRange: boolean
  readonly ours: Answer
  readonly theirs: Answer
  readonly difference: Difference
}

export type Reason = {
  readonly why: string
  /** The first version of Prometheus that does as we do; `never` where assay differs on purpose. */
  readonly since: string
}

/** A difference in what was calculated, or whether. */
type ChangedResult = Reason & {
  readonly covers: (given: Case) => boolean
  /** It also changes what is said. */
  readonly texts?: boolean
}

const CHANGED_RESULTS: readonly ChangedResult[] = [
  {
    why: '#16725: NaN as the parameter of topk, bottomk, limitk and limit_ratio is an error',
    since: '3.6',
    covers: ({ ours, theirs }) =>
      /Parameter value is NaN|Ratio value is NaN/.test(ours.body.error ?? '') && theirs.body.status === 'success',
  },
  {
    why: '#16725: a number of series beyond 64 bits is an error also where there are none to take from',
    since: '3.6',
    covers: ({ ours, theirs }) =>
      /(over|under)flows int64/.test(ours.body.error ?? '') && theirs.body.data?.result.length === 0,
  },
  {
    why: '#16828: increase and rate of a native histogram are not extrapolated to before it was empty',
    since: '3.6',
    covers: ({ query, difference }) =>
      difference.kind === 'value' && /\b(rate|increase)\(/.test(query) && isScaledDown(difference.values),
  },
  {
    why: '#17278: a histogram with other custom bounds than the one before is a reset only where a bucket that both have is smaller',
    since: '3.8',
    covers: ({ query, difference }) =>
      difference.kind === 'value' && /\b(resets|i?rate|increase)\(/.test(query) && hasCustomBounds(query, difference),
  },
  {
    why: 'the parameter of an aggregation may be fixed in time with @, and may differ from step to step where what is aggregated is fixed',
    since: 'never',
    texts: true,
    covers: ({ query, isRange }) =>
      (isRange || query.includes('[')) &&
      query.includes('@') &&
      /\b(topk|bottomk|quantile|limitk|limit_ratio)(?: (?:by|without) \([^)]*\) )?\(\(*[-+]?(?![-\d]|Inf|NaN)/.test(
        query,
      ),
  },
  {
    why: 'within a subquery, @ means the instant it names also where the steps begin at the instant of the query',
    since: 'never',
    covers: ({ query }) => /@.*\[[^\]]*:[^\]]*\].*(@|offset -)/.test(query),
  },
  {
    why: '#16711: with arithmetic in durations, what follows an offset with a sign or in parentheses is no part of the offset',
    since: '3.6',
    covers: ({ query }) => /\boffset\s*(?:[-+]?\s*\(|[-+]\s*[-+]|[-+]\s*[\d.]\w*\s*[-+*/%^])/.test(query),
  },
  {
    why: 'which series limitk takes of those that a range query calculated, and topk of equal ones, is left to the order of a map in Prometheus',
    since: 'never',
    covers: ({ query, isRange, ours, theirs, difference }) =>
      ['labels', 'instants', 'order'].includes(difference.kind) &&
      (isRange || query.includes('[')) &&
      (/\blimitk\b/.test(query) ||
        (difference.kind === 'order' && /^(topk|bottomk) (by|without) /.test(query)) ||
        (/\b(topk|bottomk)\b/.test(query) && valuesByInstant(ours) === valuesByInstant(theirs))),
  },
  {
    why: 'with the removal of names delayed, series that are the same without it, at different times, are one',
    since: '3.9',
    covers: ({ isRange, ours, theirs }) =>
      isRange &&
      ours.body.status === 'success' &&
      theirs.body.error === 'vector cannot contain metrics with the same labelset',
  },
  {
    why: 'with the removal of names delayed, an operation that makes two series the same is an error at an instant too, not only in a range query',
    since: 'never',
    covers: ({ query, isRange, ours, theirs }) =>
      !isRange &&
      /(on|ignoring) \(/.test(query) &&
      /vector cannot contain metrics with the same labelset/.test(ours.body.error ?? '') &&
      theirs.body.status === 'success',
  },
  {
    why: 'a range vector in parentheses may be fixed in time with @',
    since: '3.6',
    covers: ({ theirs }) => theirs.body.error === 'unexpected number of samples',
  },
  {
    why: '#17708: series that are the same but for the name, at different times, are one where the sign is turned',
    since: '3.9',
    covers: ({ query, ours, theirs }) =>
      negates(query) &&
      ours.body.status === 'success' &&
      theirs.body.error === 'vector cannot contain metrics with the same labelset',
  },
  {
    why: '#17703: label_join and label_replace join series that have the same labels afterwards, at different times',
    since: '3.9',
    covers: ({ query, ours, theirs }) =>
      /\blabel_(join|replace)\(/.test(query) &&
      ours.body.status === 'success' &&
      theirs.body.error === 'vector cannot contain metrics with the same labelset',
  },
  {
    why: 'count, sum and mean of histograms in a subquery are not read without buckets, which tell of resets',
    since: '3.6',
    covers: ({ query, difference }) =>
      difference.kind === 'value' && /\bhistogram_(count|sum|avg)\(.*\[[^\]]*:[^\]]*\]/.test(query),
  },
  {
    why: 'sums of histograms are added up without loss',
    since: '3.13',
    covers: ({ query, difference }) => /\bsum(_over_time)?\b/.test(query) && sameButForSum(difference.values),
  },
  {
    why: 'histograms are added and compared as they are, also below histogram_count, for which Prometheus leaves out their buckets',
    since: 'never',
    texts: true,
    covers: ({ query, ours }) =>
      /\bhistogram_(count|sum|avg)\(\(*[^()]*(?:\([^()]*\)[^()]*)*[=!]= /.test(query) ||
      (/\bhistogram_(count|sum|avg)\(/.test(query) &&
        (ours.body.warnings?.some((text) => text.includes('a mix of histograms with exponential and custom buckets')) ??
          false)),
  },
  {
    why: 'a mean of histograms is their sum divided, without loss, where zero buckets of several widths meet too',
    since: '3.13',
    covers: ({ query, difference }) =>
      /\bavg(_over_time)?\b/.test(query) &&
      // As many observations, to eight digits behind the point.
      /h: \{"count":"(-?\d+(?:\.\d{1,8})?)\d*","sum":.* \| \{"count":"\1/.test(difference.what),
  },
  {
    why: '#17424: histogram_fraction of a classic histogram is right where the lower bound is in the first bucket',
    since: '3.8',
    covers: ({ query, difference }) => query.includes('histogram_fraction(') && difference.kind === 'value',
  },
  {
    why: '#17135, #17817, #17898: info() keeps series without identifying labels, and those that a matcher fits already',
    since: '3.10',
    texts: true,
    covers: ({ query, difference }) => /\binfo\(/.test(query) && difference.kind !== 'value',
  },
  {
    why: 'with the removal of names delayed, a name that was dropped within a subquery stays so behind last_over_time',
    since: '3.13',
    covers: ({ query, difference }) =>
      /\b(last|first)_over_time\(.*:/.test(query) && /only in theirs: .*__name__|only in ours/.test(difference.what),
  },
  {
    why: 'with the removal of names delayed, a group drops its name when one of its series does, not only the first',
    since: '3.10',
    covers: ({ query, difference }) =>
      /\bby \([^)]*__name__/.test(query) && /only in theirs: .*__name__|only in ours/.test(difference.what),
  },
  {
    why: 'a NaN makes mad_over_time NaN',
    since: '3.14',
    covers: ({ query, difference }) =>
      query.includes('mad_over_time(') && /"NaN" \| "(-?[\d.e+-]+|[+-]Inf)"/.test(difference.what),
  },
  {
    why: 'of equal values with other signs, as 0 and -0 are, it is left open which comes first',
    since: 'never',
    covers: ({ query, difference }) =>
      /\b(min|max|quantile|quantile_over_time)\b/.test(query) && /: "-?0" \| "-?0"/.test(difference.what),
  },
  {
    why: 'more than twelve series, some without the label: natural order contradicts itself, and it is left to the sort what comes out',
    since: 'never',
    covers: ({ query, ours, difference }) =>
      difference.kind === 'order' && query.includes('sort_by_label') && (ours.body.data?.result.length ?? 0) > 12,
  },
  {
    why: 'the last digits of a standard deviation depend on the order of the series, which is that of storage in Prometheus',
    since: 'never',
    covers: ({ query, ours, theirs, difference }) =>
      difference.kind === 'value' &&
      /\bstd(dev|var)\b/.test(query) &&
      !compare(ours, theirs, { tolerance: 1e-8 }).some(({ kind }) => kind === 'value'),
  },
  {
    why: 'powers of the smallest numbers are right; those of Go on this processor are not',
    since: 'never',
    covers: ({ query, difference }) =>
      difference.kind === 'value' &&
      /(\bodd\b|5e-324).*\^|\^.*(\bodd\b|5e-324)/.test(query) &&
      /"kind":"(tiny|mixed)"|"-?[\d.]+e[+-]\d\d+"/.test(difference.what),
  },
  {
    why: '#16828: how far rate and increase of a native histogram are extrapolated that is a gauge, and seems to fall to zero',
    since: '3.6',
    covers: ({ query, difference }) =>
      difference.kind === 'value' && /\b(rate|increase)\(/.test(query) && /\bload_distribution\b/.test(query),
  },
  {
    why: '#17668: that several series match one is told also where a comparison filters them out',
    since: '3.9',
    covers: ({ query, ours, theirs }) =>
      /[<>=]=?/.test(query) &&
      /multiple matches for labels/.test(ours.body.error ?? '') &&
      theirs.body.status === 'success',
  },
  {
    why: '#17278: histograms with other custom bounds are reconciled',
    since: '3.8',
    texts: true,
    covers: ({ ours, theirs }) => reconciles(ours) && refusesBounds(theirs),
  },
  {
    why: 'sines, powers and logarithms are right to the last digit but one, and a difference of such numbers to fewer',
    since: 'never',
    covers: ({ query, ours, theirs, difference }) =>
      difference.kind === 'value' &&
      /\b(a?(sin|cos|tan)h?|exp|ln|log2|log10|sqrt|deg|rad|atan2)\b|\^/.test(query) &&
      // What a range or a set of series makes of nearly equal numbers may have few digits left.
      !compare(ours, theirs, { tolerance: /\[|std|quantile|%/.test(query) ? 1e-2 : 1e-9 }).some(
        ({ kind }) => kind === 'value',
      ),
  },
  {
    why: 'a quantile that differs in its last digit is a change, and one that falls by it a reset',
    since: 'never',
    covers: ({ query, difference }) =>
      difference.kind === 'value' &&
      /\b(i?rate|increase|resets|changes)\(.*\bhistogram_quantile\(.*\[[^\]]*:[^\]]*\]/.test(query),
  },
  {
    why: 'what is right to the last digit but one may become a label',
    since: 'never',
    covers: ({ query, ours, theirs, difference }) =>
      difference.kind === 'labels' &&
      /\bcount_values\b/.test(query) &&
      labelsInShort(ours).join('\n') === labelsInShort(theirs).join('\n'),
  },
  {
    why: 'atan2 of a number next to 0 keeps its sign where the quotient is too small for a double; that of Go does not',
    since: 'never',
    covers: ({ query, difference }) =>
      query.includes('atan2') && /"-3\.14159265358979\d*" \| "3\.14159265358979\d*"/.test(difference.what),
  },
  {
    why: 'sinh and cosh are finite up to 1.8e308; those of Go are not beyond 0.9e308',
    since: 'never',
    covers: ({ query, difference }) =>
      /\b(sinh|cosh)\(/.test(query) && /: "-?\d[\d.]*e\+308" \| "[+-]Inf"/.test(difference.what),
  },
  {
    why: '#16879: counter resets of native histograms within a subquery',
    since: '3.6',
    covers: ({ query, difference }) =>
      difference.kind === 'value' &&
      /\[[^\]]*:[^\]]*\]/.test(query) &&
      (/h: \{"count"/.test(difference.what) || (/\bresets\(/.test(query) && isFewer(difference.values))),
  },
  {
    why: 'the date of NaN and of infinities is NaN: what Go makes of them differs from processor to processor',
    since: 'never',
    covers: ({ query, difference }) =>
      /\b(day_of_\w+|days_in_month|hour|minute|month|year)\(/.test(query) && /"NaN" \| "[^"]+"/.test(difference.what),
  },
  {
    why: 'logarithms of the smallest numbers are right; those of Go on this processor are not',
    since: 'never',
    covers: ({ query, difference }) =>
      /\b(ln|log2|log10)\(/.test(query) &&
      difference.kind === 'value' &&
      (/\bodd\b/.test(query) || /: "-(30[89]|3[12]\d|70[89]|7[1-4]\d|10[2-7]\d)\b[^"]*" \| "-/.test(difference.what)),
  },
]

/** As seen in the answer, else by the names of the data of test scripts. */
function hasCustomBounds(query: string, { what }: Difference): boolean {
  return what.includes('[3,"-Inf"') || /nhcb|custom|http_requests_histogram/.test(query)
}

/** The labels of all series, with ten digits of those that are numbers. */
function labelsInShort({ body }: Answer): readonly string[] {
  const short = (value: string) =>
    /^-?\d+(?:\.\d+)?(?:e[+-]\d+)?$/.test(value) ? Number(value).toPrecision(10) : value
  const all = (body.data?.result ?? []) as readonly ResultSeries[]
  return all
    .map(({ metric }) =>
      Object.entries(metric)
        .map(([name, value]) => `${name}=${short(value)}`)
        .toSorted()
        .join(),
    )
    .toSorted()
}

type Counted = { readonly count?: string; readonly sum?: string }

/** Whether ours is theirs times a number below 1, as far as count and sum tell. */
function isScaledDown(values: Difference['values']): boolean {
  if (values === undefined) return false
  const [ours, theirs] = values as readonly [Counted, Counted]
  const share = Number(ours.count) / Number(theirs.count)
  const product = Number(theirs.sum) * share
  const isSum = ours.sum === theirs.sum || Math.abs(Number(ours.sum) - product) <= 1e-9 * Math.abs(product)
  return share > 0 && share < 1 && isSum
}

/** All values of a matrix, whichever series they belong to. */
function valuesByInstant({ body }: Answer): string {
  const all = (body.data?.result ?? []) as readonly ResultSeries[]
  return all
    .flatMap(({ values = [] }) => values.map(([at, value]) => `${at} ${value}`))
    .toSorted()
    .join()
}

/** Ours is less than theirs. */
function isFewer(values: Difference['values']): boolean {
  return values !== undefined && Number(values[0]) < Number(values[1])
}

/** Histograms that hold the same observations. */
function sameButForSum(values: Difference['values']): boolean {
  const rest = (one: unknown) => JSON.stringify(one).replace(/"sum":"[^"]*"/, '')
  return values !== undefined && typeof values[0] === 'object' && rest(values[0]) === rest(values[1])
}

function reconciles({ body }: Answer): boolean {
  return body.infos?.some((text) => text.includes('mismatched custom buckets were reconciled')) ?? false
}

/** Why two answers differ, as far as each difference has a reason; `undefined` when one has none. */
export function explain(given: Case, version: string): readonly string[] | undefined {
  const { kind } = given.difference
  const active = ({ since }: Reason) => since === 'never' || isOlder(version, since)
  if (kind !== 'warnings' && kind !== 'infos') {
    const change = CHANGED_RESULTS.find((one) => active(one) && one.covers(given))
    return change === undefined ? undefined : [change.why]
  }
  const reasons: string[] = []
  let { ours, theirs } = given
  for (const change of CHANGED_TEXTS.filter(active)) {
    const [a, b] = [inOtherWords(ours, change.ours, given), inOtherWords(theirs, change.theirs, given)]
    if (a === ours && b === theirs) continue
    reasons.push(change.why)
    ours = a
    theirs = b
  }
  const left = compare(ours, theirs).some((one) => one.kind === 'warnings' || one.kind === 'infos')
  if (!left) return reasons
  // Where there is another result further in, something else is said about it further out.
  const change = CHANGED_RESULTS.find((one) => one.texts === true && active(one) && one.covers(given))
  return change === undefined ? undefined : [change.why]
}

/** The same answer when nothing changes. */
function inOtherWords(answer: Answer, words: ChangedText['ours'], given: Case): Answer {
  if (words === undefined) return answer
  const { warnings = [], infos = [] } = answer.body
  const change = (texts: readonly string[]) => texts.map((text) => words(text, given)).filter((text) => text !== '')
  const [a, b] = [change(warnings), change(infos)]
  if (a.join() === warnings.join() && b.join() === infos.join()) return answer
  return { ...answer, body: { ...answer.body, warnings: a, infos: b } }
}

function isOlder(version: string, than: string): boolean {
  const [a, b] = [version, than].map((text) => text.split('.').map(Number))
  for (const [i, part] of b!.entries()) if ((a![i] ?? 0) !== part) return (a![i] ?? 0) < part
  return false
}
