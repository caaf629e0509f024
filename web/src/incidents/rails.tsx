/** What the rails said to the newest proposal: each with its reason, refusals first. */
import type { IncidentWire, TimelineWire } from '../api/wire.ts'

type Rail = NonNullable<TimelineWire['rails']>[number]

export function Rails({ incident }: { readonly incident: IncidentWire }) {
  const rails = incident.timeline.findLast((entry) => (entry.rails?.length ?? 0) > 0)?.rails ?? []
  if (rails.length === 0) return null
  const passed = rails.filter((rail) => rail.allow).length
  return (
    <section className="card" aria-labelledby="rails">
      <h2 className="eyebrow" id="rails">
        Rails passed <span className="num">{`${passed} of ${rails.length}`}</span>
      </h2>
      <RailList rails={rails} />
    </section>
  )
}

export function RailList({ rails }: { readonly rails: readonly Rail[] }) {
  return (
    <ul className="rails">
      {rails
        .toSorted((a, b) => Number(a.allow) - Number(b.allow))
        .map((rail) => (
          <li key={rail.rail} className={rail.allow ? 'rail' : 'rail rail-refused'}>
            <span aria-hidden="true">{rail.allow ? '✓' : '✕'}</span>
            <span>
              <span className="hidden">{rail.allow ? 'passed: ' : 'refused: '}</span>
              {rail.reason === '' ? rail.rail : rail.reason}
              <span className="rail-name"> {rail.rail}</span>
            </span>
          </li>
        ))}
    </ul>
  )
}
