/**
 * Where the page is, kept after the `#`: `#/incidents/118?chart=mes/p95`.
 *
 * - The server then needs to know no page, and any route prefix works: the document is always the prefix itself.
 * - Pure parsing and formatting here; `use-hash.ts` ties it to the window.
 */

export type Place = { readonly path: string; readonly search: string }

/** `hash` as `location.hash` has it. No hash, or a foreign one, is the overview. */
export function parseHash(hash: string): Place {
  const text = hash.replace(/^#/, '')
  const cut = text.indexOf('?')
  const path = cut < 0 ? text : text.slice(0, cut)
  return { path: path.startsWith('/') ? path : '/', search: cut < 0 ? '' : text.slice(cut + 1) }
}

export function formatHash(place: Place): string {
  return `#${place.path}${place.search === '' ? '' : `?${place.search}`}`
}

/** The same place with parameters set, or removed where the value is `undefined`. */
export function withParams(search: string, changes: Readonly<Record<string, string | undefined>>): string {
  const params = new URLSearchParams(search)
  for (const [name, value] of Object.entries(changes)) {
    if (value === undefined) params.delete(name)
    else params.set(name, value)
  }
  return params.toString()
}
