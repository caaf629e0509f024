/** What happened, in order, each a sentence. An entry that was decided by rails opens to show them. */
import type { ReactNode } from 'react'
import { useNow } from '../api/live.tsx'
import type { IncidentWire, PartState, TimelineKind, TimelineWire } from '../api/wire.ts'
import { formatInstant, tryInstant } from '../format/time.ts'
import { TIMELINE_WORDS } from '../format/words.ts'
import { StateMark } from '../ui/state-mark.tsx'
import { RailList } from './rails.tsx'

const MARKS: Record<TimelineKind, PartState> = {
  detected: 'firing',
  notified: 'acting',
  ticketed: 'acting',
  proposed: 'pending',
  refused: 'paused',
  approved: 'acting',
  acted: 'acting',
  verified: 'verifying',
  undone: 'acting',
  escalated: 'escalated',
  resolved: 'ok',
}

export function Timeline({ incident }: { readonly incident: IncidentWire }) {
  const now = useNow()
  return (
    <section className="card" aria-labelledby="what-happened">
      <h2 className="eyebrow" id="what-happened">
        What happened
      </h2>
      <ol className="timeline">
        {incident.timeline.map((entry, i) => (
          <li key={`${entry.at} ${entry.kind} ${i}`} className="happening">
            <time className="num muted" dateTime={entry.at}>
              {formatInstant(tryInstant(entry.at) ?? now, now)}
            </time>
            <StateMark state={MARKS[entry.kind]} />
            <div>
              <p>
                {says(entry) ? null : <strong>{TIMELINE_WORDS[entry.kind]}. </strong>}
                {withLinks(entry, incident)}
              </p>
              {entry.rails === undefined || entry.rails.length === 0 ? null : (
                <details className="rails-of">
                  <summary>{railsWord(entry.rails)}</summary>
                  <RailList rails={entry.rails} />
                </details>
              )}
            </div>
          </li>
        ))}
      </ol>
    </section>
  )
}

/** The sentence begins with its own kind: `Ticket #41 opened`. */
function says(entry: TimelineWire): boolean {
  return entry.text.startsWith(TIMELINE_WORDS[entry.kind])
}

/** The ticket's number in a sentence is a link to it. */
function withLinks(entry: TimelineWire, incident: IncidentWire): ReactNode {
  const name = `#${incident.ticket ?? ''}`
  const at = incident.ticket === null ? -1 : entry.text.indexOf(name)
  if (at < 0) return entry.text
  return (
    <>
      {entry.text.slice(0, at)}
      <a className="link" href={`#/tickets/${incident.ticket}`}>
        {name}
      </a>
      {entry.text.slice(at + name.length)}
    </>
  )
}

function railsWord(rails: NonNullable<TimelineWire['rails']>): string {
  const refused = rails.filter((rail) => !rail.allow)
  return refused.length === 0
    ? `all ${rails.length} rails passed`
    : `refused by ${refused.map((rail) => rail.rail).join(', ')}`
}
