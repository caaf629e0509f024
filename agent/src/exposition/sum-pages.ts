/**
 * The pages of a process whose application has threads: one family, one series, whatever thread has counted it.
 *
 * All stores are added into a fresh one for each page. That costs a look-up of each series by its labels, in the thread that serves the
 * pages; applications without threads are written from their store as it lies.
 */
import { addStore, type SharedStore, Store, StoreReader } from '../store/index.ts'
import type { FamilyPage } from './family-page.ts'
import { StorePages } from './page.ts'
import type { PageFormat } from './page-format.ts'

/** Each store has its own limit already. */
const NO_LIMIT = 10_000_000

export class SumPages {
  readonly #extra: string
  #readers: readonly StoreReader[] = []

  /** `extra` is added to each series' labels. */
  constructor(extra: string) {
    this.#extra = extra
  }

  /** From now on these are summed up. */
  share(stores: readonly SharedStore[]): void {
    this.#readers = stores.map((store) => new StoreReader(store))
  }

  /** `isFresh` as of the pages of one store. */
  families(format: PageFormat, isFresh: boolean): readonly FamilyPage[] {
    const sum = new Store()
    sum.maxSeries = NO_LIMIT
    for (const reader of this.#readers) {
      reader.read()
      addStore(reader, sum, true)
    }
    return new StorePages(sum.shared, this.#extra).families(format, isFresh)
  }
}
