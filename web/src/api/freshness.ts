/**
 * How old is what the page shows? One pure answer, from which the indicator and the greying of numbers follow.
 *
 * - `live`: events flow. `polling`: they do not, but answers still come. `lost`: neither; what is shown is history.
 * - Stale is never shown as live: after LOST_AFTER_MS without an answer the page is lost, whatever the stream claims.
 */

export type Feed = {
  /** Unix ms of the page's clock when the newest answer came; `undefined`: none yet. */
  readonly lastDataAt: number | undefined
  readonly stream: 'connecting' | 'open' | 'broken'
  /** The newest attempt to ask failed. */
  readonly failing: boolean
}

export type Freshness =
  | { readonly kind: 'connecting' }
  | { readonly kind: 'live'; readonly ageMs: number }
  | { readonly kind: 'polling'; readonly ageMs: number }
  | { readonly kind: 'lost'; readonly lastDataAt: number | undefined }

/** Three polls in a row went missing. */
export const LOST_AFTER_MS = 15_000

export function freshness(feed: Feed, nowMs: number): Freshness {
  const { lastDataAt, stream, failing } = feed
  if (lastDataAt === undefined) return failing ? { kind: 'lost', lastDataAt } : { kind: 'connecting' }
  const ageMs = Math.max(0, nowMs - lastDataAt)
  // The safety poll of an open stream is slow; a quiet but open stream with heartbeats is still live for a while.
  const allowed = stream === 'open' ? 3 * LOST_AFTER_MS : LOST_AFTER_MS
  if (ageMs > allowed || (failing && stream !== 'open')) return { kind: 'lost', lastDataAt }
  return { kind: stream === 'open' ? 'live' : 'polling', ageMs }
}
