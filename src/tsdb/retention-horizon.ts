/**
 * What retention by age may delete: pure, by the spans of what there is.
 *
 * Age is measured from the newest sample. A clock that leaps (a machine that starts with a wrong one, a year ahead) would make all there is
 * too old at once; so what lies beyond a leap longer than the retention itself counts only when samples have come there for a while.
 */
export type Span = { readonly from: number; readonly to: number }

const DAY_MS = 86_400_000

/** What ends at or before this instant is past its retention; -Infinity: nothing is. */
export function retentionHorizon(spans: readonly Span[], retentionMs: number): number {
  const trustedMs = Math.min(DAY_MS, retentionMs / 10)
  const newestFirst = spans.toSorted((a, b) => b.to - a.to)
  let newest = newestFirst[0]?.to ?? -Infinity
  let from = newest
  for (const span of newestFirst) {
    if (from - span.to > retentionMs) {
      // What is newer lies beyond a leap.
      if (newest - from >= trustedMs) break
      newest = span.to
    }
    from = Math.min(from, span.from)
  }
  return newest - retentionMs
}
