/**
 * The floats of one request: timestamps, values and start timestamps, growing as they are read.
 *
 * A hot path: a value is copied as two words, so that neither a view nor a `number` is made of it and a NaN keeps its payload.
 */
import type { ProtoReader } from '#core'
import { grown } from '#storage'

export class FloatColumns {
  timestamps: Float64Array
  values: Float64Array
  starts: Float64Array | undefined
  count = 0
  #words: Uint32Array

  constructor(capacity = 1024) {
    this.timestamps = new Float64Array(capacity)
    this.values = new Float64Array(capacity)
    this.#words = new Uint32Array(this.values.buffer)
  }

  /** Begins a sample of 0 at 0; what is read of it is then set by the methods below. */
  begin(): void {
    if (this.count === this.values.length) this.#grow()
    // Columns may hold what an earlier sample of a dropped series left.
    this.timestamps[this.count] = 0
    this.values[this.count] = 0
    if (this.starts !== undefined) this.starts[this.count] = 0
    this.count++
  }

  /** A whole sample: at `valueAt` of `bytes` lie the bits of its value; 0 where that is negative. */
  push(bytes: DataView, valueAt: number, at: number): void {
    if (this.count === this.values.length) this.#grow()
    const i = this.count
    this.timestamps[i] = at
    if (valueAt < 0) this.values[i] = 0
    else {
      this.#words[2 * i + LOW] = bytes.getUint32(valueAt, true)
      this.#words[2 * i + HIGH] = bytes.getUint32(valueAt + 4, true)
    }
    if (this.starts !== undefined) this.starts[i] = 0
    this.count = i + 1
  }

  /** The value of the sample begun last, with its bits. */
  readValue(reader: ProtoReader): void {
    const at = (this.count - 1) * 2
    this.#words[at + LOW] = reader.fixed32()
    this.#words[at + HIGH] = reader.fixed32()
  }

  readTimestamp(reader: ProtoReader): void {
    this.timestamps[this.count - 1] = reader.varint()
  }

  setStart(index: number, startAt: number): void {
    if (startAt === 0 && this.starts === undefined) return
    this.starts ??= new Float64Array(this.values.length)
    this.starts[index] = startAt
  }

  #grow(): void {
    const capacity = this.values.length * 2
    this.timestamps = grown(this.timestamps, capacity)
    this.values = grown(this.values, capacity)
    this.#words = new Uint32Array(this.values.buffer)
    if (this.starts !== undefined) this.starts = grown(this.starts, capacity)
  }
}

const LITTLE = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1
const LOW = LITTLE ? 0 : 1
const HIGH = LITTLE ? 1 : 0
