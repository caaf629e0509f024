/** What is stored, without its samples: `series`, `labels`, `label/<name>/values`, `metadata`. */
import type { AnyBody, Matcher, UnixMs } from '#core'
import { type Listing, listBody, type Metadata } from '#storage'
import { ApiError, invalidParam } from '../http/api-error.ts'
import { MAX_TIME, MIN_TIME } from '../http/params.ts'
import { turns } from '../http/turns.ts'
import { bounded, type Call, type Handler } from './call.ts'
import { parseMatchers, type Refuse, unescapeName } from './matchers.ts'
import { success } from './render.ts'

export const series: Handler = (call) => {
  const limit = call.params.limit()
  if (call.params.all('match[]').length === 0) throw new ApiError('bad_data', 'no match[] parameter provided')
  return look(call, named, { what: 'series', limit })
}

export const labelNames: Handler = (call) => look(call, unnamed, { what: 'names', limit: call.params.limit() })

export const labelValues: Handler = (call) => {
  const name = unescapeName(call.name)
  if (name === '' || !name.isWellFormed()) throw new ApiError('bad_data', `invalid label name: ${JSON.stringify(name)}`)
  return look(call, unnamed, { what: { valuesOf: name }, limit: call.params.limit() })
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

/** Selectors between which others have their turn. */
const SELECTORS_A_TURN = 20

/** Prometheus names the parameter in what it says of `series`, and not for labels. */
const named: Refuse = (message, cause) => invalidParam('match[]', message, cause)
const unnamed: Refuse = (message, cause) => new ApiError('bad_data', message, { cause })

function look(
  call: Call,
  refuse: Refuse,
  { what, limit }: { readonly what: Listing['what']; readonly limit: number | undefined },
): Promise<AnyBody> {
  const { params, deps } = call
  const span = spanOf(call)
  // One that is written twice selects nothing more.
  const selectors = [...new Set(params.all('match[]'))]
  return bounded(call, async (waiting) => {
    const turn = turns(waiting, SELECTORS_A_TURN)
    const sets: (readonly Matcher[])[] = []
    for (const selector of selectors) {
      sets.push(...parseMatchers([selector], refuse))
      await turn()
    }
    const listing = { what, sets, ...span, ...(limit === undefined ? {} : { limit }) }
    if (deps.list !== undefined) return await deps.list(listing, waiting.signal)
    using querier = deps.store.querier(span.start, span.end)
    return await listBody(querier, listing, { turn })
  })
}

/** The span a lookup covers: `start` and `end`, or all of time. */
function spanOf({ params }: Call): { readonly start: UnixMs; readonly end: UnixMs } {
  const start = params.timeOr('start', MIN_TIME)
  const end = params.timeOr('end', MAX_TIME)
  if (end < start) throw invalidParam('end', 'end timestamp must not be before start time')
  return { start, end }
}
