/**
 * A page in parts: each family already written in its format, so that pages of several workers are joined family by family without being
 * parsed.
 */
import type { Kind } from '../store/index.ts'

export type FamilyPage = {
  /** As the family is named in this format. */
  readonly name: string
  readonly kind: Kind
  readonly help: string
  /** Its samples in the page's format. */
  readonly body: Uint8Array
  /** What stands before them in a text format, where it is known already. */
  readonly head?: Uint8Array
}

/** The bodies of each family of several pages, behind the first page that has it. One of another kind than that is left out: it cannot be told truthfully. */
export function groupFamilies(
  pages: readonly (readonly FamilyPage[])[],
): Iterable<{ readonly first: FamilyPage; readonly bodies: readonly Uint8Array[] }> {
  const families = new Map<string, { readonly first: FamilyPage; readonly bodies: Uint8Array[] }>()
  for (const page of pages) {
    for (const one of page) {
      const known = families.get(one.name)
      if (known === undefined) families.set(one.name, { first: one, bodies: [one.body] })
      else if (known.first.kind === one.kind) known.bodies.push(one.body)
    }
  }
  return families.values()
}
