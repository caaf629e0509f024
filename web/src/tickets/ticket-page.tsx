/** Placeholder. */
export function TicketPage(_: { readonly id?: string }) {
  return null
}
