/** Placeholder. */
export function TicketsPage(_: { readonly id?: string }) {
  return null
}
