import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '#core'
import { QueryError } from '../position.ts'
import { Annotations, forMetric } from './annotations.ts'
import { Context } from './context.ts'

const SPAN = { start: 4, end: 6 }

function contextOf(clock: ManualClock, signal?: AbortSignal): Context {
  return new Context({
    text: 'sum(up)',
    bounds: { start: 0, end: 0, stepMs: 0, isRange: false },
    lookbackMs: 1,
    defaultStepMs: 1,
    maxSamples: 100,
    annotations: new Annotations('sum(up)'),
    clock,
    signal,
  })
}

test('the budget counts what is held, and what was released is free again', () => {
  const context = contextOf(new ManualClock())
  context.charge(80, SPAN)
  context.held = 10
  context.charge(90, SPAN)
  assert.throws(
    () => context.charge(1, SPAN),
    (thrown) => thrown instanceof QueryError && thrown.code === 'ASSAY_PROMQL_LIMIT' && /^1:5: /.test(thrown.message),
  )
})

test('what there is no room for is refused before it is made, and takes nothing', () => {
  const context = contextOf(new ManualClock())
  context.charge(80, SPAN)
  context.expectRoom(20, SPAN)
  assert.deepEqual([context.held, context.peak], [80, 80])
  assert.throws(() => context.expectRoom(21, SPAN), { code: 'ASSAY_PROMQL_LIMIT' })
})

test('it is time to breathe after much work that took long, not after much work', async () => {
  const clock = new ManualClock()
  const context = contextOf(clock)
  assert.equal(context.spend(1_000_000), false)
  await clock.advance(50)
  assert.equal(context.spend(10), false)
  assert.equal(context.spend(1_000_000), true)
  await context.breathe()
  assert.equal(context.spend(1_000_000), false)
})

test('whoever breathes after an abort is told why', async () => {
  const controller = new AbortController()
  const context = contextOf(new ManualClock(), controller.signal)
  controller.abort(new Error('too late'))
  assert.equal(context.spend(1_000_000), true)
  await assert.rejects(context.breathe(), /too late/)
})

test('annotations say once what is the matter and where, and are bounded', () => {
  const annotations = new Annotations('a +\nb')
  for (let i = 0; i < 3; i++) annotations.warn({ start: 4, end: 5 }, `odd${forMetric('b')}`)
  assert.deepEqual(annotations.warnings, ['PromQL warning: odd for metric name "b" (2:1)'])
  for (let i = 0; i < 10_500; i++) annotations.info(SPAN, `number ${i}`)
  assert.equal(annotations.infos.length, 10_000)
})
