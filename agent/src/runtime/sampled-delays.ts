/**
 * Delays of the event loop, sampled by the loop itself. Node's histogram can be handed to another thread, which then reads the same counts
 * (loop-delays.ts).
 *
 * Only where Node samples without a timer (since 26); see loop-figures.ts.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks'

const PER_ITERATION_SINCE = 26

/** Whether this Node samples the delay without a timer. */
export const SAMPLES_PER_ITERATION = Number(process.versions.node.split('.', 1)[0]) >= PER_ITERATION_SINCE

type IntervalHistogram = ReturnType<typeof monitorEventLoopDelay>
/** What is read of a histogram; it may be another thread's. */
export type DelayHistogram = Pick<
  IntervalHistogram,
  'count' | 'min' | 'max' | 'mean' | 'stddev' | 'percentile' | 'reset'
>
export type DelayHistograms = readonly [DelayHistogram, DelayHistogram]

export type SampledDelays = Disposable & {
  /** To be read by `delayFigures`, here or in another thread; undefined where nothing is sampled. */
  readonly histograms: DelayHistograms | undefined
}

/** Samples the delays of this thread's loop until disposed. */
export function sampleDelays(perIteration: boolean = SAMPLES_PER_ITERATION): SampledDelays {
  if (!perIteration) return { histograms: undefined, [Symbol.dispose]() {} }
  // `samplePerIteration` is not in the types yet.
  const options = { samplePerIteration: true } as Parameters<typeof monitorEventLoopDelay>[0]
  const histograms = [monitorEventLoopDelay(options), monitorEventLoopDelay(options)] as const
  for (const one of histograms) one.enable()
  return {
    histograms,
    [Symbol.dispose]() {
      for (const one of histograms) one.disable()
    },
  }
}
