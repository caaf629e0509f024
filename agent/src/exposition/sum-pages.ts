/**
 * The pages of a process whose application has threads: one family, one series, whatever thread has counted it.
 *
 * A series that needs the loop of a thread which has not answered is missing: a sum without its share would look like a fall.
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

  /** `areFresh` says of each store whether its thread has brought it up to date. */
  families(format: PageFormat, areFresh: readonly boolean[]): readonly FamilyPage[] {
    const sum = new Store()
    sum.maxSeries = NO_LIMIT
    for (const reader of this.#readers) reader.read()
    const fresh = this.#readers.filter((_, i) => areFresh[i])
    const stale = this.#readers.filter((_, i) => !areFresh[i])
    for (const reader of fresh) addStore(reader, sum, 'fresh')
    // Last: what they take away stays away.
    for (const reader of stale) addStore(reader, sum, 'stale')
    return new StorePages(sum.shared, this.#extra).families(format)
  }
}
