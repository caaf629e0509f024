/** What a series has in a span, as columns: what a block is written from. */
import type { Labels } from '#core'
import type { Extras } from './extra-columns.ts'

/** Columns of one series within the block's span; valid until the next is asked for. */
export type SeriesColumns = Extras & {
  readonly labels: Labels
  readonly timestamps: Float64Array
  readonly values: Float64Array
  readonly count: number
}
