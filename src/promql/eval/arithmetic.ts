/**
 * Binary operators on two numbers, with Go's answers where JavaScript's differ.
 */
import type { ArithmeticOp, BinaryOp, ComparisonOp } from '../ast.ts'

export type Compute = (left: number, right: number) => number
export type Compare = (left: number, right: number) => boolean

const ARITHMETIC: Readonly<Record<ArithmeticOp, Compute>> = {
  '+': (a, b) => a + b,
  '-': (a, b) => a - b,
  '*': (a, b) => a * b,
  '/': (a, b) => a / b,
  '%': (a, b) => a % b,
  '^': power,
  atan2: Math.atan2,
}

const COMPARISON: Readonly<Record<ComparisonOp, Compare>> = {
  '==': (a, b) => a === b,
  '!=': (a, b) => a !== b,
  '<': (a, b) => a < b,
  '<=': (a, b) => a <= b,
  '>': (a, b) => a > b,
  '>=': (a, b) => a >= b,
}

export function computeOf(op: BinaryOp): Compute | undefined {
  return Object.hasOwn(ARITHMETIC, op) ? ARITHMETIC[op as ArithmeticOp] : undefined
}

export function compareOf(op: BinaryOp): Compare | undefined {
  return Object.hasOwn(COMPARISON, op) ? COMPARISON[op as ComparisonOp] : undefined
}

/** IEEE 754 says that 1 to any power, and -1 to an infinite one, is 1; JavaScript says NaN. */
function power(base: number, exponent: number): number {
  if (base === 1 || (base === -1 && (exponent === Infinity || exponent === -Infinity))) return 1
  return base ** exponent
}

/** The larger one as Go's `math.Max`: infinite beats NaN. */
export function larger(a: number, b: number): number {
  return a === Infinity || b === Infinity ? Infinity : Math.max(a, b)
}

/** The smaller one as Go's `math.Min`: infinitely small beats NaN. */
export function smaller(a: number, b: number): number {
  return a === -Infinity || b === -Infinity ? -Infinity : Math.min(a, b)
}
