/**
 * The functions of PromQL: their arguments, what they yield, and one line each for whoever is typing.
 *
 * Data only. The parser checks calls against it, the editor completes from it, and a test holds the evaluator to it.
 */
import type { ValueType } from './ast.ts'

export type FunctionDoc = {
  readonly name: string
  /** Types by position; the last one repeats as often as `optional` allows. */
  readonly args: readonly ValueType[]
  /** How many arguments at the end may be left out (0), or, when `repeats`, that the last one may come any number of times. */
  readonly optional: number
  readonly repeats: boolean
  readonly returns: ValueType
  /** Argument names, as documentation shows them. */
  readonly usage: string
  readonly summary: string
}

const TYPES: Readonly<Record<string, ValueType>> = { v: 'vector', m: 'matrix', s: 'scalar', t: 'string' }

/** `sig` is one letter an argument (v, m, s, t), then `?` each for optional ones or `*` for "the last repeats", then `>` and the result. */
function define(usage: string, sig: string, summary: string): readonly [string, FunctionDoc] {
  const parts = /^([vmst]*)(\?*)(\*?)>([vs])$/.exec(sig)
  if (parts === null) throw new TypeError(`BUG: bad signature ${sig}`)
  const name = usage.slice(0, usage.indexOf('('))
  const args = [...parts[1]!].map((letter) => TYPES[letter]!)
  return [
    name,
    { name, args, optional: parts[2]!.length, repeats: parts[3] === '*', returns: TYPES[parts[4]!]!, usage, summary },
  ]
}

export const FUNCTIONS: ReadonlyMap<string, FunctionDoc> = new Map([
  define('abs(v)', 'v>v', 'absolute value'),
  define('absent(v)', 'v>v', '1 when the vector is empty, with the labels its matchers fix'),
  define('absent_over_time(v[range])', 'm>v', '1 when nothing was there in the range'),
  define('acos(v)', 'v>v', 'arc cosine, in radians'),
  define('acosh(v)', 'v>v', 'inverse hyperbolic cosine'),
  define('asin(v)', 'v>v', 'arc sine, in radians'),
  define('asinh(v)', 'v>v', 'inverse hyperbolic sine'),
  define('atan(v)', 'v>v', 'arc tangent, in radians'),
  define('atanh(v)', 'v>v', 'inverse hyperbolic tangent'),
  define('avg_over_time(v[range])', 'm>v', 'mean of the samples in the range'),
  define('ceil(v)', 'v>v', 'rounded up to a whole number'),
  define('changes(v[range])', 'm>v', 'how often the value changed in the range'),
  define('clamp(v, min, max)', 'vss>v', 'held between min and max; nothing when min > max'),
  define('clamp_max(v, max)', 'vs>v', 'at most max'),
  define('clamp_min(v, min)', 'vs>v', 'at least min'),
  define('cos(v)', 'v>v', 'cosine of radians'),
  define('cosh(v)', 'v>v', 'hyperbolic cosine'),
  define('count_over_time(v[range])', 'm>v', 'number of samples in the range'),
  define('day_of_month(v)', 'v?>v', 'day of the month, 1 to 31, UTC'),
  define('day_of_week(v)', 'v?>v', 'day of the week, 0 is Sunday, UTC'),
  define('day_of_year(v)', 'v?>v', 'day of the year, 1 to 366, UTC'),
  define('days_in_month(v)', 'v?>v', 'days of that month, 28 to 31, UTC'),
  define('deg(v)', 'v>v', 'radians to degrees'),
  define('delta(v[range])', 'm>v', 'difference between end and start of the range, for gauges'),
  define('deriv(v[range])', 'm>v', 'slope per second by linear regression, for gauges'),
  define('double_exponential_smoothing(v[range], sf, tf)', 'mss>v', 'smoothed value; both factors between 0 and 1'),
  define('end()', '>s', 'end of the query, in seconds'),
  define('exp(v)', 'v>v', 'e to the power of v'),
  define('first_over_time(v[range])', 'm>v', 'oldest sample in the range'),
  define('floor(v)', 'v>v', 'rounded down to a whole number'),
  define('histogram_avg(v)', 'v>v', 'mean of the observations of a native histogram'),
  define('histogram_count(v)', 'v>v', 'number of observations of a native histogram'),
  define('histogram_fraction(lower, upper, v)', 'ssv>v', 'share of observations between two bounds'),
  define('histogram_quantile(q, v)', 'sv>v', 'quantile of a histogram: classic buckets by le, or native'),
  define(
    'histogram_quantiles(v, label, q, ...)',
    'vts*>v',
    'several quantiles at once, each under its own label value',
  ),
  define('histogram_stddev(v)', 'v>v', 'estimated standard deviation of a native histogram'),
  define('histogram_stdvar(v)', 'v>v', 'estimated variance of a native histogram'),
  define('histogram_sum(v)', 'v>v', 'sum of the observations of a native histogram'),
  define('hour(v)', 'v?>v', 'hour of the day, 0 to 23, UTC'),
  define('idelta(v[range])', 'm>v', 'difference of the last two samples'),
  define('increase(v[range])', 'm>v', 'growth of a counter over the range'),
  define('info(v, {selector})', 'vv?>v', 'adds labels of the matching info series'),
  define('irate(v[range])', 'm>v', 'per-second growth between the last two samples of a counter'),
  define('label_join(v, dst, separator, src, ...)', 'vttt*>v', 'sets dst to the values of the src labels, joined'),
  define('label_replace(v, dst, replacement, src, regex)', 'vtttt>v', 'sets dst from src where the expression matches'),
  define('last_over_time(v[range])', 'm>v', 'newest sample in the range'),
  define('ln(v)', 'v>v', 'natural logarithm'),
  define('log10(v)', 'v>v', 'decimal logarithm'),
  define('log2(v)', 'v>v', 'binary logarithm'),
  define('mad_over_time(v[range])', 'm>v', 'median absolute deviation in the range'),
  define('max_of(a, b)', 'ss>s', 'the larger of two scalars'),
  define('max_over_time(v[range])', 'm>v', 'largest sample in the range'),
  define('min_of(a, b)', 'ss>s', 'the smaller of two scalars'),
  define('min_over_time(v[range])', 'm>v', 'smallest sample in the range'),
  define('minute(v)', 'v?>v', 'minute of the hour, 0 to 59, UTC'),
  define('month(v)', 'v?>v', 'month of the year, 1 to 12, UTC'),
  define('pi()', '>s', 'the number pi'),
  define('predict_linear(v[range], seconds)', 'ms>v', 'value so many seconds from now, by linear regression'),
  define('present_over_time(v[range])', 'm>v', '1 for every series with a sample in the range'),
  define('quantile_over_time(q, v[range])', 'sm>v', 'quantile of the samples in the range'),
  define('rad(v)', 'v>v', 'degrees to radians'),
  define('range()', '>s', 'end minus start of the query, in seconds'),
  define('rate(v[range])', 'm>v', 'per-second growth of a counter over the range'),
  define('resets(v[range])', 'm>v', 'how often a counter started anew in the range'),
  define('round(v, to)', 'vs?>v', 'rounded to the nearest multiple of to (1)'),
  define('scalar(v)', 'v>s', 'the value of a one-element vector, else NaN'),
  define('sgn(v)', 'v>v', 'sign: -1, 0 or 1'),
  define('sin(v)', 'v>v', 'sine of radians'),
  define('sinh(v)', 'v>v', 'hyperbolic sine'),
  define('sort(v)', 'v>v', 'by value, ascending; instant queries only'),
  define('sort_by_label(v, label, ...)', 'vt*>v', 'by label values, natural order; instant queries only'),
  define('sort_by_label_desc(v, label, ...)', 'vt*>v', 'by label values, natural order, descending'),
  define('sort_desc(v)', 'v>v', 'by value, descending; instant queries only'),
  define('sqrt(v)', 'v>v', 'square root'),
  define('start()', '>s', 'start of the query, in seconds'),
  define('start_timestamp(v)', 'v>v', 'when each counter began, in seconds, where the source told'),
  define('stddev_over_time(v[range])', 'm>v', 'population standard deviation in the range'),
  define('stdvar_over_time(v[range])', 'm>v', 'population variance in the range'),
  define('step()', '>s', 'step of the query, in seconds'),
  define('sum_over_time(v[range])', 'm>v', 'sum of the samples in the range'),
  define('tan(v)', 'v>v', 'tangent of radians'),
  define('tanh(v)', 'v>v', 'hyperbolic tangent'),
  define('time()', '>s', 'instant of this step, in seconds'),
  define('timestamp(v)', 'v>v', 'instant of each sample, in seconds'),
  define('ts_of_first_over_time(v[range])', 'm>v', 'instant of the oldest sample in the range'),
  define('ts_of_last_over_time(v[range])', 'm>v', 'instant of the newest sample in the range'),
  define('ts_of_max_over_time(v[range])', 'm>v', 'instant of the largest sample in the range'),
  define('ts_of_min_over_time(v[range])', 'm>v', 'instant of the smallest sample in the range'),
  define('vector(s)', 's>v', 'a scalar as a vector without labels'),
  define('year(v)', 'v?>v', 'year, UTC'),
])

/** Functions that Prometheus may still change: only known with the flag `promql-experimental-functions`. */
export const EXPERIMENTAL_FUNCTIONS: ReadonlySet<string> = new Set([
  'double_exponential_smoothing',
  'end',
  'histogram_quantiles',
  'info',
  'mad_over_time',
  'max_of',
  'min_of',
  'range',
  'sort_by_label',
  'sort_by_label_desc',
  'start',
  'start_timestamp',
  'step',
  'ts_of_first_over_time',
  'ts_of_last_over_time',
  'ts_of_max_over_time',
  'ts_of_min_over_time',
])

/** Functions that take the modifier, by modifier. */
export const EXTENDED_FUNCTIONS = {
  anchored: ['changes', 'delta', 'increase', 'rate', 'resets'],
  smoothed: ['delta', 'increase', 'rate'],
} as const
