/**
 * Functions of one number: mathematics, trigonometry, calendar.
 */
import { ABSENT, type Column, FLOAT, type Vector, vectorOf } from './column.ts'

export type Elementwise = (value: number) => number

/** 400 years, after which the calendar repeats itself, weekdays included. */
const CYCLE_SECONDS = 146_097 * 86_400

/** Of an instant in seconds. Beyond what a `Date` can hold the calendar is that of the same day some cycles nearer. */
const date =
  (of: (date: Date, cycles: number) => number): Elementwise =>
  (seconds) => {
    const whole = Math.trunc(seconds)
    // What does not fit 64 bits has no date; in Go it depends on the processor.
    if (!(Math.abs(whole) < 2 ** 63)) return Number.NaN
    const cycles = Math.abs(whole) > 8e12 ? Math.floor(whole / CYCLE_SECONDS) : 0
    return of(new Date((whole - cycles * CYCLE_SECONDS) * 1000), cycles)
  }
const DAY_MS = 86_400_000

export const ELEMENTWISE: ReadonlyMap<string, Elementwise> = new Map<string, Elementwise>([
  ['abs', Math.abs],
  ['ceil', Math.ceil],
  ['floor', Math.floor],
  ['exp', Math.exp],
  ['sqrt', Math.sqrt],
  ['ln', Math.log],
  ['log2', Math.log2],
  ['log10', Math.log10],
  ['sgn', (value) => (value < 0 ? -1 : value > 0 ? 1 : value)],
  ['sin', Math.sin],
  ['cos', Math.cos],
  ['tan', Math.tan],
  ['asin', Math.asin],
  ['acos', Math.acos],
  ['atan', Math.atan],
  ['sinh', Math.sinh],
  ['cosh', Math.cosh],
  ['tanh', Math.tanh],
  ['asinh', Math.asinh],
  ['acosh', Math.acosh],
  ['atanh', Math.atanh],
  ['rad', (value) => (value * Math.PI) / 180],
  ['deg', (value) => (value * 180) / Math.PI],
])

/** Calendar functions: of a vector of instants in seconds, or of the step's own instant when it is left out. */
export const CALENDAR: ReadonlyMap<string, Elementwise> = new Map<string, Elementwise>([
  ['minute', date((at) => at.getUTCMinutes())],
  ['hour', date((at) => at.getUTCHours())],
  ['day_of_week', date((at) => at.getUTCDay())],
  ['day_of_month', date((at) => at.getUTCDate())],
  ['day_of_year', date((at) => Math.floor((at.getTime() - Date.UTC(at.getUTCFullYear(), 0, 1)) / DAY_MS) + 1)],
  ['days_in_month', date((at) => new Date(Date.UTC(at.getUTCFullYear(), at.getUTCMonth() + 1, 0)).getUTCDate())],
  ['month', date((at) => at.getUTCMonth() + 1)],
  ['year', date((at, cycles) => at.getUTCFullYear() + 400 * cycles)],
])

/** Applies `of` to every float, and leaves histograms out; the name will be dropped. */
export function mapVector(vector: Vector, of: (value: number, step: number) => number): Vector {
  const columns: Column[] = vector.columns.map(({ labels, values, kinds, histograms }) => {
    const out = new Float64Array(values.length)
    for (let i = 0; i < out.length; i++) if (kinds[i] === FLOAT) out[i] = of(values[i]!, i)
    return { labels, dropName: true, values: out, kinds: histograms === undefined ? kinds : floatKinds(kinds) }
  })
  return vector.columns.some(({ histograms }) => histograms !== undefined)
    ? vectorOf(columns)
    : { type: 'vector', columns }
}

/** A vector without its histograms. */
export function floatsOf(vector: Vector): Vector {
  if (vector.columns.every(({ histograms }) => histograms === undefined)) return vector
  return vectorOf(
    vector.columns.map(({ labels, dropName, values, kinds }) => ({
      labels,
      dropName,
      values,
      kinds: floatKinds(kinds),
    })),
  )
}

function floatKinds(kinds: Uint8Array): Uint8Array {
  return kinds.map((kind) => (kind === FLOAT ? FLOAT : ABSENT))
}

/** Rounds to the nearest multiple, halves up, as Prometheus does: by the inverse, to stay exact for 0.1. */
export function roundTo(value: number, to: number): number {
  const inverse = 1 / to
  return Math.floor(value * inverse + 0.5) / inverse
}
