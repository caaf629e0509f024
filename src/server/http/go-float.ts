/**
 * Numbers in parameters, as Go's `strconv.ParseFloat` reads them: what Prometheus' clients may send for instants and durations.
 *
 * Decimal, or hexadecimal with a binary exponent (`0x1p-2`), digits parted by single `_`; `inf`, `infinity`, `nan` in any case.
 */
const DECIMAL = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i
const HEXADECIMAL = /^([+-]?)0x([\da-f]*)(?:\.([\da-f]*))?p([+-]?\d+)$/i
const INFINITE = /^([+-]?)inf(?:inity)?$/i

/** `undefined`: the text is no number, or one beyond what a double holds. */
export function tryParseGoFloat(text: string): number | undefined {
  if (text.includes('_')) return isParted(text) ? tryParseGoFloat(text.replaceAll('_', '')) : undefined
  if (DECIMAL.test(text)) return finite(Number(text))
  if (/^nan$/i.test(text)) return Number.NaN
  const infinite = INFINITE.exec(text)
  if (infinite !== null) return infinite[1] === '-' ? -Infinity : Infinity
  const [, sign, whole = '', fraction = '', exponent] = HEXADECIMAL.exec(text) ?? []
  const digits = `${whole}${fraction}`
  if (exponent === undefined || digits === '') return undefined
  // Beyond 13 digits the conversion may round twice; nobody sends an instant like that.
  const magnitude = Number(`0x${digits}`) * 2 ** (Number(exponent) - 4 * fraction.length)
  return finite(sign === '-' ? -magnitude : magnitude)
}

/** An underscore stands between two digits, or behind the prefix. */
function isParted(text: string): boolean {
  const isHexadecimal = /^[+-]?0x/i.test(text)
  return isHexadecimal ? !/(?<![\da-fx])_|_(?![\da-f])/i.test(text) : !/(?<!\d)_|_(?!\d)/.test(text)
}

function finite(value: number): number | undefined {
  return Number.isFinite(value) ? value : undefined
}
