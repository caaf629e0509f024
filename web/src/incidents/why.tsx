/** Why: what was measured against what, what explains it, and how the parts below it are. */
import { Link } from 'wouter'
import { useLive } from '../api/live.tsx'
import type { IncidentWire } from '../api/wire.ts'
import { exploreHref } from '../charts-ui/links.ts'
import { formatText } from '../format/value.ts'
import { StateMark } from '../ui/state-mark.tsx'

export function Why({ incident }: { readonly incident: IncidentWire }) {
  const { overview, incidents } = useLive()
  const { condition, cause } = incident
  const parts = overview?.parts ?? []
  const own = parts.filter((part) => incident.parts.includes(part.id))
  const below = parts.filter(
    (part) => own.some((each) => each.uses.includes(part.id)) && !incident.parts.includes(part.id),
  )
  const explains = cause === null ? undefined : incidents?.find((candidate) => candidate.id === cause)
  const detected = incident.timeline.find((entry) => entry.kind === 'detected')
  return (
    <section className="card why" aria-labelledby="why">
      <h2 className="eyebrow" id="why">
        Why
      </h2>
      {condition === null ? (
        <p>{detected?.text ?? 'The rule behind this incident has no single measure.'}</p>
      ) : (
        <p>
          <strong>
            {condition.title} {formatText(condition.unit, incident.value)}
          </strong>
          , limit {formatText(condition.unit, condition.threshold)}.{' '}
          <a className="link nowrap" href={exploreHref(condition.measure, condition.unit)}>
            Explore it
          </a>
        </p>
      )}
      {cause === null ? null : (
        <p>
          Explained by{' '}
          <Link className="link" href={`/incidents/${cause}`}>
            #{cause}
            {explains === undefined ? '' : ` ${explains.title}`}
          </Link>
          .
        </p>
      )}
      {own.length === 0 ? null : (
        <ul className="why-parts">
          {[...own, ...below].map((part) => (
            <li key={part.id}>
              <StateMark state={part.state} size={12} />
              <Link href={`/parts/${part.id}`} className="part-name">
                {part.title}
              </Link>
              <span className="muted">{part.reason === '' ? part.state : part.reason}</span>
            </li>
          ))}
        </ul>
      )}
    </section>
  )
}
