/** The last 24 hours on one line: each incident a bar and a door, each action a mark. */
import { Tooltip } from '@mantine/core'
import { Link } from 'wouter'
import { useLive, useNow } from '../api/live.tsx'
import type { IncidentWire } from '../api/wire.ts'
import { formatClock } from '../format/time.ts'
import { DAY_MS, type DayBar, dayBars } from './day-strip.ts'

const ROW_PX = 18

export function DayStrip({ incidents }: { readonly incidents: readonly IncidentWire[] | undefined }) {
  const { overview } = useLive()
  // The hint is a command of the example company; elsewhere it would break nothing and puzzle people.
  const isDemo = overview?.parts.some((part) => part.id === 'mes') ?? false
  const now = Math.floor(useNow() / 10_000) * 10_000
  const bars = dayBars(incidents ?? [], now)
  const rows = bars.reduce((most, bar) => Math.max(most, bar.row + 1), 1)
  const hours = Array.from({ length: 25 }, (_, i) => i)
  return (
    <section className="card day" aria-labelledby="day-title">
      <div className="day-head">
        <h2 className="eyebrow" id="day-title">
          Last 24 hours
        </h2>
        <span className="muted num day-count">
          {bars.length === 0
            ? ''
            : `${bars.length} ${bars.length === 1 ? 'incident' : 'incidents'} · ${count(bars)} acted upon`}
        </span>
      </div>
      {incidents !== undefined && bars.length === 0 ? (
        <p className="day-empty">
          No incidents in the last 24 hours.{' '}
          {isDemo ? (
            <>
              Break something: <code>npx assay demo break mes-slow</code>
            </>
          ) : null}
        </p>
      ) : null}
      <div className="day-track" style={{ height: rows * ROW_PX + 10 }}>
        {bars.map((bar) => (
          <Bar key={bar.id} bar={bar} />
        ))}
      </div>
      <div className="day-scale" aria-hidden="true">
        {hours.map((hour) => (
          <span
            key={hour}
            className={hour % 6 === 0 ? 'tick tick-long' : 'tick'}
            style={{ left: `${(hour / 24) * 100}%` }}
          />
        ))}
        {[0, 6, 12, 18, 24].map((hour) => (
          <span key={hour} className={`day-time num day-time-${hour}`} style={{ left: `${(hour / 24) * 100}%` }}>
            {hour === 24 ? 'now' : formatClock(now - DAY_MS + (hour / 24) * DAY_MS, { seconds: false })}
          </span>
        ))}
      </div>
    </section>
  )
}

function Bar({ bar }: { readonly bar: DayBar }) {
  const open = bar.state !== 'resolved'
  return (
    <>
      <Tooltip label={`#${bar.id} ${bar.title}, ${bar.state}`} withArrow>
        <Link
          href={`/incidents/${bar.id}`}
          className={`day-bar${open ? ' day-open' : ''}`}
          aria-label={`Incident ${bar.id}: ${bar.title}, ${bar.state}`}
          style={{ left: `${bar.from * 100}%`, width: `${(bar.to - bar.from) * 100}%`, top: bar.row * ROW_PX + 6 }}
        />
      </Tooltip>
      {bar.acts.map((act) => (
        <Tooltip key={`${act.at}`} label={act.text} withArrow>
          <svg
            className="day-act"
            style={{ left: `${act.at * 100}%`, top: bar.row * ROW_PX + 6 }}
            width="9"
            height="12"
            viewBox="0 0 9 12"
            role="img"
            aria-label={act.text}
          >
            <path d="M.5 1 8.5 6l-8 5z" />
          </svg>
        </Tooltip>
      ))}
    </>
  )
}

function count(bars: readonly DayBar[]): number {
  return bars.filter((bar) => bar.acts.length > 0).length
}
