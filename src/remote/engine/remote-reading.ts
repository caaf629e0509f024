/**
 * The reading half of a remote engine: the seam over Prometheus' HTTP API.
 *
 * The last samples of series that have not ended are found by two questions, as the API never shows a stale marker: the raw samples
 * of the span, and which of the series an instant query still sees. A series that was ended is not seen at the last moment
 * of the lookback behind its last sample, where one that merely stopped (with the process that wrote it) still is.
 */
import { AssayError, byBytes, type Matcher, type MatchOp, type QueryFn, type UnixMs, unixMs } from '#core'
import { compareLabels, type Latest, type LatestFn, type Span } from '#storage'
import type { Answered, EngineClient, Question } from './engine-client.ts'
import { parseLabelSets, parseResult, parseTexts } from './parse-answer.ts'
import type { Lookup, MetricsEngine } from './types.ts'

export type ReadingOptions = {
  /** How far back the engine looks from an instant; its own default is taken to be this. Default 5 min. */
  readonly lookbackMs?: number
}

/** Instants at which it is looked whether series had ended: one for each last evaluation before an end. */
const MAX_ENDS = 32

export function remoteReading(client: EngineClient, options: ReadingOptions = {}): Omit<MetricsEngine, 'appender'> {
  const lookbackMs = options.lookbackMs ?? 300_000
  const query: QueryFn = async (promql, when, signal) => {
    const params = new URLSearchParams({ query: promql })
    const isRange = 'stepMs' in when
    if (isRange) {
      params.set('start', seconds(when.start))
      params.set('end', seconds(when.end))
      params.set('step', seconds(when.stepMs))
    } else params.set('time', seconds(when.at))
    if (when.lookbackMs !== undefined && when.lookbackMs > 0) params.set('lookback_delta', seconds(when.lookbackMs))
    const answered = await client.ask({ path: isRange ? '/query_range' : '/query', params }, signal)
    return parsed(client, parseResult(answered.data, answered), 'a query')
  }
  const list = async <T>(question: Question, parse: (data: unknown) => T | undefined, signal?: AbortSignal) => {
    const answered: Answered = await client.ask(question, signal)
    return parsed(client, parse(answered.data), question.path)
  }
  return {
    query,
    latest: latestBy(query, lookbackMs),
    series: async (lookup, signal) => {
      const found = await list({ path: '/series', params: paramsOf(lookup) }, parseLabelSets, signal)
      return [...new Map(found.map((labels) => [labels.key, labels])).values()]
        .sort(compareLabels)
        .slice(0, lookup.limit)
    },
    labelNames: async (lookup, signal) => {
      const found = await list({ path: '/labels', params: paramsOf(lookup) }, parseTexts, signal)
      return [...new Set(found)].sort(byBytes).slice(0, lookup.limit)
    },
    labelValues: async (name, lookup, signal) => {
      const path = `/label/${encodeURIComponent(escapedName(name))}/values`
      const found = await list({ path, params: paramsOf(lookup), get: true }, parseTexts, signal)
      return [...new Set(found)].sort(byBytes).slice(0, lookup.limit)
    },
  }
}

function latestBy(query: QueryFn, lookbackMs: number): LatestFn {
  return async (sets, span, signal) => {
    const found = new Map<string, Latest>()
    for (const set of sets) {
      const selector = selectorOf(set)
      const last = await lastSamples(query, selector, span, signal)
      const seen = new Map<UnixMs, Promise<ReadonlySet<string>>>()
      const newestFirst = [...last].sort((a, b) => b.at - a.at)
      for (const one of newestFirst) {
        // The moment at which a series that merely stopped is still seen; and never later than now.
        const at = unixMs(Math.min(span.end, one.at + lookbackMs - 1))
        if (!seen.has(at)) {
          if (seen.size === MAX_ENDS) continue
          seen.set(at, keysAt(query, selector, at, signal))
        }
        if ((await seen.get(at))?.has(one.labels.key) === true) found.set(one.labels.key, one)
      }
    }
    return [...found.values()].sort((a, b) => compareLabels(a.labels, b.labels))
  }
}

async function lastSamples(
  query: QueryFn,
  selector: string,
  { start, end }: Span,
  signal?: AbortSignal,
): Promise<Latest[]> {
  // A range is open at its beginning.
  const answer = await query(`${selector}[${end - start + 1}ms]`, { at: end }, signal)
  if (answer.kind !== 'matrix') return []
  return answer.series.flatMap(({ labels, timestamps, values, histograms }): Latest[] => {
    const float = timestamps.length - 1
    const own = histograms === undefined ? -1 : histograms.timestamps.length - 1
    const [floatAt = -Infinity, histogramAt = -Infinity] = [timestamps[float], histograms?.timestamps[own]]
    if (float < 0 && own < 0) return []
    return histogramAt > floatAt
      ? [{ labels, at: unixMs(histogramAt), value: 0, histogram: histograms!.values[own]! }]
      : [{ labels, at: unixMs(floatAt), value: values[float]! }]
  })
}

async function keysAt(
  query: QueryFn,
  selector: string,
  at: UnixMs,
  signal?: AbortSignal,
): Promise<ReadonlySet<string>> {
  const answer = await query(selector, { at }, signal)
  return new Set(answer.kind === 'vector' ? answer.samples.map(({ labels }) => labels.key) : [])
}

function parsed<T>(client: EngineClient, value: T | undefined, what: string): T {
  if (value !== undefined) return value
  throw new AssayError(
    'ASSAY_ENGINE_ANSWER',
    `the remote engine ${client.shownUrl} answers ${what} with what is none of Prometheus' API; is a proxy between that changes answers?`,
  )
}

function paramsOf({ sets, span, limit }: Lookup): URLSearchParams {
  const params = new URLSearchParams({ start: seconds(span.start), end: seconds(span.end) })
  for (const set of sets) params.append('match[]', selectorOf(set))
  if (limit !== undefined) params.set('limit', String(limit))
  return params
}

/** A selector of these matchers, in the spelling that every version of Prometheus reads. */
export function selectorOf(matchers: readonly Matcher[]): string {
  const spelled = matchers.map(
    ({ name, op, value }: { name: string; op: MatchOp; value: string }) =>
      `${/^[a-zA-Z_][a-zA-Z0-9_]*$/.test(name) ? name : JSON.stringify(name)}${op}${JSON.stringify(value)}`,
  )
  return `{${spelled.join(',')}}`
}

/** Instants and durations, as the API takes them. */
function seconds(ms: number): string {
  return String(ms / 1000)
}

/** As a path has names beyond the old alphabet. */
function escapedName(name: string): string {
  if (/^[a-zA-Z_][a-zA-Z0-9_]*$/.test(name)) return name
  const escaped = Array.from(name, (one) =>
    one === '_' ? '__' : /[a-zA-Z0-9]/.test(one) ? one : `_${one.codePointAt(0)!.toString(16)}_`,
  )
  return `U__${escaped.join('')}`
}
