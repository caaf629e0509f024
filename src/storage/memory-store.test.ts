import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Labels, matcher, unixMs } from '#core'
import { storeConformance } from './conformance.ts'
import { LATE_WINDOW_MS, lateConformance } from './late-conformance.ts'
import { memoryStore } from './memory-store.ts'

test('what is committed is read back in order', async () => {
  await using store = memoryStore()
  const up = Labels.of({ __name__: 'up', job: 'shop' })
  using batch = store.appender()
  const ref = batch.append(undefined, up, unixMs(1000), 1)
  batch.append(ref, up, unixMs(2000), 0)
  assert.deepEqual(batch.commit(), { appended: 2, rejected: [] })
  using querier = store.querier(unixMs(0), unixMs(5000))
  const [series] = querier.select([matcher('__name__', '=', 'up')])
  assert.deepEqual([...(series?.samples().timestamps ?? [])], [1000, 2000])
})

test('a series beyond the limit is rejected and the others go on', async () => {
  await using store = memoryStore({ maxSeries: 1 })
  using batch = store.appender()
  batch.append(undefined, Labels.of({ __name__: 'a' }), unixMs(1), 1)
  assert.equal(batch.append(undefined, Labels.of({ __name__: 'b' }), unixMs(1), 1), 0)
  const report = batch.commit()
  assert.equal(report.appended, 1)
  assert.deepEqual(
    report.rejected.map(({ reason, count }) => [reason, count]),
    [['series-limit', 1]],
  )
})

storeConformance(test, 'memory store', async () => {
  const store = memoryStore()
  return { store, settle: async () => {}, [Symbol.asyncDispose]: () => store[Symbol.asyncDispose]() }
})

lateConformance(test, 'memory store', async () => {
  const store = memoryStore({ outOfOrderWindowMs: LATE_WINDOW_MS })
  return { store, settle: async () => {}, [Symbol.asyncDispose]: () => store[Symbol.asyncDispose]() }
})
