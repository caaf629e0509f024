/** Placeholder. */
export function PartPage(_: { readonly id?: string }) {
  return null
}
