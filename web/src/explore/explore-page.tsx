/** Placeholder. */
export function ExplorePage(_: { readonly id?: string }) {
  return null
}
