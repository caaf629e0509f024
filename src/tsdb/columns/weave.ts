/**
 * Puts columns of one series together whose samples interleave: those in order and late ones, in memory or from blocks.
 *
 * - Of equal instants the first column's sample stays: the one in order, among late ones the earlier.
 * - Where two neighbours come from different columns nothing is known of a counter reset between them: the hint of the later one
 *   becomes `unknown`, unless it is a gauge. (Hints were settled within each column.)
 *
 * Source: `AtHistogram` of the chained iterator, prometheus: storage/merge.go, for the rule of hints.
 */
import type { Samples } from '#storage'
import { wordsOf } from '../codec/bytes.ts'
import { ExtraColumns, type Extras } from './extra-columns.ts'
import type { Part } from './part.ts'
import { unsettled } from './reset-hints.ts'

export type Columns = Extras & {
  readonly timestamps: Float64Array
  readonly values: Float64Array
  readonly count: number
}

/** Which column the last sample came from, where columns are woven piece by piece; `undefined`: there was none. */
export type WeaveState = { last: 'first' | 'second' | undefined }

/** Columns of their own memory. */
export function weave(first: Columns, second: Columns, state: WeaveState = { last: undefined }): Samples {
  const room = first.count + second.count
  const timestamps = new Float64Array(room)
  const values = new Float64Array(room)
  const words = wordsOf(values)
  const extras = new ExtraColumns(room)
  const sources = { first: wordsOf(first.values), second: wordsOf(second.values) }
  let i = 0
  let j = 0
  let count = 0
  while (i < first.count || j < second.count) {
    const a = i < first.count ? first.timestamps[i]! : Infinity
    const b = j < second.count ? second.timestamps[j]! : Infinity
    const from = a <= b ? 'first' : 'second'
    const source = a <= b ? first : second
    const place = a <= b ? i++ : j++
    if (a === b) j++
    timestamps[count] = source.timestamps[place]!
    words[2 * count] = sources[from][2 * place]!
    words[2 * count + 1] = sources[from][2 * place + 1]!
    const histogram = source.histograms?.[place]
    if (histogram !== undefined) {
      const isSwitch = state.last !== undefined && state.last !== from
      extras.setHistogram(count, isSwitch ? unsettled(histogram) : histogram)
    }
    const startAt = source.starts?.[place] ?? 0
    if (startAt !== 0) extras.startsColumn()[count] = startAt
    state.last = from
    count++
  }
  return { timestamps, values, count, ...extras.take(count) }
}

/** A part's samples as columns of their own. */
export function columnsOfPart(part: Part): Samples {
  const timestamps = new Float64Array(part.maxCount)
  const values = new Float64Array(part.maxCount)
  const extras = new ExtraColumns(part.maxCount)
  const count = part.read({ timestamps, values, extras }, 0)
  return { timestamps, values, count, ...extras.take(count) }
}

/** Parts of one series that may overlap, the earlier ones winning. At least one. */
export function weaveParts(parts: readonly Part[]): Samples {
  return parts.slice(1).reduce<Samples>((all, part) => weave(all, columnsOfPart(part)), columnsOfPart(parts[0]!))
}
