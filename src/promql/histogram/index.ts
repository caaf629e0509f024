/**
 * How PromQL calculates with native histograms: the only door of this folder. Values in, values out; nothing here knows of
 * series, steps or annotations. What has to be said beside a result is returned with it.
 */
export type { Caveats } from './accumulator.ts'
export {
  addHistograms,
  type Combined,
  compactHistogram,
  divideHistogram,
  negateHistogram,
  scaleHistogram,
  subtractHistograms,
} from './arithmetic.ts'
export { equalHistograms, isReset } from './compare.ts'
export { formatHistogram } from './format.ts'
export { nativeMean, nativeStddev, nativeStdvar } from './moments.ts'
export { formatNotation, type ParsedHistogram, parseHistogram } from './notation.ts'
export { type NanEffect, nativeFraction, nativeQuantile } from './quantile.ts'
export { HistogramMean, HistogramSum } from './sum.ts'
export { trimLower, trimUpper } from './trim.ts'
