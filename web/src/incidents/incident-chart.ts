/** What the chart of an incident shows: its stretch of time, the span of the incident, a mark for each thing done. Pure. */
import type { IncidentWire, TimelineKind } from '../api/wire.ts'
import type { Mark, Span } from '../charts/overlay.ts'
import { tryInstant } from '../format/time.ts'

const MIN_PAD_MS = 300_000
const MAX_PAD_MS = 21_600_000
const MARK_CHARS = 34

/** Unix ms. As much before as the incident lasted, at least five minutes, so that "normal" is in the picture. */
export function incidentWindow(incident: IncidentWire, nowMs: number): { readonly from: number; readonly to: number } {
  const active = tryInstant(incident.activeAt) ?? tryInstant(incident.openedAt) ?? nowMs
  const ended = tryInstant(incident.resolvedAt)
  const end = ended ?? nowMs
  const pad = Math.min(MAX_PAD_MS, Math.max(MIN_PAD_MS, end - active))
  return {
    from: active - pad,
    to: ended === undefined ? nowMs : Math.min(nowMs, end + Math.max(MIN_PAD_MS / 2, pad / 3)),
  }
}

/** From detection to the end; open while it is open. Unix seconds. */
export function incidentSpan(incident: IncidentWire): readonly Span[] {
  const from = tryInstant(incident.openedAt)
  if (from === undefined) return []
  const to = tryInstant(incident.resolvedAt)
  return [{ from: from / 1000, to: to === undefined ? undefined : to / 1000 }]
}

const MARKED: Partial<Record<TimelineKind, { readonly strong: boolean; readonly word?: string }>> = {
  detected: { strong: false, word: 'detected' },
  ticketed: { strong: false },
  acted: { strong: true },
  undone: { strong: true },
  escalated: { strong: true, word: 'escalated' },
  resolved: { strong: false, word: 'resolved' },
}

/** Unix seconds. Texts are short enough to stand in a row. */
export function incidentMarks(incident: IncidentWire): readonly Mark[] {
  return incident.timeline.flatMap(({ at, kind, text }) => {
    const look = MARKED[kind]
    const when = tryInstant(at)
    if (look === undefined || when === undefined) return []
    const word =
      look.word ??
      (kind === 'ticketed' && incident.ticket !== null ? `ticket #${incident.ticket}` : shorten(text, MARK_CHARS))
    return [{ at: when / 1000, text: word, strong: look.strong }]
  })
}

/** The first words of a sentence, cut between words. */
export function shorten(text: string, chars: number): string {
  const bare = text.replace(/\.$/, '')
  if (bare.length <= chars) return bare
  const cut = bare.lastIndexOf(' ', chars - 1)
  return `${bare.slice(0, cut > chars / 2 ? cut : chars - 1)} …`
}
