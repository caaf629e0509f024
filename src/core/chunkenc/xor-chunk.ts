/**
 * A chunk of float samples, encoding `XOR` (1) of Prometheus.
 *
 *   uint16 BE count | varint t0, 64 bits v0 | uvarint t1 - t0, xor v1 | (difference of differences, xor v)*
 *
 * Source: prometheus: tsdb/docs/format/chunks.md, "XOR chunk data".
 */
import { BitReader, BitWriter, fits } from './bit-stream.ts'
import { XorValue } from './xor-value.ts'

/** Widths of a difference of differences: so many ones and a zero before; four ones (64 bits) have no zero. */
const WIDTHS = [14, 17, 20, 64] as const

export type FloatColumns = { readonly timestamps: Float64Array; readonly values: Float64Array }

/** Samples `from` up to, not with, `to`; at most 65,535. Values keep their bits. */
export function encodeXorChunk({ timestamps, values }: FloatColumns, from: number, to: number): Buffer {
  const writer = new BitWriter()
  const value = new XorValue()
  writer.bits(to - from, 16)
  let delta = 0
  for (let i = from; i < to; i++) {
    const at = timestamps[i]!
    if (i === from) {
      writer.varint(at)
      value.writeFirst(writer, values, i)
      continue
    }
    const next = at - timestamps[i - 1]!
    if (i === from + 1) writer.uvarint(next)
    else writeDod(writer, next - delta)
    delta = next
    value.write(writer, values, i)
  }
  return writer.take()
}

/** Throws `ASSAY_PROTO` where the bits make no sense. */
export function decodeXorChunk(bytes: Uint8Array): FloatColumns {
  const reader = new BitReader(bytes, 0)
  const count = reader.bits(16)
  // Two bits are the least that a sample takes, so a lying count cannot ask for much.
  if (count > bytes.length * 4) throw reader.broken(`it says it has ${count} samples`)
  const timestamps = new Float64Array(count)
  const values = new Float64Array(count)
  const value = new XorValue()
  let delta = 0
  for (let i = 0; i < count; i++) {
    if (i === 0) {
      timestamps[0] = reader.varint()
      value.readFirst(reader, values, 0)
      continue
    }
    delta = i === 1 ? reader.uvarint() : delta + readDod(reader)
    timestamps[i] = timestamps[i - 1]! + delta
    value.read(reader, values, i)
  }
  return { timestamps, values }
}

function writeDod(writer: BitWriter, dod: number): void {
  if (dod === 0) {
    writer.bits(0, 1)
    return
  }
  const place = WIDTHS.findIndex((width) => width === 64 || fits(dod, width))
  if (place === 3) writer.bits(0b1111, 4)
  else writer.bits(2 ** (place + 2) - 2, place + 2)
  writer.signed(dod, WIDTHS[place]!)
}

function readDod(reader: BitReader): number {
  const ones = reader.ones(4)
  return ones === 0 ? 0 : reader.signed(WIDTHS[ones - 1]!)
}
