/** Find, how fresh, what the loop may do, what time it is. */
import { spotlight } from '@mantine/spotlight'
import { useLive, useNow } from '../api/live.tsx'
import { formatAgo, formatClock, formatInstant } from '../format/time.ts'
import { LoopMode } from './loop-mode.tsx'
import { Icon } from './sidebar.tsx'

export function TopBar() {
  return (
    <header className="top-bar">
      <button
        type="button"
        className="find"
        onClick={() => spotlight.open()}
        aria-label="Find a part, an incident, a page"
      >
        <Icon d="M7 12A5 5 0 1 0 7 2a5 5 0 0 0 0 10M10.7 10.7 14 14" />
        <span>Find a part, an incident, a page …</span>
        <kbd>{isMac() ? '⌘ K' : 'Ctrl K'}</kbd>
      </button>
      <div className="top-facts">
        <LiveIndicator />
        <LoopMode />
        <Clock />
      </div>
    </header>
  )
}

function LiveIndicator() {
  const { fresh } = useLive()
  const now = useNow()
  switch (fresh.kind) {
    case 'connecting':
      return <span className="live live-waiting">connecting …</span>
    case 'live':
      return (
        <span className="live live-ok num" title="Changes arrive as they happen.">
          <span className="live-dot" />
          live<span className="live-age">, {formatAgo(fresh.ageMs)}</span>
        </span>
      )
    case 'polling':
      return (
        <span className="live live-waiting num" title="The stream of changes is down; the page asks every 5 s instead.">
          <span className="live-dot live-dot-hollow" />
          asking every 5 s<span className="live-age">, {formatAgo(fresh.ageMs)}</span>
        </span>
      )
    case 'lost':
      return (
        <output className="live live-lost num">
          <span className="live-cross" aria-hidden="true">
            ×
          </span>
          connection lost{fresh.lastDataAt === undefined ? '' : `, last data ${formatInstant(fresh.lastDataAt, now)}`}
        </output>
      )
    default:
      return fresh satisfies never
  }
}

function Clock() {
  const now = useNow()
  return (
    <time className="clock num" dateTime={new Date(now).toISOString()}>
      {formatClock(now)}
    </time>
  )
}

function isMac(): boolean {
  return navigator.platform.startsWith('Mac')
}
