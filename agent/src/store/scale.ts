/**
 * Into which bucket a value falls, from the bits of its double: for classic bounds by a table, for native histograms by the exponent.
 *
 * - Classic: each octave is cut into 32 cells by its first five bits of mantissa; a table says into which bucket a cell falls. Only in
 *   cells with a bound inside is the value compared: of usual bounds one value in 25, so that the processor's guess is right (with eight
 *   cells an octave, and a comparison for each value, random durations took 6 ns longer). Bounds that are not positive, are more than
 *   127 or span more than 64 octaves are searched one by one.
 * - Native: schema 3, eight buckets an octave, bucket i covers (2^((i-1)/8), 2^(i/8)] (Prometheus' native histograms). No cell has
 *   more than one bound inside it, so one comparison of the mantissa decides.
 * - The value waits in `held`: a double that is handed to a function which is not inlined is put on the heap, 16 bytes each time.
 */

/** Bounds of a histogram with the table that finds them. */
export type Scale = {
  /** Upper bounds, ascending, without +Inf. */
  readonly bounds: Float64Array
  /** The number of the first cell in the table; cells below it are at or below the first bound. */
  readonly firstCell: number
  /** For each cell the first bound that a value in it may be at or below, and HAS_BOUND if it has to be compared. Empty: search all. */
  readonly cells: Uint8Array
  /** Whether there is a table. */
  readonly hasCells: boolean
  /** Whether a native histogram is kept beside the buckets. */
  readonly isNative: boolean
  /** From the first count's word to the first word of the native histogram: counts end at an even word. */
  readonly nativeOffset: number
}

export const NATIVE_SCHEMA = 3
/** Values at or below it are in the zero bucket: client_golang's 2^-128. */
export const ZERO_THRESHOLD: number = 2 ** -128
export const MAX_BOUNDS = 200
const MAX_CELLS = 64 * 32
const CELL_SHIFT = 15
const HAS_BOUND = 128

/** The value that is looked at: it stays until the next one. */
export const held: Float64Array = new Float64Array(1)
const BITS = new Int32Array(held.buffer)
/** Which half of a double is the upper one depends on the machine. */
const UPPER: number = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1 ? 1 : 0
const LOWER: number = 1 - UPPER

export function makeScale(bounds: readonly number[], isNative: boolean): Scale {
  const all = Float64Array.from(bounds)
  const nativeOffset = ((all.length + 3) & ~1) - 1
  const fits =
    all.length > 0 && all.length < HAS_BOUND && all[0]! > 0 && cellOf(all.at(-1)!) - cellOf(all[0]!) < MAX_CELLS
  if (!fits) return { bounds: all, firstCell: 0, cells: new Uint8Array(0), hasCells: false, isNative, nativeOffset }
  const firstCell = cellOf(all[0]!)
  const cells = new Uint8Array(cellOf(all.at(-1)!) - firstCell + 1)
  let from = 0
  for (let bound = 0; bound < all.length; bound++) {
    const at = cellOf(all[bound]!) - firstCell
    if (at < from) continue
    // A cell's own values begin at its lower edge: bounds below it are behind them.
    cells.fill(bound, from, at)
    cells[at] = bound | HAS_BOUND
    from = at + 1
  }
  return { bounds: all, firstCell, cells, hasCells: true, isNative, nativeOffset }
}

/** Of counters and gauges. */
export const NO_SCALE: Scale = makeScale([], false)

/** The index of the first bound that is not less than the value; the number of bounds when it is above all, or NaN. */
export function bucketOf(scale: Scale, value: number): number {
  held[0] = value
  return bucketOfHeld(scale)
}

/** The same of the value that is held. */
export function bucketOfHeld(scale: Scale): number {
  if (!scale.hasCells) return firstAtLeast(scale, 0)
  const cell = (BITS[UPPER]! >> CELL_SHIFT) - scale.firstCell
  if (cell < 0) return 0
  const { cells } = scale
  if (cell >= cells.length) return scale.bounds.length
  const i = cells[cell]!
  return i < HAS_BOUND ? i : firstAtLeast(scale, i - HAS_BOUND)
}

/** One by one, from a bound on. */
function firstAtLeast({ bounds }: Scale, from: number): number {
  const value = held[0]!
  if (Number.isNaN(value)) return bounds.length
  let i = from
  while (i < bounds.length && value > bounds[i]!) i++
  return i
}

function cellOf(value: number): number {
  held[0] = value
  return BITS[UPPER]! >> CELL_SHIFT
}

/**
 * 2^(1/8) to 2^(7/8), halved, as Prometheus and its clients write them (prometheus/model/histogram/generic.go): some are an ulp off what
 * `2 ** (i / 8)` gives here, and a bound must be the same one for who counts and for who reads.
 */
const BOUNDS_OF_OCTAVE = [
  0.5452538663326288, 0.5946035575013605, 0.6484197773255048, 0.7071067811865475, 0.7711054127039704,
  0.8408964152537144, 0.9170040432046711,
] as const
/** Upper and lower halves of their mantissas, and of a bound that no mantissa reaches. */
const MANTISSA_UPPER = new Int32Array(8)
const MANTISSA_LOWER = new Uint32Array(8)
for (let i = 0; i < 8; i++) {
  held[0] = BOUNDS_OF_OCTAVE[i] ?? 0
  MANTISSA_UPPER[i] = i === 7 ? 0x7fffffff : BITS[UPPER]! & 0xfffff
  MANTISSA_LOWER[i] = i === 7 ? 0xffffffff : BITS[LOWER]! >>> 0
}

/** The number of the bucket of schema 3 that holds a finite value above ZERO_THRESHOLD. */
export function nativeIndexOf(value: number): number {
  held[0] = value
  return nativeIndexOfHeld()
}

/** The same of the value that is held. */
export function nativeIndexOfHeld(): number {
  const upper = BITS[UPPER]!
  const lower = BITS[LOWER]! >>> 0
  const mantissa = upper & 0xfffff
  const octave = ((upper >>> 20) - 1023) << 3
  // A power of two is the upper bound of the bucket below.
  if ((mantissa | lower) === 0) return octave
  const cell = mantissa >>> 17
  const bound = MANTISSA_UPPER[cell]!
  if (mantissa === bound) return octave + cell + (lower > MANTISSA_LOWER[cell]! ? 2 : 1)
  // The sign of the difference, as nobody can guess which of the two it is.
  return octave + cell + 1 + ((bound - mantissa) >>> 31)
}

/** The number of a bucket after `levels` halvings of the resolution. */
export function coarser(index: number, levels: number): number {
  return ((index - 1) >> levels) + 1
}
