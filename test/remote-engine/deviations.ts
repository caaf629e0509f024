/**
 * What a store is known to do otherwise, each with its reason. A case that is listed runs all the same and has to fail as `shows` says: a
 * store that has mended its ways is noticed. Told to users in docs/reference/remote-engine.md.
 */
export type Deviation = { readonly case: string; readonly reason: string; readonly shows: RegExp }

export const DEVIATIONS: Readonly<Record<'victoria-metrics' | 'prometheus', readonly Deviation[]>> = {
  'victoria-metrics': [
    {
      case: 'a range query has a point for each step that sees a sample, and none elsewhere',
      reason: 'it looks back by the distance of the samples it finds, not by a fixed five minutes',
      shows: /-\s+6,\s+-\s+2/,
    },
    {
      case: 'values keep their bits, and what is no number stays so',
      reason:
        'it keeps values as decimals of at most 18 digits, writes about 12 of them after rounding, and leaves NaN out',
      shows: /0\.333333333333,/,
    },
    {
      case: 'a NaN is a value: a series whose last sample it is, is there',
      reason: 'NaN is no value in MetricsQL',
      shows: /-\s+'c_nan NaN'/,
    },
    {
      case: 'rate and increase are extrapolated as Prometheus does',
      reason: 'MetricsQL takes the sample before the range for the first one, and extrapolates nothing',
      shows: /\{job="shop"\} 150/,
    },
    {
      case: 'scalars and subqueries are answered, and the @ modifier holds',
      reason: 'a scalar is a vector without labels there',
      shows: /\+\s+'vector'/,
    },
    {
      case: 'native histograms are kept, and PromQL calculates with them',
      reason: 'they become buckets of its own (_bucket{vmrange="..."}, _count, _sum), for its own functions',
      shows: /unsupported function "histogram_count"/,
    },
    {
      case: 'caveats stand beside the answer',
      reason: 'it gives no infos and no warnings of that kind',
      shows: /metric might not be a counter/,
    },
  ],
  prometheus: [],
}
