/** The users of a service as a page. */
import { PageWriter } from '#core'
import type { UserCounts } from './known-users.ts'

export function usersPage(service: string, { fiveMinutes, day, week, month, yesterday, keys }: UserCounts): string {
  const page = new PageWriter().family(
    'assay_active_users',
    'gauge',
    'Distinct users of a service over all its instances: of the last five minutes, of the calendar day so far, of 7 and 30 days.',
  )
  for (const [window, count] of Object.entries({ '5m': fiveMinutes, '1d': day, '7d': week, '30d': month })) {
    page.sample(count, { service, window })
  }
  if (yesterday !== undefined) {
    page
      .family('assay_daily_active_users', 'gauge', 'Distinct users of the last whole calendar day.')
      .sample(yesterday, { service })
  }
  page
    .family(
      'assay_users_keys',
      'gauge',
      'Keys that users of today were hashed with; with more than one some are counted twice.',
    )
    .sample(keys, { service })
  return String(page)
}
