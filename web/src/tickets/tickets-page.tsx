/** What people were asked to look at: open tickets first. */
import { useQuery } from '@tanstack/react-query'
import { Link } from 'wouter'
import { useLive, useNow } from '../api/live.tsx'
import { ticketsQuery } from '../api/queries.ts'
import type { TicketWire } from '../api/wire.ts'
import { formatInstant, tryInstant } from '../format/time.ts'
import { Bones, Empty, Failure } from '../ui/feedback.tsx'
import { useTitle } from '../ui/title.ts'
import { TicketState } from './ticket-state.tsx'

export function TicketsPage() {
  const { pollMs } = useLive()
  const tickets = useQuery({ ...ticketsQuery, refetchInterval: pollMs })
  useTitle('Tickets')
  const open = tickets.data?.filter((ticket) => ticket.state === 'open').length
  return (
    <>
      <div className="page-head">
        <div className="page-title">
          <h1>
            {open === undefined
              ? 'Tickets'
              : open === 0
                ? 'No ticket is open.'
                : open === 1
                  ? 'One ticket is open.'
                  : `${open} tickets are open.`}
          </h1>
          <span className="aside">closed by assay itself, with the proof, when the condition is healthy again</span>
        </div>
      </div>
      {tickets.data !== undefined ? (
        <section className="card" aria-label="Tickets">
          {tickets.data.length === 0 ? (
            <Empty title="No tickets yet.">
              A policy opens them: <code>.do(ticket(developers))</code>
            </Empty>
          ) : (
            <Table tickets={tickets.data.toSorted((a, b) => rank(a) - rank(b))} />
          )}
        </section>
      ) : tickets.isError ? (
        <Failure what="The tickets" error={tickets.error} retry={() => void tickets.refetch()} />
      ) : (
        <Bones rows={4} height={44} />
      )}
    </>
  )
}

function rank(ticket: TicketWire): number {
  return ticket.state === 'open' ? 0 : 1
}

function Table({ tickets }: { readonly tickets: readonly TicketWire[] }) {
  const now = useNow()
  return (
    <table className="list stacks num">
      <thead>
        <tr>
          <th scope="col">State</th>
          <th scope="col">Ticket</th>
          <th scope="col">For</th>
          <th scope="col">Incident</th>
          <th scope="col">Opened</th>
          <th scope="col">Last word</th>
        </tr>
      </thead>
      <tbody>
        {tickets.map((ticket) => (
          <tr key={ticket.id}>
            <td>
              <TicketState state={ticket.state} />
            </td>
            <td className="lead">
              <Link className="row-link" href={`/tickets/${ticket.id}`}>
                {ticket.title}
              </Link>{' '}
              <span className="muted">#{ticket.id}</span>
            </td>
            <td data-name="for">{ticket.receiver}</td>
            <td data-name="incident">
              <Link className="link" href={`/incidents/${ticket.incident}`}>
                #{ticket.incident}
              </Link>
            </td>
            <td data-name="opened" className="nowrap">
              {formatInstant(tryInstant(ticket.openedAt) ?? now, now)}
            </td>
            <td className="muted last-word">{ticket.comments.at(-1)?.text ?? ''}</td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}
