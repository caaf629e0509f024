/**
 * Numbers in parameters, as Go's `strconv.ParseFloat` reads them: what Prometheus' clients may send for instants and durations.
 *
 * Decimal; hexadecimal with a binary exponent (`0x1p-2`), in which digits may be parted by `_`; `inf`, `infinity`, `nan` in any case.
 */
const DECIMAL = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i
const HEXADECIMAL = /^([+-]?)0x(_?[\da-f]+(?:_[\da-f]+)*)?(?:\.([\da-f]+(?:_[\da-f]+)*)?)?p([+-]?\d+)$/i
const INFINITE = /^([+-]?)inf(?:inity)?$/i

/** `undefined`: the text is no number, or one beyond what a double holds. */
export function tryParseGoFloat(text: string): number | undefined {
  if (DECIMAL.test(text)) return finite(Number(text))
  if (/^nan$/i.test(text)) return Number.NaN
  const infinite = INFINITE.exec(text)
  if (infinite !== null) return infinite[1] === '-' ? -Infinity : Infinity
  const [, sign, whole = '', fraction = '', exponent] = HEXADECIMAL.exec(text) ?? []
  const digits = `${whole}${fraction}`.replaceAll('_', '')
  if (exponent === undefined || digits === '') return undefined
  const shift = Number(exponent) - 4 * fraction.replaceAll('_', '').length
  // Beyond 13 digits the conversion may round twice; nobody sends an instant like that.
  const magnitude = Number(`0x${digits}`) * 2 ** shift
  return finite(sign === '-' ? -magnitude : magnitude)
}

function finite(value: number): number | undefined {
  return Number.isFinite(value) ? value : undefined
}
