/** Placeholder. */
export function TargetsPage(_: { readonly id?: string }) {
  return null
}
