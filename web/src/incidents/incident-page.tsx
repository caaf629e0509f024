/** Placeholder. */
export function IncidentPage(_: { readonly id?: string }) {
  return null
}
