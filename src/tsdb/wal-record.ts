/**
 * One record of the write-ahead log: everything one commit brought, so that a commit is there whole or not at all.
 *
 * A record has: marker, length, CRC-32 of the payload, payload. The marker lets a reader find the next record behind
 * damaged bytes. In the payload stand the series that this segment has not named yet, then the samples as columns.
 * A series' number is valid within its segment only, so any segment can be read, or deleted, by itself.
 * Drawn in docs/formats/wal.md.
 */
import { crc32 } from 'node:zlib'
import { Labels } from '#core'
import { type ByteReader, type ByteWriter, DamagedError } from './bytes.ts'

export const SEGMENT_MAGIC: Buffer = Buffer.from('ASYWAL\x00\x01', 'latin1')
export const RECORD_MARKER: Buffer = Buffer.from([0xa5, 0x5e, 0x9d, 0x01])
export const RECORD_HEADER_BYTES = 12
/** No commit is larger; what claims to be is damage. */
export const MAX_RECORD_BYTES = 512 * 1024 * 1024

const KIND_COMMIT = 1

/** Begins a record; `endRecord` fills in its length and checksum. Series and samples are written in between. */
export function beginRecord(out: ByteWriter): void {
  out.bytes(RECORD_MARKER)
  out.u32(0)
  out.u32(0)
  out.u8(KIND_COMMIT)
}

export function endRecord(out: ByteWriter, from: number): void {
  const payload = out.view().subarray(from + RECORD_HEADER_BYTES)
  out.patchU32(from + 4, payload.length)
  out.patchU32(from + 8, crc32(payload))
}

export type NamedSeries = { readonly number: number; readonly labels: Labels }

export function writeNamedSeries(out: ByteWriter, series: readonly NamedSeries[]): void {
  out.varint(series.length)
  for (const { number, labels } of series) {
    out.varint(number)
    out.varint(labels.size)
    for (let i = 0; i < labels.flat.length; i++) out.text(labels.flat[i]!)
  }
}

/** Columns of one commit's samples; `numbers` are those of the segment. */
export type LoggedSamples = {
  readonly numbers: Float64Array
  readonly timestamps: Float64Array
  readonly values: Float64Array
  readonly count: number
}

export function writeSamples(out: ByteWriter, { numbers, timestamps, values, count }: LoggedSamples): void {
  out.reserve(count * 24 + 16)
  out.varint(count)
  let number = 0
  for (let i = 0; i < count; i++) {
    out.zigzag(numbers[i]! - number)
    number = numbers[i]!
  }
  let at = 0
  for (let i = 0; i < count; i++) {
    out.zigzag(timestamps[i]! - at)
    at = timestamps[i]!
  }
  out.doubles(values, count)
}

export type LoggedCommit = { readonly series: readonly NamedSeries[]; readonly samples: LoggedSamples }

/** Reads a payload whose checksum held. Throws `DamagedError` when it makes no sense all the same. */
export function readCommit(source: ByteReader): LoggedCommit {
  const kind = source.u8()
  if (kind !== KIND_COMMIT) throw new DamagedError(`a record of the unknown kind ${kind}`)
  const series = Array.from({ length: source.count(2) }, () => {
    const number = source.varint()
    const flat = Array.from({ length: source.count(2) * 2 }, () => source.text())
    return { number, labels: Labels.fromSorted(flat) }
  })
  const count = source.count(10)
  const numbers = new Float64Array(count)
  const timestamps = new Float64Array(count)
  const values = new Float64Array(count)
  let number = 0
  for (let i = 0; i < count; i++) numbers[i] = number += source.zigzag()
  let at = 0
  for (let i = 0; i < count; i++) timestamps[i] = at += source.zigzag()
  source.doubles(values, count)
  return { series, samples: { numbers, timestamps, values, count } }
}
