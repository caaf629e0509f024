/**
 * Which instants a chart asks for: a round step, aligned, about one point per three pixels.
 *
 * - Start and end are multiples of the step, so that the same question asked a second later hits the same instants and
 *   lines do not shimmer from refresh to refresh.
 */
import type { Grid } from './frame.ts'

/** In seconds; the last is a day. */
const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21_600, 43_200, 86_400] as const

/** The servers' own limit is 11,000; a screen shows far fewer. */
const MAX_POINTS = 720

/** The grid from `fromMs` to `toMs` (Unix milliseconds) for a chart this many CSS pixels wide. */
export function gridOf(fromMs: number, toMs: number, widthPx: number): Grid {
  const seconds = Math.max(1, (toMs - fromMs) / 1000)
  const points = Math.min(MAX_POINTS, Math.max(60, Math.floor(widthPx / 3)))
  const step = STEPS.find((candidate) => seconds / candidate <= points) ?? Math.ceil(seconds / points / 86_400) * 86_400
  return {
    start: Math.floor(fromMs / 1000 / step) * step,
    end: Math.floor(toMs / 1000 / step) * step,
    step,
  }
}
