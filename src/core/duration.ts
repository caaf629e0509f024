/**
 * Durations as Prometheus writes them: `1h30m`, `500ms`, `2w`. Units go from large to small, each at most once.
 */
import { AssayError } from './error.ts'

const UNITS = [
  ['y', 365 * 24 * 3600_000],
  ['w', 7 * 24 * 3600_000],
  ['d', 24 * 3600_000],
  ['h', 3600_000],
  ['m', 60_000],
  ['s', 1000],
  ['ms', 1],
] as const

const FORM = /^(?:(\d+)y)?(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?$/

/** A duration written in the editor, checked there: `'5m'`, `'1h30m'`. */
export type DurationText =
  | `${number}${'ms' | 's' | 'm' | 'h' | 'd' | 'w' | 'y'}`
  | `${number}${'h' | 'm' | 'd'}${number}${'m' | 's' | 'h'}`

/** Milliseconds of a duration, or `undefined` when it is none. `0` needs no unit. */
export function tryParseDuration(text: string): number | undefined {
  if (text === '0') return 0
  const parts = FORM.exec(text)
  if (parts === null || text === '') return undefined
  return UNITS.reduce((sum, [, ms], i) => sum + Number(parts[i + 1] ?? 0) * ms, 0)
}

/** Milliseconds of a duration. Throws `ASSAY_DURATION`. */
export function parseDuration(text: string): number {
  const ms = tryParseDuration(text)
  if (ms === undefined) {
    throw new AssayError(
      'ASSAY_DURATION',
      `not a duration: ${JSON.stringify(text)}; write a number and ms, s, m, h, d, w or y, as in 1h30m`,
    )
  }
  return ms
}

/** As Prometheus prints it, in units that divide it evenly: 90000 -> `1m30s`, 0 -> `0s`. */
export function formatDuration(ms: number): string {
  if (ms === 0) return '0s'
  let rest = ms
  let text = ''
  for (const [unit, size] of UNITS) {
    // Years and weeks only when nothing is left over, so that 8d does not read 1w1d.
    if ((unit === 'y' || unit === 'w') && rest % size !== 0) continue
    const count = Math.floor(rest / size)
    if (count > 0) text += `${count}${unit}`
    rest -= count * size
  }
  return text
}
