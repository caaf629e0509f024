/**
 * assay against a real Prometheus: the same data, the same random questions, the same answers, or an entry in `known-changes.ts`.
 *
 *   node --conditions=assay-src test/prometheus/differential.ts --seed 1 --count 10000 [--features a,b] [--most N] [--store memory] [--kinds a,b]
 *
 * What differs is made smaller until nothing can be left out any more, and printed with its seed and both answers. Exit code 1.
 */
import { parseArgs } from 'node:util'
import { peersMissing, prometheusVersion, startPrometheus } from '../support/prometheus3.ts'
import { type Answer, ask, pathOf, textOf } from './ask.ts'
import { type ServerKind, startAssay } from './assay-server.ts'
import { compare, type Difference } from './compare.ts'
import { dataSet } from './data-set.ts'
import { CALLS } from './functions.ts'
import { explain } from './known-changes.ts'
import { METRICS, QueryGenerator, type Question } from './query-generator.ts'
import { smaller } from './query-tree.ts'
import { Random } from './random.ts'
import { writeData } from './write-data.ts'

export type DifferentialOptions = {
  readonly seed: number
  readonly count: number
  readonly features?: readonly string[]
  readonly store?: ServerKind
  /** Of the data set, what is asked for (`ANY_KIND`); absent: everything. */
  readonly kinds?: readonly string[]
  /** Ends early, after this time. */
  readonly withinMs?: number
  /** Gives up after so many different differences. */
  readonly most?: number
  readonly tell?: (line: string) => void
}

export type Found = {
  readonly question: Question
  readonly number: number
  readonly difference: Difference
  readonly ours: Answer
  readonly theirs: Answer
}

export type DifferentialReport = {
  readonly version: string
  readonly asked: number
  /** Answers that held something, those that were refused by both, and questions that the other one did not answer in time. */
  readonly filled: number
  readonly refused: number
  readonly unanswered: number
  readonly known: ReadonlyMap<string, number>
  readonly found: readonly Found[]
  /** Functions that the other one does not know. */
  readonly unknown: readonly string[]
}

const METRIC = new RegExp(`\\b(?:${METRICS.join('|')})\\b`, 'g')
/** Questions asked at once. */
const AT_ONCE = 4
const SHRINK_STEPS = 400

type Servers = AsyncDisposable & { readonly ours: string; readonly theirs: string; readonly version: string }

/** Both servers, holding the same data. */
export async function openServers(
  seed: number,
  features: readonly string[] = [],
  kind: ServerKind = 'process',
): Promise<Servers> {
  await using owned = new AsyncDisposableStack()
  const prometheus = owned.use(await startPrometheus({ features: ['native-histograms', ...features] }))
  const assay = owned.use(await startAssay(kind, features))
  const data = dataSet(seed)
  await Promise.all([writeData(prometheus.url, data), writeData(assay.url, data)])
  const opened = { ours: assay.url, theirs: prometheus.url, version: await prometheusVersion() }
  const all = owned.move()
  return { ...opened, [Symbol.asyncDispose]: () => all.disposeAsync() }
}

export async function runDifferential(options: DifferentialOptions): Promise<DifferentialReport> {
  const { seed, count, features = [], withinMs = Infinity, most = 20, tell = () => undefined } = options
  await using servers = await openServers(seed, features, options.store)
  const known = await callsOf(servers.theirs)
  const generator = new QueryGenerator(new Random(seed), new Set(features), known, options.kinds)
  const deadline = performance.now() + withinMs
  const counts = { asked: 0, filled: 0, refused: 0, unanswered: 0 }
  const passedOver = new Map<string, number>()
  const found = new Map<string, Found>()
  let next = 0
  const worker = async () => {
    while (next < count && found.size < most && performance.now() < deadline) {
      const number = next++
      const question = generator.question()
      const given = await askBoth(servers, question)
      counts.asked++
      if (given.theirs.code === 0) {
        counts.unanswered++
        continue
      }
      if (given.theirs.body.status !== 'success') counts.refused++
      else if ((given.theirs.body.data?.result.length ?? 0) > 0) counts.filled++
      const { reasons, unexplained } = explanation(given, question, servers.version)
      for (const reason of reasons) passedOver.set(reason, (passedOver.get(reason) ?? 0) + 1)
      if (unexplained === undefined) continue
      const small = await shrink(servers, question, unexplained)
      const key = signature(small)
      if (found.has(key)) continue
      found.set(key, { ...small, number })
      tell(describe({ ...small, number }, seed))
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
  return {
    version: servers.version,
    ...counts,
    known: passedOver,
    found: [...found.values()],
    unknown: CALLS.filter((call) => !known.includes(call)).map(({ name }) => name),
  }
}

type Given = { readonly ours: Answer; readonly theirs: Answer; readonly differences: readonly Difference[] }
type Small = Omit<Found, 'number'>

async function askBoth({ ours, theirs }: Servers, question: Question): Promise<Given> {
  const [a, b] = await Promise.all([ask(ours, question).catch(noAnswer), ask(theirs, question).catch(noAnswer)])
  const ordered = question.stepMs === undefined && /^(sort|topk|bottomk)/.test(textOf(question))
  return { ours: a, theirs: b, differences: compare(a, b, { ordered }) }
}

/** A server that gives no answer differs from one that does. */
function noAnswer(error: unknown): Answer {
  return { code: 0, body: { status: 'none', error: error instanceof Error ? error.message : String(error) } }
}

/** What is known of the differences, and the first that nothing explains. */
function explanation(
  { ours, theirs, differences }: Given,
  question: Question,
  version: string,
): { readonly reasons: readonly string[]; readonly unexplained: Difference | undefined } {
  const reasons: string[] = []
  for (const difference of differences) {
    const isRange = question.stepMs !== undefined && question.end > question.start
    const why = explain({ query: textOf(question), isRange, ours, theirs, difference }, version)
    if (why === undefined) return { reasons, unexplained: difference }
    reasons.push(...why)
  }
  return { reasons, unexplained: undefined }
}

/** The smallest question that still differs in the same way. */
async function shrink(servers: Servers, question: Question, first: Difference): Promise<Small> {
  const given = await askBoth(servers, question)
  let best: Small = { question, difference: first, ours: given.ours, theirs: given.theirs }
  let steps = 0
  const tryOne = async (candidate: Question): Promise<boolean> => {
    if (++steps > SHRINK_STEPS) return false
    const { ours, theirs, differences } = await askBoth(servers, candidate)
    const { unexplained } = explanation({ ours, theirs, differences }, candidate, servers.version)
    if (unexplained?.kind !== first.kind) return false
    best = { question: candidate, difference: unexplained, ours, theirs }
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
function signature({ question, difference }: Small): string {
  const skeleton = textOf(question)
    .replace(/"[^"]*"|\{[^}]*\}/g, '')
    .replace(METRIC, 'm')
    .replace(/\b(?:by|without|on|ignoring|group_left|group_right) \([^)]*\)/g, 'labels')
    .replace(/-?\b\d[\w.]*|-?\b(?:Inf|NaN)\b/g, 'n')
  return question.damaged === undefined ? `${difference.kind} ${skeleton}` : `${difference.kind} ${difference.what}`
}

/** The functions that the server knows: others it calls unknown. */
async function callsOf(url: string): Promise<typeof CALLS> {
  const known = await Promise.all(
    CALLS.map(async (call) => {
      const response = await fetch(`${url}/api/v1/parse_query`, {
        method: 'POST',
        body: new URLSearchParams({ query: `${call.name}()` }),
      })
      return !/unknown function/.test(await response.text())
    }),
  )
  return CALLS.filter((_, i) => known[i])
}

export function describe({ question, number, difference, ours, theirs }: Found, seed: number): string {
  const answer = ({ body }: Answer) => JSON.stringify(body).slice(0, 700)
  return [
    `### ${difference.kind}: \`${textOf(question)}\``,
    `seed ${seed}, question ${number}; GET /api/v1/${pathOf(question)}`,
    `- differs: ${difference.what.slice(0, 500)}`,
    `- assay:      ${answer(ours)}`,
    `- Prometheus: ${answer(theirs)}`,
    '',
  ].join('\n')
}

/** One line for each reason, and the figures. */
export function summary({
  version,
  asked,
  filled,
  refused,
  unanswered,
  known,
  found,
  unknown,
}: DifferentialReport): string {
  return [
    `${asked} questions to Prometheus ${version}: ${filled} with an answer, ${refused} refused${unanswered > 0 ? `, ${unanswered} it did not answer in time` : ''}; ${found.length} differences without a reason`,
    ...[...known].map(([why, times]) => `  ${times} times: ${why}`),
    ...(unknown.length > 0 ? [`  not asked, since ${version} does not know them: ${unknown.join(', ')}`] : []),
  ].join('\n')
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      seed: { type: 'string', default: '1' },
      count: { type: 'string', default: '1000' },
      most: { type: 'string', default: '30' },
      features: { type: 'string', default: '' },
      store: { type: 'string', default: 'process' },
      kinds: { type: 'string', default: 'counter,gauge,odd,classic,native' },
    },
  })
  const missing = await peersMissing()
  if (missing !== false) {
    process.stderr.write(`${missing}\n`)
    process.exit(2)
  }
  const report = await runDifferential({
    seed: Number(values.seed),
    count: Number(values.count),
    most: Number(values.most),
    kinds: values.kinds.split(','),
    store: values.store === 'memory' ? 'memory' : 'process',
    features: values.features.split(',').filter((name) => name !== ''),
    tell: (line) => void process.stdout.write(`${line}\n`),
  })
  process.stdout.write(`${summary(report)}\n`)
  process.exitCode = report.found.length > 0 ? 1 : 0
}
