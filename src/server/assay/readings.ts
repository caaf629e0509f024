/**
 * The numbers behind the overview: one small set of queries, shared by all who look.
 *
 * - Asked at most once per step, whoever asks and however often; a second caller gets the first one's promise.
 * - Numbers are instant queries. The small lines are range queries that only change once a step of theirs, so they are kept
 *   that long; the current number is added as their last point.
 * - A query that fails is a number that is not there. It never takes the others along.
 * - What a plan no longer asks for is forgotten, so the memory is bounded by the plan.
 */
import { type Clock, type Log, messageOf, type QueryAnswer, type QueryFn, type UnixMs, unixMs } from '#core'
import type { Plan } from '#model'
import { deadline } from '../http/deadline.ts'

/** Pairs of Unix seconds and value; a gap is `null`. */
export type Spark = readonly (readonly [number, number | null])[]

export type Readings = {
  readonly at: UnixMs
  /** The value of an expression now; absent when there is none. */
  readonly values: ReadonlyMap<string, number>
  /** Expressions of which nothing is known because asking failed: not the same as there being no data. */
  readonly failed: ReadonlySet<string>
  readonly sparks: ReadonlyMap<string, Spark>
  /** By job: the last instant at which it was up, for the jobs that are not now. */
  readonly lastUp: ReadonlyMap<string, UnixMs>
}

export type ReadingsDeps = {
  readonly query: QueryFn
  readonly clock: Clock
  readonly log: Log
  readonly plan: () => Plan
  /** Jobs of which no target is up. */
  readonly downJobs: () => readonly string[]
}

/** Points of a small line, the one of now left out. */
export const SPARK_POINTS = 60
const MAX_SPARK_STEP_MS = 30_000
const MIN_SPARK_STEP_MS = 5000
const LAST_UP_SPAN_MS = 3600_000
/** Queries at once: the engine works on one thread, so more would only hold more memory. */
const CONCURRENCY = 4
const TIMEOUT_MS = 10_000

export class ReadingsCache {
  readonly #deps: ReadingsDeps
  readonly #signal: AbortSignal
  #step = -1
  #current: Promise<Readings> | undefined
  #busy = false
  #sparkEnd = 0
  #sparks = new Map<string, Spark>()
  #failures = 0

  /** `signal` ends whatever is being asked. */
  constructor(deps: ReadingsDeps, signal: AbortSignal) {
    this.#deps = deps
    this.#signal = signal
  }

  /** Queries that had no answer, since the start. */
  get failures(): number {
    return this.#failures
  }

  /** The numbers of this step. While those of the step before are still being asked for, theirs: never two rounds at once. */
  read(): Promise<Readings> {
    const { clock, plan } = this.#deps
    const stepMs = Math.max(1000, plan().evaluationIntervalMs)
    const step = Math.floor(clock.now() / stepMs)
    if (this.#current === undefined || (step !== this.#step && !this.#busy)) {
      this.#step = step
      this.#busy = true
      this.#current = this.#ask(unixMs(clock.now())).finally(() => {
        this.#busy = false
      })
    }
    return this.#current
  }

  async #ask(at: UnixMs): Promise<Readings> {
    const plan = this.#deps.plan()
    using limit = deadline(this.#deps.clock, TIMEOUT_MS, this.#signal)
    const { signal } = limit
    const values = new Map<string, number>()
    const failed = new Set<string>()
    const lastUp = new Map<string, UnixMs>()
    const sparkStep = sparkStepMs(plan)
    const sparkEnd = Math.floor(at / sparkStep) * sparkStep
    const fresh = sparkEnd === this.#sparkEnd ? this.#sparks : new Map<string, Spark>()
    const work = [
      ...instantExprs(plan).map((expr) => async () => {
        const answer = await this.#try(expr, () => this.#deps.query(expr, { at }, signal))
        if (answer === undefined) failed.add(expr)
        const value = answer === undefined ? undefined : numberOf(answer)
        if (value !== undefined) values.set(expr, value)
      }),
      ...this.#deps.downJobs().map((job) => async () => {
        const expr = `max(up{job=${JSON.stringify(job)}})`
        const found = lastPositive(await this.#try(expr, () => this.#deps.query(expr, lastUpRange(at, plan), signal)))
        if (found !== undefined) lastUp.set(job, found)
      }),
      ...sparkExprs(plan)
        .filter((expr) => !fresh.has(expr))
        .map((expr) => async () => {
          const range = { start: unixMs(sparkEnd - SPARK_POINTS * sparkStep), end: unixMs(sparkEnd), stepMs: sparkStep }
          fresh.set(
            expr,
            sparkOf(await this.#try(expr, () => this.#deps.query(expr, range, signal)), sparkEnd, sparkStep),
          )
        }),
    ]
    await runAll(work, CONCURRENCY)
    this.#sparkEnd = sparkEnd
    this.#sparks = new Map(sparkExprs(plan).flatMap((expr) => (fresh.has(expr) ? [[expr, fresh.get(expr)!]] : [])))
    const sparks = new Map<string, Spark>()
    for (const [expr, spark] of this.#sparks) sparks.set(expr, [...spark, [at / 1000, values.get(expr) ?? null]])
    return { at, values, failed, sparks, lastUp }
  }

  async #try(expr: string, ask: () => Promise<QueryAnswer>): Promise<QueryAnswer | undefined> {
    try {
      return await ask()
    } catch (thrown) {
      this.#failures++
      this.#deps.log.debug({ expr, reason: messageOf(thrown) }, 'a number of the overview has no answer')
      return undefined
    }
  }
}

/** The one number of an answer. No sample, several, or one that is no finite number: there is none. */
export function numberOf(answer: QueryAnswer): number | undefined {
  const value =
    answer.kind === 'scalar'
      ? answer.value
      : answer.kind === 'vector' && answer.samples.length === 1
        ? answer.samples[0]!.value
        : Number.NaN
  return Number.isFinite(value) ? value : undefined
}

/** One point per step, `null` where the first series has none: a line must never be drawn over missing data. */
export function sparkOf(answer: QueryAnswer | undefined, end: number, stepMs: number): Spark {
  const known = new Map<number, number>()
  if (answer?.kind === 'matrix' && answer.series.length === 1) {
    const { timestamps, values } = answer.series[0]!
    for (let i = 0; i < timestamps.length; i++) if (Number.isFinite(values[i])) known.set(timestamps[i]!, values[i]!)
  }
  const points: [number, number | null][] = []
  for (let at = end - SPARK_POINTS * stepMs; at <= end; at += stepMs) points.push([at / 1000, known.get(at) ?? null])
  return points
}

/** Two scrapes a point, so that a line shows what happened: half an hour at the usual 15 s, five minutes at 1 s. */
export function sparkStepMs({ scrapeIntervalMs }: Plan): number {
  return Math.min(MAX_SPARK_STEP_MS, Math.max(MIN_SPARK_STEP_MS, 2 * scrapeIntervalMs))
}

function lastPositive(answer: QueryAnswer | undefined): UnixMs | undefined {
  if (answer?.kind !== 'matrix' || answer.series.length !== 1) return undefined
  const { timestamps, values } = answer.series[0]!
  for (let i = timestamps.length - 1; i >= 0; i--) if (values[i]! > 0) return unixMs(timestamps[i]!)
  return undefined
}

function lastUpRange(at: UnixMs, { scrapeIntervalMs }: Plan) {
  const stepMs = Math.max(scrapeIntervalMs, LAST_UP_SPAN_MS / 720)
  return { start: unixMs(at - LAST_UP_SPAN_MS), end: at, stepMs }
}

function sparkExprs({ parts }: Plan): readonly string[] {
  return [...new Set(parts.flatMap(({ signals }) => signals.map(({ expr }) => expr)))]
}

function instantExprs(plan: Plan): readonly string[] {
  const wholes = plan.parts.flatMap(({ signals }) => signals.map(({ of }) => of))
  const edges = plan.edges.flatMap(({ rate, errors }) => [rate, errors])
  const callers = plan.callers.flatMap(({ rate, now, today }) => [rate, now, today])
  const instances = plan.parts.filter(({ kind }) => kind === 'api').map(({ job }) => instancesExpr(job))
  const all = [...sparkExprs(plan), ...wholes, ...edges, ...callers, ...instances]
  return [...new Set(all.filter((expr): expr is string => expr !== undefined))]
}

/** How many processes a service has: in cluster mode one target answers for several workers. */
export function instancesExpr(job: string): string {
  return `count(count by (instance, worker) (process_start_time_seconds{job=${JSON.stringify(job)}}))`
}

async function runAll(work: readonly (() => Promise<void>)[], concurrency: number): Promise<void> {
  let next = 0
  const worker = async () => {
    for (let i = next++; i < work.length; i = next++) await work[i]!()
  }
  await Promise.all(Array.from({ length: concurrency }, worker))
}
