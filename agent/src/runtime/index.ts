/**
 * The runtime of this thread: observers that V8 and the loop tell by themselves, and figures that are read when scraped and at no other time.
 *
 * - The figures are loaded by the first scrape: nobody needs them before.
 * - What is true of the whole process is told by whoever serves the page, also while the main thread is blocked: `process-figures.ts`.
 */
import { createRequire } from 'node:module'
import type { Guard } from '../guard.ts'
import type { Store } from '../store/index.ts'
import { watchCollections } from './gc.ts'
import { type SampledDelays, sampleDelays } from './sampled-delays.ts'

const load = createRequire(import.meta.url)

/** Starts watching; disposing stops the observers. */
export function watchRuntime(store: Store, guard: Guard): SampledDelays {
  const delays = sampleDelays()
  const collections = watchCollections(store, guard)
  let collect: (() => Promise<void>) | undefined
  store.collectors.push(async () => {
    if (collect === undefined) {
      const { runtimeFigures } = load('./runtime-figures.ts') as typeof import('./runtime-figures.ts')
      collect = runtimeFigures(store, (cause) => guard.fault('runtime', cause))
    }
    await collect()
  })
  return {
    histograms: delays.histograms,
    [Symbol.dispose](): void {
      collections[Symbol.dispose]()
      delays[Symbol.dispose]()
    },
  }
}
