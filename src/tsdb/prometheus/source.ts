/** What an import reads from: blocks and the log of a Prometheus, each with its series in order of labels. */
import type { Labels } from '#core'
import type { Columns } from '../columns/weave.ts'

export type SourceSeries = {
  readonly labels: Labels
  /** Samples of the span that was asked for; each column ascends, and they may overlap. */
  readonly columns: readonly Columns[]
}

export interface Source extends Disposable {
  /** What it is, for messages. */
  readonly name: string
  /** The first and the last instant that it can hold, Unix milliseconds. */
  readonly minTime: number
  readonly maxTime: number
  /** Series with a sample within [low, high], ordered by labels; valid until the next is asked for. */
  series(low: number, high: number): Iterator<SourceSeries, void, undefined>
}

/** What was left out, by reason: how often, and the first place. Told once for each place, however often it is read. */
export class Skipped {
  readonly #reasons = new Map<string, { readonly places: Set<string>; first: string }>()

  add(reason: string, place: string): void {
    const known = this.#reasons.get(reason)
    if (known === undefined) this.#reasons.set(reason, { places: new Set([place]), first: place })
    // Enough to say that there are many.
    else if (known.places.size < MOST_PLACES) known.places.add(place)
  }

  get list(): readonly { readonly reason: string; readonly count: number; readonly first: string }[] {
    return [...this.#reasons].map(([reason, { places, first }]) => ({ reason, count: places.size, first }))
  }
}

const MOST_PLACES = 100_000

/** The entries of a column within [low, high]; `undefined` when there are none. */
export function cutColumns(columns: Columns, low: number, high: number): Columns | undefined {
  const { timestamps, values, count, histograms } = columns
  let from = 0
  let to = count
  while (from < to && timestamps[from]! < low) from++
  while (to > from && timestamps[to - 1]! > high) to--
  if (from === to) return undefined
  if (to - from === count) return columns
  return {
    timestamps: timestamps.subarray(from, to),
    values: values.subarray(from, to),
    count: to - from,
    ...(histograms === undefined ? {} : { histograms: histograms.slice(from, to) }),
  }
}

/** Without the entries for which `isGone`; `undefined` when none is left. Bits stay as they are. */
export function leaveOut(columns: Columns, isGone: (at: number) => boolean): Columns | undefined {
  const { timestamps, values, count, histograms, starts } = columns
  const kept: number[] = []
  for (let i = 0; i < count; i++) if (!isGone(timestamps[i]!)) kept.push(i)
  if (kept.length === count) return columns
  if (kept.length === 0) return undefined
  const out = { timestamps: new Float64Array(kept.length), values: new Float64Array(kept.length), count: kept.length }
  for (const [to, from] of kept.entries()) {
    out.timestamps[to] = timestamps[from]!
    // A whole entry as bytes: a number would lose the payload of a NaN.
    out.values.set(values.subarray(from, from + 1), to)
  }
  return {
    ...out,
    ...(histograms === undefined ? {} : { histograms: kept.map((from) => histograms[from]) }),
    ...(starts === undefined ? {} : { starts: Float64Array.from(kept, (from) => starts[from]!) }),
  }
}
