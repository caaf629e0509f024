/**
 * Labels by the very bytes they came in: a sender sends the same series again every few seconds, and making its texts anew is most of
 * what a request of 1.0 costs. CPU time of 10,000 series of five labels and one sample: 33 ms without, 14 ms with.
 *
 * - Two generations: what was not asked for while a generation filled up is forgotten. Together at most `2 x maxBytes` of keys.
 * - A hash chooses the entry and all bytes are compared, so nothing is ever mistaken; of two with one hash the later stays.
 */
import type { Labels } from '#core'

const MAX_BYTES = 16 * 2 ** 20
const FIRST_BYTES = 64 * 1024

class Generation {
  readonly byHash = new Map<number, number>()
  readonly labels: Labels[] = []
  readonly #ends: number[] = [0]
  #bytes = Buffer.allocUnsafe(FIRST_BYTES)

  get used(): number {
    return this.#ends[this.labels.length]!
  }

  find(hash: number, bytes: Uint8Array, from: number, to: number): Labels | undefined {
    const index = this.byHash.get(hash)
    if (index === undefined) return undefined
    const start = this.#ends[index]!
    if (this.#ends[index + 1]! - start !== to - from) return undefined
    const own = this.#bytes
    for (let i = from, k = start; i < to; i++, k++) if (bytes[i] !== own[k]) return undefined
    return this.labels[index]
  }

  add(hash: number, bytes: Uint8Array, span: { readonly from: number; readonly to: number }, labels: Labels): void {
    const start = this.used
    const end = start + span.to - span.from
    if (end > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(Math.max(end, this.#bytes.length * 2))
      this.#bytes.copy(larger, 0, 0, start)
      this.#bytes = larger
    }
    this.#bytes.set(bytes.subarray(span.from, span.to), start)
    this.byHash.set(hash, this.labels.push(labels) - 1)
    this.#ends.push(end)
  }
}

export class LabelsCache {
  readonly #maxBytes: number
  #young = new Generation()
  #old = new Generation()
  #dropped = 0

  constructor(maxBytes: number = MAX_BYTES) {
    this.#maxBytes = maxBytes
  }

  /** Bytes of label sets that are known. */
  get bytes(): number {
    return this.#young.used + this.#old.used
  }

  /** Label sets that had to make room. */
  get dropped(): number {
    return this.#dropped
  }

  /** The labels that were made of the same bytes, or what `make` makes of them now. A refusal (a sentence) is not kept. */
  get(bytes: Uint8Array, from: number, to: number, make: () => Labels | string): Labels | string {
    const hash = hashOf(bytes, from, to)
    const known = this.#young.find(hash, bytes, from, to)
    if (known !== undefined) return known
    const labels = this.#old.find(hash, bytes, from, to) ?? make()
    if (typeof labels === 'string' || to - from > this.#maxBytes / 16) return labels
    if (this.#young.used + to - from > this.#maxBytes) {
      this.#dropped += this.#old.labels.length
      this.#old = this.#young
      this.#young = new Generation()
    }
    this.#young.add(hash, bytes, { from, to }, labels)
    return labels
  }
}

/** FNV-1a. */
function hashOf(bytes: Uint8Array, from: number, to: number): number {
  let hash = 0x811c9dc5
  for (let i = from; i < to; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193)
  return hash | 0
}
