import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Digest, QuantileWindow } from './quantiles.ts'

const values = fc.array(fc.double({ min: -1e6, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 3_000 })
const SHARES = [0, 0.01, 0.5, 0.9, 0.99, 1]

/** How far the share of values at or below `value` is from `share`; ties count for the side that is nearer. */
function rankError(sorted: readonly number[], value: number, share: number): number {
  const below = sorted.filter((one) => one < value).length / sorted.length
  const upTo = sorted.filter((one) => one <= value).length / sorted.length
  return Math.max(0, below - share, share - upTo)
}

test('a quantile of up to 512 values lies between its two neighbours', () => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: -1e6, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 512 }), (all) => {
      const digest = new Digest()
      for (const value of all) digest.push(value)
      const sorted = Float64Array.from(all).sort()
      for (const share of SHARES) {
        const found = digest.quantile(share)!
        const rank = share * all.length - 0.5
        const lower = sorted[Math.max(0, Math.floor(rank - 1e-9))]!
        const upper = sorted[Math.min(all.length - 1, Math.ceil(rank + 1e-9))]!
        assert.ok(found >= lower - 1e-6 && found <= upper + 1e-6, `${share}: ${found} is not in ${lower} to ${upper}`)
      }
    }),
  )
})

test('a quantile of any number of values is within 1 % of its rank, whatever their order', () => {
  fc.assert(
    fc.property(values, fc.boolean(), (all, isSorted) => {
      const given = isSorted ? Array.from(Float64Array.from(all).sort()) : all
      const digest = new Digest()
      for (let round = 0; round < 3; round++) for (const value of given) digest.push(value)
      const sorted = [...all].sort((a, b) => a - b)
      // A quantile between two values is as right as either of them.
      const slack = 0.01 + 1 / all.length
      for (const share of SHARES) assert.ok(rankError(sorted, digest.quantile(share)!, share) <= slack)
    }),
    { numRuns: 30 },
  )
})

test('nothing has no quantile, and what is cleared is nothing', () => {
  const digest = new Digest()
  assert.equal(digest.quantile(0.5), undefined)
  digest.push(4)
  digest.clear()
  assert.equal(digest.quantile(0.5), undefined)
  assert.equal(digest.size, 0)
})

test('a window forgets what is older than its age, in steps', () => {
  const window = new QuantileWindow(60, 3, 0)
  window.push(1, 1_000)
  assert.equal(window.at(20_000).quantile(0.5), 1)
  window.push(9, 30_000)
  assert.equal(window.at(59_000).quantile(1), 9)
  assert.equal(window.at(59_000).quantile(0), 1)
  assert.equal(window.at(61_000).quantile(0), 9)
  assert.equal(window.at(200_000).quantile(0), undefined)
})

test('a clock that is set back, or far ahead, leaves a window that works', () => {
  const window = new QuantileWindow(60, 3, 1_000_000)
  window.push(5, 10)
  assert.equal(window.at(20).quantile(0.5), 5)
  window.push(6, 1e15)
  assert.equal(window.at(1e15 + 1).quantile(0.5), 6)
})
