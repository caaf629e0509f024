import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type NativeHistogram, sameHistogram } from '#core'
import { anyExponential, anyPair } from './histogram.test-support.ts'
import {
  addHistograms,
  compactHistogram,
  formatNotation,
  HistogramMean,
  HistogramSum,
  parseHistogram,
  scaleHistogram,
} from './index.ts'

const read = (text: string): NativeHistogram => parseHistogram(text).histogram
const sumOf = (...all: readonly NativeHistogram[]) => {
  const sum = new HistogramSum()
  const caveats = all.map((h) => sum.add(h)).at(-1)
  return { caveats, histogram: sum.histogram }
}
const meanOf = (...all: readonly NativeHistogram[]) => {
  const mean = new HistogramMean()
  for (const h of all) mean.add(h)
  return mean.histogram
}
const big = 2 ** 53

test('of whole numbers the compensated sum is the plain one', () => {
  fc.assert(
    fc.property(anyPair, ([a, b]) => {
      const { histogram } = sumOf(a, b)
      assert.ok(sameHistogram(compactHistogram(histogram!), compactHistogram(addHistograms(a, b)!.histogram)))
    }),
  )
})

test('what a plain sum would lose beside large numbers is kept, in every number', () => {
  const h = (n: number) =>
    read(`{{count:${n} sum:${n} z_bucket:${n} z_bucket_w:0.5 offset:1 buckets:[${n}] n_offset:2 n_buckets:[${n}]}}`)
  assert.ok(sameHistogram(sumOf(h(big), h(1), h(1)).histogram!, h(big + 2)))
  const custom = (n: number, bounds = '5') =>
    read(`{{schema:-53 count:${n} sum:${n} custom_values:[${bounds}] buckets:[${n}]}}`)
  assert.ok(sameHistogram(sumOf(custom(big), custom(1), custom(1, '5 10')).histogram!, custom(big + 2)))
})

test('histograms of one layout are summed as those of different ones', () => {
  const factor = fc.double({ min: -1e20, max: 1e20, noNaN: true })
  fc.assert(
    fc.property(anyExponential, fc.array(factor, { minLength: 1, maxLength: 6 }), (h, factors) => {
      const { indices, counts } = h.positive
      // An empty bucket beyond all others takes the way of different layouts.
      const positive = { indices: Int32Array.of(...indices, 100), counts: Float64Array.of(...counts, 0) }
      const alike = factors.map((by) => scaleHistogram(h, by))
      const other = factors.map((by) => scaleHistogram({ ...h, positive }, by))
      const [a, b] = [sumOf(h, ...alike), sumOf(h, ...other)].map(({ histogram }) => compactHistogram(histogram!))
      assert.ok(sameHistogram(a!, b!), `${formatNotation(a!)} ${formatNotation(b!)}`)
    }),
  )
})

test('a sum of nothing is nothing, of one the one', () => {
  assert.equal(new HistogramSum().histogram, undefined)
  assert.equal(new HistogramMean().histogram, undefined)
  fc.assert(fc.property(anyExponential, (h) => sameHistogram(sumOf(h).histogram!, h) && sameHistogram(meanOf(h)!, h)))
})

test('exponential buckets after custom ones make an end of it', () => {
  for (const sum of [new HistogramSum(), new HistogramMean()]) {
    assert.ok(sum.add(read('{{schema:-53}}')))
    assert.equal(sum.add(read('{{schema:0}}')), undefined)
    assert.equal(sum.add(read('{{schema:-53}}')), undefined)
    assert.equal(sum.histogram, undefined)
  }
})

test('a reset collides with what was added at any time before', () => {
  const [reset, none, unknown] = ['reset', 'not_reset', 'unknown'].map((hint) => read(`{{counter_reset_hint:${hint}}}`))
  assert.equal(sumOf(reset!, unknown!, none!).caveats?.resetCollision, true)
  assert.equal(sumOf(reset!, unknown!).caveats?.resetCollision, false)
})

test('the mean is the sum divided', () => {
  fc.assert(
    fc.property(anyPair, ([a, b]) => {
      const sum = addHistograms(a, b)!.histogram
      assert.ok(sameHistogram(compactHistogram(meanOf(a, b)!), compactHistogram(scaleHistogram(sum, 0.5))))
    }),
  )
})

test('the mean of large numbers stays finite', () => {
  const h = (n: number) => read(`{{count:${n} sum:${n} buckets:[${n}]}}`)
  const max = 1.5e308
  assert.equal(formatNotation(meanOf(h(max), h(max), h(max))!), formatNotation(h(max)))
  assert.equal(meanOf(h(max), h(max), h(0))?.sum, 1e308)
  assert.equal(meanOf(h(max), h(max), h(Infinity))?.sum, Infinity)
})
