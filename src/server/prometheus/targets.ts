/** `targets`, `targets/metadata`, `scrape_pools`, `alertmanagers`. */
import { formatDuration, type Matcher, matcher, matchesAll, unixMs } from '#core'
import type { TargetStatus } from '#scrape'
import { bounded, type Call, type Handler } from './call.ts'
import { parseOne } from './matchers.ts'
import { success } from './render.ts'

/** Go's zero instant: what Prometheus writes for "never". */
export const NEVER = '0001-01-01T00:00:00Z'

export const targets: Handler = ({ deps, params, externalUrl }) => {
  const state = params.get('state').toLowerCase()
  const pool = params.get('scrapePool')
  const shows = (kind: string) => state === '' || state === 'any' || state === kind
  const inPool = (one: { readonly pool: string }) => pool === '' || one.pool === pool
  const active = shows('active') ? deps.targets().filter(({ target }) => inPool(target)) : []
  const dropped = deps.droppedTargets().filter(inPool)
  const counts: Record<string, number> = Object.create(null)
  for (const one of shows('dropped') ? dropped : []) counts[one.pool] = (counts[one.pool] ?? 0) + 1
  return success({
    activeTargets: [...active].sort(byPool).map((status) => activeTarget(status, externalUrl())),
    droppedTargets: shows('dropped')
      ? dropped.map((one) => ({ discoveredLabels: one.discoveredLabels, scrapePool: one.pool }))
      : [],
    droppedTargetCounts: counts,
  })
}

function activeTarget({ target, ...status }: TargetStatus, externalUrl: string): unknown {
  return {
    discoveredLabels: target.discoveredLabels,
    labels: target.labels,
    scrapePool: target.pool,
    scrapeUrl: target.url,
    globalUrl: globalUrl(target.url, externalUrl),
    lastError: status.lastError,
    lastScrape: status.lastScrape === undefined ? NEVER : new Date(status.lastScrape).toISOString(),
    lastScrapeDuration: status.lastScrapeDurationMs / 1000,
    health: status.health,
    scrapeInterval: formatDuration(target.intervalMs),
    scrapeTimeout: formatDuration(target.timeoutMs),
  }
}

/** A target on this machine as others reach it: under the host of our own external address. */
export function globalUrl(url: string, externalUrl: string): string {
  if (!URL.canParse(url)) return url
  const target = new URL(url)
  if (!['127.0.0.1', 'localhost', '[::1]'].includes(target.hostname)) return url
  const outside = new URL(externalUrl)
  if (target.port === outside.port) target.protocol = outside.protocol
  target.hostname = outside.hostname
  return target.href
}

export const scrapePools: Handler = ({ deps }) =>
  success({ scrapePools: [...new Set(deps.targets().map(({ target }) => target.pool))].sort() })

/**
 * The metadata of each target's families. Which target has which family is read from its series of the last hour, since
 * metadata itself is kept once for the whole store.
 */
export const targetMetadata: Handler = (call) => {
  const { deps, params } = call
  const limit = params.count('limit') ?? -1
  const metric = params.get('metric')
  const matchTarget = params.get('match_target')
  const matchers = matchTarget === '' ? [] : parseOne(matchTarget, 'match_target')
  return bounded(call, async () => {
    const rows: unknown[] = []
    for (const { target } of deps.targets()) {
      if (!matchesAll(matchers, target.labels)) continue
      for (const family of familiesOf(
        call,
        [...target.labels].map(([name, value]) => matcher(name, '=', value)),
      )) {
        if (limit >= 0 && rows.length >= limit) return success(rows)
        const known = deps.metadata.get(family)
        if (known === undefined || (metric !== '' && metric !== family)) continue
        rows.push({
          target: target.labels,
          ...(metric === '' ? { metric: family } : {}),
          type: known.type,
          help: known.help,
          unit: known.unit,
        })
      }
    }
    return success(rows)
  })
}

function familiesOf({ deps }: Call, matchers: readonly Matcher[]): ReadonlySet<string> {
  const now = deps.clock.now()
  using querier = deps.store.querier(unixMs(now - 3600_000), now)
  const names = querier.labelValues('__name__', matchers)
  return new Set(
    names.flatMap((name) => {
      const base = name.replace(/_(?:bucket|sum|count|total)$/, '')
      return [name, base].filter((family) => deps.metadata.get(family) !== undefined)
    }),
  )
}

/** Alerts go out through our own receivers, so there is none to list. */
export const alertmanagers: Handler = () => success({ activeAlertmanagers: [], droppedAlertmanagers: [] })

function byPool(a: TargetStatus, b: TargetStatus): number {
  return a.target.pool < b.target.pool ? -1 : a.target.pool > b.target.pool ? 1 : 0
}
