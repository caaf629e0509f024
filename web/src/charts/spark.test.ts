import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sparkShape } from './spark.ts'

const BOX = { width: 100, height: 20, pad: 0 }

test('a gap in the data is a gap in the line', () => {
  const { line } = sparkShape(
    [
      [0, 1],
      [10, 1],
      [20, null],
      [30, 1],
      [40, 1],
    ],
    BOX,
  )
  assert.equal(line.match(/M/g)?.length, 2)
})

test('a lone sample between gaps is a dot', () => {
  const { line, dots } = sparkShape(
    [
      [0, null],
      [10, 1],
      [20, null],
    ],
    BOX,
  )
  assert.equal(line, '')
  assert.equal(dots.length, 1)
})

test('zero is the floor', () => {
  const { line } = sparkShape(
    [
      [0, 5],
      [10, 10],
    ],
    BOX,
  )
  assert.equal(line, 'M0 10L100 0')
})

test('a threshold within reach is drawn, a far one is not', () => {
  const points = [
    [0, 5],
    [10, 10],
  ] as const
  assert.notEqual(sparkShape(points, BOX, 12).limitY, undefined)
  assert.equal(sparkShape(points, BOX, 100).limitY, undefined)
})

test('a tiny value stays low when the top is given', () => {
  assert.equal(
    sparkShape(
      [
        [0, 1],
        [10, 1],
      ],
      { ...BOX, atLeast: 10 },
    ).line,
    'M0 18L100 18',
  )
})

test('nothing but gaps is nothing at all', () => {
  assert.deepEqual(
    sparkShape(
      [
        [0, null],
        [10, Number.NaN],
      ],
      BOX,
    ),
    { line: '', dots: [], limitY: undefined, end: undefined },
  )
})

test('the end is marked only when the newest instant has data', () => {
  assert.equal(
    sparkShape(
      [
        [0, 1],
        [10, null],
      ],
      BOX,
    ).end,
    undefined,
  )
  assert.deepEqual(
    sparkShape(
      [
        [0, 1],
        [10, 2],
      ],
      BOX,
    ).end,
    [100, 0],
  )
})
