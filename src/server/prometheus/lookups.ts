/** What is stored, without its samples: `series`, `labels`, `label/<name>/values`, `metadata`. */
import { byBytes, type Labels, type UnixMs } from '#core'
import { compareLabels, type Metadata, type Querier } from '#storage'
import { ApiError, invalidParam } from '../http/api-error.ts'
import { MAX_TIME, MIN_TIME } from '../http/params.ts'
import { bounded, type Call, type Handler } from './call.ts'
import { parseMatchers, unescapeName } from './matchers.ts'
import { type Success, success, TRUNCATED } from './render.ts'

export const series: Handler = (call) => {
  const limit = call.params.limit()
  if (call.params.all('match[]').length === 0) throw new ApiError('bad_data', 'no match[] parameter provided')
  return look(call, named, (querier, sets) => {
    const found = new Map<string, Labels>()
    for (const matchers of sets) for (const labels of querier.series(matchers)) found.set(labels.key, labels)
    // Each list comes sorted; only a merge of several has to be sorted anew.
    const all = [...found.values()]
    return truncated(sets.length > 1 ? all.sort(compareLabels) : all, limit)
  })
}

export const labelNames: Handler = (call) => {
  const limit = call.params.limit()
  return look(call, unnamed, (querier, sets) =>
    truncated(
      union(sets, (matchers) => querier.labelNames(matchers)),
      limit,
    ),
  )
}

export const labelValues: Handler = (call) => {
  const name = unescapeName(call.name)
  if (name === '' || !name.isWellFormed()) throw new ApiError('bad_data', `invalid label name: ${JSON.stringify(name)}`)
  const limit = call.params.limit()
  return look(call, unnamed, (querier, sets) =>
    truncated(
      union(sets, (matchers) => querier.labelValues(name, matchers)),
      limit,
    ),
  )
}

export const metadata: Handler = ({ deps, params }) => {
  const limit = params.count('limit') ?? -1
  // Checked alone: one process, one store: a family has one meaning here, so the list per metric is never longer than one.
  params.count('limit_per_metric')
  const only = params.get('metric')
  const families: Record<string, readonly Metadata[]> = Object.create(null)
  let count = 0
  const known: Iterable<readonly [string, Metadata | undefined]> =
    only === '' ? deps.metadata : [[only, deps.metadata.get(only)]]
  for (const [family, one] of known) {
    if (one === undefined) continue
    if (limit >= 0 && count >= limit) break
    families[family] = [{ type: one.type, help: one.help, unit: one.unit }]
    count++
  }
  return success(families)
}

type Sets = ReturnType<typeof parseMatchers>

/** Prometheus names the parameter in what it says of `series`, and not for labels. */
const named = (selectors: readonly string[]): Sets =>
  parseMatchers(selectors, (message, cause) => invalidParam('match[]', message, cause))
const unnamed = (selectors: readonly string[]): Sets => parseMatchers(selectors)

function look(
  call: Call,
  read: (selectors: readonly string[]) => Sets,
  ask: (querier: Querier, sets: Sets) => Success,
): Promise<Success> {
  const { start, end } = spanOf(call)
  const sets = read(call.params.all('match[]'))
  return bounded(call, async () => {
    using querier = call.deps.store.querier(start, end)
    return ask(querier, sets)
  })
}

/** The span a lookup covers: `start` and `end`, or all of time. */
function spanOf({ params }: Call): { readonly start: UnixMs; readonly end: UnixMs } {
  const start = params.timeOr('start', MIN_TIME)
  const end = params.timeOr('end', MAX_TIME)
  if (end < start) throw invalidParam('end', 'end timestamp must not be before start time')
  return { start, end }
}

function union<T>(sets: readonly T[], ask: (set: T | readonly []) => readonly string[]): readonly string[] {
  if (sets.length === 0) return ask([])
  if (sets.length === 1) return ask(sets[0]!)
  return [...new Set(sets.flatMap((set) => ask(set)))].sort(byBytes)
}

function truncated<T>(list: readonly T[], limit: number | undefined): Success {
  if (limit === undefined || list.length <= limit) return success(list)
  return success(list.slice(0, limit), [TRUNCATED])
}
