import assert from 'node:assert/strict'
import { test } from 'node:test'
import { describe, tableRows } from './table.ts'

const FRAME = { times: [1, 2, 3, 4, 5], lines: [{ name: 'open', values: [1, null, 3, 4, 5] }], dropped: 0 }

test('rows are newest first, and the newest survives thinning', () => {
  assert.deepEqual(
    tableRows(FRAME, 10).map((row) => row.at),
    [5, 4, 3, 2, 1],
  )
  assert.deepEqual(
    tableRows(FRAME, 2).map((row) => row.at),
    [5, 2],
  )
})

test('the description says the last value, the range and what is missing', () => {
  assert.equal(describe(FRAME, String), 'open: last 5, from 1 to 5. No data for 20 % of the range.')
  assert.equal(describe({ times: [], lines: [], dropped: 0 }, String), 'No data in this range.')
})
