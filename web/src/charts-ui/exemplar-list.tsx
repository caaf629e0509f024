/** Exemplars under their chart: the one that is pointed at in words, and all of them as a list that the keyboard walks. */
import { useNow } from '../api/live.tsx'
import type { Unit } from '../api/wire.ts'
import type { Exemplar, Exemplars } from '../charts/exemplars.ts'
import { formatInstant } from '../format/time.ts'
import { formatText } from '../format/value.ts'

type Props = {
  readonly exemplars: Exemplars
  readonly chosen: number | undefined
  readonly onChoose: (index: number | undefined) => void
  readonly unit: Unit
  /** Exemplars stand at the foot, because the axis is not of what they observed. */
  readonly atFoot: boolean
}

export function ExemplarList({ exemplars, chosen, onChoose, unit, atFoot }: Props) {
  const now = useNow()
  const { list, dropped } = exemplars
  if (list.length === 0) return null
  const one = chosen === undefined ? undefined : list[chosen]
  return (
    <div className="exemplars">
      <output className="exemplar-told num" aria-live="polite">
        {one === undefined ? (
          <span className="muted">
            ◆ {list.length} exemplars{atFoot ? ', at the foot of the chart' : ''}
            {dropped > 0 ? `; ${dropped} more are not drawn` : ''}
          </span>
        ) : (
          <>
            ◆ {formatInstant(one.at * 1000, now)} <strong>{formatText(unit, one.value)}</strong>{' '}
            <code>{labelsOf(one.labels)}</code>
          </>
        )}
      </output>
      <details className="exemplar-list">
        <summary>list them</summary>
        <ul onMouseLeave={() => onChoose(undefined)}>
          {list.map((item, i) => (
            <li key={keyOf(item)}>
              <button
                type="button"
                onFocus={() => onChoose(i)}
                onBlur={() => onChoose(undefined)}
                onMouseEnter={() => onChoose(i)}
              >
                <span>{formatInstant(item.at * 1000, now)}</span>
                <strong>{formatText(unit, item.value)}</strong>
                <code>{labelsOf(item.labels)}</code>
                <span className="muted">{labelsOf(item.series)}</span>
              </button>
            </li>
          ))}
        </ul>
      </details>
    </div>
  )
}

function labelsOf(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .filter(([name]) => name !== '__name__')
    .map(([name, value]) => `${name}="${value}"`)
    .join(' ')
}

function keyOf(one: Exemplar): string {
  return `${one.at} ${one.value} ${labelsOf(one.series)} ${labelsOf(one.labels)}`
}
