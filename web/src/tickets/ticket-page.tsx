/** One ticket: for whom, from which incident, and what was said, in order. */
import { useQuery } from '@tanstack/react-query'
import { Link } from 'wouter'
import { useLive, useNow } from '../api/live.tsx'
import { ticketsQuery } from '../api/queries.ts'
import type { TicketWire } from '../api/wire.ts'
import { formatInstant, tryInstant } from '../format/time.ts'
import { Bones, Empty, Failure } from '../ui/feedback.tsx'
import { useTitle } from '../ui/title.ts'
import { TicketState } from './ticket-state.tsx'
import './tickets.css'

export function TicketPage({ id }: { readonly id: string }) {
  const { pollMs } = useLive()
  const tickets = useQuery({ ...ticketsQuery, refetchInterval: pollMs })
  const ticket = tickets.data?.find((candidate) => candidate.id === id)
  useTitle(`Ticket #${id}`)
  return (
    <>
      <nav className="crumbs" aria-label="Where you are">
        <Link href="/tickets">Tickets</Link> / <strong>#{id}</strong>
      </nav>
      {ticket !== undefined ? (
        <Ticket ticket={ticket} />
      ) : tickets.isError ? (
        <Failure what={`Ticket ${id}`} error={tickets.error} retry={() => void tickets.refetch()} />
      ) : tickets.data !== undefined ? (
        <Empty title={`There is no ticket ${id}.`}>
          <Link className="link" href="/tickets">
            All tickets
          </Link>
        </Empty>
      ) : (
        <Bones rows={4} height={60} />
      )}
    </>
  )
}

function Ticket({ ticket }: { readonly ticket: TicketWire }) {
  const now = useNow()
  const closed = tryInstant(ticket.closedAt)
  return (
    <>
      <div className="page-head">
        <div className="page-title">
          <h1>{ticket.title}</h1>
        </div>
        <p className="page-detail num">
          <TicketState state={ticket.state} /> · for {ticket.receiver} · opened{' '}
          {formatInstant(tryInstant(ticket.openedAt) ?? now, now)}
          {closed === undefined ? '' : ` · closed ${formatInstant(closed, now)}`} ·{' '}
          <Link className="link" href={`/incidents/${ticket.incident}`}>
            incident #{ticket.incident}
          </Link>
        </p>
      </div>
      <ol className="comments">
        {ticket.comments.map((comment) => (
          <li key={`${comment.at} ${comment.text}`} className="card comment">
            <time className="num muted" dateTime={comment.at}>
              {formatInstant(tryInstant(comment.at) ?? now, now)}
            </time>
            <p>{comment.text}</p>
          </li>
        ))}
      </ol>
    </>
  )
}
