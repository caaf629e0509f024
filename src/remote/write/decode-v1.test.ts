import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { isStaleAt, Labels, writeStale } from '#core'
import { decodeWriteRequest } from './decode-v1.ts'
import { encodeWriteRequest } from './encode-write-request.test-support.ts'

const name = fc.stringMatching(/^[a-zA-Z_][a-zA-Z0-9_]{0,8}$/)
const series = fc.record({
  labels: fc
    .dictionary(name, fc.string({ unit: 'grapheme', minLength: 1 }), { maxKeys: 4 })
    .map((record) => Labels.of({ ...record, __name__: 'm' })),
  samples: fc.array(fc.tuple(fc.integer({ min: -8e15, max: 8e15 }), fc.double()), { maxLength: 9 }),
})

function columns(samples: readonly (readonly [number, number])[]) {
  return {
    timestamps: Float64Array.from(samples, ([at]) => at),
    values: Float64Array.from(samples, ([, value]) => value),
  }
}

test('decode ∘ encode is the identity, by bits', () => {
  fc.assert(
    fc.property(fc.array(series, { maxLength: 5 }), (list) => {
      const given = list.map(({ labels, samples }) => ({ labels, ...columns(samples) }))
      const got = decodeWriteRequest(encodeWriteRequest({ series: given, metadata: [] }))
      assert.equal(got.series.length, given.length)
      for (const [i, one] of got.series.entries()) {
        assert.equal(one.labels.key, given[i]?.labels.key)
        assert.deepEqual(got.timestamps.slice(one.from, one.to), given[i]?.timestamps)
        assert.deepEqual(Buffer.from(got.values.slice(one.from, one.to).buffer), Buffer.from(given[i]!.values.buffer))
      }
    }),
  )
})

test('a stale marker stays one', () => {
  const values = new Float64Array(1)
  writeStale(values, 0)
  const bytes = encodeWriteRequest({
    series: [{ labels: Labels.of({ __name__: 'm' }), timestamps: Float64Array.of(1), values }],
    metadata: [],
  })
  assert.ok(isStaleAt(decodeWriteRequest(bytes).values, 0))
})

test('metadata is read', () => {
  const one = { family: 'up', type: 'gauge', help: 'Whether.', unit: 's' } as const
  assert.deepEqual(decodeWriteRequest(encodeWriteRequest({ series: [], metadata: [one] })).metadata, [one])
})

test('a message cut anywhere never yields wrong numbers: it throws, or is a shorter message', () => {
  const labels = Labels.of({ __name__: 'm', job: 'shop' })
  const given = {
    labels,
    ...columns([
      [1000, 1.5],
      [2000, 2.5],
    ]),
  }
  const bytes = encodeWriteRequest({ series: [given, given], metadata: [] })
  for (let cut = 0; cut < bytes.length; cut++) {
    let got: ReturnType<typeof decodeWriteRequest>
    try {
      got = decodeWriteRequest(bytes.subarray(0, cut))
    } catch (thrown) {
      assert.match(String(thrown), /makes no sense at byte/)
      continue
    }
    assert.ok(got.series.length < 2)
    for (const one of got.series) assert.deepEqual([...got.values.slice(one.from, one.to)], [1.5, 2.5])
  }
})

test('any bytes decode or are refused, and nothing else happens', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      try {
        decodeWriteRequest(Buffer.from(bytes))
      } catch (thrown) {
        assert.match(String(thrown), /makes no sense at byte/)
      }
    }),
  )
})

test('labels out of order are put in order, empty ones dropped', () => {
  const series = [{ flat: ['b', '2', '__name__', 'm', 'a', '', 'c', '3'], ...columns([[1, 1]]) }]
  const [one] = decodeWriteRequest(encodeWriteRequest({ series, metadata: [] })).series
  assert.deepEqual(one?.labels.flat, ['__name__', 'm', 'b', '2', 'c', '3'])
})

test('a series without a name, with an empty label name or one twice is left out and counted', () => {
  const bad = [
    ['a', '1'],
    ['__name__', 'm', '', 'x'],
    ['__name__', 'm', 'a', '1', 'a', '2'],
  ]
  const series = [...bad, ['__name__', 'm']].map((flat) => ({ flat, ...columns([[1, 1]]) }))
  const got = decodeWriteRequest(encodeWriteRequest({ series, metadata: [] }))
  assert.deepEqual(
    got.faults.map(({ count, why }) => [count, why.split(':')[0]]),
    [
      [1, 'a series without __name__'],
      [1, 'a label without a name'],
      [1, 'a label name twice, "a"'],
    ],
  )
  assert.equal(got.series.length, 1)
})
