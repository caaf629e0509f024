/**
 * Numbers as Go prints them: templates are Go's, and what they yield becomes labels, so one digit off is another alert.
 * Source: the documentation of Go's `fmt` and `strconv`.
 */

/** Without a precision `%g` shows an exponent from here on, however many digits there are. */
const SHORTEST_LIMIT = 6

/** `%v` of a float64: the shortest digits that read back the same, with an exponent below 1e-4 and from 1e6. */
export function formatFloat(value: number): string {
  return special(value) ?? general(digitsOf(value), SHORTEST_LIMIT, false)
}

/** `%g` (`precision` undefined: shortest) and `%.4g`: trailing zeros are dropped. */
export function formatGeneral(value: number, precision?: number): string {
  const word = special(value)
  if (word !== undefined) return word
  if (precision === undefined) return general(digitsOf(value), SHORTEST_LIMIT, false)
  const wanted = Math.max(precision, 1)
  return general(digitsOf(value, wanted), wanted, true)
}

/** `%e`: at least two digits of exponent. */
export function formatExponent(value: number, precision = 6): string {
  return special(value) ?? toExponential(value, precision).replace(/e([+-])(\d)$/, 'e$10$2')
}

/** `%f`. */
export function formatFixed(value: number, precision = 6): string {
  const word = special(value)
  if (word !== undefined) return word
  // JavaScript's toFixed switches to an exponent from 1e21 on; all such doubles are whole.
  if (Math.abs(value) < 1e21) return (Object.is(value, -0) ? '-' : '') + toFixed(value, precision)
  return BigInt(value).toString() + (precision > 0 ? `.${'0'.repeat(precision)}` : '')
}

type Digits = { readonly negative: boolean; readonly digits: string; readonly exponent: number }

function digitsOf(value: number, precision?: number): Digits {
  const size = Math.abs(value)
  const [mantissa = '', exponent = '0'] = (
    precision === undefined ? size.toExponential() : toExponential(size, precision - 1)
  ).split('e')
  const digits = mantissa.replace('.', '').replace(/0+$/, '')
  return { negative: value < 0 || Object.is(value, -0), digits: digits === '' ? '0' : digits, exponent: +exponent }
}

function general({ negative, digits, exponent }: Digits, from: number, fixed: boolean): string {
  const sign = negative ? '-' : ''
  // With a given precision the exponent appears from that many digits on, but never while digits are left to show.
  const limit = fixed && from > digits.length && digits.length >= exponent + 1 ? digits.length : from
  if (exponent < -4 || exponent >= limit) {
    const rest = digits.length > 1 ? `.${digits.slice(1)}` : ''
    const size = Math.abs(exponent)
    return `${sign}${digits[0]}${rest}e${exponent < 0 ? '-' : '+'}${size < 10 ? '0' : ''}${size}`
  }
  if (exponent < 0) return `${sign}0.${'0'.repeat(-exponent - 1)}${digits}`
  const whole = digits.slice(0, exponent + 1).padEnd(exponent + 1, '0')
  const rest = digits.slice(exponent + 1)
  return sign + whole + (rest === '' ? '' : `.${rest}`)
}

function special(value: number): string | undefined {
  if (Number.isNaN(value)) return 'NaN'
  if (value === Number.POSITIVE_INFINITY) return '+Inf'
  if (value === Number.NEGATIVE_INFINITY) return '-Inf'
  return undefined
}

/** Go rounds a value exactly between two to the even digit, JavaScript away from zero; both see the exact value. */
function toExponential(value: number, digits: number): string {
  const up = value.toExponential(digits)
  if (!/^-?\d\.?\d*50*e/.test(value.toExponential(100))) return up // cheap: most values are no tie in any digit
  const exact = /^-?(\d)\.(\d*)e([+-]\d+)$/.exec(value.toExponential(100))!
  const rest = exact[2]!.slice(digits)
  if (!/^50*$/.test(rest)) return up
  const kept = exact[1]! + exact[2]!.slice(0, digits)
  if (Number(kept.at(-1)) % 2 === 1) return up
  return `${value < 0 ? '-' : ''}${kept[0]}${digits > 0 ? `.${kept.slice(1)}` : ''}e${exact[3]}`
}

function toFixed(value: number, digits: number): string {
  const up = value.toFixed(digits)
  const exact = value.toFixed(100)
  const rest = exact.slice(exact.indexOf('.') + 1 + digits)
  if (!/^50*$/.test(rest)) return up
  const kept = exact.slice(0, exact.length - rest.length).replace(/\.$/, '')
  return Number(kept.at(-1)) % 2 === 1 ? up : kept
}
