/** Placeholder. */
export function PoliciesPage(_: { readonly id?: string }) {
  return null
}
