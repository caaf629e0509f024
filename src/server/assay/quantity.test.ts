import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatQuantity, formatSpan } from './quantity.ts'

test('quantities carry the unit a person would say', () => {
  assert.equal(formatQuantity(0.5, 'seconds'), '500 ms')
  assert.equal(formatQuantity(1.234, 'seconds'), '1.23 s')
  assert.equal(formatQuantity(0.05, 'ratio'), '5 %')
  assert.equal(formatQuantity(130.4, 'per_second'), '130/s')
  assert.equal(formatQuantity(1.5 * 2 ** 30, 'bytes'), '1.5 GiB')
  assert.equal(formatQuantity(2 ** 70, 'bytes'), '1048576 PiB')
  assert.equal(formatQuantity(38, 'count'), '38')
})

test('spans are said in one or two units', () => {
  assert.deepEqual([-5, 9_400, 61_000, 3600_000, 7_500_000, 3 * 86_400_000].map(formatSpan), [
    '0 s',
    '9 s',
    '1 min',
    '1 h',
    '2 h 5 min',
    '3 days',
  ])
})
