/**
 * Where a question is evaluated: small ones here, where handing them over would cost more than answering; others in a thread of their own.
 *
 * The first questions of all are evaluated here too, while a thread starts, unless they are heavy; and so is what a thread gives back.
 * Evaluation here gives way to everything else about every 12 ms.
 */
import { availableParallelism } from 'node:os'
import { setImmediate as nextTurn } from 'node:timers/promises'
import {
  type BodyFn,
  bodiesOf,
  type Clock,
  type Feature,
  type Instant,
  type Log,
  PageWriter,
  type QueryFn,
  type Range,
  unixMs,
} from '#core'
import { type Expr, parseKnown, selectorsOf, walk, weightOfQuery } from '#promql'
import { type ListFn, type Listing, listBody } from '#storage'
import type { Tsdb } from '#tsdb'
import { QueryThreads, type Question } from './query-threads.ts'

export type QueryPathsOptions = {
  readonly store: Tsdb
  /** The engine of this thread, of the configuration of the moment. */
  readonly here: QueryFn
  readonly subqueryStepMs: () => number
  readonly maxSamples: number
  readonly lookbackMs: number
  readonly features: ReadonlySet<Feature>
  readonly clock: Clock
  readonly log: Log
  /** Most threads; 0: everything is evaluated here. Left out: one for each processor. */
  readonly threads?: number | undefined
}

export type QueryPaths = AsyncDisposable & {
  readonly query: QueryFn
  readonly bodies: BodyFn
  readonly list: ListFn
  /** Text format 0.0.4. */
  readonly metrics: () => string
}

/** Samples and steps that take about two milliseconds: `bench/query-threads.ts`. */
const LIGHT = 60_000
/** From here on, some eight milliseconds, a question waits for the start of a thread rather than being evaluated here: code that never ran is slow. */
const HEAVY = 4 * LIGHT
/** Series whose labels are listed in about as long. */
const LIGHT_SERIES = 1500

export function openQueryPaths(options: QueryPathsOptions): QueryPaths {
  const { store, here, subqueryStepMs, maxSamples, lookbackMs, features, clock, log } = options
  const most = options.threads ?? availableParallelism()
  const threads = new QueryThreads({
    share: () => store.share(),
    settings: { maxSamples, lookbackMs, features: [...features] },
    most,
    log,
  })
  const bodiesHere = bodiesOf(here, clock)
  let light = 0
  /** For a thread; `undefined`: it is light. */
  const questionOf = (promql: string, when: Instant | Range, signal: AbortSignal | undefined): Question | undefined => {
    // What does not parse is refused here, with what is wrong with it.
    const expr = most === 0 ? undefined : tryParse(promql, features)
    const settings = { seriesOf: store.estimate, lookbackMs, subqueryStepMs: subqueryStepMs() }
    const weight = expr === undefined ? 0 : weightOfQuery(expr, when, settings)
    if (expr !== undefined && weight > LIGHT && (weight > HEAVY || threads.warmUp()))
      return { promql, when, subqueryStepMs: settings.subqueryStepMs, reads: readsOf(expr), signal }
    light++
    return undefined
  }
  return {
    query: async (promql, when, signal) => {
      const question = questionOf(promql, when, signal)
      return (question && (await threads.query(question))) ?? here(promql, when, signal)
    },
    bodies: async (promql, when, writing, signal) => {
      const question = questionOf(promql, when, signal)
      return (question && (await threads.body(question, writing))) ?? bodiesHere(promql, when, writing, signal)
    },
    list: async (listing, signal) => {
      if (most > 0 && weightOfListing(listing, store.estimate) > LIGHT_SERIES) {
        const body = await threads.list(listing, signal)
        if (body !== undefined) return body
      } else light++
      using querier = store.querier(unixMs(listing.start), unixMs(listing.end))
      return await listBody(querier, listing, { turn: () => nextTurn().then(() => signal.throwIfAborted()) })
    },
    metrics: () => metricsOf(threads, light),
    [Symbol.asyncDispose]: () => threads[Symbol.asyncDispose](),
  }
}

/** Series that are looked at, about. Without selectors names and values come from the index, a series each. */
function weightOfListing({ what, sets }: Listing, seriesOf: Tsdb['estimate']): number {
  if (sets.length === 0 && what !== 'series') return 0
  return sets.reduce((sum, set) => sum + seriesOf(set), 0)
}

function tryParse(promql: string, features: ReadonlySet<Feature>): ReturnType<typeof parseKnown> | undefined {
  try {
    return parseKnown(promql, features)
  } catch {
    return undefined
  }
}

/** What an expression selects; `undefined` where that depends on what it finds. */
function readsOf(expr: Expr): Question['reads'] {
  for (const node of walk(expr)) if (node.kind === 'call' && node.name === 'info') return undefined
  return selectorsOf(expr).map(({ matchers }) => matchers)
}

function metricsOf({ counts }: QueryThreads, light: number): string {
  return new PageWriter()
    .single('assay_query_threads', 'gauge', 'Threads that evaluate queries and run now.', counts.threads)
    .family(
      'assay_query_evaluations_total',
      'counter',
      'Queries by where they were evaluated: small ones at once, others in a thread, and those that a thread could not read.',
    )
    .sample(light, { place: 'at_once' })
    .sample(counts.answered, { place: 'thread' })
    .sample(counts.given, { place: 'given_back' })
    .single('assay_query_threads_failed_total', 'counter', 'Threads of queries that ended by themselves.', counts.ended)
    .toString()
}
