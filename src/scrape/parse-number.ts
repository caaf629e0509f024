/**
 * Numbers out of bytes, without making a string for the common case.
 *
 * - Takes what Go's ParseFloat takes in the exposition format: decimals, `NaN`, `Inf`, `Infinity` with sign, any case;
 *   no hexadecimal, no underscores, nothing that overflows.
 * - The fast path is exact: a mantissa of at most 15 digits and a power of ten up to 22 are both whole doubles, so one
 *   multiplication or division rounds once (W. D. Clinger, "How to Read Floating Point Numbers Accurately", 1990).
 */
const POWERS = Float64Array.from({ length: 23 }, (_, i) => Number(`1e${i}`))

/** The number in `body[start, end)`, or `undefined` when it is none. */
export function tryParseNumber(body: Buffer, start: number, end: number): number | undefined {
  const fast = fastDecimal(body, start, end)
  // NaN stands for "not simple", so an ordinary NaN takes the slow path too; it is rare.
  return Number.isNaN(fast) ? slowNumber(body.toString('latin1', start, end)) : fast
}

let end = -1

/** Where the number that `readDecimal` has just read ends; -1 when it was none. */
export function decimalEnd(): number {
  return end
}

/**
 * The number at `start`, up to a blank or the end of the line, whose place `decimalEnd` tells. As `tryParseNumber` of that text; one pass
 * over it in the common case, digits with a point or without.
 */
export function readDecimal(body: Buffer, start: number): number {
  let i = start
  let c = body[i]!
  const negative = c === 45
  if (negative) c = body[++i]!
  const first = i
  let mantissa = 0
  while (c >= 48 && c <= 57) {
    mantissa = mantissa * 10 + (c - 48)
    c = body[++i]!
  }
  let digits = i - first
  let scale = 0
  if (c === 46) {
    const point = i
    c = body[++i]!
    while (c >= 48 && c <= 57) {
      mantissa = mantissa * 10 + (c - 48)
      c = body[++i]!
    }
    scale = i - point - 1
    digits += scale
  }
  if ((c !== 10 && c !== 32) || digits === 0 || digits > 15) return readAny(body, start)
  end = i
  const size = scale === 0 ? mantissa : mantissa / POWERS[scale]!
  return negative ? -size : size
}

/** Longer texts are no numbers that anybody writes; `tryParseNumber` takes them all the same. */
const LONGEST = 64

function readAny(body: Buffer, start: number): number {
  let i = start
  for (const most = Math.min(body.length, start + LONGEST); i < most; i++) {
    const c = body[i]
    if (c === 10 || c === 32 || c === 9) break
  }
  const number = tryParseNumber(body, start, i)
  end = number === undefined || i === start + LONGEST || i === body.length ? -1 : i
  return number ?? Number.NaN
}

/** `[+-]digits[.digits][e[+-]digits]` with at most 15 digits, or NaN. */
function fastDecimal(body: Buffer, start: number, end: number): number {
  let i = start
  let negative = false
  const sign = body[i]
  if (sign === 45 || sign === 43) {
    negative = sign === 45
    i++
  }
  let mantissa = 0
  let digits = 0
  let scale = 0
  let c = 0
  for (; i < end; i++) {
    c = body[i]! - 48
    if (c < 0 || c > 9) break
    mantissa = mantissa * 10 + c
    digits++
  }
  if (i < end && body[i] === 46) {
    const point = ++i
    for (; i < end; i++) {
      c = body[i]! - 48
      if (c < 0 || c > 9) break
      mantissa = mantissa * 10 + c
    }
    scale = point - i
    digits -= scale
  }
  if (digits === 0 || digits > 15) return Number.NaN
  if (i < end) {
    if ((body[i]! | 32) !== 101) return Number.NaN
    i++
    const expSign = body[i]
    if (expSign === 45 || expSign === 43) i++
    if (i === end || end - i > 3) return Number.NaN
    let exponent = 0
    for (; i < end; i++) {
      c = body[i]! - 48
      if (c < 0 || c > 9) return Number.NaN
      exponent = exponent * 10 + c
    }
    scale += expSign === 45 ? -exponent : exponent
  }
  if (scale < -22 || scale > 22) return Number.NaN
  const size = scale < 0 ? mantissa / POWERS[-scale]! : mantissa * POWERS[scale]!
  return negative ? -size : size
}

/** The simple twin: any number as text. */
export function slowNumber(text: string): number | undefined {
  if (/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text)) {
    const value = Number(text)
    return Number.isFinite(value) ? value : undefined
  }
  if (/^nan$/i.test(text)) return Number.NaN
  if (/^\+?inf(inity)?$/i.test(text)) return Number.POSITIVE_INFINITY
  if (/^-inf(inity)?$/i.test(text)) return Number.NEGATIVE_INFINITY
  return undefined
}
