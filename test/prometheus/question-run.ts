/**
 * Asks assay and a real Prometheus the same questions, one after the other, and keeps what no entry of `known-changes.ts`
 * explains: made smaller until nothing can be left out any more, once for each cause.
 */
import { type Answer, pathOf, textOf } from './ask.ts'
import type { Difference } from './compare.ts'
import { askBoth, explanation } from './explanation.ts'
import type { Question } from './query-generator.ts'
import { smaller } from './query-tree.ts'
import type { Servers } from './servers.ts'

export type Found = {
  readonly question: Question
  readonly number: number
  readonly difference: Difference
  readonly ours: Answer
  readonly theirs: Answer
}

export type Report = {
  readonly version: string
  readonly asked: number
  /** Answers that held something, those that were refused by both, and questions that the other one did not answer in time. */
  readonly filled: number
  readonly refused: number
  readonly unanswered: number
  readonly known: ReadonlyMap<string, number>
  readonly found: readonly Found[]
}

export type RunOptions = {
  readonly count: number
  /** Ends early, after this time. */
  readonly withinMs?: number
  /** Gives up after so many different differences. */
  readonly most?: number
  /** Names that stand for any metric where differences are told apart. */
  readonly metrics: readonly string[]
  readonly tell?: (found: Found) => void
}

/** Questions asked at once. */
const AT_ONCE = 4
const SHRINK_STEPS = 400

/** Asks `count` questions of `next`, in its order; which of several at once is answered first is left open. */
export async function askAll(servers: Servers, next: () => Question, options: RunOptions): Promise<Report> {
  const { count, withinMs = Infinity, most = 20, metrics, tell = () => undefined } = options
  const deadline = performance.now() + withinMs
  const counts = { asked: 0, filled: 0, refused: 0, unanswered: 0 }
  const passedOver = new Map<string, number>()
  const found = new Map<string, Found>()
  const metric = new RegExp(`\\b(?:${metrics.join('|')})\\b`, 'g')
  let made = 0
  const worker = async () => {
    while (made < count && found.size < most && performance.now() < deadline) {
      const number = made++
      const question = next()
      const given = await askBoth(servers, question)
      counts.asked++
      if (given.theirs.code === 0) {
        counts.unanswered++
        continue
      }
      if (given.theirs.body.status !== 'success') counts.refused++
      else if ((given.theirs.body.data?.result.length ?? 0) > 0) counts.filled++
      const { reasons, unexplained } = await explanation(given, question, servers)
      for (const reason of reasons) passedOver.set(reason, (passedOver.get(reason) ?? 0) + 1)
      if (unexplained === undefined) continue
      const small = await shrink(servers, question, unexplained)
      const key = signature(small, metric)
      if (found.has(key)) continue
      const one = { ...small, number }
      found.set(key, one)
      tell(one)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
  return { version: servers.version, ...counts, known: passedOver, found: [...found.values()] }
}

type Small = Omit<Found, 'number'>

/** The smallest question that still differs in the same way. */
async function shrink(servers: Servers, question: Question, first: Difference): Promise<Small> {
  const { ours, theirs } = await askBoth(servers, question)
  let best: Small = { question, difference: first, ours, theirs }
  let steps = 0
  const tryOne = async (candidate: Question): Promise<boolean> => {
    if (++steps > SHRINK_STEPS) return false
    const both = await askBoth(servers, candidate)
    const { unexplained } = await explanation(both, candidate, servers)
    if (unexplained?.kind !== first.kind) return false
    best = { question: candidate, difference: unexplained, ours: both.ours, theirs: both.theirs }
    return true
  }
  for (let again = true; again && steps < SHRINK_STEPS; ) {
    again = false
    for (const candidate of simpler(best.question)) {
      if (!(await tryOne(candidate))) continue
      again = true
      break
    }
  }
  return best
}

function* simpler(question: Question): Generator<Question> {
  const { damaged, tree, start, end, stepMs } = question
  if (damaged !== undefined) {
    // Pieces of a damaged text can be left out too, one by one.
    const pieces = damaged.match(/\w+|\s+|[^\w\s]/gu) ?? []
    for (const i of pieces.keys()) yield { ...question, damaged: pieces.toSpliced(i, 1).join('') }
    return
  }
  if (stepMs !== undefined) {
    for (const at of [start, end, start + stepMs * Math.floor((end - start) / stepMs / 2)])
      yield { tree, start: at, end: at }
    if (end > start) {
      const half = stepMs * Math.floor((end - start) / stepMs / 2)
      yield { tree, start, end: start + half, stepMs }
      yield { tree, start: start + Math.max(half, stepMs), end, stepMs }
    }
  }
  for (const smallerTree of smaller(tree)) yield { ...question, tree: smallerTree }
}

/** Differences of one cause look alike once they are small: kind, words of the language, and what was said. */
function signature({ question, difference }: Small, metric: RegExp): string {
  const skeleton = textOf(question)
    .replace(/"[^"]*"|\{[^}]*\}/g, '')
    .replace(metric, 'm')
    .replace(/\b(?:by|without|on|ignoring|group_left|group_right) \([^)]*\)/g, 'labels')
    .replace(/-?\b\d[\w.]*|-?\b(?:Inf|NaN)\b/g, 'n')
  return question.damaged === undefined ? `${difference.kind} ${skeleton}` : `${difference.kind} ${difference.what}`
}

/** `where`: what makes the same question again, as `seed 1`. */
export function describe({ question, number, difference, ours, theirs }: Found, where: string): string {
  const answer = ({ body }: Answer) => JSON.stringify(body).slice(0, 700)
  return [
    `### ${difference.kind}: \`${textOf(question)}\``,
    `${where}, question ${number}; GET /api/v1/${pathOf(question)}`,
    `- differs: ${difference.what.slice(0, 500)}`,
    `- assay:      ${answer(ours)}`,
    `- Prometheus: ${answer(theirs)}`,
    '',
  ].join('\n')
}

/** The figures, and one line for each reason. */
export function summary({ version, asked, filled, refused, unanswered, known, found }: Report): string {
  return [
    `${asked} questions to Prometheus ${version}: ${filled} with an answer, ${refused} refused${unanswered > 0 ? `, ${unanswered} it did not answer in time` : ''}; ${found.length} differences without a reason`,
    ...[...known].map(([why, times]) => `  ${times} times: ${why}`),
  ].join('\n')
}
