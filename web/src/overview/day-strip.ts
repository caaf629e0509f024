/** The last 24 hours as bars and marks on one line. Pure: shares of the width, rows so that bars do not hide each other. */
import type { IncidentState, IncidentWire } from '../api/wire.ts'
import { tryInstant } from '../format/time.ts'

export const DAY_MS = 86_400_000
const MAX_ROWS = 4
/** A bar is at least this share of the width, so that a short incident can be seen and hit. */
const MIN_SHARE = 0.006

export type DayBar = {
  readonly id: string
  readonly title: string
  readonly state: IncidentState
  /** 0 is 24 hours ago, 1 is now. */
  readonly from: number
  readonly to: number
  readonly row: number
  /** When something was done, as shares of the whole width. */
  readonly acts: readonly { readonly at: number; readonly text: string }[]
}

export function dayBars(
  incidents: readonly Pick<IncidentWire, 'id' | 'title' | 'state' | 'openedAt' | 'resolvedAt' | 'timeline'>[],
  nowMs: number,
): readonly DayBar[] {
  const start = nowMs - DAY_MS
  const share = (at: number) => Math.min(1, Math.max(0, (at - start) / DAY_MS))
  const rows = new Array<number>(MAX_ROWS).fill(Number.NEGATIVE_INFINITY)
  const bars: DayBar[] = []
  const known = incidents.flatMap((incident) => {
    const opened = tryInstant(incident.openedAt)
    const ended = tryInstant(incident.resolvedAt) ?? nowMs
    return opened === undefined || ended < start ? [] : [{ incident, opened, ended }]
  })
  for (const { incident, opened, ended } of known.toSorted((a, b) => a.opened - b.opened)) {
    const from = Math.min(share(opened), 1 - MIN_SHARE)
    const to = Math.max(share(ended), from + MIN_SHARE)
    const free = rows.findIndex((end) => end + 0.002 <= from)
    const row = free < 0 ? MAX_ROWS - 1 : free
    rows[row] = to
    const acts = (incident.timeline ?? []).flatMap(({ at, kind, text }) => {
      const when = tryInstant(at)
      return kind === 'acted' && when !== undefined && when >= start ? [{ at: share(when), text }] : []
    })
    bars.push({ id: incident.id, title: incident.title, state: incident.state, from, to, row, acts })
  }
  return bars
}
