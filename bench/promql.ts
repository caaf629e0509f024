/**
 * What PromQL costs: CPU time of typical queries over the simplest store, and the same answers asked instant by instant,
 * which is what evaluating in columns saves.
 *
 * Run: `node --conditions=assay-src bench/promql.ts [series]`. Median of 5 runs, CPU milliseconds of this process.
 */
import { Labels, unixMs } from '#core'
import { createEngine } from '#promql'
import { memoryStore } from '#storage'

const SERIES = Number(process.argv[2] ?? 1000)
const INTERVAL = 15_000
const HOUR = 3_600_000
const SAMPLES = (2 * HOUR) / INTERVAL

const store = memoryStore()
{
  using batch = store.appender()
  for (let i = 0; i < SERIES; i++) {
    const labels = Labels.of({
      __name__: 'http_requests_total',
      instance: `10.0.0.${i % 50}:80`,
      job: `job${i % 7}`,
      path: `/${i}`,
      le: ['0.1', '0.5', '1', '5', '+Inf'][i % 5],
    })
    let value = 0
    for (let s = 0; s <= SAMPLES; s++) {
      value += (i * 7 + s * 13) % 17
      batch.append(undefined, labels, unixMs(s * INTERVAL), value)
    }
  }
  batch.commit()
}

const { query } = createEngine({ store: (start, end) => store.querier(unixMs(start), unixMs(end)) })
const start = unixMs(HOUR)
const end = unixMs(2 * HOUR)

async function cpuMs(run: () => Promise<unknown>): Promise<number> {
  const times: number[] = []
  for (let i = 0; i < 5; i++) {
    const before = process.cpuUsage()
    await run()
    const { user, system } = process.cpuUsage(before)
    times.push((user + system) / 1000)
  }
  return times.sort((a, b) => a - b)[2]!
}

const QUERIES = [
  'http_requests_total',
  'rate(http_requests_total[5m])',
  'sum by (job) (rate(http_requests_total[5m]))',
  'increase(http_requests_total[1h])',
  'sum_over_time(http_requests_total[5m])',
  'max_over_time(http_requests_total[1h])',
  'topk(10, http_requests_total)',
  'histogram_quantile(0.9, sum by (le, job) (rate(http_requests_total[5m])))',
  'http_requests_total / on(path, instance, job, le) http_requests_total',
  'max_over_time(rate(http_requests_total[5m])[30m:1m])',
]

console.log(`${SERIES} series, ${SAMPLES} samples each, one hour in steps of 15 s (241 steps)`)
console.log('CPU ms   by instants   ratio   query')
for (const text of QUERIES) {
  const columns = await cpuMs(() => query(text, { start, end, stepMs: INTERVAL }))
  // One in ten of the instants, times ten: the whole would take minutes.
  const instants =
    10.04 *
    (await cpuMs(async () => {
      for (let at = start as number; at <= end; at += INTERVAL * 10) await query(text, { at: unixMs(at) })
    }))
  console.log(
    `${columns.toFixed(0).padStart(6)}   ${instants.toFixed(0).padStart(11)}   ${(instants / columns).toFixed(1).padStart(5)}   ${text}`,
  )
}
