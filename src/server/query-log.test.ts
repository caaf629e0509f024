import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { AssayError, type Log, ManualClock, type QueryFn, silentLog, unixMs } from '#core'
import { QueryLog } from './query-log.ts'

const AT = 1_700_000_000_500
const TIMINGS = {
  evalTotalTime: 2,
  resultSortTime: 0,
  queryPreparationTime: 0,
  innerEvalTime: 2,
  execQueueTime: 0.25,
  execTotalTime: 2.25,
}

function scratch(): Disposable & { readonly dir: string } {
  const dir = mkdtempSync(join(tmpdir(), 'assay-query-log-'))
  return { dir, [Symbol.dispose]: () => rmSync(dir, { recursive: true }) }
}

const linesOf = (file: string): unknown[] =>
  readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line))

/** Each question takes two seconds of a clock that is turned by hand; `bad...` is refused. */
function asking(clock: ManualClock): QueryFn {
  return async (promql) => {
    await clock.advance(2000)
    if (promql === 'bad syntax') throw new AssayError('ASSAY_PROMQL_PARSE', '1:5: no')
    if (promql === 'bad data') throw new AssayError('ASSAY_PROMQL_EVAL', 'twice the same labels')
    return { kind: 'vector', samples: [], warnings: [], infos: [], stats: { total: 3, peak: 1 } }
  }
}

test('each query is a line that says what was asked, by whom, and what it took', async () => {
  using place = scratch()
  const file = join(place.dir, 'queries.log')
  const clock = new ManualClock(AT)
  const httpRequest = { clientIP: '127.0.0.1', method: 'GET', path: '/api/v1/query' }
  const ruleGroup = { file: 'rules.yml', name: 'shop' }
  {
    await using log = new QueryLog({ clock, log: silentLog })
    await log.apply(file)
    const query = log.over(asking(clock))
    await query('up', { at: unixMs(AT), origin: { queuedMs: 250, httpRequest } })
    await query('up', { start: unixMs(AT), end: unixMs(AT + 1000), stepMs: 1999, origin: { ruleGroup } })
    await assert.rejects(query('bad data', { at: unixMs(9e15) }))
    await assert.rejects(query('bad syntax', { at: unixMs(AT) }))
    assert.match(log.metrics(), /^prometheus_engine_query_log_enabled 1$/m)
  }
  const quick = { ...TIMINGS, execQueueTime: 0, execTotalTime: 2 }
  const samples = { totalQueryableSamples: 3, peakSamples: 1 }
  assert.deepEqual(linesOf(file), [
    {
      params: { query: 'up', start: '2023-11-14T22:13:20.500Z', end: '2023-11-14T22:13:20.500Z', step: 0 },
      stats: { timings: TIMINGS, samples },
      httpRequest,
      ts: '2023-11-14T22:13:22.500Z',
    },
    {
      params: { query: 'up', start: '2023-11-14T22:13:20.500Z', end: '2023-11-14T22:13:21.500Z', step: 1 },
      stats: { timings: quick, samples },
      ruleGroup,
      ts: '2023-11-14T22:13:24.500Z',
    },
    {
      params: { query: 'bad data', start: '9000000000000000', end: '9000000000000000', step: 0 },
      error: 'twice the same labels',
      stats: { timings: quick },
      ts: '2023-11-14T22:13:26.500Z',
    },
  ])
})

test('a file that is moved away is made anew, and lines go behind what is there', async () => {
  using place = scratch()
  const file = join(place.dir, 'queries.log')
  const clock = new ManualClock(AT)
  await using log = new QueryLog({ clock, log: silentLog })
  const query = log.over(asking(clock))
  await query('before', { at: unixMs(AT) })
  await log.apply(file)
  await query('first', { at: unixMs(AT) })
  await log.apply(file)
  renameSync(file, `${file}.1`)
  await query('second', { at: unixMs(AT) })
  await log.apply(file)
  await query('third', { at: unixMs(AT) })
  await log.apply(undefined)
  await query('after', { at: unixMs(AT) })
  const asked = (name: string) => linesOf(name).map((line) => (line as { params: { query: string } }).params.query)
  assert.deepEqual([asked(`${file}.1`), asked(file)], [['first'], ['second', 'third']])
  assert.match(log.metrics(), /^prometheus_engine_query_log_enabled 0$/m)
})

test('a place that cannot be written is refused, and the log before goes on', async () => {
  using place = scratch()
  const file = join(place.dir, 'queries.log')
  const clock = new ManualClock(AT)
  await using log = new QueryLog({ clock, log: silentLog })
  await log.apply(file)
  await assert.rejects(log.apply(join(place.dir, 'no-such-folder', 'x')), {
    code: 'ASSAY_CONFIG',
    message: /^query_log_file: .*ENOENT.*; name a file that can be written$/,
  })
  await log.over(asking(clock))('up', { at: unixMs(AT) })
  await log.apply(undefined)
  assert.equal(linesOf(file).length, 1)
})

test('a full disk costs lines, not queries: they are counted, and it is said once', async () => {
  const said: string[] = []
  const listening: Log = { ...silentLog, error: (_, message) => void said.push(message) }
  const clock = new ManualClock(AT)
  await using log = new QueryLog({ clock, log: listening })
  await log.apply('/dev/full')
  const query = log.over(asking(clock))
  for (const promql of ['a', 'b', 'c']) assert.equal((await query(promql, { at: unixMs(AT) })).kind, 'vector')
  await log.apply(undefined)
  assert.deepEqual(said, ['queries cannot be logged'])
  assert.match(log.metrics(), /^prometheus_engine_query_log_failures_total 3$/m)
})

test('what waits for the disk is bounded; the rest is dropped and counted', async () => {
  using place = scratch()
  const file = join(place.dir, 'queries.log')
  const clock = new ManualClock(AT)
  await using log = new QueryLog({ clock, log: silentLog })
  await log.apply(file)
  const answer: QueryFn = async () => ({ kind: 'vector', samples: [], warnings: [], infos: [] })
  const long = 'x'.repeat(2 ** 20)
  const query = log.over(answer)
  await Promise.all(Array.from({ length: 10 }, () => query(long, { at: unixMs(AT) })))
  await log.apply(undefined)
  const written = linesOf(file).length
  const dropped = Number(/failures_total (\d+)/.exec(log.metrics())?.[1])
  assert.equal(written + dropped, 10)
  assert.ok(dropped > 0 && written >= 3)
})
