/** Incidents as rows: state, what, which parts, since when, how long, what was done. */
import { Link } from 'wouter'
import { useLive, useNow } from '../api/live.tsx'
import type { IncidentSummaryWire, IncidentWire, TimelineKind } from '../api/wire.ts'
import { formatInstant, formatSpan, tryInstant } from '../format/time.ts'
import { INCIDENT_MARK } from '../format/words.ts'
import { StateWord } from '../ui/state-mark.tsx'

const DONE: Partial<Record<TimelineKind, string>> = {
  ticketed: 'ticket',
  notified: 'mail',
  acted: 'acted',
  undone: 'undone',
  escalated: 'escalated',
  refused: 'refused',
}

export function IncidentTable({
  incidents,
}: {
  readonly incidents: readonly (IncidentSummaryWire & Partial<Pick<IncidentWire, 'timeline'>>)[]
}) {
  const now = useNow()
  const { overview } = useLive()
  const titleOf = (id: string) => overview?.parts.find((part) => part.id === id)?.title ?? id
  return (
    <table className="list stacks incidents num">
      <thead>
        <tr>
          <th scope="col">State</th>
          <th scope="col">Incident</th>
          <th scope="col">Parts</th>
          <th scope="col">What was done</th>
          <th scope="col">Since</th>
          <th scope="col" className="right">
            Lasted
          </th>
        </tr>
      </thead>
      <tbody>
        {incidents.map((incident) => {
          const opened = tryInstant(incident.openedAt) ?? now
          const ended = tryInstant(incident.resolvedAt)
          return (
            <tr key={incident.id}>
              <td className="nowrap">
                <StateWord state={INCIDENT_MARK[incident.state]} word={incident.state} />
              </td>
              <td className="lead">
                <Link className="row-link" href={`/incidents/${incident.id}`}>
                  {incident.title}
                </Link>{' '}
                <span className="muted">#{incident.id}</span>
              </td>
              <td data-name="parts">{incident.parts.map(titleOf).join(', ')}</td>
              <td data-name="done" className="muted">
                {done(incident.timeline)}
              </td>
              <td data-name="since" className="nowrap">
                {formatInstant(opened, now)}
              </td>
              <td data-name="lasted" className="right nowrap">
                {formatSpan((ended ?? now) - opened)}
                {ended === undefined ? ' so far' : ''}
              </td>
            </tr>
          )
        })}
      </tbody>
    </table>
  )
}

function done(timeline: IncidentWire['timeline'] | undefined): string {
  const words = (timeline ?? []).flatMap(({ kind }) => DONE[kind] ?? [])
  return [...new Set(words)].join(' · ')
}
