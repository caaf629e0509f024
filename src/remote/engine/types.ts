/**
 * The seam of the metrics engine: what keeps samples and answers PromQL. Everything above is wired against it, so that one line
 * exchanges the embedded engine for any store that speaks Prometheus.
 *
 * - Writing is `Store.appender`: synchronous, and what was committed is not lost. When a reader sees it is the engine's business:
 *   at once in the embedded one, after the time a batch waits in a remote one (`settle` of the conformance suite).
 * - Reading is asynchronous, ends with its signal, and rejects with an `AssayError` whose message says which engine and what to do.
 */
import type { Labels, Matcher, QueryFn } from '#core'
import type { LatestFn, Span, Store } from '#storage'

/** At least one set of matchers for `series`; for names and values none means all. `limit`: at most so many, absent: all. */
export type Lookup = {
  readonly sets: readonly (readonly Matcher[])[]
  readonly span: Span
  readonly limit?: number
}

export interface MetricsEngine {
  readonly appender: Store['appender']
  readonly query: QueryFn
  readonly latest: LatestFn
  /** Ordered by labels, each once. */
  series(lookup: Lookup, signal?: AbortSignal): Promise<readonly Labels[]>
  /** Ordered, each once. */
  labelNames(lookup: Lookup, signal?: AbortSignal): Promise<readonly string[]>
  labelValues(name: string, lookup: Lookup, signal?: AbortSignal): Promise<readonly string[]>
}
