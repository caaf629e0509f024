/** A part at a glance: its state in shape and word, its numbers as doors to their charts, its bars. */
import { Link } from 'wouter'
import { useNow } from '../api/live.tsx'
import type { PartWire } from '../api/wire.ts'
import { doorOf } from '../charts-ui/links.ts'
import { formatInstant, tryInstant } from '../format/time.ts'
import { formatText } from '../format/value.ts'
import { KIND_WORDS } from '../format/words.ts'
import { useHrefWith } from '../routing/use-hash.ts'
import { Figure } from '../ui/figure.tsx'
import { isBeyond, Meter } from '../ui/meter.tsx'
import { Spark } from '../ui/spark.tsx'
import { StateMark, StateWord } from '../ui/state-mark.tsx'
import type { KeyedEdge } from './columns.ts'
import { edgeWords } from './edge-words.ts'

type PartCardProps = {
  readonly part: PartWire
  /** The edges that leave this part. */
  readonly calls: readonly KeyedEdge[]
  readonly titles: ReadonlyMap<string, string>
  /** Numbers and sparks side by side, for what services stand on. */
  readonly compact?: boolean
}

export function PartCard({ part, calls, titles, compact = false }: PartCardProps) {
  const href = useHrefWith()
  const numbers = part.signals.filter((signal) => signal.form === 'number')
  const bars = part.signals.filter((signal) => signal.form === 'bar')
  const quiet = part.state === 'ok'
  return (
    <article
      className={`part part-${part.state}${compact ? ' part-compact' : ''}${part.incident === null ? '' : ' part-look'}`}
      data-node={part.id}
      aria-label={`${part.title}, ${part.state}`}
    >
      <header className="part-head">
        <StateMark state={part.state} />
        <h3>
          <Link href={`/parts/${part.id}`} className="part-name">
            {part.title}
          </Link>
        </h3>
        <span className="part-kind">
          {KIND_WORDS[part.kind]}
          {part.instances === null ? '' : ` · ${part.instances} ${part.instances === 1 ? 'instance' : 'instances'}`}
        </span>
        <span className="part-state">
          {part.incident === null ? (
            <Word part={part} />
          ) : (
            <Link href={`/incidents/${part.incident}`}>
              <Word part={part} />
            </Link>
          )}
        </span>
      </header>
      {quiet ? null : <Reason part={part} />}
      <div className="part-numbers">
        {numbers.map((signal) => (
          <a
            key={signal.id}
            className="signal"
            href={href({ chart: doorOf(part.id, signal.id) })}
            title={`${signal.title}: the chart`}
          >
            <Figure unit={signal.unit} value={signal.value} of={signal.of} accent={isBeyond(signal)} />
            <span className="signal-title">
              {signal.title}
              {signal.limit === null ? '' : ` · limit ${formatText(signal.unit, signal.limit)}`}
            </span>
            <Spark
              points={signal.spark}
              unit={signal.unit}
              limit={signal.limit}
              accent={isBeyond(signal)}
              height={compact ? 16 : 26}
            />
          </a>
        ))}
      </div>
      {bars.length === 0 ? null : (
        <div className="part-bars">
          {bars.map((signal) => (
            <a
              key={signal.id}
              className="bar"
              href={href({ chart: doorOf(part.id, signal.id) })}
              title={`${signal.title}: the chart`}
            >
              <Meter signal={signal} />
            </a>
          ))}
        </div>
      )}
      {calls.length === 0 ? null : (
        <ul className="calls" aria-label={`${part.title} calls`}>
          {calls.map((edge) => (
            <li key={edge.key} className="num">
              → {titles.get(edge.to) ?? edge.to} <span className="muted">{edgeWords(edge).join(' · ')}</span>
            </li>
          ))}
        </ul>
      )}
    </article>
  )
}

function Word({ part }: { readonly part: PartWire }) {
  return part.state === 'ok' ? <span className="muted">ok</span> : <StateWord state={part.state} />
}

function Reason({ part }: { readonly part: PartWire }) {
  const now = useNow()
  const since = tryInstant(part.since)
  if (part.reason === '' && since === undefined) return null
  return (
    <p className="part-reason num">
      {part.reason}
      {since === undefined ? '' : `${part.reason === '' ? '' : ' · '}since ${formatInstant(since, now)}`}
    </p>
  )
}
