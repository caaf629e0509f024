/** A share of a whole as a bar, with its limit. Full is not an alarm by itself: the accent is a limit's, or the last tenth's. */
import type { SignalWire } from '../api/wire.ts'
import { formatText } from '../format/value.ts'
import './meter.css'

export function Meter({ signal }: { readonly signal: SignalWire }) {
  const share = signal.value === null ? null : Math.min(1, Math.max(0, signal.value))
  const accent = isBeyond(signal) || (signal.limit === null && share !== null && share >= 0.9)
  return (
    <>
      <span className="bar-title">{signal.title}</span>
      <span className={`meter${accent ? ' meter-accent' : ''}`} aria-hidden="true">
        <span className="meter-fill" style={{ width: `${(share ?? 0) * 100}%` }} />
        {signal.limit !== null && signal.limit <= 1 ? (
          <span className="meter-limit" style={{ left: `${signal.limit * 100}%` }} />
        ) : null}
      </span>
      <span className={`bar-value num live-number${accent ? ' bar-accent' : ''}`}>
        {formatText(signal.unit, signal.value, 'glance')}
      </span>
    </>
  )
}

/** Beyond its limit. Limits of signals are upper ones; a policy's own chart knows its direction. */
export function isBeyond(signal: SignalWire): boolean {
  return signal.limit !== null && signal.value !== null && signal.value > signal.limit
}
