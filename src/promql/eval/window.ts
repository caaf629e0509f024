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
}

/** Writes the result to `out[step]`; false when there is none. */
export type RangeFunction = (window: Window, out: Float64Array, step: number) => boolean
