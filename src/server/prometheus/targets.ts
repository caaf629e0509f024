/** `targets`, `targets/metadata`, `scrape_pools`, `alertmanagers`. */
import { byBytes, formatDuration, matchesAll } from '#core'
import type { TargetStatus } from '#scrape'
import { invalidParam } from '../http/api-error.ts'
import { turns } from '../http/turns.ts'
import type { ServerDeps } from '../types.ts'
import { bounded, type Handler } from './call.ts'
import { parseOne } from './matchers.ts'
import { success } from './render.ts'

/** Go's zero instant: what Prometheus writes for "never". */
export const NEVER = '0001-01-01T00:00:00Z'

/** Targets between which others have their turn. */
const TARGETS_A_TURN = 10

export const targets: Handler = ({ deps, params, externalUrl, ownPort }) => {
  const state = params.get('state').toLowerCase()
  const pool = params.get('scrapePool')
  const shows = (kind: string) => state === '' || state === 'any' || state === kind
  const inPool = (one: { readonly pool: string }) => pool === '' || one.pool === pool
  const active = shows('active') ? deps.targets().filter(({ target }) => inPool(target)) : []
  const dropped = deps.droppedTargets().filter(inPool)
  return success({
    activeTargets: [...active].sort(byPool).map((status) => activeTarget(status, externalUrl(), ownPort())),
    droppedTargets: shows('dropped')
      ? dropped.map((one) => ({ discoveredLabels: one.discoveredLabels, scrapePool: one.pool }))
      : [],
    droppedTargetCounts: shows('dropped') ? droppedCounts(deps) : null,
  })
}

/** Of every pool, whichever one was asked for. */
function droppedCounts(deps: ServerDeps): Readonly<Record<string, number>> {
  const counts: Record<string, number> = Object.create(null)
  for (const pool of poolsOf(deps)) counts[pool] = 0
  for (const { pool, more = 0 } of deps.droppedTargets()) counts[pool] = (counts[pool] ?? 0) + 1 + more
  return counts
}

/** Those that are configured, those that have targets, those that dropped all of theirs. */
function poolsOf(deps: ServerDeps): readonly string[] {
  const pools = [
    ...deps.plan().scrapes.map(({ jobName }) => jobName),
    ...deps.targets().map(({ target }) => target.pool),
    ...deps.droppedTargets().map(({ pool }) => pool),
  ]
  return [...new Set(pools)].sort(byBytes)
}

function activeTarget({ target, ...status }: TargetStatus, externalUrl: string, ownPort: number): unknown {
  return {
    discoveredLabels: target.discoveredLabels,
    labels: target.labels,
    scrapePool: target.pool,
    scrapeUrl: target.url,
    globalUrl: globalUrl(target.url, externalUrl, ownPort),
    lastError: status.lastError,
    lastScrape: status.lastScrape === undefined ? NEVER : new Date(status.lastScrape).toISOString(),
    lastScrapeDuration: status.lastScrapeDurationMs / 1000,
    health: status.health,
    scrapeInterval: formatDuration(target.intervalMs),
    scrapeTimeout: formatDuration(target.timeoutMs),
  }
}

/** A target on this machine as others reach it: we ourselves under our external address, another one under its host. */
export function globalUrl(url: string, externalUrl: string, ownPort: number): string {
  if (!URL.canParse(url)) return url
  const target = new URL(url)
  if (!['127.0.0.1', 'localhost', '[::1]'].includes(target.hostname)) return url
  const outside = new URL(externalUrl)
  if (target.port === String(ownPort)) {
    target.protocol = outside.protocol
    target.host = outside.host
    if (outside.port === '') target.port = ''
  } else target.hostname = outside.hostname
  return target.href
}

export const scrapePools: Handler = ({ deps }) => success({ scrapePools: poolsOf(deps) })

/** What each target says of its families. */
export const targetMetadata: Handler = (call) => {
  const { deps, params } = call
  const limit = params.count('limit') ?? -1
  const metric = params.get('metric')
  const matchTarget = params.get('match_target')
  const refuse = (message: string, cause?: unknown) => invalidParam('match_target', message, cause)
  // Every target may be meant, where every series may not.
  const matchers = /^\s*(?:\{\s*\}\s*)?$/.test(matchTarget) ? [] : parseOne(matchTarget, refuse)
  return bounded(call, async (waiting) => {
    const turn = turns(waiting, TARGETS_A_TURN)
    const rows: unknown[] = []
    for (const { target, metadata = [] } of deps.targets()) {
      await turn()
      // As there, it counts before a target: the last one brings all it has.
      if (limit >= 0 && rows.length >= limit) break
      if (!matchesAll(matchers, target.labels)) continue
      for (const [family, { type, help, unit }] of metadata) {
        if (metric !== '' && metric !== family) continue
        rows.push({ target: target.labels, ...(metric === '' ? { metric: family } : {}), type, help, unit })
      }
    }
    return success(rows)
  })
}

/** Alerts go out through our own receivers, so there is none to list. */
export const alertmanagers: Handler = () => success({ activeAlertmanagers: [], droppedAlertmanagers: [] })

function byPool(a: TargetStatus, b: TargetStatus): number {
  return a.target.pool < b.target.pool ? -1 : a.target.pool > b.target.pool ? 1 : 0
}
