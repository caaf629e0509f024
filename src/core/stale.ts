/**
 * Prometheus' stale marker: one particular NaN that ends a series.
 *
 * It is bits, not a value. A `Float64Array` keeps the payload of a NaN, a plain array, a `Map` or an argument may not,
 * so a marker lives in columns only and is written and read through the functions below.
 */
const STALE_HIGH = 0x7ff00000
const STALE_LOW = 0x00000002

/** Writes a stale marker at `index` of a column. */
export function writeStale(column: Float64Array, index: number): void {
  const words = new Uint32Array(column.buffer, column.byteOffset + index * 8, 2)
  words[LITTLE ? 0 : 1] = STALE_LOW
  words[LITTLE ? 1 : 0] = STALE_HIGH
}

/** True when the value at `index` is a stale marker; false for every ordinary NaN. */
export function isStaleAt(column: Float64Array, index: number): boolean {
  // The common case first: a number equal to itself is no NaN, so no view has to be made.
  const value = column[index]!
  if (!Number.isNaN(value)) return false
  const words = new Uint32Array(column.buffer, column.byteOffset + index * 8, 2)
  return words[LITTLE ? 0 : 1] === STALE_LOW && words[LITTLE ? 1 : 0] === STALE_HIGH
}

const LITTLE = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1
