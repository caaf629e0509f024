/** The whole system on one screen: what a person would say, who calls, the services, what they stand on, the last day. */
import { useState } from 'react'
import { Link } from 'wouter'
import { useLive } from '../api/live.tsx'
import type { OverviewWire } from '../api/wire.ts'
import { formatClock } from '../format/time.ts'
import { Bones, Empty, Failure } from '../ui/feedback.tsx'
import { StateMark } from '../ui/state-mark.tsx'
import { useTitle } from '../ui/title.ts'
import { CallerCard } from './caller-card.tsx'
import { columnsOf } from './columns.ts'
import { DayStrip } from './day-strip-view.tsx'
import { EdgeStage } from './edges.tsx'
import { PartCard } from './part-card.tsx'
import './overview.css'

export function OverviewPage() {
  const { overview, overviewError } = useLive()
  useTitle(overview === undefined ? 'Overview' : overview.sentence.replace(/\.$/, ''))
  if (overview === undefined)
    return overviewError === null ? <Skeletons /> : <Failure what="The overview" error={overviewError} />
  return <Overview overview={overview} />
}

function Overview({ overview }: { readonly overview: OverviewWire }) {
  const { incidents } = useLive()
  const [focus, setFocus] = useState<string>()
  const { callers, services, grounds, edges } = columnsOf(overview)
  const titles = new Map(overview.parts.map((part) => [part.id, part.title]))
  const node = (id: string) => ({
    onPointerEnter: () => setFocus(id),
    onPointerLeave: () => setFocus(undefined),
    onFocus: () => setFocus(id),
    onBlur: () => setFocus(undefined),
  })
  return (
    <>
      <Sentence overview={overview} />
      {overview.parts.length === 0 ? (
        <Empty title="No part is defined yet.">
          Describe your system in <code>assay.config.ts</code>; <code>npx assay init</code> writes a first one.
        </Empty>
      ) : (
        <EdgeStage edges={edges} focus={focus} plain={callers.length === 0 && grounds.length === 0}>
          <section className="column column-callers" aria-labelledby="col-callers">
            <h2 className="eyebrow" id="col-callers">
              Who calls
            </h2>
            <div className="callers">
              {callers.map((caller) => (
                <div key={caller.id} className="caller-slot" {...node(caller.id)}>
                  <CallerCard caller={caller} edge={edges.find((edge) => edge.from === caller.id)} />
                </div>
              ))}
            </div>
          </section>
          <section className="column column-services" aria-labelledby="col-services">
            <h2 className="eyebrow" id="col-services">
              {services.every((part) => part.kind === 'job') ? 'Jobs' : 'Services'}
            </h2>
            <div className="cards">
              {services.map((part) => (
                <div key={part.id} {...node(part.id)}>
                  <PartCard part={part} calls={edges.filter((edge) => edge.from === part.id)} titles={titles} />
                </div>
              ))}
            </div>
          </section>
          <section className="column column-grounds" aria-labelledby="col-grounds">
            <h2 className="eyebrow" id="col-grounds">
              What they stand on
            </h2>
            <div className="cards cards-grounds">
              {grounds.map((part) => (
                <div key={part.id} {...node(part.id)}>
                  <PartCard part={part} calls={[]} titles={titles} compact />
                </div>
              ))}
            </div>
          </section>
        </EdgeStage>
      )}
      <DayStrip incidents={incidents} />
    </>
  )
}

/** The first line is what a person would say first; the second what was done and what to do. */
function Sentence({ overview }: { readonly overview: OverviewWire }) {
  const { fresh } = useLive()
  const asOf = fresh.kind === 'lost' && fresh.lastDataAt !== undefined ? formatClock(fresh.lastDataAt) : undefined
  const open = overview.incidents.find((incident) => incident.state !== 'resolved')
  return (
    <div className="page-head sentence">
      <h1 className={overview.state === 'ok' ? '' : 'sentence-look'}>
        <StateMark state={overview.state} size={20} /> {asOf === undefined ? '' : `At ${asOf}: `}
        {overview.sentence}
      </h1>
      <p className="page-detail">
        {overview.detail}{' '}
        {open === undefined ? null : (
          <Link className="link nowrap" href={`/incidents/${open.id}`}>
            See the incident →
          </Link>
        )}
      </p>
    </div>
  )
}

function Skeletons() {
  return (
    <>
      <div className="page-head">
        <Bones rows={2} height={28} />
      </div>
      <div className="stage">
        <Bones rows={3} height={90} />
        <div className="column-services">
          <Bones rows={3} height={170} />
        </div>
        <div className="column-grounds">
          <Bones rows={5} height={96} />
        </div>
      </div>
    </>
  )
}
