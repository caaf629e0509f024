/**
 * Where a query is evaluated, and what that costs, in CPU time of the whole process:
 *
 * - a small and a larger one in the first thread, and in a thread of their own: what handing over adds;
 * - weight (`weightOfQuery`) against time in the first thread: below LIGHT in src/cli/query-paths.ts it should be about two milliseconds;
 * - resident memory before and after a thread ran.
 *
 * Run: node --expose-gc --conditions=assay-src bench/query-threads.ts
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { bodiesOf, Labels, ManualClock, silentLog, systemClock, unixMs } from '#core'
import { createEngine, parseKnown, weightOfQuery } from '#promql'
import { openTsdb } from '#tsdb'
import { QueryThreads } from '../src/cli/query-threads.ts'

const SERIES = 4000
const STEP = 15_000
const STEPS = 240
const END = unixMs(STEPS * STEP)
const RUNS = 200

const dir = await mkdtemp(join(tmpdir(), 'assay-bench-'))
const store = await openTsdb({ dir, clock: new ManualClock(), log: silentLog, maxAheadMs: Infinity })
for (let i = 1; i <= STEPS; i++) {
  using batch = store.appender()
  for (let n = 0; n < SERIES; n++) {
    const labels = Labels.of({ __name__: 'm', size: `s${Math.floor(Math.log2(n + 1))}`, instance: `i-${n}` })
    batch.append(undefined, labels, unixMs(i * STEP), i * n)
  }
  batch.commit()
}

const limits = { maxSamples: 50_000_000 }
const engine = createEngine({ store: (start, end) => store.querier(unixMs(start), unixMs(end)), limits })
const here = bodiesOf(engine.query, systemClock)
const rssBefore = rss()
const threads = new QueryThreads({
  share: () => store.share(),
  settings: { ...limits, lookbackMs: 300_000, features: [] },
  most: 1,
  log: silentLog,
})
const NOW = { at: END }
const HOUR = { start: unixMs(20 * STEP), end: END, stepMs: STEP }

console.log('CPU per query, milliseconds: in the first thread, in a thread of its own')
for (const [promql, when] of [
  ['vector(1)', NOW],
  ['m{size="s3"}', NOW],
  ['sum(rate(m{size="s8"}[5m]))', NOW],
  ['sum(rate(m{size="s5"}[5m]))', HOUR],
  ['sum(rate(m{size="s9"}[5m]))', HOUR],
  ['m{size="s10"}', NOW],
  ['sum by (size) (rate(m[5m]))', HOUR],
] as const) {
  const weight = weightOfQuery(parseKnown(promql, new Set()), when, {
    seriesOf: store.estimate,
    lookbackMs: 300_000,
    subqueryStepMs: 60_000,
  })
  const inFirst = await cpuOf(async () => [...(await here(promql, when, {})).pieces()].length)
  const question = { promql, when, subqueryStepMs: 60_000 }
  const inThread = await cpuOf(async () => {
    const body = await threads.body(question, {})
    return (await Array.fromAsync(body!.pieces())).length
  })
  console.log(
    `${promql.padEnd(30)} weight ${Math.round(weight).toString().padStart(8)}  ${inFirst.toFixed(3)}  ${inThread.toFixed(3)}`,
  )
}
console.log(`resident: ${rssBefore} MiB, with a thread that ran all this ${rss()} MiB`)
await threads[Symbol.asyncDispose]()
await store[Symbol.asyncDispose]()
await rm(dir, { recursive: true })

async function cpuOf(run: () => Promise<number>): Promise<number> {
  for (let i = 0; i < RUNS / 2; i++) await run()
  const before = process.cpuUsage()
  for (let i = 0; i < RUNS; i++) await run()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1000 / RUNS
}

function rss(): number {
  globalThis.gc?.()
  return Math.round(process.memoryUsage.rss() / 2 ** 20)
}
