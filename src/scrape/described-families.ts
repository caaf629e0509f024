/**
 * What one target says of its families: type, help, unit.
 *
 * - As its last page said it; a page that could not be read takes nothing away.
 * - Texts are the store's, so that a hundred targets of one kind keep them once.
 */
import type { Metadata, MetadataStore } from '#storage'

export class DescribedFamilies {
  readonly #store: MetadataStore
  readonly #families = new Map<string, Metadata>()

  constructor(store: MetadataStore) {
    this.#store = store
  }

  /** By family. It changes with each page. */
  get families(): ReadonlyMap<string, Metadata> {
    return this.#families
  }

  /** What a whole page says. */
  take(described: ReadonlyMap<string, Metadata>): void {
    for (const [family, metadata] of described) {
      const known = this.#families.get(family)
      if (known !== undefined && isSame(known, metadata)) continue
      const { name, metadata: own } = this.#store.set(family, metadata)
      this.#families.set(name, own)
    }
    if (this.#families.size === described.size) return
    for (const family of this.#families.keys()) if (!described.has(family)) this.#families.delete(family)
  }
}

function isSame(a: Metadata, b: Metadata): boolean {
  return a.type === b.type && a.help === b.help && a.unit === b.unit
}
