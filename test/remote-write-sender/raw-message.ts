/**
 * Messages of remote write 1.0 and 2.0 as they lie on the wire, read field by field: the references of 2.0 stay references, values
 * stay bits. Nothing is checked, put in order or left out here; what holds is for the tests to say.
 *
 * A twin of the decoders of the receiver, and on purpose none of their code.
 *
 * Source: prometheus: prompb/types.proto, prompb/remote.proto, prompb/io/prometheus/write/v2/types.proto.
 */
export type RawSample = { readonly value: number; readonly bits: bigint; readonly at: number; readonly startAt: number }
export type RawExemplar = { readonly labels: Pairs; readonly value: number; readonly at: number }
export type RawHistogram = {
  readonly count: number
  /** Of whole numbers, not of floats. */
  readonly isInteger: boolean
  readonly sum: number
  readonly schema: number
  readonly zeroThreshold: number
  readonly zeroCount: number
  readonly positiveSpans: readonly Span[]
  readonly negativeSpans: readonly Span[]
  /** Deltas of whole numbers, or counts of floats. */
  readonly positive: readonly number[]
  readonly negative: readonly number[]
  readonly customValues: readonly number[]
  readonly at: number
  readonly startAt: number
}
export type Span = { readonly offset: number; readonly length: number }
export type RawMetadata = { readonly type: number; readonly help: string; readonly unit: string }
/** Name and value, in the order they were sent. */
export type Pairs = readonly (readonly [string, string])[]

export type RawSeries = {
  readonly labels: Pairs
  readonly samples: readonly RawSample[]
  readonly histograms: readonly RawHistogram[]
  readonly exemplars: readonly RawExemplar[]
  readonly metadata: RawMetadata | undefined
  /** 2.0: every reference of it. 1.0 has none. */
  readonly refs: readonly number[]
}
export type RawMessage = {
  /** 2.0 alone. */
  readonly symbols: readonly string[]
  readonly series: readonly RawSeries[]
  /** 1.0 alone: by family. */
  readonly families: readonly (RawMetadata & { readonly family: string })[]
}

/** Fields by their number, each as often as it came. */
type Fields = ReadonlyMap<number, readonly Field[]>
type Field = { readonly number: bigint; readonly bytes: Buffer }

export function readV1(message: Buffer): RawMessage {
  const root = fieldsOf(message)
  const pairsOf = (fields: Fields): Pairs =>
    all(fields, 1).map(({ bytes }) => {
      const label = fieldsOf(bytes)
      return [text(label, 1), text(label, 2)]
    })
  return {
    symbols: [],
    series: all(root, 1).map(({ bytes }) => {
      const series = fieldsOf(bytes)
      return {
        labels: pairsOf(series),
        samples: all(series, 2).map(sampleOf),
        exemplars: all(series, 3).map(({ bytes: one }) => {
          const exemplar = fieldsOf(one)
          return { labels: pairsOf(exemplar), value: double(exemplar, 2), at: int(exemplar, 3) }
        }),
        histograms: all(series, 4).map(histogramOf),
        metadata: undefined,
        refs: [],
      }
    }),
    families: all(root, 3).map(({ bytes }) => {
      const one = fieldsOf(bytes)
      return { type: int(one, 1), family: text(one, 2), help: text(one, 4), unit: text(one, 5) }
    }),
  }
}

export function readV2(message: Buffer): RawMessage {
  const root = fieldsOf(message)
  const symbols = all(root, 4).map(({ bytes }) => bytes.toString('utf8'))
  const symbol = (ref: number) => symbols[ref] ?? `no symbol ${ref}`
  const pairsOf = (refs: readonly number[]): Pairs =>
    Array.from({ length: Math.ceil(refs.length / 2) }, (_, i) => [symbol(refs[i * 2]!), symbol(refs[i * 2 + 1]!)])
  return {
    symbols,
    series: all(root, 5).map(({ bytes }) => {
      const series = fieldsOf(bytes)
      const labelRefs = packed(series, 1)
      const exemplars = all(series, 4).map(({ bytes: one }) => fieldsOf(one))
      const found = all(series, 5).map(({ bytes: one }) => fieldsOf(one))[0]
      return {
        labels: pairsOf(labelRefs),
        samples: all(series, 2).map(sampleOf),
        histograms: all(series, 3).map(histogramOf),
        exemplars: exemplars.map((one) => ({
          labels: pairsOf(packed(one, 1)),
          value: double(one, 2),
          at: int(one, 3),
        })),
        metadata:
          found === undefined
            ? undefined
            : { type: int(found, 1), help: symbol(int(found, 3)), unit: symbol(int(found, 4)) },
        refs: [
          ...labelRefs,
          ...exemplars.flatMap((one) => packed(one, 1)),
          ...(found === undefined ? [] : [int(found, 3), int(found, 4)]),
        ],
      }
    }),
    families: [],
  }
}

function sampleOf({ bytes }: Field): RawSample {
  const sample = fieldsOf(bytes)
  const bits = all(sample, 1)[0]?.number ?? 0n
  return { value: asDouble(bits), bits, at: int(sample, 2), startAt: int(sample, 3) }
}

function histogramOf({ bytes }: Field): RawHistogram {
  const one = fieldsOf(bytes)
  const isInteger = !one.has(2)
  const spans = (field: number) =>
    all(one, field).map(({ bytes: span }) => {
      const fields = fieldsOf(span)
      return { offset: unzigzag(all(fields, 1)[0]?.number ?? 0n), length: int(fields, 2) }
    })
  const buckets = (deltas: number, counts: number) =>
    isInteger ? varints(one, deltas).map(unzigzag) : doubles(one, counts)
  return {
    count: isInteger ? int(one, 1) : double(one, 2),
    isInteger,
    sum: double(one, 3),
    schema: unzigzag(all(one, 4)[0]?.number ?? 0n),
    zeroThreshold: double(one, 5),
    zeroCount: one.has(7) ? double(one, 7) : int(one, 6),
    negativeSpans: spans(8),
    negative: buckets(9, 10),
    positiveSpans: spans(11),
    positive: buckets(12, 13),
    at: int(one, 15),
    customValues: doubles(one, 16),
    startAt: int(one, 17),
  }
}

function fieldsOf(bytes: Buffer): Fields {
  const fields = new Map<number, Field[]>()
  let at = 0
  const varint = () => {
    let value = 0n
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[at++]
      if (byte === undefined) throw new Error('the message ends within a number')
      value |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) return value
    }
  }
  const take = (length: number) => {
    if (at + length > bytes.length) throw new Error('the message ends within a field')
    at += length
    return bytes.subarray(at - length, at)
  }
  while (at < bytes.length) {
    const tag = Number(varint())
    const field: { number: bigint; bytes: Buffer } = { number: 0n, bytes: Buffer.alloc(0) }
    if ((tag & 7) === 0) field.number = varint()
    else if ((tag & 7) === 1) field.number = take(8).readBigUInt64LE()
    else if ((tag & 7) === 2) field.bytes = take(Number(varint()))
    else throw new Error(`wire type ${tag & 7} is in none of these messages`)
    const list = fields.get(tag >> 3)
    if (list === undefined) fields.set(tag >> 3, [field])
    else list.push(field)
  }
  return fields
}

function all(fields: Fields, number: number): readonly Field[] {
  return fields.get(number) ?? []
}

function text(fields: Fields, number: number): string {
  return all(fields, number)[0]?.bytes.toString('utf8') ?? ''
}

function int(fields: Fields, number: number): number {
  return Number(BigInt.asIntN(64, all(fields, number)[0]?.number ?? 0n))
}

function double(fields: Fields, number: number): number {
  return asDouble(all(fields, number)[0]?.number ?? 0n)
}

/** Numbers one after another in a block, or one by one: both are the same list. */
function varints(fields: Fields, number: number): readonly bigint[] {
  return all(fields, number).flatMap(({ number: one, bytes }) => {
    if (bytes.length === 0) return [one]
    const list: bigint[] = []
    let value = 0n
    let shift = 0n
    for (const byte of bytes) {
      value |= BigInt(byte & 0x7f) << shift
      shift += 7n
      if (byte >= 0x80) continue
      list.push(value)
      value = 0n
      shift = 0n
    }
    return list
  })
}

function packed(fields: Fields, number: number): readonly number[] {
  return varints(fields, number).map(Number)
}

function doubles(fields: Fields, number: number): readonly number[] {
  return all(fields, number).flatMap(({ number: one, bytes }) =>
    bytes.length === 0
      ? [asDouble(one)]
      : Array.from({ length: bytes.length / 8 }, (_, i) => asDouble(bytes.readBigUInt64LE(i * 8))),
  )
}

function unzigzag(value: bigint): number {
  return Number((value >> 1n) ^ -(value & 1n))
}

function asDouble(bits: bigint): number {
  const view = new DataView(new ArrayBuffer(8))
  view.setBigUint64(0, bits)
  return view.getFloat64(0)
}
