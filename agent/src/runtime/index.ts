/**
 * The runtime of this thread, read when scraped and at no other time.
 *
 * What is true of the whole process is told by whoever serves the page, also while the main thread is blocked: `process-figures.ts`, which
 * is not loaded from here, since nobody needs it before the first scrape.
 */
import type { Guard } from '../guard.ts'
import type { Store } from '../store/index.ts'
import { Figures } from './figures.ts'
import { watchCollections } from './gc.ts'
import { activeFigures, heapFigures, versionFigure } from './heap-figures.ts'
import { type SampledDelays, sampleDelays } from './loop-delays.ts'
import { loopFigures } from './loop-figures.ts'

/** Starts watching; disposing stops the observers. */
export function watchRuntime(store: Store, guard: Guard): SampledDelays {
  const fault = (cause: unknown): void => guard.fault('runtime', cause)
  const figures = new Figures(store, fault)
  versionFigure(figures)
  heapFigures(figures)
  activeFigures(figures)
  loopFigures(figures)
  const delays = sampleDelays()
  const collections = watchCollections(store, guard)
  store.collectors.push(() => figures.collect())
  return {
    histograms: delays.histograms,
    [Symbol.dispose](): void {
      collections[Symbol.dispose]()
      delays[Symbol.dispose]()
    },
  }
}
