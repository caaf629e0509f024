/**
 * The beginning of each point of a range answer, `,[1795281900,"`, written once: all series share the steps of the question.
 *
 * - The steps are taken from one series, the longest. An instant that is not among them is written digit by digit by the caller.
 * - Heads lie `SLOT` bytes apart and are copied by whole slots, so the copy has as much room behind it as a slot.
 */
import { NUMBER_ROOM, writeInstant } from './write-number.ts'

/** The longest head of an instant of our time, `,[1795281900.125,"`, takes 18 bytes. */
export const SLOT = 20
/** Of whole seconds four words are enough. */
const SHORT = 16
/** Twice what a range answer may have; of longer series of raw samples no two share their instants. */
const MAX_HEADS = 22_000
const LAST_MS = 9_999_999_999_999

const COMMA = 44
const BRACKET = 91
const QUOTE = 34

export class InstantHeads {
  /** Ascending. */
  readonly instants: Float64Array
  readonly #heads: DataView
  readonly #lengths: Uint8Array
  #areShort = true

  constructor(timestamps: Float64Array) {
    const count = timestamps.length > MAX_HEADS || !isWritable(timestamps) ? 0 : timestamps.length
    this.instants = timestamps.subarray(0, count)
    const heads = new DataView(new ArrayBuffer(count * SLOT + NUMBER_ROOM))
    this.#heads = heads
    this.#lengths = new Uint8Array(count)
    for (let i = 0; i < count; i++) {
      const start = i * SLOT
      heads.setUint8(start, COMMA)
      heads.setUint8(start + 1, BRACKET)
      let end = writeInstant(heads, start + 2, timestamps[i]!)
      heads.setUint8(end++, COMMA)
      heads.setUint8(end++, QUOTE)
      this.#lengths[i] = end - start
      if (end - start > SHORT) this.#areShort = false
    }
  }

  /** Writes head `i`; `SLOT` bytes have to be there. Four bytes at a time: byte by byte takes a third longer. */
  copy(i: number, out: DataView, at: number): number {
    const heads = this.#heads
    const start = i * SLOT
    out.setUint32(at, heads.getUint32(start, true), true)
    out.setUint32(at + 4, heads.getUint32(start + 4, true), true)
    out.setUint32(at + 8, heads.getUint32(start + 8, true), true)
    out.setUint32(at + 12, heads.getUint32(start + 12, true), true)
    if (!this.#areShort) out.setUint32(at + 16, heads.getUint32(start + 16, true), true)
    return at + this.#lengths[i]!
  }
}

/** Those whose heads fit their slots. */
function isWritable(timestamps: Float64Array): boolean {
  const first = timestamps[0] ?? 0
  const last = timestamps[timestamps.length - 1] ?? 0
  return first >= 0 && last <= LAST_MS
}
