/** What is stored, without its samples: `series`, `labels`, `label/<name>/values`, `metadata`. */
import {
  type AnyBody,
  byBytes,
  type Labels,
  type Matcher,
  renderLabelSets,
  renderTexts,
  TRUNCATED,
  type UnixMs,
} from '#core'
import { compareLabels, type Metadata, type Querier } from '#storage'
import { ApiError, invalidParam } from '../http/api-error.ts'
import { MAX_TIME, MIN_TIME } from '../http/params.ts'
import { turns } from '../http/turns.ts'
import { bounded, type Call, type Handler } from './call.ts'
import { parseMatchers, type Refuse, unescapeName } from './matchers.ts'
import { success } from './render.ts'

export const series: Handler = (call) => {
  const limit = call.params.limit()
  if (call.params.all('match[]').length === 0) throw new ApiError('bad_data', 'no match[] parameter provided')
  return look(call, named, async (querier, sets, turn) => {
    if (sets.length === 1) return truncated(renderLabelSets, querier.series(sets[0]!), limit)
    const found = new Map<string, Labels>()
    for (const matchers of sets) {
      for (const labels of querier.series(matchers)) found.set(labels.key, labels)
      await turn()
    }
    // Each list comes sorted; a merge of several has to be sorted anew.
    return truncated(renderLabelSets, [...found.values()].sort(compareLabels), limit)
  })
}

export const labelNames: Handler = (call) => {
  const limit = call.params.limit()
  return look(call, unnamed, async (querier, sets, turn) =>
    truncated(renderTexts, await union(sets, (matchers) => querier.labelNames(matchers), turn), limit),
  )
}

export const labelValues: Handler = (call) => {
  const name = unescapeName(call.name)
  if (name === '' || !name.isWellFormed()) throw new ApiError('bad_data', `invalid label name: ${JSON.stringify(name)}`)
  const limit = call.params.limit()
  return look(call, unnamed, async (querier, sets, turn) =>
    truncated(renderTexts, await union(sets, (matchers) => querier.labelValues(name, matchers), turn), limit),
  )
}

/**
 * What families are: as the targets of now say it, each that says something else on its own; and what is known besides, of what
 * was written to us and of targets that are gone.
 */
export const metadata: Handler = (call) => {
  const { deps, params } = call
  const limit = params.count('limit') ?? -1
  const most = params.count('limit_per_metric') ?? 0
  const only = params.get('metric')
  return bounded(call, async (waiting) => {
    const turn = turns(waiting, TARGETS_A_TURN)
    const told = new Map<string, Set<Metadata>>()
    const tell = (family: string, one: Metadata) => {
      const known = told.get(family)
      if (known === undefined) told.set(family, new Set([one]))
      else if ((most <= 0 || known.size < most) && ![...known].some((other) => isSame(one, other))) known.add(one)
    }
    for (const { metadata: described = NOTHING } of deps.targets()) {
      for (const [family, one] of described) if (only === '' || only === family) tell(family, one)
      await turn()
    }
    for (const [family, one] of deps.metadata) {
      if ((only === '' || only === family) && !told.has(family)) tell(family, one)
    }
    const families: Record<string, readonly Metadata[]> = Object.create(null)
    for (const [family, all] of [...told].slice(0, limit < 0 ? undefined : limit))
      families[family] = Array.from(all, ({ type, help, unit }) => ({ type, help, unit }))
    return success(families)
  })
}

const NOTHING: ReadonlyMap<string, Metadata> = new Map()
/** Targets between which others have their turn: each has some hundred families. */
const TARGETS_A_TURN = 100

function isSame(a: Metadata, b: Metadata): boolean {
  return a === b || (a.type === b.type && a.help === b.help && a.unit === b.unit)
}

type Sets = readonly (readonly Matcher[])[]
type Turn = ReturnType<typeof turns>

/** Selectors between which others have their turn. */
const SELECTORS_A_TURN = 20

/** Prometheus names the parameter in what it says of `series`, and not for labels. */
const named: Refuse = (message, cause) => invalidParam('match[]', message, cause)
const unnamed: Refuse = (message, cause) => new ApiError('bad_data', message, { cause })

function look(
  call: Call,
  refuse: Refuse,
  ask: (querier: Querier, sets: Sets, turn: Turn) => Promise<AnyBody>,
): Promise<AnyBody> {
  const { start, end } = spanOf(call)
  // One that is written twice selects nothing more.
  const selectors = [...new Set(call.params.all('match[]'))]
  return bounded(call, async (waiting) => {
    const turn = turns(waiting, SELECTORS_A_TURN)
    const sets: (readonly Matcher[])[] = []
    for (const selector of selectors) {
      sets.push(...parseMatchers([selector], refuse))
      await turn()
    }
    using querier = call.deps.store.querier(start, end)
    return await ask(querier, sets, turn)
  })
}

/** The span a lookup covers: `start` and `end`, or all of time. */
function spanOf({ params }: Call): { readonly start: UnixMs; readonly end: UnixMs } {
  const start = params.timeOr('start', MIN_TIME)
  const end = params.timeOr('end', MAX_TIME)
  if (end < start) throw invalidParam('end', 'end timestamp must not be before start time')
  return { start, end }
}

async function union(
  sets: Sets,
  ask: (set: readonly Matcher[]) => readonly string[],
  turn: Turn,
): Promise<readonly string[]> {
  if (sets.length <= 1) return ask(sets[0] ?? [])
  const found = new Set<string>()
  for (const set of sets) {
    for (const one of ask(set)) found.add(one)
    await turn()
  }
  return [...found].sort(byBytes)
}

function truncated<T>(
  render: (list: readonly T[], warnings?: readonly string[]) => AnyBody,
  list: readonly T[],
  limit: number | undefined,
): AnyBody {
  if (limit === undefined || list.length <= limit) return render(list)
  return render(list.slice(0, limit), [TRUNCATED])
}
