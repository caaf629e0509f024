/**
 * The page's pulse: server-sent events make queries ask again, a clock ticks each second, and from both follows how fresh
 * the page is.
 *
 * - Events carry no data to show; they only say what to ask again. So a lost event costs time, never truth.
 * - Refetches by events are at most one a second per noun; a hidden tab waits until it is seen.
 * - `now` is the server's clock, as far as known: "2 s ago" and countdowns hold on a machine whose own clock is wrong.
 */
import { type QueryClient, useQuery, useQueryClient } from '@tanstack/react-query'
import {
  createContext,
  type ReactNode,
  useContext,
  useEffect,
  useMemo,
  useRef,
  useState,
  useSyncExternalStore,
} from 'react'
import { tryInstant } from '../format/time.ts'
import { type Feed, type Freshness, freshness } from './freshness.ts'
import { incidentsQuery, overviewQuery, POLL_MS, SAFETY_POLL_MS } from './queries.ts'
import type { EventWire, IncidentWire, OverviewWire } from './wire.ts'

export type Live = {
  readonly overview: OverviewWire | undefined
  readonly overviewError: Error | null
  readonly incidents: readonly IncidentWire[] | undefined
  readonly fresh: Freshness
  /** Milliseconds between polls of pages beside the overview: fast when no events come. */
  readonly pollMs: number
  /** Server's clock minus the page's, in ms. */
  readonly offsetMs: number
}

const LiveContext = createContext<Live | undefined>(undefined)

/** Which queries an event makes ask again. */
export const TOUCHED: Record<EventWire['kind'], readonly string[]> = {
  overview: ['overview', 'parts'],
  incident: ['incidents', 'overview', 'policies', 'parts'],
  ticket: ['tickets', 'incidents'],
  mode: ['overview', 'policies'],
}

const REFETCH_GAP_MS = 1_000

export function LiveProvider({ children }: { readonly children: ReactNode }) {
  const client = useQueryClient()
  const stream = useStream(client)
  const pollMs = stream === 'open' ? SAFETY_POLL_MS : POLL_MS
  const overview = useQuery({ ...overviewQuery, refetchInterval: stream === 'open' ? 10_000 : POLL_MS })
  const incidents = useQuery({ ...incidentsQuery, refetchInterval: pollMs })
  const offset = useRef(0)
  if (overview.data !== undefined) {
    const server = tryInstant(overview.data.now)
    if (server !== undefined) offset.current = Math.round(server - overview.dataUpdatedAt)
  }
  const feed: Feed = {
    lastDataAt: overview.dataUpdatedAt === 0 ? undefined : overview.dataUpdatedAt,
    stream,
    failing: overview.isError || overview.failureCount > 0,
  }
  const tick = useTick()
  const fresh = freshness(feed, tick)
  const stale = fresh.kind === 'lost'
  useEffect(() => {
    document.documentElement.toggleAttribute('data-stale', stale)
  }, [stale])
  const live: Live = {
    overview: overview.data,
    overviewError: overview.error,
    incidents: incidents.data,
    fresh,
    pollMs,
    // A few hundred milliseconds are travel time, not a wrong clock.
    offsetMs: Math.abs(offset.current) < 1500 ? 0 : offset.current,
  }
  return <LiveContext value={live}>{children}</LiveContext>
}

export function useLive(): Live {
  const live = useContext(LiveContext)
  if (live === undefined) throw new Error('BUG: useLive outside of LiveProvider')
  return live
}

/** The server's time in Unix ms, once a second. */
export function useNow(): number {
  return useTick() + useLive().offsetMs
}

/** One timer for all that tick; stopped when nobody listens. */
const listeners = new Set<() => void>()
let timer: ReturnType<typeof setInterval> | undefined
function subscribe(listener: () => void): () => void {
  listeners.add(listener)
  timer ??= setInterval(() => {
    for (const each of listeners) each()
  }, 1000)
  return () => {
    listeners.delete(listener)
    if (listeners.size === 0) {
      clearInterval(timer)
      timer = undefined
    }
  }
}
function useTick(): number {
  return useSyncExternalStore(subscribe, () => Math.floor(Date.now() / 1000) * 1000)
}

function useStream(client: QueryClient): Feed['stream'] {
  const [state, setState] = useState<Feed['stream']>('connecting')
  const refetch = useMemo(() => throttledInvalidate(client), [client])
  useEffect(() => {
    const source = new EventSource('api/assay/v1/events')
    source.onopen = () => {
      setState('open')
      // Whatever happened while nobody listened.
      for (const noun of new Set(Object.values(TOUCHED).flat())) refetch(noun)
    }
    source.onerror = () => setState('broken')
    for (const [kind, nouns] of Object.entries(TOUCHED)) {
      source.addEventListener(kind, () => {
        setState('open')
        for (const noun of nouns) refetch(noun)
      })
    }
    return () => source.close()
  }, [refetch])
  return state
}

/** Invalidates a noun at once, and again at most once per gap while events keep coming. */
function throttledInvalidate(client: QueryClient): (noun: string) => void {
  const due = new Map<string, ReturnType<typeof setTimeout>>()
  const last = new Map<string, number>()
  const run = (noun: string) => {
    due.delete(noun)
    last.set(noun, Date.now())
    void client.invalidateQueries({ queryKey: [noun] })
  }
  return (noun) => {
    if (document.hidden || due.has(noun)) return
    const wait = (last.get(noun) ?? 0) + REFETCH_GAP_MS - Date.now()
    if (wait <= 0) run(noun)
    else due.set(noun, setTimeout(run, wait, noun))
  }
}
