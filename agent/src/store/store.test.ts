import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { formatLabels, OVERFLOW_LABELS, observe, Store, set } from './store.ts'

test('the same labels are the same series, and an empty value is an absent label', () => {
  const family = new Store().family({ name: 'a', help: '', kind: 'gauge' })
  assert.equal(
    family.series([
      ['x', '1'],
      ['y', ''],
    ]),
    family.series([['x', '1']]),
  )
  assert.notEqual(family.series([['x', '1']]), family.series([['x', '2']]))
  assert.equal(family.size, 2)
})

test('a full family adds what is new to one overflow series and loses no sum', () => {
  const family = new Store().family({ name: 'a', help: '', kind: 'counter', maxSeries: 10 })
  for (let i = 0; i < 200_000; i++) {
    const { values, at } = family.series([['url', `/${i}`]])
    values[at]! += 1
  }
  const slots = [...family.slots()]
  assert.equal(slots.length, 11)
  assert.equal(
    slots.reduce((sum, { values, at }) => sum + values[at]!, 0),
    200_000,
  )
  assert.equal(slots.at(-1)?.labels, OVERFLOW_LABELS)
})

test('a series that was removed starts again at zero, in the same place', () => {
  const family = new Store().family({ name: 'a', help: '', kind: 'gauge' })
  const first = family.series([['x', '1']])
  set(first, 7)
  family.remove(first)
  const second = family.series([['x', '2']])
  assert.equal(second.at, first.at)
  assert.equal(second.values[second.at], 0)
  family.remove(first)
  assert.equal(family.size, 1, 'an old handle removes nothing')
})

test('a family is declared once; another kind or other bounds are refused', () => {
  const store = new Store()
  const family = store.family({ name: 'a', help: '', kind: 'histogram', bounds: [1, 2] })
  assert.equal(store.family({ name: 'a', help: 'other words', kind: 'histogram', bounds: [1, 2] }), family)
  assert.throws(() => store.family({ name: 'a', help: '', kind: 'counter' }), /ASSAY_AGENT_METRIC/)
  assert.throws(() => store.family({ name: 'a', help: '', kind: 'histogram', bounds: [1, 3] }), /ASSAY_AGENT_METRIC/)
})

test('an observation falls into the first bucket whose bound is not below it, as sorting would say', () => {
  const bounds = [0.1, 1, 10]
  fc.assert(
    fc.property(
      fc.array(fc.oneof(fc.double({ min: -5, max: 50, noNaN: true }), fc.constantFrom(...bounds))),
      (given) => {
        const slot = new Store().family({ name: 'a', help: '', kind: 'histogram', bounds }).series()
        for (const value of given) observe(slot, bounds, value)
        const edges = [Number.NEGATIVE_INFINITY, ...bounds, Number.POSITIVE_INFINITY]
        const expected = edges
          .slice(1)
          .map((upper, i) => given.filter((value) => value > edges[i]! && value <= upper).length)
        assert.deepEqual([...slot.values.subarray(slot.at, slot.at + 4)], expected)
      },
    ),
  )
})

test('blocks do not overlap, however many series of whatever width', () => {
  const store = new Store()
  const wide = store.family({
    name: 'h',
    help: '',
    kind: 'histogram',
    bounds: Array.from({ length: 64 }, (_, i) => i),
    maxSeries: 1_000,
  })
  const narrow = store.family({ name: 'g', help: '', kind: 'gauge' })
  const places = new Set<string>()
  const blocks = new Map<ArrayBufferLike, number>()
  for (let i = 0; i < 1_000; i++) {
    for (const [slot, width] of [
      [wide.series([['i', String(i)]]), 66],
      [narrow.series([['i', String(i)]]), 1],
    ] as const) {
      const block = blocks.get(slot.values.buffer) ?? blocks.size
      blocks.set(slot.values.buffer, block)
      for (let k = 0; k < width; k++) places.add(`${block}:${slot.at + k}`)
    }
  }
  assert.equal(places.size, 67_000)
})

test('values are escaped, cut when long, and always well formed', () => {
  assert.equal(formatLabels([['a', 'x"\\\n']]), 'a="x\\"\\\\\\n"')
  assert.equal(formatLabels([['a', 'é\ud800']]), 'a="é\ufffd"')
  assert.equal(formatLabels([['a', 'x'.repeat(1_000)]]).length, 'a=""'.length + 256)
})
