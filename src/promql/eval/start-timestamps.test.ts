import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isStartReset, overlapsStart, startsAnew } from './start-timestamps.ts'

test('a start between two samples is a reset; one that says nothing is none', () => {
  for (const { starts, reset, why } of [
    { starts: [0, 0], reset: false, why: 'nothing is known' },
    { starts: [500, 500], reset: false, why: 'the counter goes on' },
    { starts: [500, 1500], reset: true, why: 'it began behind the sample before' },
    { starts: [500, 1000], reset: true, why: 'a delta: it began with the sample before, whose own start is known' },
    { starts: [0, 1000], reset: false, why: 'a counter with unknown start, as OpenTelemetry writes it' },
    { starts: [1000, 1000], reset: false, why: 'the same, where the first start is its own instant' },
    { starts: [1200, 1000], reset: false, why: 'the start before is wrong' },
    { starts: [500, 2000], reset: false, why: 'it began with itself' },
    { starts: [500, 2500], reset: false, why: 'it began behind itself' },
  ] as const) {
    assert.equal(isStartReset(starts[0], 1000, starts[1], 2000), reset, why)
    assert.equal(startsAnew(Float64Array.from(starts), Float64Array.of(1000, 2000), 1), reset, why)
  }
})

test('a start before the sample in front, and not its start, overlaps it', () => {
  const timestamps = Float64Array.of(1000, 2000)
  assert.equal(overlapsStart(Float64Array.of(400, 500), timestamps, 1), true)
  assert.equal(overlapsStart(Float64Array.of(500, 500), timestamps, 1), false)
  assert.equal(overlapsStart(Float64Array.of(500, 1000), timestamps, 1), false)
  assert.equal(overlapsStart(undefined, timestamps, 1), false)
})
