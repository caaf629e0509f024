/** Placeholder. */
export function PartsPage(_: { readonly id?: string }) {
  return null
}
