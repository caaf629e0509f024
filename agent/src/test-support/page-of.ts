/** What a scrape of a store answers, as text: gauges brought up to date, then rendered. */
import { TextPage } from '../exposition/text-page.ts'
import { type Store, StoreReader } from '../store/index.ts'

export async function pageOf(store: Store): Promise<string> {
  for (const collect of store.collectors) await collect()
  return pageNow(store)
}

/** The same without asking anybody: what stands in the store. */
export function pageNow(store: Store): string {
  return Buffer.from(new TextPage(new StoreReader(store.shared), 'text').render().bytes).toString()
}
