import assert from 'node:assert/strict'
import { test } from 'node:test'
import { KnownSeries } from './known-series.ts'

const never = (): never => assert.fail('there was room')

test('the same labels are the same entry, in any order and as numbers or texts', () => {
  const known = new KnownSeries<number>(['a', 'b'], 10, never)
  const entry = known.find({ a: 'x', b: 200 })
  assert.equal(known.find({ b: '200', a: 'x' }), entry)
  assert.notEqual(known.find({ a: 'x' }), entry)
  assert.equal(known.find({ a: 'x', b: '' }), known.find({ a: 'x' }))
  assert.deepEqual(known.labelsOf(entry), { a: 'x', b: 200 })
})

test('beyond the limit there is one entry for all, told for each look-up', () => {
  let refused = 0
  const known = new KnownSeries<number>(['a'], 2, () => refused++)
  const [one] = ['x', 'y', 'z', 'w'].map((a) => known.find({ a }))
  assert.equal(known.find({ a: 'z' }), known.overflow)
  assert.equal(known.find({ a: 'x' }), one)
  assert.equal(refused, 3)
  assert.deepEqual(known.labelsOf(known.overflow), { otel_metric_overflow: 'true' })
})

test('an entry that was removed comes back, or gives way to the one that took its place', () => {
  const known = new KnownSeries<number>(['a'], 10, never)
  const first = known.find({ a: 'x' })
  known.remove(first)
  assert.equal(known.peek({ a: 'x' }), undefined)
  assert.equal(known.revive(first), first)
  assert.equal(known.find({ a: 'x' }), first)
  known.remove(first)
  const second = known.find({ a: 'x' })
  assert.equal(known.revive(first), second)
})

test('series that come and go leave nothing behind', () => {
  const known = new KnownSeries<number>(['a', 'b'], 10, never)
  const kept = known.find({ a: 'kept', b: 'kept' })
  for (let i = 0; i < 20_000; i++) known.remove(known.find({ a: `${i}`, b: 'x' }))
  assert.equal(known.size, 1)
  assert.equal(known.find({ a: 'kept', b: 'kept' }), kept)
  assert.ok(known.nodes < 2_000)
})

test('values that a page would show alike are one series', () => {
  const known = new KnownSeries<number>(['a'], 10, never)
  const long = 'x'.repeat(300)
  const entry = known.find({ a: long })
  assert.equal(known.find({ a: `${long}y` }), entry)
  assert.equal(known.peek({ a: long }), entry)
  assert.equal(known.find({ a: '\ud800' }), known.find({ a: '\ufffd' }))
  assert.equal(known.size, 2)
})
