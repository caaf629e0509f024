/** `status/*`: what runs, since when, with what. */
import { hostname } from 'node:os'
import { ApiError } from '../http/api-error.ts'
import { MAX_TIME, MIN_TIME, type Params, tryParseInt } from '../http/params.ts'
import { turns } from '../http/turns.ts'
import { bounded, type Handler } from './call.ts'
import { success } from './render.ts'

/** The version of Prometheus whose HTTP API is spoken here. Clients choose what they may ask by it. */
export const API_VERSION = '3.14.0'

const MAX_ROWS = 10_000
/** Series between which others have their turn. */
const SERIES_A_TURN = 10_000

const BUILD = {
  version: API_VERSION,
  revision: 'assay',
  branch: 'assay',
  buildUser: '',
  buildDate: '',
  goVersion: '',
} as const

/** No `features` key: with one, Grafana would take us for Mimir. */
export const buildInfo: Handler = () => success(BUILD)

/** The same without an envelope, at `/version`. */
export const VERSION_PAGE = `${JSON.stringify(BUILD)}\n`

export const runtimeInfo: Handler = ({ deps }) => {
  const { ok, at } = deps.configLoad()
  return success({
    startTime: new Date(deps.startedAt).toISOString(),
    // The working directory is nobody's business on the wire; the key stays for clients that expect it.
    CWD: '',
    hostname: hostname(),
    serverTime: new Date(deps.clock.now()).toISOString(),
    reloadConfigSuccess: ok,
    lastConfigTime: new Date(at).toISOString(),
    corruptionCount: 0,
    goroutineCount: 0,
    GOMAXPROCS: 0,
    GOMEMLIMIT: 0,
    GOGC: '',
    GODEBUG: '',
    storageRetention: ['time', 'size']
      .map((by) => deps.flags[`storage.tsdb.retention.${by}`] ?? '')
      .filter((limit) => limit !== '')
      .join(' or '),
  })
}

export const flags: Handler = ({ deps }) => success(deps.flags)

export const config: Handler = ({ deps }) => success({ yaml: deps.configText() })

/** Cardinality: the metrics with most series and the labels with most values, counted now. */
export const tsdb: Handler = (call) => {
  const { deps, params } = call
  const most = rowsOf(params)
  return bounded(call, async (waiting) => {
    const turn = turns(waiting, SERIES_A_TURN)
    const stats = deps.store.stats()
    using querier = deps.store.querier(MIN_TIME, MAX_TIME)
    const byMetric = new Map<string, number>()
    const byPair = new Map<string, number>()
    const valuesOf = new Map<string, Set<string>>()
    for (const { flat } of querier.series([])) {
      await turn()
      for (let i = 0; i < flat.length; i += 2) {
        const name = flat[i]!
        const value = flat[i + 1]!
        if (name === '__name__') byMetric.set(value, (byMetric.get(value) ?? 0) + 1)
        byPair.set(`${name}=${value}`, (byPair.get(`${name}=${value}`) ?? 0) + 1)
        const values = valuesOf.get(name)
        if (values === undefined) valuesOf.set(name, new Set([value]))
        else values.add(value)
      }
    }
    const labels = [...valuesOf]
    return success({
      headStats: {
        numSeries: stats.series,
        numLabelPairs: byPair.size,
        chunkCount: 0,
        minTime: stats.minTime ?? deps.clock.now(),
        maxTime: stats.maxTime ?? deps.clock.now(),
      },
      seriesCountByMetricName: top(byMetric, most),
      labelValueCountByLabelName: top(
        labels.map(([name, values]) => [name, values.size]),
        most,
      ),
      memoryInBytesByLabelName: top(
        labels.map(([name, values]) => [name, bytesOf(values)]),
        most,
      ),
      seriesCountByLabelValuePair: top(byPair, most),
    })
  })
}

/** In Prometheus' shape; a block is named by its span here, where Prometheus draws a name by lot. */
export const tsdbBlocks: Handler = ({ deps }) =>
  success({
    blocks: (deps.blocks?.() ?? []).map(({ name, start, end, series, samples, merged }) => ({
      ulid: name,
      minTime: start,
      maxTime: end,
      stats: { numSamples: samples, numSeries: series },
      compaction: { level: merged > 1 ? 2 : 1, sources: [name] },
      version: 1,
    })),
  })

/** The log is replayed before the server listens, so whoever asks gets "done". */
export const walReplay: Handler = () => success({ min: 0, max: 0, current: 0 })

export const notifications: Handler = ({ deps }) => success(deps.notifications.list())

/** Rows of each list of `status/tsdb`. Throws `bad_data`. */
function rowsOf(params: Params): number {
  const text = params.get('limit')
  if (text === '') return 10
  const rows = tryParseInt(text)
  if (typeof rows === 'string' || rows < 1) throw new ApiError('bad_data', 'limit must be a positive number')
  if (rows > MAX_ROWS) throw new ApiError('bad_data', `limit must not exceed ${MAX_ROWS}`)
  return rows
}

function top(counts: Iterable<readonly [string, number]>, most: number): readonly { name: string; value: number }[] {
  return [...counts]
    .sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1))
    .slice(0, most)
    .map(([name, value]) => ({ name, value }))
}

function bytesOf(values: ReadonlySet<string>): number {
  let sum = 0
  for (const value of values) sum += Buffer.byteLength(value)
  return sum
}
