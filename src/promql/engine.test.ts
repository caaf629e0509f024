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
