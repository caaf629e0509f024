/**
 * Every question the pages ask, as a TanStack query: its key, its path, its freshness.
 *
 * - Keys begin with the noun, so that one event invalidates all that it touches (`live.ts`).
 * - While the event stream is up, polling is a slow safety net; when it is down, polling is the feed.
 */
import { queryOptions } from '@tanstack/react-query'
import { EMPTY_FRAME, type Frame, type Grid, type MatrixSeries, toFrame } from '../charts/frame.ts'
import { asArray, asDocument, getJson, member } from './client.ts'
import type { IncidentWire, OverviewWire, PartPageWire, PolicyWire, TicketWire } from './wire.ts'

/** Without events, each 5 s. With them, half a minute: an event that got lost must not stay lost. */
export const POLL_MS = 5_000
export const SAFETY_POLL_MS = 30_000

const OURS = 'api/assay/v1'

export const overviewQuery = queryOptions({
  queryKey: ['overview'],
  queryFn: async ({ signal }) =>
    asDocument<OverviewWire>(await getJson(`${OURS}/overview`, signal), 'parts', 'overview'),
})

export const incidentsQuery = queryOptions({
  queryKey: ['incidents'],
  queryFn: async ({ signal }) =>
    asArray<IncidentWire>(member(await getJson(`${OURS}/incidents`, signal), 'incidents'), 'incidents'),
})

export const incidentQuery = (id: string) =>
  queryOptions({
    queryKey: ['incidents', id],
    queryFn: async ({ signal }) =>
      asDocument<IncidentWire>(
        member(await getJson(`${OURS}/incidents/${encodeURIComponent(id)}`, signal), 'incident'),
        'timeline',
        'incident',
      ),
  })

export const ticketsQuery = queryOptions({
  queryKey: ['tickets'],
  queryFn: async ({ signal }) =>
    asArray<TicketWire>(member(await getJson(`${OURS}/tickets`, signal), 'tickets'), 'tickets'),
})

export const policiesQuery = queryOptions({
  queryKey: ['policies'],
  queryFn: async ({ signal }) =>
    asArray<PolicyWire>(member(await getJson(`${OURS}/policies`, signal), 'policies'), 'policies'),
})

export const partQuery = (id: string) =>
  queryOptions({
    queryKey: ['parts', id],
    queryFn: async ({ signal }) =>
      asDocument<PartPageWire>(await getJson(`${OURS}/parts/${encodeURIComponent(id)}`, signal), 'part', 'part'),
  })

/** One target as `/api/v1/targets` tells it. */
export type ActiveTarget = {
  readonly labels: Readonly<Record<string, string>>
  readonly scrapePool: string
  readonly scrapeUrl: string
  readonly lastError: string
  readonly lastScrape: string
  readonly lastScrapeDuration: number
  readonly health: 'up' | 'down' | 'unknown'
  readonly scrapeInterval: string
}

export const targetsQuery = queryOptions({
  queryKey: ['targets'],
  queryFn: async ({ signal }) => {
    const data = member(await getJson('api/v1/targets?state=active', signal), 'data')
    return asArray<ActiveTarget>(member(data, 'activeTargets'), 'targets')
  },
})

/** What a range query gives besides its lines. */
export type RangeAnswer = { readonly frame: Frame; readonly warnings: readonly string[] }

/** Any PromQL over a grid. The key has the grid: a moved window is another question, its predecessor stays on screen. */
export const rangeQuery = (expr: string, grid: Grid, nameOf: (labels: Readonly<Record<string, string>>) => string) =>
  queryOptions({
    queryKey: ['range', expr, grid.start, grid.end, grid.step],
    enabled: expr.trim() !== '',
    staleTime: 2_000,
    gcTime: 60_000,
    retry: false,
    queryFn: async ({ signal }) => {
      const ask = new URLSearchParams({ query: expr, start: `${grid.start}`, end: `${grid.end}`, step: `${grid.step}` })
      return await getJson(`api/v1/query_range?${ask}`, signal)
    },
    select: (body: unknown): RangeAnswer => {
      const data = member(body, 'data')
      const matrix = asArray<MatrixSeries>(member(data, 'result'), 'series')
      const warnings = member(body, 'warnings')
      return {
        frame:
          matrix.length === 0
            ? { ...EMPTY_FRAME, times: toFrame([], grid, nameOf).times }
            : toFrame(matrix, grid, nameOf),
        warnings: Array.isArray(warnings) ? warnings.filter((text) => typeof text === 'string') : [],
      }
    },
  })
