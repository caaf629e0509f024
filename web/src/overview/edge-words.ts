/** What stands on an edge, and how it is drawn: channel, rate, errors; thicker with traffic; told apart when it fails. */
import type { EdgeWire } from '../api/wire.ts'
import { formatText } from '../format/value.ts'

/** Above this share of failures an edge asks to be looked at. */
const LOOK_ERRORS = 0.01
/** Below this share, failures are not worth a word. */
const QUIET_ERRORS = 0.0005

export type EdgeMood = 'calm' | 'look' | 'blind'

export function edgeMood(edge: EdgeWire): EdgeMood {
  if (!edge.measured) return 'calm'
  if (edge.rate === null) return 'blind'
  return edge.errors !== null && edge.errors >= LOOK_ERRORS ? 'look' : 'calm'
}

/** `open 118 /s`, `0.9 % errors`, `no data`: short pieces, most important first. */
export function edgeWords(edge: EdgeWire): readonly string[] {
  const words: string[] = []
  if (edge.channel !== null) words.push(edge.channel)
  if (edge.measured) words.push(formatText('per_second', edge.rate, 'glance'))
  // Without a rate the errors are a share of nothing known.
  if (edge.rate !== null && edge.errors !== null && edge.errors >= QUIET_ERRORS)
    words.push(`${formatText('ratio', edge.errors, 'glance')} err`)
  return words
}

/** Line width in px: each tenfold of traffic is a step. */
export function edgeWidth(edge: EdgeWire): number {
  if (edge.rate === null || edge.rate <= 0) return 1
  return Math.min(3.6, Math.max(1, 1 + 0.75 * Math.log10(1 + edge.rate)))
}
