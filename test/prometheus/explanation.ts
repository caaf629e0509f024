/**
 * Why two answers to one question differ, as far as that is known (`known-changes.ts`): of the question itself, or of the smallest
 * parts of it that have other answers by themselves, from which all else follows.
 *
 * - A range is a row of instants. Where Prometheus, asked for each of them, answers what we do, its range query is wrong: it once
 *   reused histograms that a subquery still needed.
 * - Prometheus' answer may differ from time to time, with the order of a map (a range query, a subquery) or with what stood in reused
 *   memory: what one of `REPEATS` answers agrees with is no difference.
 */
import { type Answer, ask, type ResultSeries, textOf } from './ask.ts'
import { compare, type Difference } from './compare.ts'
import { explain } from './known-changes.ts'
import type { Question } from './query-generator.ts'
import { partsOf, type QueryNode } from './query-tree.ts'
import type { Servers } from './servers.ts'

export type Given = { readonly ours: Answer; readonly theirs: Answer; readonly differences: readonly Difference[] }
export type Explanation = { readonly reasons: readonly string[]; readonly unexplained: Difference | undefined }

const REPEATS = 8
const FROM_TIME_TO_TIME =
  'what Prometheus answers differs from time to time, with the order of a map or with what stood in reused memory'

const OWN_INSTANTS = 'a range query of Prometheus has other answers than its own queries at those instants'

export async function askBoth({ ours, theirs }: Servers, question: Question): Promise<Given> {
  const [a, b] = await Promise.all([ask(ours, question).catch(noAnswer), ask(theirs, question).catch(noAnswer)])
  return given(question, a, b)
}

function given(question: Question, ours: Answer, theirs: Answer): Given {
  const ordered = question.stepMs === undefined && /^(sort|topk|bottomk)/.test(textOf(question))
  return { ours, theirs, differences: compare(ours, theirs, { ordered }) }
}

/** A server that gives no answer differs from one that does. */
function noAnswer(error: unknown): Answer {
  return { code: 0, body: { status: 'none', error: error instanceof Error ? error.message : String(error) } }
}

/** What is known of the differences, and the first that nothing explains. */
export async function explanation(first: Given, question: Question, servers: Servers): Promise<Explanation> {
  const explained = explanationOf(first, question, servers.version)
  if (explained.unexplained === undefined) return explained
  for (let i = 0; i < REPEATS; i++) {
    const again = given(question, first.ours, await ask(servers.theirs, question).catch(noAnswer))
    const { reasons, unexplained } = explanationOf(again, question, servers.version)
    if (unexplained === undefined) return { reasons: [...reasons, FROM_TIME_TO_TIME], unexplained }
  }
  if (/\[[^\]]*:[^\]]*\]/.test(textOf(question)) && (await agreesAtEachInstant(first.ours, question, servers)))
    return { reasons: [OWN_INSTANTS], unexplained: undefined }
  const reasons = question.damaged === undefined ? await reasonsOfParts(question, servers) : []
  return reasons.length > 0 ? { reasons, unexplained: undefined } : explained
}

function explanationOf({ ours, theirs, differences }: Given, question: Question, version: string): Explanation {
  const reasons: string[] = []
  for (const difference of differences) {
    const isRange = question.stepMs !== undefined && question.end > question.start
    const why = explain({ query: textOf(question), isRange, ours, theirs, difference }, version)
    if (why === undefined) return { reasons, unexplained: difference }
    reasons.push(...why)
  }
  return { reasons, unexplained: undefined }
}

/** Whether our answer to a range query has the values of Prometheus' instant queries. What is told beside them does not count. */
async function agreesAtEachInstant(ours: Answer, question: Question, { theirs }: Servers): Promise<boolean> {
  const { start, end, stepMs } = question
  if (stepMs === undefined || /@ *(start|end)\(|\brange\(|\bstep\(/.test(textOf(question))) return false
  const series = new Map<string, Series>()
  const { stepMs: _, ...instant } = question
  for (let at = start; at <= end; at += stepMs) {
    const { body } = await ask(theirs, { ...instant, start: at, end: at }).catch(noAnswer)
    if (body.data?.resultType !== 'vector') return false
    for (const { metric, value, histogram } of body.data.result as readonly ResultSeries[]) {
      const key = JSON.stringify(metric)
      const one = series.get(key) ?? { metric, values: [], histograms: [] }
      series.set(key, one)
      if (value !== undefined) one.values.push(value)
      if (histogram !== undefined) one.histograms.push(histogram)
    }
  }
  const body = { status: 'success', data: { resultType: 'matrix', result: [...series.values()] } }
  return compare(ours, { code: 200, body }).every(({ kind }) => ['warnings', 'infos', 'order'].includes(kind))
}

type Series = {
  readonly metric: ResultSeries['metric']
  readonly values: (readonly [number, string])[]
  readonly histograms: (readonly [number, unknown])[]
}

/** Why the smallest parts that have other results differ; nothing when one of them has no reason, or none differs. */
async function reasonsOfParts(question: Question, servers: Servers): Promise<readonly string[]> {
  const reasons = new Set<string>()
  const differing: QueryNode[] = []
  for (const part of partsOf(question.tree)) {
    // What differs because of a part of it needs no reason of its own.
    if (partsOf(part).some((below) => differing.includes(below))) continue
    for (const asked of questionsOf(part, question)) {
      const both = await askBoth(servers, asked)
      const differences = both.differences.filter(({ kind }) => kind !== 'warnings' && kind !== 'infos')
      if (differences.length === 0) continue
      const explained = explanationOf({ ...both, differences }, asked, servers.version)
      if (explained.unexplained !== undefined) return []
      differing.push(part)
      for (const reason of explained.reasons) reasons.add(reason)
    }
  }
  return [...reasons]
}

/** A range vector is asked for at an instant. */
function questionsOf(part: QueryNode, { start, end, stepMs }: Question): readonly Question[] {
  if (part.type !== 'matrix') return [{ tree: part, start, end, ...(stepMs === undefined ? {} : { stepMs }) }]
  return [...new Set([start, end])].map((at) => ({ tree: part, start: at, end: at }))
}
