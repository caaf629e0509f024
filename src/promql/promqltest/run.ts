/**
 * Runs a test script against the engine over the simplest store, and says for every evaluation what differed.
 *
 * - Instant evaluations are repeated as a range query around their moment, as Prometheus' own runner does, so that
 *   both ways of evaluating are held to one expectation.
 */
import { Labels, type QueryAnswer, type QueryFn, unixMs } from '#core'
import { compareLabels, memoryStore, type Store } from '#storage'
import { createEngine } from '../engine.ts'
import { type Command, type Expectation, type Message, parseScript } from './script.ts'

export type Outcome = {
  readonly line: number
  readonly expr: string
  /** What differed; absent when the case passes. */
  readonly problem?: string
}

type Eval = Extract<Command, { kind: 'eval' }>

const EPSILON = 1e-6
const MINUTE = 60_000

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
  // A series that is described twice in one load is what its last description says.
  const last = new Map(series.map((one) => [one.labels.key, one]))
  for (const { labels, samples } of last.values()) {
    for (const [i, sample] of samples.entries()) {
      const at = unixMs(i * stepMs)
      if (sample === 'stale') batch.appendStale(undefined, labels, at)
      else if (typeof sample === 'number') batch.append(undefined, labels, at, sample)
    }
  }
  batch.commit()
}

async function problemOf(command: Eval, store: Store): Promise<string | undefined> {
  const { query } = createEngine({ store: (start, end) => store.querier(unixMs(start), unixMs(end)) })
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
    const missing = wanted.find((one) => !got.some((message) => matches(one, message)))
    if (missing !== undefined || (wanted.length > 0 && got.length === 0))
      return `${what} missing: ${missing?.text ?? 'any'}; got ${got.join('; ') || 'none'}`
  }
  return undefined
}

/** The vector a range query has at one moment. */
function atInstant(answer: QueryAnswer, at: number): QueryAnswer {
  if (answer.kind !== 'matrix') return answer
  const samples = answer.series.flatMap(({ labels, timestamps, values }) => {
    const i = timestamps.indexOf(at)
    return i < 0 ? [] : [{ labels, at: unixMs(at), value: values[i]! }]
  })
  return { kind: 'vector', samples, warnings: answer.warnings, infos: answer.infos }
}

type Points = Map<number, number>

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
  const got = seriesOf(answer)
  if (got === undefined) return `a ${answer.kind} was not expected`
  const start = expect.range?.start ?? (when.kind === 'range' ? when.start : when.at)
  const stepMs = expect.range?.stepMs ?? (when.kind === 'range' ? when.stepMs : 0)
  const wanted = expect.series.map(({ labels, samples }) => {
    const points: Points = new Map()
    for (const [i, sample] of samples.entries()) {
      if (sample === 'histogram') points.set(start + i * stepMs, Number.NaN * 2)
      else if (typeof sample === 'number') points.set(start + i * stepMs, sample)
    }
    const histogram = samples.includes('histogram')
    return { labels, points, histogram }
  })
  if (wanted.some(({ histogram }) => histogram)) return 'a native histogram is expected'
  if (expect.ordered) {
    const order = answer.kind === 'vector' ? answer.samples.map(({ labels }) => labels.key) : [...got.keys()]
    const differs = wanted.findIndex(({ labels }, i) => labels.key !== order[i])
    if (differs >= 0) return `order differs at ${differs}`
  }
  for (const { labels, points } of wanted) {
    if (points.size === 0) continue
    const found = got.get(labels.key)
    if (found === undefined) return `${labels} is missing; got ${describe(got)}`
    const differs = comparePoints(points, found.points)
    if (differs !== undefined) return `${labels}: ${differs}`
    got.delete(labels.key)
  }
  return got.size === 0 ? undefined : `not expected: ${describe(got)}`
}

function comparePoints(wanted: Points, got: Points): string | undefined {
  for (const [at, value] of wanted) {
    const found = got.get(at)
    if (found === undefined) return `no sample at ${at}, expected ${value}`
    if (!almostEqual(found, value)) return `${found} at ${at}, expected ${value}`
  }
  for (const [at, value] of got) if (!wanted.has(at)) return `${value} at ${at} was not expected`
  return undefined
}

type Found = Map<string, { readonly labels: Labels; readonly points: Points }>

function seriesOf(answer: QueryAnswer): Found | undefined {
  if (answer.kind === 'vector')
    return new Map(
      answer.samples.map(({ labels, at, value }) => [labels.key, { labels, points: new Map([[at, value]]) }]),
    )
  if (answer.kind === 'scalar') {
    const points: Points = new Map([[answer.at, answer.value]])
    return new Map([[Labels.empty.key, { labels: Labels.empty, points }]])
  }
  if (answer.kind !== 'matrix') return undefined
  return new Map(
    answer.series.map(({ labels, timestamps, values }) => {
      const points: Points = new Map()
      for (let i = 0; i < timestamps.length; i++) points.set(timestamps[i]!, values[i]!)
      return [labels.key, { labels, points }]
    }),
  )
}

function describe(found: Found): string {
  const all = [...found.values()].sort((a, b) => compareLabels(a.labels, b.labels)).slice(0, 3)
  return (
    all.map(({ labels, points }) => `${labels} ${[...points.values()].slice(0, 5).join(' ')}`).join(', ') || 'nothing'
  )
}

function almostEqual(a: number, b: number): boolean {
  if (Number.isNaN(a) || Number.isNaN(b)) return Number.isNaN(a) && Number.isNaN(b)
  if (a === b) return true
  const sum = Math.abs(a) + Math.abs(b)
  const difference = Math.abs(a - b)
  if (a === 0 || b === 0 || sum < 2 ** -1022) return difference < EPSILON * 2 ** -1022
  return difference / Math.min(sum, Number.MAX_VALUE) < EPSILON
}
