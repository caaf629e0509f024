/**
 * The functions of PromQL as the generator of queries knows them: by the types of their arguments, from Prometheus' documentation
 * (docs/querying/functions.md of 3.14), not from assay's own table, which is under test.
 */

/** `v`ector, `m`atrix, `s`calar, a `l`abel's name; `q` a quantile. `?`: may be left out; `*`: again and again. */
const SIGNATURES: Readonly<Record<string, string>> = {
  v: 'abs absent acos acosh asin asinh atan atanh ceil cos cosh deg exp floor ln log10 log2 rad sgn sin sinh sort sort_desc sqrt tan tanh timestamp histogram_avg histogram_count histogram_sum histogram_stddev histogram_stdvar',
  m: 'absent_over_time avg_over_time changes count_over_time delta deriv idelta increase irate last_over_time first_over_time max_over_time min_over_time present_over_time rate resets stddev_over_time stdvar_over_time sum_over_time mad_over_time ts_of_max_over_time ts_of_min_over_time ts_of_last_over_time ts_of_first_over_time',
  'v?': 'day_of_month day_of_week day_of_year days_in_month hour minute month year',
  vss: 'clamp',
  vs: 'clamp_max clamp_min',
  'vs?': 'round',
  qv: 'histogram_quantile',
  ssv: 'histogram_fraction',
  qm: 'quantile_over_time',
  ms: 'predict_linear',
  mff: 'double_exponential_smoothing',
  s: 'vector',
  'vl*': 'sort_by_label sort_by_label_desc',
  replace: 'label_replace',
  join: 'label_join',
  info: 'info',
  quantiles: 'histogram_quantiles',
}

export type Call = { readonly name: string; readonly signature: string }

/** All functions that yield vectors. `scalar`, `time` and `pi` belong to the scalars. */
export const CALLS: readonly Call[] = Object.entries(SIGNATURES).flatMap(([signature, names]) =>
  names.split(' ').map((name) => ({ name, signature })),
)

/** Only with `promql-experimental-functions`. */
export const EXPERIMENTAL: ReadonlySet<string> = new Set(
  'double_exponential_smoothing first_over_time histogram_quantiles info mad_over_time sort_by_label sort_by_label_desc ts_of_first_over_time ts_of_last_over_time ts_of_max_over_time ts_of_min_over_time'.split(
    ' ',
  ),
)

/** What a function wants to be given, for most of the calls: then its answer is not empty. */
export const FITTING: Readonly<Record<string, readonly string[]>> = {
  rate: ['counter', 'native'],
  increase: ['counter', 'native'],
  irate: ['counter', 'native'],
  resets: ['counter', 'native'],
  delta: ['gauge', 'native'],
  idelta: ['gauge', 'native'],
  histogram_avg: ['native'],
  histogram_count: ['native'],
  histogram_sum: ['native'],
  histogram_stddev: ['native'],
  histogram_stdvar: ['native'],
  histogram_fraction: ['native', 'classic'],
  histogram_quantile: ['native', 'classic'],
  histogram_quantiles: ['native', 'classic'],
}
