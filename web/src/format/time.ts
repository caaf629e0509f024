/**
 * Instants and spans as people say them. Pure: "now" is an argument; the zone is the reader's unless it is given.
 *
 * - Clock times are 24 hours, `14:02:10`; a day is named only when it is not today.
 * - Spans have at most two parts: `1 min 20 s`, `3 h 5 min`.
 */

/** `14:02:10`, or `14:02` without seconds. `zone` is an IANA name; absent: the reader's. */
export function formatClock(
  atMs: number,
  options: { readonly seconds?: boolean; readonly zone?: string } = {},
): string {
  return format(options.zone, (options.seconds ?? true) ? 'seconds' : 'minutes').format(atMs)
}

/** The clock time, with the day before it when that is not today: `14:02:10`, `Fri 20 Nov 14:02`. */
export function formatInstant(atMs: number, nowMs: number, zone?: string): string {
  const today = format(zone, 'day').format(nowMs)
  const day = format(zone, 'day').format(atMs)
  const clock = formatClock(atMs, { seconds: day === today, ...(zone === undefined ? {} : { zone }) })
  return day === today ? clock : `${day} ${clock}`
}

/** `45 s`, `1 min 20 s`, `3 h 5 min`, `2 d 4 h`. Below a second `0.4 s`; negative spans are taken as 0. */
export function formatSpan(ms: number): string {
  if (!Number.isFinite(ms) || ms <= 0) return '0 s'
  if (ms < 950) return `${(ms / 1000).toFixed(1)} s`
  const s = Math.round(ms / 1000)
  if (s < 60) return `${s} s`
  if (s < 3600) return two(Math.floor(s / 60), 'min', s % 60, 's')
  if (s < 86_400) return two(Math.floor(s / 3600), 'h', Math.floor((s % 3600) / 60), 'min')
  return two(Math.floor(s / 86_400), 'd', Math.floor((s % 86_400) / 3600), 'h')
}

/** A countdown or a difference: `1:20`, `0:05`, `1:02:03`. */
export function formatTimer(ms: number): string {
  const s = Math.max(0, Math.round(ms / 1000))
  const tail = `${String(s % 60).padStart(2, '0')}`
  if (s < 3600) return `${Math.floor(s / 60)}:${tail}`
  return `${Math.floor(s / 3600)}:${String(Math.floor((s % 3600) / 60)).padStart(2, '0')}:${tail}`
}

/** `2 s ago`, `just now`, `3 min ago`: one part, for lists. */
export function formatAgo(ms: number): string {
  if (ms < 1500) return 'just now'
  const s = Math.round(ms / 1000)
  if (s < 60) return `${s} s ago`
  if (s < 3600) return `${Math.floor(s / 60)} min ago`
  if (s < 86_400) return `${Math.floor(s / 3600)} h ago`
  return `${Math.floor(s / 86_400)} d ago`
}

/** RFC 3339 to Unix milliseconds; `undefined` for null and for what is no instant. */
export function tryInstant(text: string | null | undefined): number | undefined {
  if (text === null || text === undefined) return undefined
  const at = Date.parse(text)
  return Number.isNaN(at) ? undefined : at
}

function two(a: number, unitA: string, b: number, unitB: string): string {
  return b === 0 ? `${a} ${unitA}` : `${a} ${unitA} ${b} ${unitB}`
}

type Shape = 'seconds' | 'minutes' | 'day'
const SHAPES: Record<Shape, Intl.DateTimeFormatOptions> = {
  seconds: { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' },
  minutes: { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' },
  day: { weekday: 'short', day: 'numeric', month: 'short' },
}

/** Building a formatter costs far more than using it; there are three per zone, and a page knows one zone. */
const formatters = new Map<string, Intl.DateTimeFormat>()
function format(zone: string | undefined, shape: Shape): Intl.DateTimeFormat {
  const key = `${shape} ${zone ?? ''}`
  let found = formatters.get(key)
  if (found === undefined) {
    found = new Intl.DateTimeFormat('en-GB', { ...SHAPES[shape], ...(zone === undefined ? {} : { timeZone: zone }) })
    formatters.set(key, found)
  }
  return found
}
