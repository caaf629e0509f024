/** Placeholder. */
export function IncidentsPage(_: { readonly id?: string }) {
  return null
}
