/**
 * Runs a test script against the engine over the simplest store, and says for every evaluation what differed.
 *
 * - Instant evaluations are repeated as a range query around their moment, as Prometheus' own runner does, so that
 *   both ways of evaluating are held to one expectation.
 */
import { FEATURES, type QueryAnswer, type QueryFn, unixMs, type VectorSample } from '#core'
import { memoryStore, type Store } from '#storage'
import { createEngine } from '../engine.ts'
import { almostEqual, comparePoints, describe, pointsOf, type Wanted } from './points.ts'
import { type Command, type Expectation, type Message, parseScript } from './script.ts'

export type Outcome = {
  readonly line: number
  readonly expr: string
  /** What differed; absent when the case passes. */
  readonly problem?: string
}

type Eval = Extract<Command, { kind: 'eval' }>

const MINUTE = 60_000
/** Scripts are written with everything switched on. */
/** As Prometheus' own runner: everything but telling counters by their `__type__`. */
const features = new Set(FEATURES.filter((one) => one !== 'type-and-unit-labels'))

export async function runScript(text: string): Promise<readonly Outcome[]> {
  const outcomes: Outcome[] = []
  let store = memoryStore()
  for (const command of parseScript(text)) {
    if (command.kind === 'clear') {
      await store[Symbol.asyncDispose]()
      store = memoryStore()
    } else if (command.kind === 'load') load(store, command)
    else {
      const problem = await problemOf(command, store)
      const { line, expr } = command
      outcomes.push(problem === undefined ? { line, expr } : { line, expr, problem })
    }
  }
  await store[Symbol.asyncDispose]()
  return outcomes
}

function load(store: Store, { stepMs, series }: Extract<Command, { kind: 'load' }>): void {
  using batch = store.appender()
  for (const { labels, samples, starts } of series) {
    for (const [i, sample] of samples.entries()) {
      const at = unixMs(i * stepMs)
      const offset = starts?.[i]
      const startAt = offset === undefined ? 0 : at + offset
      if (sample === undefined) continue
      if (sample === 'stale') batch.appendStale(undefined, labels, at)
      else if (typeof sample === 'number') batch.append(undefined, labels, at, sample, startAt)
      else batch.appendHistogram(undefined, labels, at, sample.histogram, startAt)
    }
  }
  const { rejected } = batch.commit()
  if (rejected.length > 0)
    throw new SyntaxError(`load: ${rejected[0]!.labels} at ${rejected[0]!.at}: ${rejected[0]!.reason}`)
}

async function problemOf(command: Eval, store: Store): Promise<string | undefined> {
  const { query } = createEngine({ store: (start, end) => store.querier(unixMs(start), unixMs(end)), features })
  const { when, expect, expr } = command
  const asked =
    when.kind === 'instant'
      ? { at: unixMs(when.at) }
      : { start: unixMs(when.start), end: unixMs(when.end), stepMs: when.stepMs }
  const answer = await ask(query, expr, asked)
  if (answer instanceof Error) return expect.fail ? failure(answer, expect) : `failed: ${answer.message}`
  if (expect.fail) return 'a failure was expected'
  const differs = annotations(answer, expect) ?? compare(answer, command)
  if (differs !== undefined || when.kind === 'range') return differs
  if (expect.range !== undefined || expect.text !== undefined || expect.ordered) return undefined
  if (/\b(start|end|range|step)\(\)/i.test(expr)) return undefined
  const around = { start: unixMs(when.at - MINUTE), end: unixMs(when.at + MINUTE), stepMs: MINUTE }
  const ranged = await ask(query, expr, around)
  if (ranged instanceof Error) return `as a range query it failed: ${ranged.message}`
  const again = compare(atInstant(ranged, when.at), command, true)
  return again === undefined ? undefined : `as a range query: ${again}`
}

async function ask(query: QueryFn, expr: string, when: Parameters<QueryFn>[1]): Promise<QueryAnswer | Error> {
  try {
    return await query(expr, when)
  } catch (thrown) {
    return thrown instanceof Error ? thrown : new Error(String(thrown))
  }
}

function matches(wanted: Message, got: string): boolean {
  if (wanted === undefined) return true
  return wanted.kind === 'msg' ? got.includes(wanted.text) : new RegExp(wanted.text).test(got)
}

/** Annotations are compared in full; without the place that ends them where the script leaves it out. */
function annotates(wanted: Message, got: string): boolean {
  if (wanted?.kind !== 'msg') return matches(wanted, got)
  return wanted.text === got || wanted.text === got.replace(/ \(\d+:\d+\)$/, '')
}

function failure(answer: Error, { failMessage }: Expectation): string | undefined {
  return matches(failMessage, answer.message) ? undefined : `failed with another message: ${answer.message}`
}

function annotations({ warnings, infos }: QueryAnswer, expect: Expectation): string | undefined {
  if (expect.noWarn && warnings.length > 0) return `unexpected warnings: ${warnings.join('; ')}`
  if (expect.noInfo && infos.length > 0) return `unexpected infos: ${infos.join('; ')}`
  for (const [what, wanted, got] of [
    ['warning', expect.warn, warnings],
    ['info', expect.info, infos],
  ] as const) {
    if (wanted.length === 0) continue
    const missing = wanted.find((one) => !got.some((message) => annotates(one, message)))
    if (missing !== undefined || got.length === 0)
      return `${what} missing: ${missing?.text ?? 'any'}; got ${got.join('; ') || 'none'}`
    const surplus = got.find((message) => !wanted.some((one) => annotates(one, message)))
    if (surplus !== undefined) return `${what} not expected: ${surplus}`
  }
  return undefined
}

/** The vector a range query has at one moment. */
function atInstant(answer: QueryAnswer, moment: number): QueryAnswer {
  if (answer.kind !== 'matrix') return answer
  const at = unixMs(moment)
  const samples = answer.series.flatMap(({ labels, timestamps, values, histograms }): VectorSample[] => {
    const float = timestamps.indexOf(at)
    if (float >= 0) return [{ labels, at, value: values[float]! }]
    const histogram = histograms?.values[histograms.timestamps.indexOf(at)]
    return histogram === undefined ? [] : [{ labels, at, value: Number.NaN, histogram }]
  })
  return { kind: 'vector', samples, warnings: answer.warnings, infos: answer.infos }
}

function compare(answer: QueryAnswer, { expect, when }: Eval, asVector = false): string | undefined {
  if (expect.text !== undefined)
    return answer.kind === 'string' && answer.value === expect.text ? undefined : `string ${JSON.stringify(answer)}`
  if (expect.scalar !== undefined) {
    const value =
      answer.kind === 'scalar'
        ? answer.value
        : asVector && answer.kind === 'vector'
          ? answer.samples[0]?.value
          : undefined
    return value !== undefined && almostEqual(value, expect.scalar)
      ? undefined
      : `expected ${expect.scalar}, got ${value}`
  }
  const got = pointsOf(answer)
  if (got === undefined) return `a ${answer.kind} was not expected`
  const start = expect.range?.start ?? (when.kind === 'range' ? when.start : when.at)
  const stepMs = expect.range?.stepMs ?? (when.kind === 'range' ? when.stepMs : 0)
  if (expect.ordered) {
    const order = answer.kind === 'vector' ? answer.samples.map(({ labels }) => labels.key) : [...got.keys()]
    const differs = expect.series.findIndex(({ labels }, i) => labels.key !== order[i])
    if (differs >= 0) return `order differs at ${differs}`
  }
  for (const { labels, samples } of expect.series) {
    const wanted = new Map<number, Wanted>()
    for (const [i, sample] of samples.entries()) {
      if (sample !== undefined) wanted.set(start + i * stepMs, sample === 'stale' ? Number.NaN : sample)
    }
    if (wanted.size === 0) continue
    const found = got.get(labels.key)
    if (found === undefined) return `${labels} is missing; got ${describe(got)}`
    const differs = comparePoints(wanted, found.points)
    if (differs !== undefined) return `${labels}: ${differs}`
    got.delete(labels.key)
  }
  return got.size === 0 ? undefined : `not expected: ${describe(got)}`
}
