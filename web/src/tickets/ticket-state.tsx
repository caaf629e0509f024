/** Open or closed, in the marks of the whole UI. */
import type { TicketWire } from '../api/wire.ts'
import { StateWord } from '../ui/state-mark.tsx'

export function TicketState({ state }: { readonly state: TicketWire['state'] }) {
  return <StateWord state={state === 'open' ? 'pending' : 'ok'} word={state} />
}
