/**
 * What series cost a query: CPU time of questions over thousands of series of the real store, row by row as they are read (decision 20),
 * and the same answers by a column and an object for each series.
 *
 *     node --conditions=assay-src bench/queries.ts [--series 5000] [--hours 3] [--only REGEX]
 *
 * Buckets, counters and gauges of services, one instant for the series of a target, 15 s apart, all in the head. The slow way is taken where
 * samples claim to hold histograms; it reads by `select`. CPU milliseconds of this process, the median of seven, warm; and what they cost a series.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { Labels, ManualClock, silentLog, unixMs } from '#core'
import { createEngine } from '#promql'
import { ListedSeries, type Querier, type SeriesRef } from '#storage'
import { openTsdb } from '#tsdb'

const { values: given } = parseArgs({
  options: {
    series: { type: 'string', default: '5000' },
    hours: { type: 'string', default: '3' },
    only: { type: 'string', default: '' },
  },
})
const STEP = 15_000
const BUCKETS = ['0.005', '0.01', '0.025', '0.05', '0.1', '0.25', '0.5', '1', '2.5', '5', '10', '+Inf']
const start = Date.UTC(2026, 0, 5)
const rounds = Math.floor((Number(given.hours) * 3600_000) / STEP)
const targets = Math.max(1, Math.round(Number(given.series) / 250))

const dir = await mkdtemp(join(tmpdir(), 'assay-queries-'))
await using owned = new AsyncDisposableStack()
owned.defer(() => rm(dir, { recursive: true, force: true }))
const store = owned.use(await openTsdb({ dir, clock: new ManualClock(), log: silentLog, maxAheadMs: Infinity }))

type Signal = { readonly labels: Labels; value: number; readonly most: number; ref: SeriesRef | undefined }

function signalsOf(target: number): readonly Signal[] {
  const instance = `10.0.0.${target}:9100`
  const made: Signal[] = []
  const add = (name: string, labels: Readonly<Record<string, string>>, most: number) =>
    made.push({
      labels: Labels.of({ __name__: name, instance, job: 'api', ...labels }),
      value: 1000 * target,
      most,
      ref: undefined,
    })
  for (let route = 0; route < 16; route++)
    for (const le of BUCKETS) add('request_duration_seconds_bucket', { route: `/${route}`, le }, 90)
  for (const code of ['200', '404', '500'])
    for (let route = 0; route < 16; route++) add('requests_total', { route: `/${route}`, code }, 40)
  for (let i = 0; i < 10; i++) add('queue_depth', { queue: `${i}` }, 5)
  return made
}

const all = Array.from({ length: targets }, (_, target) => signalsOf(target))
for (let round = 0; round < rounds; round++) {
  for (const [target, signals] of all.entries()) {
    const at = unixMs(start + round * STEP + target * 100)
    using batch = store.appender()
    for (const [i, signal] of signals.entries()) {
      signal.value += (round * 7 + i * 13) % signal.most
      if (signal.ref === undefined || !batch.appendKnown(signal.ref, at, signal.value))
        signal.ref = batch.append(signal.ref, signal.labels, at, signal.value)
    }
    batch.commit()
  }
}

/** Every series by a column of its own. */
function slow(querier: Querier): Querier {
  return {
    select: (matchers) => querier.select(matchers),
    selectSet: (matchers) =>
      new ListedSeries(
        querier
          .select(matchers)
          .map(({ labels, samples }) => ({ labels, samples: () => ({ ...samples(), histograms: [] }) })),
      ),
    series: (matchers) => querier.series(matchers),
    labelNames: (matchers) => querier.labelNames(matchers),
    labelValues: (name, matchers) => querier.labelValues(name, matchers),
    [Symbol.dispose]: () => querier[Symbol.dispose](),
  }
}

const open = (from: number, to: number) => store.querier(unixMs(from), unixMs(to))
const engines = {
  rows: createEngine({ store: open }),
  columns: createEngine({ store: (from, to) => slow(open(from, to)) }),
}
const end = start + (rounds - 40) * STEP
const instant = { at: unixMs(end) }
const range = { start: unixMs(end - 3600_000), end: unixMs(end), stepMs: STEP }

async function cpuMs(ask: () => Promise<unknown>): Promise<number> {
  for (let i = 0; i < 3; i++) await ask()
  const times: number[] = []
  for (let i = 0; i < 7; i++) {
    const before = process.cpuUsage()
    await ask()
    const { user, system } = process.cpuUsage(before)
    times.push((user + system) / 1000)
  }
  return times.sort((a, b) => a - b)[3]!
}

const QUERIES = [
  ['sum by (route) (rate(requests_total[5m]))', instant],
  ['histogram_quantile(0.99, sum by (le) (rate(request_duration_seconds_bucket[5m])))', instant],
  ['count by (__name__) ({__name__=~".+"})', instant],
  ['requests_total', instant],
  ['sum by (route) (rate(requests_total[5m]))', range],
  ['histogram_quantile(0.99, sum by (le, route) (rate(request_duration_seconds_bucket[5m])))', range],
  ['avg_over_time(queue_depth[30m])', range],
  ['max_over_time(queue_depth[30m])', range],
  ['quantile_over_time(0.9, queue_depth[30m])', range],
  ['requests_total', range],
] as const

const count = all.reduce((sum, signals) => sum + signals.length, 0)
console.log(`${count} series, ${rounds} samples each`)
console.log('rows ms   columns ms   ratio   query')
for (const [text, when] of QUERIES) {
  if (!new RegExp(given.only).test(text)) continue
  const rows = await cpuMs(() => engines.rows.query(text, when))
  const columns = await cpuMs(() => engines.columns.query(text, when))
  const kind = 'at' in when ? 'instant' : 'range  '
  console.log(
    `${rows.toFixed(1).padStart(7)}   ${columns.toFixed(1).padStart(10)}   ${(columns / rows).toFixed(1).padStart(5)}   ${kind} ${text}`,
  )
}
