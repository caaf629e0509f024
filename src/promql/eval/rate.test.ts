import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { changes, increase, irate, rate, resets } from './rate.ts'
import { FLOATS_ALONE } from './window.test-support.ts'
import { nextResets, type RangeFunction, type Window } from './window.ts'

/** A window over samples 10 s apart from 0 s on, reaching exactly from the first to the last. */
function windowOf(values: readonly number[]): Window {
  return {
    timestamps: Float64Array.from(values, (_, i) => i * 10_000),
    values: Float64Array.from(values),
    from: 0,
    to: values.length,
    startMs: 0,
    endMs: (values.length - 1) * 10_000,
    atMs: 0,
    args: new Float64Array(0),
    nextReset: undefined,
    ...FLOATS_ALONE,
  }
}

function resultOf(run: RangeFunction, values: readonly number[]): number | undefined {
  const out = new Float64Array(1)
  return run(windowOf(values), out, 0) ? out[0] : undefined
}

const steps = fc.array(fc.integer({ min: 0, max: 100 }), { minLength: 2, maxLength: 40 })
const running = (terms: readonly number[]) => {
  let sum = 0
  return terms.map((term) => (sum += term))
}

test('the increase of a counter is what was added, whether it was reset on the way or not', () => {
  fc.assert(
    fc.property(steps, fc.nat(), (terms, where) => {
      const whole = running(terms)
      const cut = where % terms.length
      const reset = [...whole.slice(0, cut), ...running(terms.slice(cut))]
      // A reset is seen only when the counter falls; what it grew to just then is the growth.
      const seen = cut === 0 || reset[cut]! < reset[cut - 1]!
      const expected = whole.at(-1)! - whole[0]!
      assert.ok(Math.abs(resultOf(increase, whole)! - expected) < 1e-9)
      if (seen && cut > 0) assert.ok(Math.abs(resultOf(increase, reset)! - expected) < 1e-9)
      if (cut > 0) assert.equal(resultOf(resets, reset), seen ? 1 : 0)
    }),
  )
})

test('rate is increase by the second', () => {
  fc.assert(
    fc.property(steps, (terms) => {
      const values = running(terms)
      const seconds = (values.length - 1) * 10
      assert.ok(Math.abs(resultOf(rate, values)! * seconds - resultOf(increase, values)!) < 1e-9)
    }),
  )
})

test('a prepared list of resets gives the same answers as looking for them', () => {
  const value = fc.oneof(fc.integer({ min: 0, max: 5 }), fc.constant(Number.NaN))
  fc.assert(
    fc.property(fc.array(value, { minLength: 1, maxLength: 20 }), fc.nat(19), (values, skip) => {
      const from = Math.min(skip, values.length - 1)
      for (const run of [rate, increase, resets]) {
        const [slow, fast] = [new Float64Array(1), new Float64Array(1)]
        const window = { ...windowOf(values), from }
        const prepared = { ...window, nextReset: nextResets(window.values, values.length) }
        assert.equal(run(prepared, fast, 0), run(window, slow, 0))
        assert.deepEqual(fast, slow)
      }
    }),
  )
})

test('one sample says nothing about change', () => {
  for (const run of [rate, increase, irate]) assert.equal(resultOf(run, [5]), undefined)
  assert.equal(resultOf(changes, [5]), 0)
})

test('NaN that stays NaN is no change', () => {
  assert.equal(resultOf(changes, [1, Number.NaN, Number.NaN, 2]), 2)
})
