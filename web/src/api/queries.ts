/**
 * Every question the pages ask, as a TanStack query: its key, its path, its freshness.
 *
 * - Keys begin with the noun, so that one event invalidates all that it touches (`live.ts`).
 * - While the event stream is up, polling is a slow safety net; when it is down, polling is the feed.
 */
import { queryOptions } from '@tanstack/react-query'
import type { HistogramWire } from '../charts/distribution.ts'
import { type Exemplar, toExemplars } from '../charts/exemplars.ts'
import { EMPTY_FRAME, type Frame, type Grid, type MatrixSeries, toFrame } from '../charts/frame.ts'
import { asArray, asDocument, getJson, isRecord, member } from './client.ts'
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

/** A series that holds native histograms, with its name. Its buckets are read when it is shown. */
export type HistogramSeries = { readonly name: string; readonly series: MatrixSeries }

/** What a range query gives: lines of floats, series of histograms, and what the engine remarked. */
export type RangeAnswer = {
  readonly frame: Frame
  readonly histograms: readonly HistogramSeries[]
  readonly warnings: readonly string[]
  readonly infos: readonly string[]
}

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
      return {
        frame:
          matrix.length === 0
            ? { ...EMPTY_FRAME, times: toFrame([], grid, nameOf).times }
            : toFrame(matrix, grid, nameOf),
        histograms: matrix
          .filter(({ histograms = [] }) => histograms.length > 0)
          .map((series) => ({ name: nameOf(series.metric), series }))
          .toSorted((a, b) => a.name.localeCompare(b.name, 'en', { numeric: true })),
        warnings: textsIn(body, 'warnings'),
        infos: textsIn(body, 'infos'),
      }
    },
  })

/** One sample of an instant answer: a float or a native histogram. */
export type InstantSample = {
  readonly metric: Readonly<Record<string, string>>
  readonly value?: readonly [at: number, value: string]
  readonly histogram?: readonly [at: number, histogram: HistogramWire]
}

/** What a question gives at one instant. `text`: a string literal; `matrix`: samples as they were stored. */
export type InstantAnswer = {
  readonly result:
    | { readonly kind: 'vector'; readonly samples: readonly InstantSample[] }
    | { readonly kind: 'matrix'; readonly series: readonly MatrixSeries[] }
    | { readonly kind: 'text'; readonly text: string }
  readonly warnings: readonly string[]
  readonly infos: readonly string[]
}

/** Any PromQL at one instant, Unix ms. */
export const instantQuery = (expr: string, atMs: number) =>
  queryOptions({
    queryKey: ['instant', expr, atMs],
    enabled: expr.trim() !== '',
    staleTime: 2_000,
    gcTime: 60_000,
    retry: false,
    queryFn: async ({ signal }) =>
      await getJson(`api/v1/query?${new URLSearchParams({ query: expr, time: `${atMs / 1000}` })}`, signal),
    select: (body: unknown): InstantAnswer => {
      const data = member(body, 'data')
      const kind = member(data, 'resultType')
      const result = member(data, 'result')
      const caveats = { warnings: textsIn(body, 'warnings'), infos: textsIn(body, 'infos') }
      if (kind === 'matrix') return { result: { kind, series: asArray<MatrixSeries>(result, 'series') }, ...caveats }
      if (kind === 'vector') return { result: { kind, samples: asArray<InstantSample>(result, 'samples') }, ...caveats }
      const [at, text] = asArray<unknown>(result, 'values')
      if (kind === 'string') return { result: { kind: 'text', text: String(text) }, ...caveats }
      const value = [Number(at), String(text)] as const
      return { result: { kind: 'vector', samples: [{ metric: {}, value }] }, ...caveats }
    },
  })

/** Exemplars of every series a question selects. A server that keeps none answers with an empty list. */
export const exemplarsQuery = (expr: string, grid: Grid) =>
  queryOptions({
    queryKey: ['exemplars', expr, grid.start, grid.end],
    staleTime: 5_000,
    gcTime: 60_000,
    retry: false,
    queryFn: async ({ signal }) => {
      const ask = new URLSearchParams({ query: expr, start: `${grid.start}`, end: `${grid.end}` })
      return await getJson(`api/v1/query_exemplars?${ask}`, signal)
    },
    select: (body: unknown): readonly Exemplar[] => toExemplars(member(body, 'data')),
  })

/** A list of texts beside the data; anything else counts as none. */
function textsIn(body: unknown, name: string): readonly string[] {
  const list = isRecord(body) ? body[name] : undefined
  return Array.isArray(list) ? list.filter((text) => typeof text === 'string') : []
}
