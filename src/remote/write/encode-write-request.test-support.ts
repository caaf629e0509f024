/** Remote write 1.0 as a sender makes it: the inverse of the decoder, simple and slow, for tests alone. */
import type { Labels } from '#core'
import type { Metadata } from '#storage'

export type Given = {
  readonly series: readonly (({ readonly labels: Labels } | { readonly flat: readonly string[] }) & {
    readonly timestamps: Float64Array
    readonly values: Float64Array
  })[]
  readonly metadata: readonly (Metadata & { readonly family: string })[]
}

const TYPES = ['unknown', 'counter', 'gauge', 'histogram', 'gaugehistogram', 'summary', 'info', 'stateset']

export function encodeWriteRequest({ series, metadata }: Given): Buffer {
  return Buffer.concat([
    ...series.map((one) => {
      const flat = 'labels' in one ? one.labels.flat : one.flat
      const labels = flat.flatMap((text, i) =>
        i % 2 === 0
          ? [block(1, Buffer.concat([block(1, Buffer.from(text)), block(2, Buffer.from(flat[i + 1] ?? ''))]))]
          : [],
      )
      const samples = [...one.timestamps].map((at, i) => {
        const value = Buffer.from(one.values.slice(i, i + 1).buffer)
        return block(2, Buffer.concat([varint(9n), value, varint(16n), varint(BigInt.asUintN(64, BigInt(at)))]))
      })
      return block(1, Buffer.concat([...labels, ...samples]))
    }),
    ...metadata.map(({ family, type, help, unit }) =>
      block(
        3,
        Buffer.concat([
          varint(8n),
          varint(BigInt(TYPES.indexOf(type))),
          block(2, Buffer.from(family)),
          block(4, Buffer.from(help)),
          block(5, Buffer.from(unit)),
        ]),
      ),
    ),
  ])
}

function block(field: number, bytes: Buffer): Buffer {
  return Buffer.concat([varint(BigInt((field << 3) | 2)), varint(BigInt(bytes.length)), bytes])
}

function varint(value: bigint): Buffer {
  const bytes: number[] = []
  let rest = value
  do {
    bytes.push(Number(rest & 0x7fn) | (rest > 0x7fn ? 0x80 : 0))
    rest >>= 7n
  } while (rest > 0n)
  return Buffer.from(bytes)
}
