/**
 * Numbers in labels (`le`, `quantile`) as OpenMetrics writes them, so that a histogram keeps its series whichever format it came in:
 * `1` is `1.0`, `0.5` stays, a million is `1e+06`.
 *
 * Source: the shortest form is Go's `strconv.FormatFloat(f, 'g', -1, 64)`: an exponent below 1e-4 and from 1e6 on, of two digits at least.
 */

/** The canonical text of a bucket's bound or of a quantile. */
export function formatOpenMetricsNumber(value: number): string {
  if (Number.isNaN(value)) return 'NaN'
  if (value === Number.POSITIVE_INFINITY) return '+Inf'
  if (value === Number.NEGATIVE_INFINITY) return '-Inf'
  if (value === 0) return '0.0'
  // JavaScript's shortest digits are Go's; where the exponent begins is not.
  const [mantissa = '', exponentText = '0'] = value.toExponential().split('e')
  const exponent = Number(exponentText)
  if (exponent < -4 || exponent >= 6) {
    const size = String(Math.abs(exponent)).padStart(2, '0')
    return `${mantissa}e${exponent < 0 ? '-' : '+'}${size}`
  }
  const text = plain(mantissa, exponent)
  return text.includes('.') ? text : `${text}.0`
}

/** Digits without an exponent: JavaScript itself would write one below 1e-6. */
function plain(mantissa: string, exponent: number): string {
  const negative = mantissa.startsWith('-')
  const digits = mantissa.replace(/[-.]/g, '')
  const body =
    exponent < 0
      ? `0.${'0'.repeat(-exponent - 1)}${digits}`
      : digits.length <= exponent + 1
        ? digits.padEnd(exponent + 1, '0')
        : `${digits.slice(0, exponent + 1)}.${digits.slice(exponent + 1)}`
  return negative ? `-${body}` : body
}
