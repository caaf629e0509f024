import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bucketWords } from './distribution.ts'
import { describeHeat, heatGaps, LEVELS, levelLimits, levelOf, onlyGrows, toHeat } from './heat.ts'

const GRID = { start: 100, end: 150, step: 10 }
const wire = (count: number) => ({
  count: `${count}`,
  sum: '1',
  buckets: [[0, '1', '2', `${count}`]] as [number, string, string, string][],
})
const heatOf = (counts: readonly (number | undefined)[]) =>
  toHeat(
    {
      metric: {},
      histograms: counts.flatMap((count, i) => (count === undefined ? [] : [[100 + i * 10, wire(count)] as const])),
    },
    { ...GRID, end: 100 + (counts.length - 1) * 10 },
  )

test('each sample stands in its column, and a column without a sample is empty', () => {
  const heat = heatOf([1, undefined, 3, undefined, undefined, 6])
  assert.deepEqual(
    heat.columns.map((column) => column?.count),
    [1, undefined, 3, undefined, undefined, 6],
  )
  assert.equal(heat.most, 6)
  assert.deepEqual(heatGaps(heat), [
    [105, 115],
    [125, 145],
  ])
})

test('an empty histogram is data, not a gap', () => {
  const heat = toHeat({ metric: {}, histograms: [[100, { count: '0', sum: '0' }]] }, { ...GRID, end: 100 })
  assert.deepEqual(heatGaps(heat), [])
  assert.equal(heat.most, 0)
  assert.match(
    describeHeat(heat, () => ''),
    /No bucket has an observation/,
  )
})

test('a sample that is off the grid by less than half a step counts for the nearest instant', () => {
  const heat = toHeat({ metric: {}, histograms: [[114, wire(2)]] }, GRID)
  assert.equal(heat.columns[1]?.count, 2)
})

test('darkness: none is 0, the least is 1, the most is all of it, and each limit is the top of its step', () => {
  assert.equal(levelOf(0, 10), 0)
  assert.equal(levelOf(1e-9, 10), 1)
  assert.equal(levelOf(10, 10), LEVELS)
  for (const [i, limit] of levelLimits(72).entries()) {
    assert.equal(levelOf(limit, 72), i + 1)
    if (i + 1 < LEVELS) assert.equal(levelOf(limit * 1.001, 72), i + 2)
  }
})

test('counts that only rise are a counter asked for as it is', () => {
  assert.equal(onlyGrows(heatOf([1, 2, 3, 3, 4, undefined, 5, 6, 7, 8])), true)
  assert.equal(onlyGrows(heatOf([1, 2, 3, 3, 4, 3, 5, 6, 7, 8])), false)
  assert.equal(onlyGrows(heatOf([5, 5, 5, 5, 5, 5, 5, 5, 5])), false, 'standing still is no growth')
  assert.equal(onlyGrows(heatOf([1, 2, 3])), false, 'too few to say')
})

test('the sentence for who cannot see says where most lies and how much is missing', () => {
  const text = describeHeat(heatOf([1, undefined, 3, 4]), (bucket) => bucketWords(bucket, 'count'))
  assert.equal(
    text,
    'A heatmap of 3 instants and 1 buckets. Most observations lie above 1 to 2. No data for 25 % of the range.',
  )
  assert.equal(
    describeHeat(heatOf([undefined]), () => ''),
    'No data in this range.',
  )
})
