/**
 * Which blocks to merge next: pure, by spans alone.
 *
 * Spans grow threefold: 2 h, 6 h, 18 h, ... up to a limit. Blocks of one aligned window of a span are merged once that window is
 * past, the smallest span first. So each sample is written once and copied up to five times in a month, at a fifth of the price each
 * (merge-blocks.ts), and a query over a long time opens few blocks.
 */
export type PlannedBlock = { readonly start: number; readonly end: number }

export type PlanOptions = {
  readonly blockMs: number
  /** No merged block is longer than this. */
  readonly maxSpanMs: number
  /** Windows that end later are still being filled. */
  readonly settledUntil: number
}

/** Blocks to merge into one, in order of time, or `undefined` when there is nothing to do. Blocks come in order of time. */
export function planMerge<B extends PlannedBlock>(
  blocks: readonly B[],
  options: PlanOptions,
): readonly B[] | undefined {
  for (let span = options.blockMs * 3; span <= options.maxSpanMs; span *= 3) {
    const windows = Map.groupBy(
      blocks.filter((block) => block.end - block.start < span),
      (block) => Math.floor(block.start / span),
    )
    for (const [window, members] of windows) {
      const end = (window + 1) * span
      const inside = members.filter((block) => block.end <= end)
      if (inside.length > 1 && end <= options.settledUntil) return inside
    }
  }
  return undefined
}
