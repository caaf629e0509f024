import assert from 'node:assert/strict'
import { test } from 'node:test'
import { axisOf } from './bucket-axis.ts'
import { barsOf } from './bucket-bars.ts'
import type { Bucket } from './distribution.ts'

const BOX = { width: 300, height: 100 }
const bucket = (lower: number, upper: number, count: number): Bucket => ({
  lower,
  upper,
  lowerIn: false,
  upperIn: true,
  count,
})

test('equally wide buckets are as high as they are full', () => {
  const given = [bucket(0, 1, 5), bucket(1, 2, 10), bucket(2, 3, 2.5)]
  const bars = barsOf(given, axisOf(given, 'linear'), BOX)
  assert.deepEqual(
    bars.map(({ height, y }) => [height, y]),
    [
      [50, 50],
      [100, 0],
      [25, 75],
    ],
  )
})

test('a bucket three times as wide is a third as high for the same count: the area is the share', () => {
  const given = [bucket(0, 3, 6), bucket(3, 4, 6)]
  const bars = barsOf(given, axisOf(given, 'linear'), { width: 400, height: 90 })
  assert.deepEqual(
    bars.map(({ height }) => height),
    [30, 90],
  )
})

test('one rare observation is still seen, and no bar leaves the box', () => {
  const given = [bucket(0, 1, 1e9), bucket(1, 1.000001, 1), bucket(1e6, 1e6 + 1, 1)]
  for (const { x, y, width, height } of barsOf(given, axisOf(given, 'linear'), BOX)) {
    assert.ok(height >= 1 && width > 0)
    assert.ok(x >= 0 && x + width <= BOX.width + 1 && y >= 0 && y + height <= BOX.height + 0.01)
  }
})

test('more buckets than pixels are never more bars than pixels, and no observation is lost', () => {
  const given = Array.from({ length: 5000 }, (_, i) => bucket(i, i + 1, 1))
  const bars = barsOf(given, axisOf(given, 'linear'), BOX)
  assert.ok(bars.length <= BOX.width)
  assert.equal(
    bars.reduce((sum, bar) => sum + bar.bucket.count, 0),
    5000,
  )
})

test('a bar to infinity is open at its side', () => {
  const given = [bucket(Number.NEGATIVE_INFINITY, 1, 1), bucket(1, 2, 1), bucket(2, Number.POSITIVE_INFINITY, 1)]
  assert.deepEqual(
    barsOf(given, axisOf(given, 'linear'), BOX).map(({ open }) => open),
    ['left', undefined, 'right'],
  )
})

test('no buckets are no bars', () => {
  assert.deepEqual(barsOf([], axisOf([], 'exponential'), BOX), [])
})
