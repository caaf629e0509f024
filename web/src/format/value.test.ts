import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Unit } from '../api/wire.ts'
import { formatNumber, formatText, formatTicks, scaleOf } from './value.ts'

/** With plain spaces, so that the cases can be read. */
const plain = (text: string) => text.replaceAll(/[\u00a0\u202f]/g, ' ')
const text = (...given: Parameters<typeof formatText>) => plain(formatText(...given))

const UNITS: readonly Unit[] = ['seconds', 'ratio', 'per_second', 'bytes', 'count']

const CASES: readonly (readonly [unit: Unit, value: number | null, text: string, why: string])[] = [
  ['seconds', 0.64, '640 ms', 'latency is read in milliseconds'],
  ['seconds', 0.0842, '84.2 ms', 'three significant figures'],
  ['seconds', 0.0004, '400 µs', 'a fast database'],
  ['seconds', 1.5, '1.5 s', 'above a second'],
  ['seconds', 0, '0 ms', 'zero is a measurement'],
  ['seconds', 300, '5 min', 'a policy for five minutes'],
  ['seconds', 1_641_600, '19 d', 'a forecast'],
  ['ratio', 0.002, '0.2 %', 'errors'],
  ['ratio', 0.46, '46 %', 'a bar'],
  ['ratio', 1, '100 %', 'a full bar'],
  ['per_second', 312.4, '312 /s', 'a rate'],
  ['per_second', 0.4, '0.4 /s', 'a slow rate'],
  ['per_second', 12_400, '12.4 k/s', 'a fast rate'],
  ['bytes', 442_381_631_488, '412 GiB', 'a bucket'],
  ['bytes', 512, '512 B', 'small'],
  ['count', 1284, '1 284', 'grouped by a thin space'],
  ['count', 38, '38', 'connections'],
  ['count', 2_500_000, '2.5 M', 'many'],
  ['count', null, 'no data', 'missing is not zero'],
  ['count', Number.NaN, 'no data', 'a quantile of nothing is NaN'],
  ['count', Number.POSITIVE_INFINITY, '∞', 'a ratio to zero'],
  ['count', -3, '−3', 'a real minus'],
]

test('a value is written with the unit that suits its size', () => {
  for (const [unit, value, expected, why] of CASES) assert.equal(text(unit, value), expected, why)
})

test('at a glance two figures are enough, and whole ones stay whole', () => {
  assert.equal(text('seconds', 0.0755, 'glance'), '76 ms')
  assert.equal(text('ratio', 0.263, 'glance'), '26 %')
  assert.equal(text('ratio', 0.0023, 'glance'), '0.2 %')
  assert.equal(text('count', 312, 'glance'), '312')
})

test('the figure read back is within half a percent of the value', () => {
  fc.assert(
    fc.property(fc.constantFrom(...UNITS), fc.double({ min: 0.001, max: 1e11, noNaN: true }), (unit, value) => {
      const scale = scaleOf(unit, value)
      const scaled = value * scale.factor
      fc.pre(scaled >= 1)
      const back = Number(plain(formatNumber(scaled)).replaceAll(' ', ''))
      assert.ok(Math.abs(back - scaled) <= scaled * 0.0051 + 1e-12, `${scaled} is written ${formatNumber(scaled)}`)
    }),
  )
})

test('ticks of one axis share their digits', () => {
  assert.deepEqual(formatTicks([0, 0.25, 0.5, 0.75, 1], { factor: 1000, unit: 'ms' }).map(plain), [
    '0',
    '250',
    '500',
    '750',
    '1 000',
  ])
  assert.deepEqual(formatTicks([0, 0.5, 1], { factor: 1, unit: 's' }), ['0.0', '0.5', '1.0'])
  assert.deepEqual(formatTicks([0, 0.0025, 0.005], { factor: 100, unit: '%' }), ['0.00', '0.25', '0.50'])
})

test('two different ticks are never written alike', () => {
  const steps = [1, 2, 2.5, 5]
  fc.assert(
    fc.property(
      fc.constantFrom(...steps),
      fc.integer({ min: -5, max: 6 }),
      fc.integer({ min: 0, max: 9 }),
      (base, power, from) => {
        const gap = base * 10 ** power
        const ticks = [0, 1, 2, 3, 4].map((i) => (from + i) * gap)
        assert.equal(new Set(formatTicks(ticks, { factor: 1, unit: '' })).size, 5)
      },
    ),
  )
})
