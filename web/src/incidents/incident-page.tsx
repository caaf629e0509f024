/** One incident: where it stands, the chart of its condition, why, what the rails said, what happened, its ticket. */
import { useQuery } from '@tanstack/react-query'
import { Link } from 'wouter'
import { useLive, useNow } from '../api/live.tsx'
import { incidentQuery, policiesQuery, ticketsQuery } from '../api/queries.ts'
import type { IncidentWire } from '../api/wire.ts'
import { ChartView } from '../charts-ui/chart-view.tsx'
import { formatInstant, tryInstant } from '../format/time.ts'
import { conditionSentence, INCIDENT_MARK } from '../format/words.ts'
import { Bones, Failure } from '../ui/feedback.tsx'
import { StateMark } from '../ui/state-mark.tsx'
import { useTitle } from '../ui/title.ts'
import { Approval } from './approval.tsx'
import { incidentMarks, incidentSpan, incidentWindow } from './incident-chart.ts'
import { Rails } from './rails.tsx'
import { Stepper } from './stepper.tsx'
import { Timeline } from './timeline.tsx'
import { Why } from './why.tsx'
import './incident.css'

export function IncidentPage({ id }: { readonly id: string }) {
  const { pollMs } = useLive()
  const incident = useQuery({ ...incidentQuery(id), refetchInterval: pollMs })
  useTitle(incident.data === undefined ? `Incident ${id}` : `#${id} ${incident.data.title}`)
  return (
    <>
      <nav className="crumbs" aria-label="Where you are">
        <Link href="/incidents">Incidents</Link> / <strong>#{id}</strong>
      </nav>
      {incident.data !== undefined ? (
        <Incident incident={incident.data} />
      ) : incident.isError ? (
        <Failure what={`Incident ${id}`} error={incident.error} retry={() => void incident.refetch()} />
      ) : (
        <Bones rows={5} height={70} />
      )}
    </>
  )
}

function Incident({ incident }: { readonly incident: IncidentWire }) {
  const { condition } = incident
  return (
    <>
      <div className="page-head">
        <div className="page-title">
          <h1>
            <StateMark state={INCIDENT_MARK[incident.state]} size={19} /> {incident.title}
          </h1>
          <span className="aside">
            policy{' '}
            <Link className="link" href={`/policies?policy=${encodeURIComponent(incident.policy)}`}>
              {incident.policy}
            </Link>
            {condition === null ? '' : ` · ${conditionSentence(condition, incident.forMs)}`}
          </span>
        </div>
      </div>
      <Stepper incident={incident} />
      {incident.approval === null ? null : <Approval incident={incident} approval={incident.approval} />}
      <div className="grid-2 incident-grid">
        <div className="stack">
          {condition === null ? null : <ConditionChart incident={incident} />}
          <Timeline incident={incident} />
        </div>
        <div className="stack">
          <Why incident={incident} />
          <Rails incident={incident} />
          <TicketOf incident={incident} />
          <Mode incident={incident} />
        </div>
      </div>
    </>
  )
}

function ConditionChart({ incident }: { readonly incident: IncidentWire }) {
  const now = Math.floor(useNow() / 5_000) * 5_000
  const { condition } = incident
  if (condition === null) return null
  const { from, to } = incidentWindow(incident, now)
  return (
    <ChartView
      title={condition.title}
      name={condition.title}
      expr={condition.measure}
      unit={condition.unit}
      limit={condition.threshold}
      from={from}
      to={to}
      spans={incidentSpan(incident)}
      marks={incidentMarks(incident)}
      accent={true}
      height={320}
    />
  )
}

function TicketOf({ incident }: { readonly incident: IncidentWire }) {
  const { pollMs } = useLive()
  const now = useNow()
  const tickets = useQuery({ ...ticketsQuery, refetchInterval: pollMs, enabled: incident.ticket !== null })
  if (incident.ticket === null) return null
  const ticket = tickets.data?.find((candidate) => candidate.id === incident.ticket)
  const last = ticket?.comments.at(-1)
  return (
    <section className="card" aria-labelledby="ticket-of">
      <h2 className="eyebrow" id="ticket-of">
        Ticket
      </h2>
      <p>
        <Link className="link" href={`/tickets/${incident.ticket}`}>
          #{incident.ticket}
        </Link>{' '}
        {ticket === undefined ? '' : `${ticket.state}, for ${ticket.receiver}`}
      </p>
      {last === undefined ? null : (
        <p className="ticket-last">
          <span className="muted num">{formatInstant(tryInstant(last.at) ?? now, now)}</span> {last.text}
        </p>
      )}
    </section>
  )
}

function Mode({ incident }: { readonly incident: IncidentWire }) {
  const policies = useQuery(policiesQuery)
  const policy = policies.data?.find((candidate) => candidate.id === incident.policy)
  if (policy === undefined) return null
  return (
    <p className="muted incident-mode">
      Policy {policy.id} is in mode <strong>{policy.mode}</strong>.
    </p>
  )
}
