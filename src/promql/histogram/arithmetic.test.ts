import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Buckets, type NativeHistogram, sameHistogram } from '#core'
import { anyCustom, anyExponential, anyHistogram, anyPair } from './histogram.test-support.ts'
import {
  addHistograms,
  compactHistogram,
  divideHistogram,
  formatNotation,
  negateHistogram,
  parseHistogram,
  scaleHistogram,
  subtractHistograms,
} from './index.ts'

const read = (text: string): NativeHistogram => parseHistogram(text).histogram
const show = (h: NativeHistogram | undefined) => h && formatNotation(h)
const inBuckets = ({ positive, negative, zeroCount }: NativeHistogram): number =>
  [positive, negative].reduce((sum, { counts }: Buckets) => sum + counts.reduce((a, b) => a + b, 0), zeroCount)
/** Equal but for empty buckets. */
const same = (a: NativeHistogram, b: NativeHistogram) => sameHistogram(compactHistogram(a), compactHistogram(b))

test('a sum does not depend on the order, and its hint neither', () => {
  fc.assert(
    fc.property(anyPair, ([a, b]) => {
      const [ab, ba] = [addHistograms(a, b), addHistograms(b, a)]
      assert.ok(ab !== undefined && ba !== undefined)
      assert.ok(same(ab.histogram, ba.histogram), `${show(ab.histogram)} ${show(ba.histogram)}`)
      assert.equal(ab.histogram.resetHint, ba.histogram.resetHint)
      assert.equal(ab.resetCollision, ba.resetCollision)
    }),
  )
})

test('a sum has the observations of both, and none appears twice', () => {
  fc.assert(
    fc.property(anyPair, ([a, b]) => {
      const sum = addHistograms(a, b)!.histogram
      assert.equal(sum.count, a.count + b.count)
      assert.equal(sum.sum, a.sum + b.sum)
      assert.equal(inBuckets(sum), inBuckets(a) + inBuckets(b))
    }),
  )
})

test('what was added can be taken away again, where the layout stays', () => {
  fc.assert(
    fc.property(anyPair, ([a, b]) => {
      const sum = addHistograms(a, b)!.histogram
      const again = subtractHistograms(sum, b)!.histogram
      const layout = addHistograms(a, scaleHistogram(b, 0))!.histogram
      fc.pre(again.zeroThreshold === layout.zeroThreshold && again.schema === layout.schema)
      assert.ok(same(again, layout), `${show(again)} ${show(layout)}`)
      assert.equal(again.resetHint, 'gauge')
    }),
  )
})

test('twice a histogram is the histogram added to itself', () => {
  fc.assert(
    fc.property(anyHistogram, (h) => {
      assert.ok(sameHistogram(addHistograms(h, h)!.histogram, scaleHistogram(h, 2)))
      assert.ok(sameHistogram(divideHistogram(scaleHistogram(h, 2), 2), h))
      assert.ok(sameHistogram(negateHistogram(negateHistogram(h)), h))
    }),
  )
})

test('exponential and custom buckets have no sum', () => {
  fc.assert(
    fc.property(
      anyExponential,
      anyCustom,
      (a, b) => addHistograms(a, b) === undefined && subtractHistograms(b, a) === undefined,
    ),
  )
})

const SUMS = [
  {
    why: 'the coarser schema wins',
    a: '{{schema:1 buckets:[1 1 1 1]}}',
    b: '{{schema:0 buckets:[1 1]}}',
    sum: '{{buckets:[2 3 1]}}',
  },
  {
    why: 'the zero bucket grows to the wider one, and takes in what lies within',
    a: '{{z_bucket:1 z_bucket_w:0.5 buckets:[2 3]}}',
    b: '{{z_bucket:4 z_bucket_w:1}}',
    sum: '{{z_bucket:7 z_bucket_w:1 offset:1 buckets:[3]}}',
  },
  {
    why: 'a populated bucket that the zero bucket ends in draws it to its end',
    a: '{{buckets:[2 3]}}',
    b: '{{z_bucket:4 z_bucket_w:0.7}}',
    sum: '{{z_bucket:6 z_bucket_w:1 offset:1 buckets:[3]}}',
  },
  {
    why: 'a negative bucket draws it too, and the positive side is counted anew',
    a: '{{offset:1 buckets:[2 3] n_buckets:[0 5 1]}}',
    b: '{{z_bucket:4 z_bucket_w:1.5}}',
    sum: '{{z_bucket:11 z_bucket_w:2 offset:2 buckets:[3] n_offset:2 n_buckets:[1]}}',
  },
  {
    why: 'custom bounds that only one has go, and the buckets join',
    a: '{{schema:-53 custom_values:[1 2 3] buckets:[1 2 3 4]}}',
    b: '{{schema:-53 custom_values:[2 4] buckets:[10 20 30]}}',
    sum: '{{schema:-53 custom_values:[2] buckets:[13 57]}}',
  },
  {
    why: 'without a shared bound everything lies in one bucket',
    a: '{{schema:-53 custom_values:[1] buckets:[1 2]}}',
    b: '{{schema:-53 custom_values:[2] buckets:[3 4]}}',
    sum: '{{schema:-53 buckets:[10]}}',
  },
]
for (const { why, a, b, sum } of SUMS)
  test(`adding: ${why}`, () => {
    assert.equal(show(addHistograms(read(a), read(b))?.histogram), sum)
    assert.equal(show(addHistograms(read(b), read(a))?.histogram), sum)
  })

test('hints: gauges win, then what is not known; reset and none collide', () => {
  const hint = (a: string, b: string) => {
    const sum = addHistograms(read(`{{counter_reset_hint:${a}}}`), read(`{{counter_reset_hint:${b}}}`))!
    return sum.resetCollision ? `${sum.histogram.resetHint}!` : sum.histogram.resetHint
  }
  assert.equal(hint('gauge', 'reset'), 'gauge')
  assert.equal(hint('not_reset', 'gauge'), 'gauge')
  assert.equal(hint('unknown', 'not_reset'), 'unknown')
  assert.equal(hint('reset', 'reset'), 'reset')
  assert.equal(hint('reset', 'not_reset'), 'unknown!')
})

test('reconciled bounds are told, equal ones not', () => {
  const [a, b] = [read('{{schema:-53 custom_values:[1 2]}}'), read('{{schema:-53 custom_values:[1]}}')]
  assert.deepEqual([addHistograms(a, b)?.boundsReconciled, addHistograms(a, a)?.boundsReconciled], [true, false])
})

test('division by zero takes the buckets away', () => {
  const h = divideHistogram(read('{{count:3 sum:-2 z_bucket:1 buckets:[2]}}'), 0)
  assert.equal(show(h), '{{count:+Inf sum:-Inf z_bucket:+Inf}}')
  assert.equal(scaleHistogram(read('{{count:3}}'), -1).resetHint, 'gauge')
  assert.equal(divideHistogram(read('{{count:3 counter_reset_hint:reset}}'), 2).resetHint, 'reset')
})

test('a finer bucket that the zero bucket takes in counts in the coarser one too, as in Prometheus', () => {
  const sum = addHistograms(
    read('{{schema:0 z_bucket_w:0.5}}'),
    read('{{schema:1 count:1 offset:-2 buckets:[1]}}'),
  )!.histogram
  assert.equal(show(sum), '{{count:1 z_bucket:1 z_bucket_w:0.5}}')
  const coarser = addHistograms(
    read('{{schema:-1 z_bucket_w:0.5}}'),
    read('{{schema:0 count:1 offset:-1 buckets:[1]}}'),
  )!.histogram
  assert.equal(show(coarser), '{{schema:-1 count:1 z_bucket:1 z_bucket_w:0.5 buckets:[1]}}')
})

test('a zero threshold that is no number ends nowhere, but it ends', () => {
  const broken = { ...read('{{buckets:[1]}}'), zeroThreshold: Number.NaN }
  assert.equal(addHistograms(broken, read('{{z_bucket_w:1 buckets:[1]}}'))?.histogram.count, 0)
})
