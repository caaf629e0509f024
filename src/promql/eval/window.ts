/**
 * What a range function sees at one step. One object is reused for all steps of all series.
 */
export type Window = {
  timestamps: Float64Array
  values: Float64Array
  /** The samples of the window: [from, to). Never empty. */
  from: number
  to: number
  /** The window is (startMs, endMs]. */
  startMs: number
  endMs: number
  /** The step itself, which an offset or `@` may have moved away from the window. */
  atMs: number
  /** Scalar arguments at this step, in their order. */
  readonly args: Float64Array
  /** See `nextResets`; absent where nothing has prepared it, and then functions look for themselves. */
  nextReset: Int32Array | undefined
}

/** Writes the result to `out[step]`; false when there is none. */
export type RangeFunction = (window: Window, out: Float64Array, step: number) => boolean

/**
 * For each index the next one at which the value is lower than the one before it (`count` when there is none): with it
 * a window costs its resets, not its samples. One entry more than samples.
 */
export function nextResets(values: Float64Array, count: number): Int32Array {
  const next = new Int32Array(count + 1)
  next[count] = count
  for (let i = count - 1; i > 0; i--) next[i] = values[i]! < values[i - 1]! ? i : next[i + 1]!
  next[0] = next[Math.min(1, count)]!
  return next
}

/** Like `nextResets(values, count)[from]` bounded by `to`, by looking: the slow twin. */
export function findReset(values: Float64Array, from: number, to: number): number {
  let at = from
  while (at < to && !(values[at]! < values[at - 1]!)) at++
  return at
}

/** The next reset at or behind `from` in a window. */
export function resetFrom({ values, to, nextReset }: Window, from: number): number {
  return nextReset === undefined ? findReset(values, from, to) : nextReset[from]!
}
