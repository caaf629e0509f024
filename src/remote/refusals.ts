/** What senders are told of samples that were not taken. Prometheus' own words lead, since senders look for them. */
import { instantText } from '#core'
import type { Rejected } from '#storage'

const REASONS: Readonly<Record<Rejected['reason'], string>> = {
  'out-of-order': 'out of order samples',
  duplicate: 'duplicate samples for their timestamp with another value',
  'too-old': 'samples that are too old',
  'series-limit': 'samples of series beyond the limit of series',
  'no-instant': 'samples whose timestamp is none',
}

/** Samples further ahead of our clock are refused, as by Prometheus: one wrong clock would block a series for long. */
export const MAX_AHEAD_MS = 600_000
export const TOO_FAR_AHEAD = 'samples whose timestamp is too far in the future (more than 10 minutes)'

/** Without the count, which stands in front: why, and of which sample first. */
export function rejectionText({ reason, labels, at }: Pick<Rejected, 'reason' | 'labels' | 'at'>): string {
  return `${REASONS[reason]} (first: ${labels} at ${instantText(at)})`
}
