import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { extentOf, gapsOf, lastOf, MAX_LINES, toFrame } from './frame.ts'

const GRID = { start: 100, end: 150, step: 10 }
const nameOf = (labels: Readonly<Record<string, string>>) => labels['channel'] ?? 'all'

test('instants without a sample are gaps, and so are NaN and infinity', () => {
  const frame = toFrame(
    [
      {
        metric: { channel: 'open' },
        values: [
          [100, '1'],
          [110, 'NaN'],
          [120, '+Inf'],
          [140, '4'],
        ],
      },
    ],
    GRID,
    nameOf,
  )
  assert.deepEqual(frame.times, [100, 110, 120, 130, 140, 150])
  assert.deepEqual(frame.lines, [{ name: 'open', values: [1, null, null, null, 4, null] }])
})

test('a gap is reported from the last known instant to the next', () => {
  const frame = toFrame(
    [
      {
        metric: {},
        values: [
          [100, '1'],
          [130, '2'],
          [140, '4'],
        ],
      },
    ],
    GRID,
    nameOf,
  )
  assert.deepEqual(gapsOf(frame), [
    [100, 130],
    [140, 150],
  ])
})

test('data on one line is no gap for the chart', () => {
  const both = toFrame(
    [
      {
        metric: { channel: 'a' },
        values: [
          [100, '1'],
          [110, '1'],
          [120, '1'],
        ],
      },
      {
        metric: { channel: 'b' },
        values: [
          [130, '1'],
          [140, '1'],
          [150, '1'],
        ],
      },
    ],
    GRID,
    nameOf,
  )
  assert.deepEqual(gapsOf(both), [])
})

test('a chart without any line is one gap', () => {
  assert.deepEqual(gapsOf(toFrame([], GRID, nameOf)), [[100, 150]])
})

test('lines above the bound are dropped and counted', () => {
  const many = Array.from({ length: MAX_LINES + 3 }, (_, i) => ({ metric: { channel: `c${i}` }, values: [] }))
  const frame = toFrame(many, GRID, nameOf)
  assert.equal(frame.lines.length, MAX_LINES)
  assert.equal(frame.dropped, 3)
})

test('every finite sample on the grid is found again, and nothing else', () => {
  // Zero has one spelling on a chart: the sign of a zero is not a law worth keeping.
  const sample = fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0)
  const column = fc.array(fc.option(sample, { nil: null }), { minLength: 6, maxLength: 6 })
  fc.assert(
    fc.property(column, (values) => {
      const samples = values.flatMap((value, i) => (value === null ? [] : [[100 + i * 10, String(value)] as const]))
      const frame = toFrame([{ metric: {}, values: samples }], GRID, nameOf)
      const line = frame.lines[0]
      assert.deepEqual(line?.values, values)
      const known = values.filter((value) => value !== null)
      assert.equal(lastOf(frame, line)?.value, known.at(-1))
      assert.equal(extentOf(frame)?.[1], known.length === 0 ? undefined : Math.max(...known))
    }),
  )
})

test('a series of nothing but histograms is no line, and is not counted as dropped', () => {
  const histograms = [[0, { count: '1', sum: '1' }]] as const
  const frame = toFrame(
    [
      { metric: { a: 'h' }, histograms },
      { metric: { a: 'both' }, values: [[10, '2']], histograms },
    ],
    { start: 0, end: 10, step: 10 },
    (labels) => labels['a'] ?? '',
  )
  assert.deepEqual(frame.lines, [{ name: 'both', values: [null, 2] }])
  assert.equal(frame.dropped, 0)
})
