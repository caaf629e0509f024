/**
 * The log of queries (`query_log_file`): one line of JSON for each that the engine ran, in Prometheus' shape.
 *
 *   {"params":{"query","start","end","step"},"error"?,"stats":{"timings","samples"?},"httpRequest"|"ruleGroup"?,"ts"}
 *
 * - A query never waits for it: of what a slow disk leaves waiting at most `MAX_WAITING_BYTES` are kept. What is lost is counted.
 * - The file may be moved away at any time: the next lines make a new one.
 * - What does not parse never came to the engine and is not logged. There is no `spanID`: nothing here is traced.
 *
 * Source of the shape: prometheus.io/docs/guides/query-log; lines of Prometheus 2.42.
 */
import { appendFile } from 'node:fs/promises'
import {
  AssayError,
  type BodyFn,
  type Clock,
  type Instant,
  instantText,
  LineFile,
  type Log,
  messageOf,
  PageWriter,
  type QueryFn,
  type QueryStats,
  type Range,
  renderStats,
} from '#core'

const MAX_WAITING_BYTES = 4 * 2 ** 20

type Deps = { readonly clock: Clock; readonly log: Log }

export class QueryLog implements AsyncDisposable {
  readonly #deps: Deps
  #file: LineFile | undefined
  #failures = 0

  constructor(deps: Deps) {
    this.#deps = deps
  }

  /** From now on lines go to the end of `path`; `undefined`: nowhere. Throws `ASSAY_CONFIG`, and then all stays as it was. */
  async apply(path: string | undefined): Promise<void> {
    if (path !== undefined) await checkWritable(path)
    const before = this.#file
    this.#file = path === undefined ? undefined : this.#open(path)
    await before?.[Symbol.asyncDispose]()
  }

  /** The same function, with every query that it runs written down. */
  over(query: QueryFn): QueryFn {
    return (promql, when, signal) =>
      this.#file === undefined
        ? query(promql, when, signal)
        : this.#logged(promql, when, () => query(promql, when, signal))
  }

  /** The same for one that answers with bodies. */
  overBodies(bodies: BodyFn): BodyFn {
    return (promql, when, writing, signal) =>
      this.#file === undefined
        ? bodies(promql, when, writing, signal)
        : this.#logged(promql, when, () => bodies(promql, when, writing, signal))
  }

  async #logged<Answer extends { readonly stats?: QueryStats }>(
    promql: string,
    when: Instant | Range,
    ask: () => Promise<Answer>,
  ): Promise<Answer> {
    const { clock } = this.#deps
    const began = clock.monotonicMs()
    const done = (stats: QueryStats | undefined, error?: unknown) => {
      const times = { queuedMs: when.origin?.queuedMs ?? 0, evaluatedMs: clock.monotonicMs() - began }
      this.#file?.write(lineOf(promql, when, { stats: renderStats(times, stats), error, at: clock.now() }))
    }
    try {
      const answer = await ask()
      done(answer.stats)
      return answer
    } catch (thrown) {
      if (!(thrown instanceof AssayError && thrown.code === 'ASSAY_PROMQL_PARSE')) done(undefined, thrown)
      throw thrown
    }
  }

  /** Text format 0.0.4. */
  metrics(): string {
    return new PageWriter()
      .single(
        'prometheus_engine_query_log_enabled',
        'gauge',
        'State of the query log.',
        this.#file === undefined ? 0 : 1,
      )
      .single(
        'prometheus_engine_query_log_failures_total',
        'counter',
        'Queries that were not logged: the file could not be written, or not fast enough.',
        this.#failures,
      )
      .toString()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.apply(undefined)
  }

  #open(path: string): LineFile {
    let failing = false
    return new LineFile(path, {
      maxWaitingBytes: MAX_WAITING_BYTES,
      onWritten: () => {
        failing = false
      },
      onLost: (lines, reason) => {
        this.#failures += lines
        if (reason === undefined || failing) return
        // Once, not for every query: the reason hardly changes, and the counter tells how many.
        failing = true
        this.#deps.log.error({ err: messageOf(reason) }, 'queries cannot be logged')
      },
    })
  }
}

/** A configuration that names a place where nothing can be written is refused, instead of losing every line. */
async function checkWritable(path: string): Promise<void> {
  try {
    await appendFile(path, '')
  } catch (cause) {
    throw new AssayError('ASSAY_CONFIG', `query_log_file: ${messageOf(cause)}; name a file that can be written`, {
      cause,
    })
  }
}

type Outcome = { readonly stats: string; readonly error: unknown; readonly at: number }

function lineOf(promql: string, when: Instant | Range, { stats, error, at }: Outcome): string {
  const isInstant = 'at' in when
  const params = {
    query: promql,
    start: instantText(isInstant ? when.at : when.start),
    end: instantText(isInstant ? when.at : when.end),
    // Whole seconds, as in Prometheus.
    step: isInstant ? 0 : Math.trunc(when.stepMs / 1000),
  }
  const { httpRequest, ruleGroup } = when.origin ?? {}
  const fields = [
    `"params":${JSON.stringify(params)}`,
    ...(error === undefined ? [] : [`"error":${JSON.stringify(messageOf(error))}`]),
    `"stats":${stats}`,
    ...(httpRequest === undefined ? [] : [`"httpRequest":${JSON.stringify(httpRequest)}`]),
    ...(ruleGroup === undefined ? [] : [`"ruleGroup":${JSON.stringify(ruleGroup)}`]),
    `"ts":${JSON.stringify(instantText(at))}`,
  ]
  return `{${fields.join(',')}}`
}
