import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { AssayError, isStaleAt, Labels, ProtoWriter, sameHistogram, writeStale } from '#core'
import type { Metadata } from '#storage'
import { anyHistogram } from '../histograms.test-support.ts'
import { decodeWriteRequest } from './decode-v1.ts'
import { decodeWriteRequestV2 } from './decode-v2.ts'
import { encodeWriteV1 } from './encode-v1.ts'
import { encodeWriteV2 } from './encode-v2.ts'
import { requestV2 } from './requests.test-support.ts'
import type { WriteRequest, WriteSeries } from './types.ts'
import { REQUEST_LIMITS, WRITE_LIMITS } from './write-limits.ts'

const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 6 })
const labels = fc
  .dictionary(text, text, { maxKeys: 4 })
  .chain((record) => text.map((name) => Labels.of({ ...record, __name__: name })))
const instant = fc.integer({ min: -(2 ** 50), max: 2 ** 50 })
const start = fc.oneof(fc.constant(0), instant)
const value = fc.oneof(fc.double(), fc.constant('stale' as const))

const series = fc.record({
  labels,
  samples: fc.array(fc.tuple(instant, value, start), { maxLength: 4 }),
  histograms: fc.array(fc.record({ at: instant, startAt: start, histogram: anyHistogram }), { maxLength: 3 }),
  exemplars: fc.array(
    fc.record({ labels: fc.dictionary(text, text, { maxKeys: 2 }).map(Labels.of), value: fc.double(), at: instant }),
    { maxLength: 2 },
  ),
})
type Given = typeof series extends fc.Arbitrary<infer T> ? T : never

function requestOf(list: readonly Given[]): WriteRequest {
  const flat = list.flatMap((one) => one.samples)
  const values = new Float64Array(flat.length)
  for (const [i, [, given]] of flat.entries()) {
    if (given === 'stale') writeStale(values, i)
    else values[i] = given
  }
  let to = 0
  return {
    series: list.map(({ samples, ...one }): WriteSeries => {
      const from = to
      to += samples.length
      return { ...one, from, to }
    }),
    timestamps: Float64Array.from(flat, ([at]) => at),
    values,
    starts: Float64Array.from(flat, ([, , startAt]) => startAt),
    metadata: [],
    faults: [],
    withoutMetadata: 0,
  }
}

/** A request in words that can be compared, values by their bits. */
function wordsOf(request: WriteRequest, withStarts: boolean): unknown {
  const bits = new BigUint64Array(request.values.slice().buffer)
  return request.series.map(({ labels: one, from, to, histograms, exemplars }) => ({
    labels: one.flat,
    samples: Array.from({ length: to - from }, (_, i) => [
      request.timestamps[from + i],
      bits[from + i],
      withStarts ? (request.starts?.[from + i] ?? 0) : 0,
    ]),
    histograms: histograms.map(({ at, startAt }) => [at, withStarts ? startAt : 0]),
    exemplars: exemplars.map((exemplar) => [exemplar.labels.flat, exemplar.value, exemplar.at]),
  }))
}

function assertHistograms(got: WriteRequest, given: WriteRequest): void {
  const all = (request: WriteRequest) => request.series.flatMap((one) => one.histograms)
  const want = all(given)
  for (const [i, { histogram }] of all(got).entries())
    assert.ok(histogram !== undefined && sameHistogram(histogram, want[i]!.histogram!))
}

test('1.0: decode ∘ encode is the identity, values by their bits; only start timestamps stay behind', () => {
  fc.assert(
    fc.property(fc.array(series, { maxLength: 4 }), (list) => {
      const given = requestOf(list)
      const got = decodeWriteRequest(encodeWriteV1(given))
      assert.deepEqual(wordsOf(got, false), wordsOf(given, false))
      assertHistograms(got, given)
      assert.deepEqual(got.faults, [])
    }),
  )
})

test('1.0: labels may stand behind the samples', () => {
  const writer = new ProtoWriter()
  const label = (name: string, value: string) =>
    writer.blockField(1, () => {
      writer.textField(1, name)
      writer.textField(2, value)
    })
  writer.blockField(1, () => {
    label('__name__', 'm')
    writer.blockField(2, () => writer.varintField(2, 5))
    label('a', '1')
  })
  assert.equal(String(decodeWriteRequest(writer.take()).series[0]?.labels), 'm{a="1"}')
})

/** 2.0 tells floats and histograms of a series apart. */
const oneKind = series.map((one) => (one.samples.length === 0 ? one : { ...one, histograms: [] }))

test('2.0: decode ∘ encode is the identity, start timestamps included', () => {
  fc.assert(
    fc.property(fc.array(oneKind, { maxLength: 4 }), (list) => {
      const given = requestOf(list)
      const got = decodeWriteRequestV2(encodeWriteV2(given, () => undefined))
      assert.deepEqual(wordsOf(got, true), wordsOf(given, true))
      assertHistograms(got, given)
      assert.deepEqual(got.faults, [])
    }),
  )
})

test('2.0: a series of both kinds is sent as two, and nothing of it is lost', () => {
  const given = requestOf([
    ...fc.sample(
      series.filter((one) => one.samples.length > 0 && one.histograms.length > 0),
      { numRuns: 1, seed: 1 },
    ),
  ])
  const got = decodeWriteRequestV2(encodeWriteV2(given, () => undefined))
  assert.deepEqual(got.faults, [])
  assert.equal(got.series.length, 2)
  assert.equal(got.series[0]!.to, given.series[0]!.to)
  assert.equal(got.series[1]!.histograms.length, given.series[0]!.histograms.length)
  assertHistograms(got, given)
})

test('2.0: what was sent field by field is read the same, wherever the symbols stand', () => {
  const sent = [
    {
      labels: ['__name__', 'm', 'b', '2', 'a', '1', 'gone', ''],
      samples: [
        { at: 1, value: 1, startAt: -5 },
        { at: 2, value: 2 },
      ],
      exemplars: [{ labels: ['trace_id', 'x'], value: 3, at: 2 }],
      metadata: { type: 1, help: 'Help.', unit: 's' },
      createdAt: 7,
    },
  ]
  for (const symbolsLast of [false, true]) {
    const got = decodeWriteRequestV2(requestV2(sent, { symbolsLast }))
    assert.deepEqual(
      got.series[0]?.labels.flat,
      ['__name__', 'm', 'a', '1', 'b', '2'],
      'put in order, empty ones dropped',
    )
    assert.deepEqual([...got.starts!.slice(0, 2)], [-5, 7], 'the older created timestamp fills what has none')
    assert.deepEqual(got.series[0]?.exemplars[0]?.labels.flat, ['trace_id', 'x'])
    assert.deepEqual(got.metadata, [{ family: 'm', type: 'counter', help: 'Help.', unit: 's' }])
  }
})

test('2.0: metadata of the parts of a classic family is kept under the family', () => {
  const metadata: Metadata = { type: 'histogram', help: 'Seconds.', unit: 's' }
  const parts = ['x_bucket', 'x_count', 'x_sum', 'x'].map((name) => ({
    labels: ['__name__', name],
    metadata: { type: 3, help: 'Seconds.', unit: 's' },
  }))
  assert.deepEqual(decodeWriteRequestV2(requestV2(parts)).metadata, [{ family: 'x', ...metadata }])
  const sent = encodeWriteV2(
    {
      ...requestOf([]),
      series: [{ labels: Labels.of({ __name__: 'x_bucket' }), from: 0, to: 0, histograms: [], exemplars: [] }],
    },
    (family) => (family === 'x' ? metadata : undefined),
  )
  assert.deepEqual(decodeWriteRequestV2(sent).metadata, [{ family: 'x', ...metadata }])
})

test('a series that breaks a rule is left out with its reason, the others are read', () => {
  const ok = { labels: ['__name__', 'ok'], samples: [{ at: 1, value: 1 }] }
  const both = { ...ok, histograms: [{ at: 1, histogram: fc.sample(anyHistogram, { numRuns: 1, seed: 1 })[0]! }] }
  const cases: readonly (readonly [Parameters<typeof requestV2>[0][number], RegExp])[] = [
    [{ ...ok, labels: ['a', '1'] }, /^a series without __name__: \{a="1"\}$/],
    [{ ...ok, labels: ['__name__', 'm', '', 'x'] }, /^a label without a name/],
    [{ ...ok, labels: ['__name__', 'm', 'a', '1', 'a', '2'] }, /^a label name twice, "a"/],
    [{ ...ok, labels: ['__name__', 'm', 'a'] }, /^an odd number of label references, 3; they are pairs$/],
    [both, /has both samples and histograms; send each kind as a series of its own$/],
  ]
  for (const [bad, why] of cases) {
    const got = decodeWriteRequestV2(requestV2([bad, ok]))
    assert.equal(got.faults.length, 1)
    assert.match(got.faults[0]!.why, why)
    assert.deepEqual([got.series.length, got.series[0]!.from, got.series[0]!.to], [1, 0, 1])
  }
})

test('2.0: a reference beyond the symbols, and a table that does not begin with the empty text, are told', () => {
  const writer = new ProtoWriter()
  writer.textField(4, '')
  writer.blockField(5, () => writer.blockField(1, () => [1, 2].forEach((ref) => void writer.varint(ref))))
  assert.match(decodeWriteRequestV2(writer.take()).faults[0]!.why, /^a reference to symbol 1, of which there are 1$/)
  writer.textField(4, 'x')
  assert.throws(() => decodeWriteRequestV2(writer.take()), /its first symbol is "x", and has to be empty/)
})

test('a body of the other version is an empty request, never wrong numbers', () => {
  const v2 = requestV2([{ labels: ['__name__', 'm'], samples: [{ at: 1, value: 1 }] }])
  assert.equal(decodeWriteRequest(v2).series.length, 0)
})

test('a message cut or changed anywhere is read, faulty, or refused with its byte; nothing else happens', () => {
  const base = fc.sample(fc.array(series, { minLength: 2, maxLength: 3 }), { numRuns: 1, seed: 7 })[0]!
  const request = requestOf(base)
  const messages = [encodeWriteV1(request), encodeWriteV2(request, () => ({ type: 'counter', help: 'h', unit: '' }))]
  const attempt = (bytes: Uint8Array) => {
    for (const decode of [decodeWriteRequest, decodeWriteRequestV2]) {
      try {
        const got = decode(bytes)
        for (const one of got.series) assert.ok(one.from <= one.to && one.labels.name !== '')
      } catch (thrown) {
        assert.ok(thrown instanceof AssayError && thrown.code === 'ASSAY_PROTO', String(thrown))
      }
    }
  }
  for (const message of messages) for (let cut = 0; cut < message.length; cut++) attempt(message.subarray(0, cut))
  fc.assert(
    fc.property(fc.nat(), fc.nat(255), fc.nat(1), fc.uint8Array({ maxLength: 12 }), (place, byte, which, tail) => {
      const bytes = Buffer.concat([messages[which]!, tail])
      bytes[place % bytes.length] = byte
      attempt(bytes)
    }),
    { numRuns: 2000 },
  )
  fc.assert(fc.property(fc.uint8Array({ maxLength: 80 }), attempt), { numRuns: 2000 })
})

test('a stale marker of a histogram series is one', () => {
  const sum = new Float64Array(1)
  writeStale(sum, 0)
  const writer = new ProtoWriter()
  writer.blockField(1, () => {
    writer.blockField(1, () => {
      writer.textField(1, '__name__')
      writer.textField(2, 'h')
    })
    writer.blockField(4, () => {
      writer.doubleOf(3, sum, 0)
      writer.varintField(15, 9)
    })
  })
  assert.deepEqual(decodeWriteRequest(writer.take()).series[0]?.histograms, [
    { at: 9, startAt: 0, histogram: undefined },
  ])
})

test('what unfolds to too much is refused before memory is gone', () => {
  /** The same two bytes over and over: an empty message in a field. */
  const empty = (field: number, times: number) => Buffer.alloc(times * 2, Buffer.from([(field << 3) | 2, 0]))
  const inSeries = (field: number, body: Buffer, head = Buffer.alloc(0)) => {
    const writer = new ProtoWriter()
    writer.raw(head)
    writer.blobField(field, body)
    return writer.take()
  }
  const cases: readonly (readonly [string, () => unknown])[] = [
    ['symbols', () => decodeWriteRequestV2(empty(4, REQUEST_LIMITS.symbols + 1))],
    ['samples', () => decodeWriteRequestV2(inSeries(5, empty(2, WRITE_LIMITS.samples + 1)))],
    ['samples', () => decodeWriteRequest(inSeries(1, empty(2, WRITE_LIMITS.samples + 1)))],
    ['histograms', () => decodeWriteRequestV2(inSeries(5, empty(3, REQUEST_LIMITS.histograms + 1)))],
    ['exemplars', () => decodeWriteRequest(inSeries(1, empty(3, REQUEST_LIMITS.exemplars + 1)))],
    ['labels', () => decodeWriteRequest(inSeries(1, empty(1, REQUEST_LIMITS.labels + 1)))],
    ['labels', () => decodeWriteRequestV2(inSeries(5, inSeries(1, Buffer.alloc(REQUEST_LIMITS.labels + 1))))],
  ]
  for (const [what, run] of cases)
    assert.throws(
      run,
      (thrown) =>
        thrown instanceof AssayError && thrown.code === 'ASSAY_REMOTE_TOO_LARGE' && thrown.message.includes(what),
    )
})

test('a value keeps its bits next to ordinary ones', () => {
  const values = new Float64Array(3)
  writeStale(values, 1)
  const samples = [0, 1, 2].map((i) => ({ at: i, value: values.subarray(i, i + 1) }))
  const got = decodeWriteRequestV2(requestV2([{ labels: ['__name__', 'm'], samples }]))
  assert.deepEqual(
    [0, 1, 2].map((i) => isStaleAt(got.values, i)),
    [false, true, false],
  )
})
