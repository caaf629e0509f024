/**
 * Sample values as text, as Prometheus writes them on its HTTP API: shortest decimal that reads back the same,
 * an exponent only below 1e-6 or from 1e21, `+Inf`, `-Inf`, `NaN`.
 */
export function formatValue(value: number): string {
  if (Number.isNaN(value)) return 'NaN'
  if (value === Infinity) return '+Inf'
  if (value === -Infinity) return '-Inf'
  if (Object.is(value, -0)) return '-0'
  const text = String(value)
  const size = Math.abs(value)
  if (size >= 1e-6 && size < 1e21) return text
  // JavaScript's own rule is the same but for the exponent: it writes 1e-7, Go writes 1e-07.
  return text.replace(/e([+-])(\d)$/, 'e$10$2')
}

/** The same without an exponent, however long: as Prometheus writes an answer that is a single number. */
export function formatPlainValue(value: number): string {
  const text = formatValue(value)
  const [, sign = '', whole = '', fraction = '', exponent] = /^(-?)(\d+)(?:\.(\d+))?e([+-]\d+)$/.exec(text) ?? []
  if (exponent === undefined) return text
  const digits = whole + fraction
  const point = whole.length + Number(exponent)
  if (point <= 0) return `${sign}0.${'0'.repeat(-point)}${digits}`
  return `${sign}${digits.padEnd(point, '0')}`
}

/** A value from text: decimal, `Inf`, `NaN` in any case, `0x` hexadecimal as Go reads them. `undefined` when it is none. */
export function tryParseValue(text: string): number | undefined {
  if (/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text)) return Number(text)
  const word = text.toLowerCase()
  if (word === 'nan') return Number.NaN
  if (/^\+?inf(inity)?$/.test(word)) return Infinity
  if (/^-inf(inity)?$/.test(word)) return -Infinity
  if (/^[+-]?0x[0-9a-f]+$/.test(word))
    return word.startsWith('-') ? -Number(word.slice(1)) : Number(word.replace(/^\+/, ''))
  return undefined
}
