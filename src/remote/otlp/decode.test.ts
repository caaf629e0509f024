import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ProtoWriter } from '#core'
import { type ExponentialBuckets, millisOf, type OtlpExemplar, type ResourceMetrics, TEMPORALITIES } from './data.ts'
import { decodeOtlpJson } from './decode-json.ts'
import { decodeOtlpProto } from './decode-proto.ts'
import { encodeJson, encodeProto } from './encode.test-support.ts'

const text = fc.string({ unit: 'grapheme', maxLength: 8 })
const attributes = fc.array(fc.tuple(text, text), { maxLength: 3 })
/** To the year 2262, as far as 63 bits of nanoseconds reach. */
const at = fc.integer({ min: 0, max: 9_223_372_036_853 })
const count = fc.oneof(fc.nat(50), fc.maxSafeNat())
const counts = fc.array(count, { maxLength: 5 }).map((list) => Float64Array.from(list))
const double = fc.oneof(fc.double(), fc.integer())
const hex = (bytes: number) =>
  fc
    .option(fc.uint8Array({ minLength: bytes, maxLength: bytes }), { nil: undefined })
    .map((one) => (one?.some((byte) => byte !== 0) === true ? Buffer.from(one).toString('hex') : ''))
const exemplars: fc.Arbitrary<readonly OtlpExemplar[]> = fc.array(
  fc.record({ at, value: fc.option(double, { nil: undefined }), traceId: hex(16), spanId: hex(8), attributes }),
  { maxLength: 2 },
)
const sum = fc.option(double, { nil: undefined })
const point = { attributes, startAt: at, at, noValue: fc.boolean() }
const buckets: fc.Arbitrary<ExponentialBuckets> = fc.record({ offset: fc.integer(), counts })
const numberPoint = fc.record({ ...point, value: fc.option(double, { nil: undefined }), exemplars })
const temporality = fc.constantFrom(...TEMPORALITIES)
const points = <T>(one: fc.Arbitrary<T>) => fc.array(one, { maxLength: 3 })
const data = fc.oneof(
  fc.record({ kind: fc.constant('gauge' as const), points: points(numberPoint) }),
  fc.record({ kind: fc.constant('sum' as const), points: points(numberPoint), temporality, monotonic: fc.boolean() }),
  fc.record({
    kind: fc.constant('histogram' as const),
    points: points(
      fc.record({
        ...point,
        count,
        sum,
        counts,
        bounds: fc.array(double, { maxLength: 4 }).map((list) => Float64Array.from(list)),
        exemplars,
      }),
    ),
    temporality,
  }),
  fc.record({
    kind: fc.constant('exponentialHistogram' as const),
    points: points(
      fc.record({
        ...point,
        count,
        sum,
        scale: fc.integer({ min: -11, max: 20 }),
        zeroCount: count,
        zeroThreshold: double,
        positive: buckets,
        negative: buckets,
        exemplars,
      }),
    ),
    temporality,
  }),
  fc.record({
    kind: fc.constant('summary' as const),
    points: points(
      fc.record({
        ...point,
        count,
        sum: double,
        quantiles: fc.array(fc.record({ quantile: double, value: double }), { maxLength: 3 }),
      }),
    ),
  }),
)

const request: fc.Arbitrary<readonly ResourceMetrics[]> = fc.array(
  fc.record({
    attributes,
    scopes: fc.array(
      fc.record({
        name: text,
        version: text,
        schemaUrl: text,
        attributes,
        metrics: fc.array(fc.record({ name: text, description: text, unit: text, data }), { maxLength: 3 }),
      }),
      { maxLength: 2 },
    ),
  }),
  { maxLength: 2 },
)

test('decode ∘ encode is the identity in both encodings, so that JSON = protobuf', () => {
  fc.assert(
    fc.property(request, (given) => {
      const expected = structuredClone(given)
      assert.deepEqual(decodeOtlpProto(encodeProto(given)), expected)
      assert.deepEqual(decodeOtlpJson(encodeJson(given)), expected)
    }),
  )
})

test('milliseconds of nanoseconds are exact, also where a double of nanoseconds is not', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), (nanos) => {
      assert.equal(millisOf(Number(nanos >> 32n), Number(nanos & 0xffffffffn)), Number(nanos / 1_000_000n))
    }),
  )
  const body = (nanos: string) =>
    `{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"m","gauge":{"dataPoints":[{"timeUnixNano":${nanos},"asInt":"1"}]}}]}]}]}`
  const atOf = (nanos: string) => decodeOtlpJson(body(nanos))[0]?.scopes[0]?.metrics[0]?.data.points[0]?.at
  assert.equal(atOf('1700000000001000000'), 1_700_000_000_001)
  assert.equal(atOf('"1700000000000999999"'), 1_700_000_000_000)
  assert.equal(atOf('1700000000000999999'), 1_700_000_000_000)
})

test('values of attributes become text as the Collector writes it, in both encodings', () => {
  type Value = readonly [json: string, write: (w: ProtoWriter) => void, text: string]
  const inner = (w: ProtoWriter, field: number, ...items: readonly ((w: ProtoWriter) => void)[]) =>
    w.blockField(field, () => {
      for (const item of items) w.blockField(1, () => item(w))
    })
  const cases: readonly Value[] = [
    ['{}', () => {}, ''],
    ['{"stringValue":"a\\u2028b"}', (w) => w.textField(1, 'a\u2028b'), 'a\u2028b'],
    ['{"boolValue":true}', (w) => w.varintField(2, 1), 'true'],
    [
      '{"intValue":"-9223372036854775807"}',
      (w) => w.raw(Uint8Array.of(0x18, 0x81, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 1)),
      '-9223372036854775807',
    ],
    [
      '{"intValue":9007199254740993}',
      (w) => w.raw(Uint8Array.of(0x18, 0x81, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10)),
      '9007199254740993',
    ],
    ['{"intValue":-5}', (w) => w.varintField(3, -5), '-5'],
    ['{"doubleValue":1e21}', (w) => w.doubleField(4, 1e21), '1e+21'],
    ['{"doubleValue":0.0000001}', (w) => w.doubleField(4, 1e-7), '1e-7'],
    ['{"doubleValue":"-0"}', (w) => w.doubleField(4, -0), '-0'],
    ['{"doubleValue":"-Infinity"}', (w) => w.doubleField(4, Number.NEGATIVE_INFINITY), 'json: unsupported value: -Inf'],
    ['{"bytesValue":"AQID/w=="}', (w) => w.blobField(7, Uint8Array.of(1, 2, 3, 255)), 'AQID/w=='],
    [
      '{"arrayValue":{"values":[{"stringValue":"<a>\\u2028"},{"intValue":"1"},{},{"boolValue":false}]}}',
      (w) =>
        inner(
          w,
          5,
          (v) => v.textField(1, '<a>\u2028'),
          (v) => v.varintField(3, 1),
          () => {},
          (v) => v.varintField(2, 0),
        ),
      '["<a>\\u2028",1,null,false]',
    ],
    [
      '{"kvlistValue":{"values":[{"key":"b","value":{"doubleValue":1.5}},{"key":"a","value":{"arrayValue":{}}}]}}',
      (w) =>
        inner(
          w,
          6,
          (v) => {
            v.textField(1, 'b')
            v.blockField(2, () => v.doubleField(4, 1.5))
          },
          (v) => {
            v.textField(1, 'a')
            v.blockField(2, () => v.blockField(5, () => {}))
          },
        ),
      '{"a":[],"b":1.5}',
    ],
    ['{"arrayValue":{"values":[{"doubleValue":"NaN"}]}}', (w) => inner(w, 5, (v) => v.doubleField(4, Number.NaN)), ''],
  ]
  for (const [json, write, expected] of cases) {
    const w = new ProtoWriter()
    w.blockField(1, () =>
      w.blockField(1, () =>
        w.blockField(1, () => {
          w.textField(1, 'k')
          w.blockField(2, () => write(w))
        }),
      ),
    )
    assert.deepEqual(decodeOtlpProto(w.take())[0]?.attributes, [['k', expected]], json)
    const body = `{"resourceMetrics":[{"resource":{"attributes":[{"key":"k","value":${json}}]}}]}`
    assert.deepEqual(decodeOtlpJson(body)[0]?.attributes, [['k', expected]], json)
  }
})

test('JSON may name fields as the .proto file does, leave out, put null, and hold more than is known', () => {
  const body = {
    resource_metrics: [
      {
        resource: null,
        later: { x: [1] },
        scope_metrics: [
          {
            metrics: [
              {
                name: 'm',
                sum: {
                  data_points: [{ time_unix_nano: 5e6, as_double: 1.5 }],
                  aggregation_temporality: 2,
                  is_monotonic: true,
                },
              },
              { name: 'new', shape: {} },
            ],
          },
        ],
      },
    ],
  }
  const [resource] = decodeOtlpJson(JSON.stringify(body))
  const [m, later] = resource!.scopes[0]!.metrics
  assert.deepEqual(m!.data, {
    kind: 'sum',
    temporality: 'cumulative',
    monotonic: true,
    points: [{ attributes: [], startAt: 0, at: 5, noValue: false, value: 1.5, exemplars: [] }],
  })
  assert.deepEqual(later!.data, { kind: 'unknown', points: [] })
  assert.deepEqual(decodeOtlpJson('{}'), [])
})

test('an error in JSON names its path', () => {
  const point = (fields: string) =>
    `{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{},{"gauge":{"dataPoints":[${fields}]}}]}]}]}`
  const cases: readonly (readonly [body: string, message: RegExp])[] = [
    ['[', /the body is no JSON: /],
    ['3', /the body: it must be an object/],
    ['{"resourceMetrics":{}}', /^AssayError: resourceMetrics: it must be a list/],
    [point('3'), /resourceMetrics\[0\]\.scopeMetrics\[0\]\.metrics\[1\]\.gauge\.dataPoints\[0\]: it must be an object/],
    [point('{"timeUnixNano":"-1"}'), /dataPoints\[0\]\.timeUnixNano: it must be nanoseconds/],
    [point('{"timeUnixNano":1.5}'), /timeUnixNano: it must be a whole number/],
    [point('{"asInt":1.5}'), /asInt: it must be a whole number/],
    [point('{"asDouble":"12x"}'), /asDouble: it must be a number/],
    [point('{"asDouble":"0x10"}'), /asDouble: it must be a number/],
    [point('{"exemplars":[{"traceId":"xyz"}]}'), /exemplars\[0\]\.traceId: it must be hex digits/],
    [
      '{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"sum":{"aggregationTemporality":"SOME"}}]}]}]}',
      /sum\.aggregationTemporality: it must be 1/,
    ],
  ]
  for (const [body, message] of cases)
    assert.throws(
      () => decodeOtlpJson(body),
      (thrown) => {
        assert.match(String(thrown), message)
        return true
      },
    )
})

test('values that lie too deep, and requests that unfold too far, are refused', () => {
  const deep = (levels: number) => {
    let value = '{"intValue":"1"}'
    for (let i = 0; i < levels; i++) value = `{"arrayValue":{"values":[${value}]}}`
    return `{"resourceMetrics":[{"resource":{"attributes":[{"key":"k","value":${value}}]}}]}`
  }
  assert.equal(decodeOtlpJson(deep(16))[0]?.attributes[0]?.[1], `${'['.repeat(16)}1${']'.repeat(16)}`)
  assert.throws(() => decodeOtlpJson(deep(17)), /more than 16 lists deep/)
  assert.throws(() => decodeOtlpJson(deep(5000)), /more than 16 lists deep/)
  let proto: Buffer = Buffer.from([0x18, 1])
  const wrap = (tag: number, bytes: Buffer) => {
    const w = new ProtoWriter()
    w.blobField(tag, bytes)
    return w.take()
  }
  for (let i = 0; i < 3000; i++) proto = wrap(5, wrap(1, proto))
  assert.throws(() => decodeOtlpProto(wrap(1, wrap(1, wrap(1, wrap(2, proto))))), /more than 16 lists deep/)
  assert.throws(() => decodeOtlpProto(Buffer.from('0a00'.repeat(2_000_001), 'hex')), /more than 2000000 points/)
})

test('any bytes, and any change of a request, are a request or an error with its place', () => {
  const [sample] = fc.sample(
    request.filter((one) => encodeProto(one).length > 200),
    { numRuns: 1, seed: 7 },
  )
  const proto = encodeProto(sample!)
  const json = Buffer.from(encodeJson(sample!))
  const survives = (decode: () => unknown) => {
    try {
      decode()
    } catch (thrown) {
      assert.match(String(thrown), /makes no sense at byte|it must be|is no JSON|no known|a histogram has more/)
    }
  }
  fc.assert(
    fc.property(fc.nat(), fc.nat(255), fc.uint8Array({ maxLength: 60 }), (place, byte, bytes) => {
      const changed = Buffer.from(proto)
      changed[place % proto.length] = byte
      survives(() => decodeOtlpProto(changed))
      survives(() => decodeOtlpProto(proto.subarray(0, place % proto.length)))
      survives(() => decodeOtlpProto(bytes))
      const text = Buffer.from(json)
      text[place % json.length] = byte
      survives(() => decodeOtlpJson(text.toString()))
    }),
    { numRuns: 2000 },
  )
  fc.assert(
    fc.property(fc.json(), (text) => {
      survives(() => decodeOtlpJson(text))
      survives(() =>
        decodeOtlpJson(`{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"sum":{"dataPoints":[${text}]}}]}]}]}`),
      )
    }),
  )
})
