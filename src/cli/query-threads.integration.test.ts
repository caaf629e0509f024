import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { Labels, ManualClock, matcher, type QueryAnswer, silentLog, systemClock, unixMs } from '#core'
import { createEngine } from '#promql'
import { listBody, sampleHistogram } from '#storage'
import { openTsdb, type Tsdb } from '#tsdb'
import { openQueryPaths } from './query-paths.ts'
import { QueryThreads, type QueryThreadsOptions } from './query-threads.ts'

const root = await mkdtemp(join(tmpdir(), 'assay-query-threads-'))
after(() => rm(root, { recursive: true }))
let dirs = 0

const STEP = 15_000
const END = 240 * STEP

/** An hour of 300 counters in head and blocks. */
async function filled(more: { readonly histograms?: boolean } = {}): Promise<Tsdb> {
  const store = await openTsdb({
    dir: join(root, `${dirs++}`),
    clock: new ManualClock(),
    log: silentLog,
    maxAheadMs: Infinity,
    blockMs: 100 * STEP,
  })
  for (let i = 1; i <= 240; i++) {
    using batch = store.appender()
    for (let n = 0; n < 300; n++) {
      const labels = Labels.of({ __name__: 'requests_total', handler: `/h${n % 9}`, instance: `i-${n}` })
      batch.append(undefined, labels, unixMs(i * STEP), (i * (n + 1)) % 5000)
    }
    if (more.histograms === true)
      batch.appendHistogram(undefined, Labels.of({ __name__: 'h' }), unixMs(i * STEP), sampleHistogram([i, 2 * i]))
    batch.commit()
  }
  await store.upkeep()
  return store
}

const SETTINGS = { maxSamples: 50_000_000, lookbackMs: 300_000, features: [] }

function threadsOver(store: Tsdb, more: Partial<QueryThreadsOptions> = {}): QueryThreads {
  return new QueryThreads({ share: () => store.share(), settings: SETTINGS, most: 2, log: silentLog, ...more })
}

const RANGE = { start: unixMs(20 * STEP), end: unixMs(END), stepMs: STEP }
const QUESTIONS = [
  ['sum by (handler) (rate(requests_total[5m]))', { at: unixMs(END) }],
  ['sum by (handler) (rate(requests_total[5m]))', RANGE],
  ['requests_total{handler="/h3"}', RANGE],
  ['topk(3, requests_total)', { at: unixMs(100 * STEP) }],
  ['max_over_time(requests_total[1h:1m])', { at: unixMs(END) }],
  ['time()', { at: unixMs(END) }],
  ['"text"', { at: unixMs(END) }],
  ['absent(nothing)', { at: unixMs(END) }],
] as const

/** What can be compared: labels as text, columns as lists. */
const plain = (answer: QueryAnswer | undefined) =>
  JSON.parse(JSON.stringify(answer, (_, value) => (value instanceof Float64Array ? [...value] : value)))

test('an answer of a thread is the one of this thread, as values and as a body', async () => {
  await using store = await filled()
  await using threads = threadsOver(store)
  const here = createEngine({ store: (start, end) => store.querier(unixMs(start), unixMs(end)) })
  for (const [promql, when] of QUESTIONS) {
    const expected = await here.query(promql, when)
    const question = { promql, when, subqueryStepMs: 60_000 }
    assert.deepEqual(plain(await threads.query(question)), plain(expected), promql)
    const body = await threads.body(question, { withStats: false })
    const text = Buffer.concat(await Array.fromAsync(body!.pieces())).toString()
    const { data } = JSON.parse(text) as { data: { resultType: string; result: readonly unknown[] } }
    assert.equal(data.resultType, expected.kind)
    if (expected.kind === 'matrix') assert.equal(data.result.length, expected.series.length)
  }
  assert.ok(threads.counts.answered >= QUESTIONS.length * 2)
})

test('a list of what is stored is the one of this thread', async () => {
  await using store = await filled()
  await using threads = threadsOver(store)
  const sets = [[matcher('handler', '=~', '/h[1-4]')], [matcher('instance', '=', 'i-7')]]
  for (const what of ['series', 'names', { valuesOf: 'instance' }] as const) {
    const listing = { what, sets, start: 0, end: END }
    using querier = store.querier(unixMs(0), unixMs(END))
    const here = [...(await listBody(querier, listing)).pieces()]
    const there = await Array.fromAsync((await threads.list(listing, undefined))!.pieces())
    assert.equal(Buffer.concat(there).toString(), Buffer.concat(here).toString())
  }
})

test('a refusal keeps its code and its sentence', async () => {
  await using store = await filled()
  await using threads = threadsOver(store)
  const question = { promql: 'sum(rate(requests_total))', when: RANGE, subqueryStepMs: 60_000 }
  await assert.rejects(threads.query(question), { code: 'ASSAY_PROMQL_PARSE', message: /range vector/ })
  await using few = threadsOver(store, { settings: { ...SETTINGS, maxSamples: 100 } })
  await assert.rejects(few.query({ ...question, promql: 'requests_total' }), { code: 'ASSAY_PROMQL_LIMIT' })
})

test('what only the first thread can read is given back, and answered all the same', async () => {
  await using store = await filled({ histograms: true })
  await using threads = threadsOver(store)
  const question = { promql: 'h', when: { at: unixMs(END) }, subqueryStepMs: 60_000 }
  const reads = [[matcher('__name__', '=', 'h')]]
  assert.equal((await threads.query({ ...question, reads }))?.kind, 'vector')
  assert.equal(await threads.query({ ...question, reads: [] }), undefined)
  assert.equal(threads.counts.given, 1)
  const here = createEngine({ store: (start, end) => store.querier(unixMs(start), unixMs(end)) }).query
  await using paths = openQueryPaths({
    ...{ ...SETTINGS, store, here, clock: systemClock, log: silentLog },
    features: new Set(),
    subqueryStepMs: () => 60_000,
    threads: 1,
  })
  const heavy = 'count(h) + on() count(requests_total)'
  const expected = plain(await here(heavy, RANGE))
  // The first ones are answered here, while a thread starts.
  assert.deepEqual(plain(await paths.query(heavy, RANGE)), expected)
  assert.match(paths.metrics(), /assay_query_evaluations_total\{place="at_once"\} 1/)
  while (!paths.metrics().includes('assay_query_evaluations_total{place="thread"} 1'))
    assert.deepEqual(plain(await paths.query(heavy, RANGE)), expected)
  // A deletion that the head remembers is known here alone.
  await store.deleteSeries({ sets: [reads[0]!], start: END - STEP, end: END })
  assert.deepEqual(plain(await paths.query(heavy, RANGE)), plain(await here(heavy, RANGE)))
  assert.match(paths.metrics(), /assay_query_evaluations_total\{place="given_back"\} 1/)
})

test('a query that is left ends, and its view is given back', async () => {
  await using store = await filled()
  await using threads = threadsOver(store, { most: 1 })
  const leaving = new AbortController()
  const long = 'quantile_over_time(0.5, requests_total[1h:1s])'
  const question = { promql: long, when: RANGE, subqueryStepMs: 60_000, signal: leaving.signal }
  const asked = threads.query(question)
  leaving.abort(new Error('gone'))
  await assert.rejects(asked, { message: 'gone' })
  // The thread is free again soon, not when the long one would have ended.
  const next = await threads.query({ promql: 'count(requests_total)', when: { at: unixMs(END) }, subqueryStepMs: 1 })
  assert.equal(next?.kind, 'vector')
})

test('while a thread works on a heavy query this one goes on', async () => {
  await using store = await filled()
  await using threads = threadsOver(store, { most: 1 })
  await threads.query({ promql: 'vector(1)', when: { at: unixMs(END) }, subqueryStepMs: 1 })
  let longest = 0
  let before = performance.now()
  const watch = setInterval(() => {
    longest = Math.max(longest, performance.now() - before)
    before = performance.now()
  }, 1)
  const cpu = process.threadCpuUsage()
  await threads.query({ promql: 'sum(rate(requests_total[10m]))', when: RANGE, subqueryStepMs: 60_000 })
  const { user } = process.threadCpuUsage(cpu)
  clearInterval(watch)
  assert.ok(user < 100_000, `this thread worked ${user} us, its longest turn took ${longest} ms`)
})

test('a query that takes too much memory ends its thread and nothing else', async () => {
  await using store = await filled()
  await using threads = threadsOver(store, {
    most: 1,
    maxHeapBytes: 24 * 2 ** 20,
    settings: { ...SETTINGS, maxSamples: 1e12 },
  })
  // A million labels that differ, each with its text.
  const mad = `count_values("v", requests_total * on() group_left() (time() % 9973) + requests_total)`
  const question = { promql: mad, when: { start: unixMs(0), end: unixMs(END), stepMs: 1000 }, subqueryStepMs: 1000 }
  await assert.rejects(threads.query(question), { code: 'ASSAY_QUERY_THREAD', message: /more than the 24 MiB/ })
  assert.equal(threads.counts.ended, 1)
  const after = await threads.query({ promql: 'vector(1)', when: { at: unixMs(END) }, subqueryStepMs: 1 })
  assert.equal(after?.kind, 'vector')
})

test('a long body is made as it is read, and ends when its reader leaves', async () => {
  await using store = await filled()
  await using threads = threadsOver(store, { most: 1 })
  const question = { promql: 'requests_total', when: { ...RANGE, stepMs: 1000 }, subqueryStepMs: 1000 }
  const body = await threads.body(question, {})
  const pieces = body!.pieces() as AsyncIterable<Uint8Array>
  const all = Buffer.concat(await Array.fromAsync(pieces))
  assert.ok(all.length > 10_000_000, `${all.length} bytes`)
  assert.equal((JSON.parse(all.toString()) as { data: { result: readonly unknown[] } }).data.result.length, 300)
  const left = (await threads.body(question, {}))!.pieces() as AsyncIterable<Uint8Array>
  const reader = left[Symbol.asyncIterator]()
  await reader.next()
  await reader.return?.()
  assert.equal((await threads.query({ ...question, promql: 'vector(1)' }))?.kind, 'matrix')
})

test('threads leave when nobody asks, and come back', async () => {
  await using store = await filled()
  await using threads = threadsOver(store, { idleMs: 20 })
  const question = { promql: 'vector(1)', when: { at: unixMs(END) }, subqueryStepMs: 1 }
  await threads.query(question)
  while (threads.counts.threads > 0) await nextTurn()
  assert.equal((await threads.query(question))?.kind, 'vector')
  assert.equal(threads.counts.ended, 0)
})
