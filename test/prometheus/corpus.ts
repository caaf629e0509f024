/**
 * Scripts of PromQL's test language as something to ask about: what each section of a script loads, and what it asks.
 *
 * - A section reaches from one `clear` to the next; all that it loads is there from the start. Each lies on days of its own, so that
 *   one server holds them all: what a script says of the instant 0 is meant of the section's `base`.
 * - Start timestamps are left out: remote write 1.0, by which an older Prometheus is given the data, does not know them.
 */
import type { NativeHistogram } from '#core'
import { parseScript, type When } from '../../src/promql/promqltest/script.ts'
import { type GivenSeries, STALE_BITS } from './data-set.ts'

export type Section = {
  /** The script's name, and which of its sections. */
  readonly name: string
  /** Unix milliseconds, midnight. */
  readonly base: number
  /** From `base` to the last sample, in milliseconds. */
  readonly spanMs: number
  readonly series: readonly GivenSeries[]
  readonly cases: readonly { readonly line: number; readonly expr: string; readonly when: When }[]
}

type Case = Section['cases'][number]
type Loaded = Map<string, { readonly labels: GivenSeries['labels']; readonly points: Map<number, Point> }>
type Point = number | 'stale' | NativeHistogram

const DAY_MS = 86_400_000
const FIRST_BASE = 18_600 * DAY_MS

/** Those that load something and ask something. `scripts`: each with the name of its file. */
export function sectionsOf(scripts: readonly { readonly name: string; readonly text: string }[]): readonly Section[] {
  const sections: Section[] = []
  let base = FIRST_BASE
  for (const { name, text } of scripts) {
    let loaded: Loaded = new Map()
    let cases: Case[] = []
    let number = 0
    const close = () => {
      const spanMs = Math.max(0, ...[...loaded.values()].flatMap(({ points }) => [...points.keys()]))
      if (loaded.size > 0 && cases.length > 0) {
        const series = [...loaded.values()].map((one) => givenOf(one, base))
        sections.push({ name: `${name} ${++number}`, base, spanMs, series, cases })
        base += (2 + Math.ceil(spanMs / DAY_MS)) * DAY_MS
      }
      loaded = new Map()
      cases = []
    }
    for (const command of parseScript(text)) {
      if (command.kind === 'clear') close()
      else if (command.kind === 'eval') cases.push(command)
      else
        for (const { labels, samples } of command.series) {
          const one = loaded.get(labels.key) ?? { labels, points: new Map<number, Point>() }
          loaded.set(labels.key, one)
          for (const [i, sample] of samples.entries())
            if (sample !== undefined)
              one.points.set(i * command.stepMs, typeof sample === 'object' ? sample.histogram : sample)
        }
    }
    close()
  }
  return sections
}

function givenOf(
  { labels, points }: { readonly labels: GivenSeries['labels']; readonly points: ReadonlyMap<number, Point> },
  base: number,
): GivenSeries {
  const all = [...points].toSorted(([a], [b]) => a - b)
  const values = new Float64Array(all.length)
  const bits = new BigUint64Array(values.buffer)
  for (const [i, [, point]] of all.entries()) {
    if (point === 'stale') bits[i] = STALE_BITS
    else if (typeof point === 'number') values[i] = point
  }
  const given = { labels, timestamps: Float64Array.from(all, ([at]) => base + at), values }
  return all.some(([, point]) => typeof point === 'object')
    ? { ...given, histograms: all.map(([, point]) => (typeof point === 'object' ? point : undefined)) }
    : given
}
