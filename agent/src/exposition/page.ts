/**
 * A store's page in any of the three formats, from any thread.
 *
 * One `StorePages` a store: it keeps what the next page of a format is made from.
 */
import { type SharedStore, type Store, StoreReader } from '../store/index.ts'
import type { FamilyPage } from './family-page.ts'
import type { PageFormat } from './page-format.ts'
import { joinProto, ProtoPage } from './proto-page.ts'
import { endOf, joinText, TextPage } from './text-page.ts'

const encoder = new TextEncoder()

export class StorePages {
  readonly #shared: SharedStore
  readonly #extra: string
  readonly #text = new Map<string, TextPage>()
  #proto: ProtoPage | undefined

  /** `extra` is added to each series' labels, e.g. `worker="1"`. */
  constructor(shared: SharedStore, extra = '') {
    this.#shared = shared
    this.#extra = extra
  }

  /**
   * By families, to be joined with others; without those that need the loop of the thread that writes them when it `isFresh` not. The bytes
   * are good until the next call for the same format.
   */
  families(format: PageFormat, isFresh = true): readonly FamilyPage[] {
    return format === 'protobuf' ? this.#protoPage().render(isFresh) : this.#textPage(format).render(isFresh).families
  }

  /** The whole page, when it is of this store alone. The bytes are good until the next call for the same format. */
  whole(format: PageFormat): Uint8Array {
    if (format === 'protobuf') return joinPages([this.families(format)], format)
    const { bytes } = this.#textPage(format).render()
    const end = endOf(format)
    if (end === '') return bytes
    const ended = new Uint8Array(bytes.length + end.length)
    ended.set(bytes)
    ended.set(encoder.encode(end), bytes.length)
    return ended
  }

  #textPage(format: 'text' | 'openmetrics'): TextPage {
    const known = this.#text.get(format)
    if (known !== undefined) return known
    const page = new TextPage(new StoreReader(this.#shared), format, this.#extra)
    this.#text.set(format, page)
    return page
  }

  #protoPage(): ProtoPage {
    return (this.#proto ??= new ProtoPage(new StoreReader(this.#shared), this.#extra))
  }
}

/** Joins pages of one format family by family, and ends them. */
export function joinPages(pages: readonly (readonly FamilyPage[])[], format: PageFormat): Uint8Array {
  return format === 'protobuf' ? joinProto(pages) : joinText(pages, format)
}

/** A store's families, rendered once. */
export function renderStore(store: Store, format: PageFormat, extra = ''): readonly FamilyPage[] {
  return new StorePages(store.shared, extra).families(format)
}
