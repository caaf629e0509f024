/**
 * Numbers as Go's `%g` prints them in warnings, errors and the text of histograms: the shortest digits that read back the
 * same, with an exponent of two digits at least below 1e-4 and from 1e6 on.
 */
export function goFloat(value: number): string {
  return print(value, 6)
}

/** As Go's `%.2g` with so many `digits`: rounded to them, and an exponent from there on. */
export function goRounded(value: number, digits: number): string {
  return print(Number(value.toPrecision(digits)), digits)
}

function print(value: number, exponentFrom: number): string {
  if (Number.isNaN(value)) return 'NaN'
  if (value === Infinity) return '+Inf'
  if (value === -Infinity) return '-Inf'
  if (value === 0) return Object.is(value, -0) ? '-0' : '0'
  const scientific = value.toExponential()
  const exponent = Number(scientific.slice(scientific.indexOf('e') + 1))
  if (exponent >= -4 && exponent < exponentFrom) return String(value)
  return scientific.replace(/e([+-])(\d)$/, 'e$10$2')
}
