/**
 * The hash by which `limit_ratio` picks series: xxHash64 of the label set as Prometheus keeps it, so that the same series are
 * picked here as there.
 *
 * - Names and values follow each other in order of names, each behind its length in bytes: one byte below 255, else 255 and
 *   three bytes, the low one first (Prometheus' `stringlabels`, its default).
 *
 * Sources: prometheus: model/labels/labels_stringlabels.go; the xxHash specification
 * (github.com/Cyan4973/xxHash, doc/xxhash_spec.md), seed 0.
 */
import type { Labels } from '#core'

/** In [0, 1]. */
export function hashFraction(labels: Labels): number {
  return Number(xxHash64(bytesOf(labels))) / 2 ** 64
}

function bytesOf({ flat }: Labels): Uint8Array {
  const parts: Uint8Array[] = []
  for (const text of flat) {
    const bytes = Buffer.from(text)
    const { length } = bytes
    parts.push(
      length < 255 ? Uint8Array.of(length) : Uint8Array.of(255, length & 255, (length >> 8) & 255, length >> 16),
    )
    parts.push(bytes)
  }
  return Buffer.concat(parts)
}

const MASK = 2n ** 64n - 1n
const P1 = 0x9e3779b185ebca87n
const P2 = 0xc2b2ae3d27d4eb4fn
const P3 = 0x165667b19e3779f9n
const P4 = 0x85ebca77c2b2ae63n
const P5 = 0x27d4eb2f165667c5n

/** Once a series, so that big integers are quick enough. */
export function xxHash64(bytes: Uint8Array): bigint {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  let at = 0
  let hash: bigint
  if (bytes.length >= 32) {
    const lanes = [(P1 + P2) & MASK, P2, 0n, -P1 & MASK]
    for (; at + 32 <= bytes.length; at += 32)
      for (let i = 0; i < 4; i++) lanes[i] = round(lanes[i]!, view.getBigUint64(at + 8 * i, true))
    const [a, b, c, d] = lanes as [bigint, bigint, bigint, bigint]
    hash = (rotate(a, 1n) + rotate(b, 7n) + rotate(c, 12n) + rotate(d, 18n)) & MASK
    for (const lane of lanes) hash = (((hash ^ round(0n, lane)) & MASK) * P1 + P4) & MASK
  } else hash = P5
  hash = (hash + BigInt(bytes.length)) & MASK
  for (; at + 8 <= bytes.length; at += 8)
    hash = (rotate(hash ^ round(0n, view.getBigUint64(at, true)), 27n) * P1 + P4) & MASK
  if (at + 4 <= bytes.length) {
    hash = (rotate(hash ^ ((BigInt(view.getUint32(at, true)) * P1) & MASK), 23n) * P2 + P3) & MASK
    at += 4
  }
  for (; at < bytes.length; at++) hash = (rotate(hash ^ ((BigInt(bytes[at]!) * P5) & MASK), 11n) * P1) & MASK
  hash = ((hash ^ (hash >> 33n)) * P2) & MASK
  hash = ((hash ^ (hash >> 29n)) * P3) & MASK
  return hash ^ (hash >> 32n)
}

function round(lane: bigint, input: bigint): bigint {
  return (rotate((lane + input * P2) & MASK, 31n) * P1) & MASK
}

function rotate(value: bigint, bits: bigint): bigint {
  return ((value << bits) | (value >> (64n - bits))) & MASK
}
