import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Labels, type QueryAnswer, unixMs } from '#core'
import { memoryStore, type Store } from '#storage'
import { createEngine, type EngineOptions } from './index.ts'
import { parseSeries } from './series-notation.ts'

/** A store with the series described, a sample a minute. */
function storeOf(...lines: readonly string[]): Store {
  const store = memoryStore()
  using batch = store.appender()
  for (const { labels, samples } of lines.map(parseSeries)) {
    for (const [i, sample] of samples.entries()) {
      const at = unixMs(i * 60_000)
      if (typeof sample === 'number') batch.append(undefined, labels, at, sample)
      if (sample === 'stale') batch.appendStale(undefined, labels, at)
      if (typeof sample === 'object') batch.appendHistogram(undefined, labels, at, sample.histogram)
    }
  }
  batch.commit()
  return store
}

function engineOf(store: Store, options: Partial<EngineOptions> = {}) {
  return createEngine({ store: (start, end) => store.querier(unixMs(start), unixMs(end)), ...options })
}

const vector = (answer: QueryAnswer) => {
  assert.equal(answer.kind, 'vector')
  return answer.kind === 'vector' ? answer.samples.map(({ labels, value }) => [labels.toString(), value]) : []
}

test('an instant query answers with a vector, a scalar, a string or the samples of a range', async () => {
  const { query } = engineOf(storeOf('up{job="shop"} 1 2 3'))
  const at = unixMs(120_000)
  assert.deepEqual(vector(await query('up', { at })), [['up{job="shop"}', 3]])
  const { stats: _, ...scalar } = await query('1 + 1', { at })
  assert.deepEqual(scalar, { kind: 'scalar', at, value: 2, warnings: [], infos: [] })
  const text = await query('"a"', { at })
  assert.equal(text.kind === 'string' && text.value, 'a')
  const raw = await query('up[2m]', { at })
  assert.ok(raw.kind === 'matrix')
  assert.deepEqual([...raw.series[0]!.timestamps], [60_000, 120_000])
  assert.deepEqual([...raw.series[0]!.values], [2, 3])
})

test('a range query answers with a matrix ordered by labels, missing steps absent', async () => {
  const { query } = engineOf(storeOf('b 1 _ stale 4', 'a 1 2 3 4'))
  const answer = await query('{__name__=~"a|b"} > 1', { start: unixMs(0), end: unixMs(180_000), stepMs: 60_000 })
  assert.ok(answer.kind === 'matrix')
  assert.deepEqual(
    answer.series.map(({ labels, timestamps }) => [labels.name, [...timestamps]]),
    [
      ['a', [60_000, 120_000, 180_000]],
      ['b', [180_000]],
    ],
  )
})

test('a constant in a range query is a series without labels', async () => {
  const { query } = engineOf(memoryStore())
  const answer = await query('1', { start: unixMs(0), end: unixMs(2000), stepMs: 1000 })
  assert.ok(answer.kind === 'matrix')
  assert.ok(answer.series[0]!.labels.equals(Labels.empty))
  assert.deepEqual([...answer.series[0]!.values], [1, 1, 1])
})

test('a range vector in a range query is refused with a place', async () => {
  const { query } = engineOf(memoryStore())
  await assert.rejects(query('up[5m]', { start: unixMs(0), end: unixMs(1), stepMs: 1 }), {
    code: 'ASSAY_PROMQL_PARSE',
    message: /^1:1: invalid expression type "range vector"/,
  })
})

test('too many samples are refused before memory is gone', async () => {
  const { query } = engineOf(storeOf('up 0+1x100'), { limits: { maxSamples: 50 } })
  await assert.rejects(query('sum_over_time(up[2h])', { at: unixMs(6_000_000) }), {
    code: 'ASSAY_PROMQL_LIMIT',
    message: /^1:15: .*shorten the range/,
  })
})

test('more steps than could be held are refused before anything is allocated', async () => {
  const { query } = engineOf(memoryStore())
  await assert.rejects(query('sum_over_time(vector(1)[1y:1ms])', { at: unixMs(0) }), { code: 'ASSAY_PROMQL_LIMIT' })
  await assert.rejects(query('1', { start: unixMs(0), end: unixMs(1e12), stepMs: 1 }), { code: 'ASSAY_PROMQL_LIMIT' })
})

test('an aborted query rejects with the reason of the signal', async () => {
  const { query } = engineOf(storeOf('up 0+1x10'))
  await assert.rejects(query('up', { at: unixMs(0) }, AbortSignal.abort(new Error('enough'))), /enough/)
})

test('a long evaluation gives way to the event loop and stops when it is aborted', async () => {
  const store = storeOf(...Array.from({ length: 60 }, (_, i) => `up{i="${i}"} 0+1x2000`))
  const { query } = engineOf(store)
  const controller = new AbortController()
  const running = query(
    'sum(quantile_over_time(0.9, up[20h]))',
    { start: unixMs(0), end: unixMs(120_000_000), stepMs: 60_000 },
    controller.signal,
  )
  setImmediate(() => controller.abort(new Error('stopped')))
  await assert.rejects(running, /stopped/)
})

test('queriers are closed, also when the query fails', async () => {
  const store = storeOf('up 1')
  let open = 0
  const engine = createEngine({
    store: (start, end) => {
      open++
      const querier = store.querier(unixMs(start), unixMs(end))
      return {
        ...{
          select: querier.select.bind(querier),
          labelNames: querier.labelNames.bind(querier),
          labelValues: querier.labelValues.bind(querier),
          series: querier.series.bind(querier),
        },
        [Symbol.dispose]() {
          open--
          querier[Symbol.dispose]()
        },
      }
    },
  })
  await engine.query('up + up', { at: unixMs(0) })
  await assert.rejects(engine.query('label_replace(up, "", "", "", "")', { at: unixMs(0) }), {
    code: 'ASSAY_PROMQL_EVAL',
  })
  assert.equal(open, 0)
})

test('a counter by another name is answered with a note that says where', async () => {
  const { query } = engineOf(storeOf('requests 0+60x10'))
  const answer = await query('sum(rate(requests[5m]))', { at: unixMs(600_000) })
  assert.deepEqual(answer.infos, [
    'PromQL info: metric might not be a counter, name does not end in _total/_sum/_count/_bucket: "requests" (1:10)',
  ])
})

test('a histogram comes out as itself, apart from the floats of its series', async () => {
  const { query } = engineOf(storeOf('latency 1 {{count:2 sum:3 buckets:[2]}} {{count:4 sum:5 buckets:[4]}}'))
  const instant = await query('latency', { at: unixMs(60_000) })
  assert.ok(instant.kind === 'vector')
  assert.equal(instant.samples[0]!.histogram?.count, 2)
  assert.ok(Number.isNaN(instant.samples[0]!.value))
  for (const when of [{ at: unixMs(120_000) }, { start: unixMs(0), end: unixMs(120_000), stepMs: 60_000 }]) {
    const answer = await query('at' in when ? 'latency[3m]' : 'latency', when)
    assert.ok(answer.kind === 'matrix')
    const [series] = answer.series
    assert.deepEqual([...series!.values], [1])
    assert.deepEqual([...series!.histograms!.timestamps], [60_000, 120_000])
    assert.deepEqual(
      series!.histograms!.values.map(({ sum }) => sum),
      [3, 5],
    )
  }
})

test('a name that an operation takes away goes at once, and with the flag when the answer is made', async () => {
  const store = storeOf('a_total{x="1"} 0+60x10', 'b_total{x="1"} 0+60x10')
  const at = unixMs(600_000)
  const both = '{x="1"}'
  const byName = `label_replace(rate(${both}[5m]), "of", "$1", "__name__", "(.*)")`
  const now = engineOf(store).query
  await assert.rejects(now(byName, { at }), { code: 'ASSAY_PROMQL_EVAL', message: /same labelset: \{x="1"\}/ })
  await assert.rejects(now(`-${both} or vector(1)`, { at }), /same labelset/)
  const delayed = engineOf(store, { features: new Set(['promql-delayed-name-removal']) }).query
  assert.deepEqual(vector(await delayed(byName, { at })), [
    ['{of="a_total", x="1"}', 1],
    ['{of="b_total", x="1"}', 1],
  ])
  await assert.rejects(delayed(`rate(${both}[5m])`, { at }), /same labelset/)
})

test('series that become the same without ever meeting are one, but not out of a range', async () => {
  const { query } = engineOf(storeOf('a{x="1"} 1 stale', 'b{x="1"} _ 2 2'))
  const range = { start: unixMs(0), end: unixMs(120_000), stepMs: 60_000 }
  const answer = await query('-{x="1"}', range)
  assert.ok(answer.kind === 'matrix')
  assert.deepEqual(
    answer.series.map(({ values }) => [...values]),
    [[-1, -2, -2]],
  )
  await assert.rejects(query('count_over_time({x="1"}[30s])', range), /same labelset/)
})

test('start timestamps count only with their flag', async () => {
  const store = memoryStore()
  {
    using batch = store.appender()
    const labels = Labels.of({ __name__: 'runs_total' })
    for (const [i, value] of [10, 20, 30].entries())
      batch.append(undefined, labels, unixMs((i + 1) * 60_000), value, i === 2 ? 150_000 : 1)
    batch.commit()
  }
  const at = unixMs(180_000)
  const plain = await engineOf(store).query('resets(runs_total[5m])', { at })
  assert.deepEqual(vector(plain), [['{}', 0]])
  const features = new Set(['use-start-timestamps', 'promql-experimental-functions'] as const)
  const { query } = engineOf(store, { features })
  assert.deepEqual(vector(await query('resets(runs_total[5m])', { at })), [['{}', 1]])
  assert.deepEqual(vector(await query('start_timestamp(runs_total)', { at })), [['{}', 150]])
  const off = engineOf(store, { features: new Set(['promql-experimental-functions'] as const) })
  assert.deepEqual(vector(await off.query('start_timestamp(runs_total)', { at })), [])
})

test('a question is told how many samples it read, by step where that is allowed', async () => {
  const store = storeOf('up{i="1"} 1 1 1 1', 'up{i="2"} 1 1 1 1')
  const range = { start: unixMs(60_000), end: unixMs(180_000), stepMs: 60_000, perStepStats: true }
  const { stats } = await engineOf(store).query('sum(up)', range)
  assert.equal(stats?.total, 6)
  assert.equal(stats?.perStep, undefined)
  const { query } = engineOf(store, { features: new Set(['promql-per-step-stats'] as const) })
  const window = await query('sum_over_time(up[2m])', range)
  assert.deepEqual(window.stats?.perStep, [
    [60_000, 4],
    [120_000, 4],
    [180_000, 4],
  ])
  // What a subquery reads to be there is not counted, what is cut from it is; what is pinned counts at every step.
  assert.equal((await query('sum_over_time(up[2m:1m])', { at: unixMs(180_000) })).stats?.total, 4)
  assert.equal((await query('up @ 60', range)).stats?.total, 6)
})

test('a sample that several windows see was read for the first of them', async () => {
  const store = storeOf('up{i="1"} 1 1 1 1', 'up{i="2"} 1 1 1 1')
  const { query } = engineOf(store, { features: new Set(['promql-per-step-stats'] as const) })
  const range = { start: unixMs(60_000), end: unixMs(180_000), stepMs: 60_000, perStepStats: true }
  const at = unixMs(180_000)
  for (const [promql, when, steps, why] of [
    ['up', range, [2, 2, 2], 'instant selectors read what they hand out'],
    ['sum_over_time(up[2m])', range, [4, 2, 2], 'windows overlap by one sample'],
    ['sum_over_time(up[30s])', range, [2, 2, 2], 'windows do not overlap'],
    ['up @ 60', range, [2, 0, 0], 'what is pinned is read once'],
    ['predict_linear(up[2m] @ 60, 60)', range, [4, 0, 0], 'a pinned window stays, though the result moves'],
    ['sum_over_time(up[2m:1m])', range, [4, 2, 2], 'what is cut from a subquery was read inside'],
    ['sum_over_time(up[2m:1m] offset 1m)', range, [2, 2, 2], 'steps inside come earlier by the offset'],
    ['sum_over_time(up[2m:1m] offset -1m)', range, [4, 2, 2], 'or later, where the last sample is looked back at'],
    ['sum_over_time(up[2m:1m] @ 120)', range, [4, 0, 0], 'a pinned subquery is read once'],
    ['sum_over_time(sum_over_time(up[2m])[2m:1m])', { at, perStepStats: true }, [6], 'windows overlap inside too'],
    ['up[2m]', { at, perStepStats: true }, [4], 'a window as it is'],
    ['up[2m:30s]', { at, perStepStats: true }, [8], 'a subquery as it is'],
    ['1', range, [0, 0, 0], 'nothing to read'],
  ] as const) {
    const { stats } = await query(promql, when)
    assert.deepEqual(
      stats?.readPerStep?.map(([, count]) => count),
      steps,
      `${promql}: ${why}`,
    )
    assert.equal(
      stats?.read,
      steps.reduce<number>((sum, count) => sum + count, 0),
      promql,
    )
  }
  assert.equal((await query('"text"', { at })).stats?.peak, 0)
})

test('a question may look back another while than the engine does', async () => {
  const { query } = engineOf(storeOf('up 1'))
  const at = unixMs(120_000)
  assert.equal(vector(await query('up', { at })).length, 1)
  assert.equal(vector(await query('up', { at, lookbackMs: 60_000 })).length, 0)
})

test('a subquery of very many steps costs the samples that are there, and is what the same steps give at once', async () => {
  const { query } = engineOf(storeOf('a{x="1"} 1 5 2', 'a{x="2"} 4 _ 7'), { limits: { maxSamples: 500_000 } })
  const at = unixMs(120_000)
  // 345,600 steps of two series would be 691,200 slots; each has 121 samples, from 0 s to 120 s.
  const long = vector(await query('count_over_time((a * 2)[4d:1s])', { at }))
  assert.deepEqual(
    long,
    ['1', '2'].map((x) => [`{x="${x}"}`, 121]),
  )
  assert.deepEqual(vector(await query('count_over_time((a * 2)[8m:1s])', { at })), long)
})

test('a duration that comes out wrong is an error of the question, also where nothing would be read', async () => {
  const { query } = engineOf(memoryStore())
  for (const [text, message] of [
    ['rate(up[1m - 2m])', /^1:9: duration must be greater than 0/],
    ['rate(up[1m / 0])', /^1:12: division by zero/],
    ['rate(up[5m % 0])', /^1:12: modulo by zero/],
    ['max_over_time(rate(up[1m - 1m])[1s:1h])', /^1:23: duration must be greater than 0/],
    ['up offset (1 / 0)', /^1:14: division by zero/],
  ] as const)
    await assert.rejects(query(text, { at: unixMs(0) }), { code: 'ASSAY_PROMQL_PARSE', message }, text)
})

test('what or makes of one label set with and without its name to go is one series, as its first sample has it', async () => {
  const { query } = engineOf(storeOf('a 1 _ _ _ 5'), {
    features: new Set(['promql-delayed-name-removal'] as const),
    lookbackMs: 60_000,
  })
  const names = async (text: string, from = 0) => {
    const answer = await query(text, { start: unixMs(from), end: unixMs(240_000), stepMs: 60_000 })
    return answer.kind === 'matrix' ? answer.series.map(({ labels, values }) => [labels.name, [...values]]) : []
  }
  assert.deepEqual(await names('min_over_time(a[1m]) > 2 or a'), [['a', [1, 5]]])
  assert.deepEqual(await names('(min_over_time(a[1m]) < 2) or a'), [['', [1, 5]]])
})

test('histogram_count and its kin leave the type and unit, other functions take them with the name', async () => {
  const { query } = engineOf(storeOf('h{__type__="histogram",__unit__="s"} {{schema:0 count:3 sum:5 buckets:[1 2]}}'))
  const at = unixMs(0)
  const labelled = '{__type__="histogram", __unit__="s"}'
  assert.deepEqual(vector(await query('histogram_count(h)', { at })), [[labelled, 3]])
  assert.deepEqual(vector(await query('histogram_sum(h)', { at })), [[labelled, 5]])
  assert.deepEqual(vector(await query('histogram_quantile(1, h)', { at })), [['{}', 2]])
  assert.deepEqual(vector(await query('timestamp(h)', { at })), [['{}', 0]])
})

test('a subquery is evaluated up to the end of the range, also behind its last step, for what is to be said of it', async () => {
  const { query } = engineOf(storeOf('a 1 5 2 3'))
  const text = 'max_over_time(quantile_over_time(time(), a[1m])[1m:10s])'
  const answer = await query(text, { start: unixMs(60_000), end: unixMs(85_000), stepMs: 30_000 })
  assert.ok(answer.warnings.some((one) => one.includes('got 80 ')))
})
