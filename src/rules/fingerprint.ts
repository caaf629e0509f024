/**
 * The fingerprint of a label set: FNV-1a, 64 bits, over `name 0xff value 0xff` in the order of the names.
 * It is the one that Prometheus and Alertmanager compute, so an alert has the same identity in all three.
 */
import type { Labels } from '#core'

const PRIME_LOW = 0x1b3
const utf8 = new TextEncoder()

/** Sixteen hexadecimal digits. */
export function fingerprintOf(labels: Labels): string {
  // The 64-bit state is held in two 32-bit halves: BigInt would take four times as long.
  let high = 0xcbf29ce4
  let low = 0x84222325
  for (const part of labels.flat) {
    const bytes = utf8.encode(part)
    for (let i = 0; i <= bytes.length; i++) {
      low = (low ^ (i < bytes.length ? bytes[i]! : 0xff)) >>> 0
      // times the prime 2^40 + 0x1b3: the first term shifts the low half into the high one by 8.
      const product = low * PRIME_LOW
      high = (high * PRIME_LOW + Math.floor(product / 2 ** 32) + low * 256) % 2 ** 32
      low = product % 2 ** 32
    }
  }
  return hex(high) + hex(low)
}

function hex(half: number): string {
  return half.toString(16).padStart(8, '0')
}
