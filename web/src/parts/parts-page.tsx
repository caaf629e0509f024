/** Every part as a row: its state, its numbers, why. What needs looking at stands first. */
import { Link } from 'wouter'
import { useLive } from '../api/live.tsx'
import type { PartState, PartWire } from '../api/wire.ts'
import { doorOf } from '../charts-ui/links.ts'
import { KIND_WORDS } from '../format/words.ts'
import { useHrefWith } from '../routing/use-hash.ts'
import { Bones, Failure } from '../ui/feedback.tsx'
import { Figure } from '../ui/figure.tsx'
import { isBeyond } from '../ui/meter.tsx'
import { Spark } from '../ui/spark.tsx'
import { StateWord } from '../ui/state-mark.tsx'
import { useTitle } from '../ui/title.ts'
import './parts.css'

/** The most urgent first. Parts of one state keep the order of the definition. */
const URGENCY: Record<PartState, number> = {
  escalated: 0,
  firing: 1,
  acting: 2,
  blind: 3,
  verifying: 4,
  pending: 5,
  paused: 6,
  ok: 7,
}

export function PartsPage() {
  const { overview, overviewError } = useLive()
  useTitle('Parts')
  return (
    <>
      <div className="page-head">
        <div className="page-title">
          <h1>{overview === undefined ? 'Parts' : sentence(overview.parts)}</h1>
        </div>
      </div>
      {overview !== undefined ? (
        <div className="part-rows">
          {overview.parts
            .toSorted((a, b) => URGENCY[a.state] - URGENCY[b.state])
            .map((part) => (
              <PartRow key={part.id} part={part} />
            ))}
        </div>
      ) : overviewError === null ? (
        <Bones rows={8} height={64} />
      ) : (
        <Failure what="The parts" error={overviewError} />
      )}
    </>
  )
}

function PartRow({ part }: { readonly part: PartWire }) {
  const href = useHrefWith()
  return (
    <article className={`card part-row part-${part.state}`}>
      <div className="part-row-name">
        <h2>
          <Link href={`/parts/${part.id}`} className="part-name">
            {part.title}
          </Link>{' '}
          <span className="part-kind">{KIND_WORDS[part.kind]}</span>
        </h2>
        <p className="part-row-state">
          <StateWord state={part.state} /> {part.reason === '' ? null : <span className="muted">{part.reason}</span>}
        </p>
      </div>
      <div className="part-row-signals">
        {part.signals.map((signal) => (
          <a key={signal.id} className="signal" href={href({ chart: doorOf(part.id, signal.id) })}>
            <Figure unit={signal.unit} value={signal.value} of={signal.of} accent={isBeyond(signal)} />
            <span className="signal-title">{signal.title}</span>
            <Spark
              points={signal.spark}
              unit={signal.unit}
              limit={signal.limit}
              accent={isBeyond(signal)}
              height={18}
            />
          </a>
        ))}
      </div>
    </article>
  )
}

function sentence(parts: readonly PartWire[]): string {
  const ok = parts.filter((part) => part.state === 'ok').length
  if (parts.length === 0) return 'No part is defined yet.'
  return ok === parts.length ? `All ${parts.length} parts are well.` : `${ok} of ${parts.length} parts are well.`
}
