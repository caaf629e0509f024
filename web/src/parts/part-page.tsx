/** One part: its state, its numbers, its charts over the chosen range, what it uses, what happened to it, what guards it. */
import { useQuery } from '@tanstack/react-query'
import { Link } from 'wouter'
import { useLive, useNow } from '../api/live.tsx'
import { partQuery, SAFETY_POLL_MS } from '../api/queries.ts'
import type { IncidentSummaryWire, PartPageWire, PartWire } from '../api/wire.ts'
import type { Span } from '../charts/overlay.ts'
import { RollingChart } from '../charts-ui/chart-view.tsx'
import { exploreHref } from '../charts-ui/links.ts'
import { RangePicker, useRange } from '../charts-ui/range.tsx'
import { formatInstant, tryInstant } from '../format/time.ts'
import { formatText } from '../format/value.ts'
import { INCIDENT_MARK, KIND_WORDS } from '../format/words.ts'
import { PolicyLine } from '../policies/policy-line.tsx'
import { Bones, Failure } from '../ui/feedback.tsx'
import { Figure } from '../ui/figure.tsx'
import { isBeyond } from '../ui/meter.tsx'
import { StateMark, StateWord } from '../ui/state-mark.tsx'
import { useTitle } from '../ui/title.ts'
import './parts.css'

export function PartPage({ id }: { readonly id: string }) {
  const { pollMs, overview } = useLive()
  // The numbers also come with the overview; this question only brings charts, incidents and policies.
  const page = useQuery({ ...partQuery(id), refetchInterval: pollMs === SAFETY_POLL_MS ? 10_000 : pollMs })
  const live = overview?.parts.find((part) => part.id === id)
  useTitle(live?.title ?? id)
  return (
    <>
      <nav className="crumbs" aria-label="Where you are">
        <Link href="/parts">Parts</Link> / <strong>{live?.title ?? id}</strong>
      </nav>
      {page.data !== undefined ? (
        <Part page={page.data} part={live ?? page.data.part} />
      ) : page.isError ? (
        <Failure what={`Part ${id}`} error={page.error} retry={() => void page.refetch()} />
      ) : (
        <Bones rows={5} height={80} />
      )}
    </>
  )
}

function Part({ page, part }: { readonly page: PartPageWire; readonly part: PartWire }) {
  const now = useNow()
  const [range] = useRange()
  const since = tryInstant(part.since)
  const spans = page.incidents.flatMap(spanOf)
  return (
    <>
      <div className="page-head part-page-head">
        <div>
          <div className="page-title">
            <h1>
              <StateMark state={part.state} size={20} /> {part.title}
            </h1>
            <span className="aside">
              {KIND_WORDS[part.kind]}
              {part.instances === null ? '' : ` · ${part.instances} ${part.instances === 1 ? 'instance' : 'instances'}`}
            </span>
          </div>
          <p className="page-detail num">
            <StateWord state={part.state} />
            {part.reason === '' ? '' : ` · ${part.reason}`}
            {since === undefined ? '' : ` · since ${formatInstant(since, now)}`}
            {part.incident === null ? null : (
              <>
                {' · '}
                <Link className="link" href={`/incidents/${part.incident}`}>
                  incident #{part.incident}
                </Link>
              </>
            )}
          </p>
        </div>
        <RangePicker />
      </div>
      <div className="part-heroes">
        {part.signals.map((signal) => (
          <a key={signal.id} className="hero" href={exploreHref(signal.expr, signal.unit)} title="Open in Explore">
            <Figure unit={signal.unit} value={signal.value} of={signal.of} accent={isBeyond(signal)} size="l" />
            <span className="signal-title">
              {signal.title}
              {signal.limit === null ? '' : ` · limit ${formatText(signal.unit, signal.limit)}`}
            </span>
          </a>
        ))}
      </div>
      <div className="grid-2">
        <div className="charts">
          {page.charts.map((chart) => (
            <RollingChart
              key={chart.id}
              title={chart.title}
              name={chart.title}
              expr={chart.expr}
              unit={chart.unit}
              legend={chart.legend}
              limit={chart.limit}
              rangeMs={range.ms}
              spans={spans}
              height={190}
              actions={
                <a className="chart-toggle" href={exploreHref(chart.expr, chart.unit)}>
                  explore
                </a>
              }
            />
          ))}
        </div>
        <div className="stack">
          <Neighbours part={part} />
          <Past incidents={page.incidents} />
          <section className="card" aria-labelledby="part-policies">
            <h2 className="eyebrow" id="part-policies">
              Policies
            </h2>
            {page.policies.length === 0 ? <p className="muted">No policy guards this part.</p> : null}
            <ul className="policy-lines">
              {page.policies.map((policy) => (
                <PolicyLine key={policy.id} policy={policy} />
              ))}
            </ul>
          </section>
        </div>
      </div>
    </>
  )
}

/** What it stands on, and who stands on it. */
function Neighbours({ part }: { readonly part: PartWire }) {
  const { overview } = useLive()
  const parts = overview?.parts ?? []
  const below = parts.filter((other) => part.uses.includes(other.id))
  const above = parts.filter((other) => other.uses.includes(part.id))
  if (below.length + above.length === 0) return null
  return (
    <section className="card" aria-labelledby="neighbours">
      <h2 className="eyebrow" id="neighbours">
        Connections
      </h2>
      <PartLinks title="stands on" parts={below} />
      <PartLinks title="carries" parts={above} />
    </section>
  )
}

function PartLinks({ title, parts }: { readonly title: string; readonly parts: readonly PartWire[] }) {
  if (parts.length === 0) return null
  return (
    <div className="neighbours">
      <span className="muted">{title}</span>
      <ul>
        {parts.map((part) => (
          <li key={part.id}>
            <StateMark state={part.state} size={12} />{' '}
            <Link href={`/parts/${part.id}`} className="part-name">
              {part.title}
            </Link>
          </li>
        ))}
      </ul>
    </div>
  )
}

function Past({ incidents }: { readonly incidents: readonly IncidentSummaryWire[] }) {
  const now = useNow()
  return (
    <section className="card" aria-labelledby="part-incidents">
      <h2 className="eyebrow" id="part-incidents">
        Incidents
      </h2>
      {incidents.length === 0 ? <p className="muted">None so far.</p> : null}
      <ul className="past">
        {incidents.slice(0, 8).map((incident) => (
          <li key={incident.id}>
            <StateMark state={INCIDENT_MARK[incident.state]} size={12} />
            <Link href={`/incidents/${incident.id}`} className="part-name">
              {incident.title}
            </Link>
            <span className="muted num nowrap">{formatInstant(tryInstant(incident.openedAt) ?? now, now)}</span>
          </li>
        ))}
      </ul>
    </section>
  )
}

function spanOf(incident: IncidentSummaryWire): readonly Span[] {
  const from = tryInstant(incident.openedAt)
  const to = tryInstant(incident.resolvedAt)
  return from === undefined ? [] : [{ from: from / 1000, to: to === undefined ? undefined : to / 1000 }]
}
