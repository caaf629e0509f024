/**
 * Values as whole numbers divided by a power of ten: what people and programs measure mostly has few decimal digits.
 *
 * Exact in both directions: the quotient of a whole number by a power of ten below 10^22 is the nearest double.
 */
export const MAX_EXPONENT = 15
/** 10^e, by e. */
export const POWERS: Float64Array = Float64Array.from({ length: MAX_EXPONENT + 1 }, (_, e) => 10 ** e)
/** Whole numbers within ±2^50: even the difference of two of their differences is exact, and fits a zigzag of 52 bits. */
export const WHOLE_LIMIT: number = 2 ** 50

/** Whether `n / power` gives back exactly the bits of `value` for the whole number n nearest to `value * power`. -0 has none. */
export function isWhole(value: number, power: number): boolean {
  const n = Math.round(value * power)
  return n <= WHOLE_LIMIT && n >= -WHOLE_LIMIT && n / power === value && !Object.is(value, -0)
}
