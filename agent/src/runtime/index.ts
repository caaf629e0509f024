/**
 * The process and its runtime, read when scraped and at no other time.
 *
 * - `watchRuntime(store, guard)`: everything, for the main thread.
 * - `processFigures(store, fault)`: what any thread may read of the whole process, also while the main thread is blocked. A thread
 *   that tells these itself asks `watchRuntime` to leave them out.
 */
import type { Guard } from '../guard.ts'
import type { Store } from '../store/index.ts'
import { Figures } from './figures.ts'
import { watchCollections } from './gc.ts'
import { activeFigures, heapFigures, versionFigure } from './heap-figures.ts'
import { loopFigures } from './loop-figures.ts'
import { processFigures } from './process-figures.ts'

export { processFigures } from './process-figures.ts'

export type RuntimeOptions = {
  /** False when another thread tells the figures of the process. */
  readonly ofProcess?: boolean
}

/** Starts watching; disposing stops the observers. */
export function watchRuntime(store: Store, guard: Guard, { ofProcess = true }: RuntimeOptions = {}): Disposable {
  const fault = (cause: unknown): void => guard.fault('runtime', cause)
  if (ofProcess) store.collectors.push(processFigures(store, fault))
  const figures = new Figures(store, fault)
  versionFigure(figures)
  heapFigures(figures)
  activeFigures(figures)
  const loop = loopFigures(figures)
  const collections = watchCollections(store, guard)
  store.collectors.push(() => figures.collect())
  return {
    [Symbol.dispose](): void {
      collections[Symbol.dispose]()
      loop[Symbol.dispose]()
    },
  }
}
