/** The figures of this thread's runtime. */
import type { Store } from '../store/index.ts'
import { type Fault, Figures } from './figures.ts'
import { activeFigures, heapFigures, versionFigure } from './heap-figures.ts'
import { loopFigures } from './loop-figures.ts'

/** Declares them in `store`; what it answers brings them up to date. */
export function runtimeFigures(store: Store, fault: Fault): () => Promise<void> {
  const figures = new Figures(store, fault)
  versionFigure(figures)
  heapFigures(figures)
  activeFigures(figures)
  loopFigures(figures)
  return () => figures.collect()
}
