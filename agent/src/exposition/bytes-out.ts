/**
 * Bytes that are written one behind the other, into a buffer that grows. Whoever writes makes room first, once for many bytes.
 *
 * Numbers are written as JavaScript's shortest text that reads back to the same double; whole ones without making a string.
 */
const encoder = new TextEncoder()
const ZERO = 48
/** Beyond it whole numbers are written with an exponent by `String`, or have no double of their own. */
const MAX_WHOLE = 2 ** 53
const BILLION = 1e9

export class BytesOut {
  bytes: Uint8Array
  at = 0

  constructor(capacity = 4_096) {
    this.bytes = new Uint8Array(capacity)
  }

  /** Room for so many more bytes. Views of `bytes` taken before are stale. */
  reserve(more: number): void {
    if (this.at + more <= this.bytes.length) return
    const larger = new Uint8Array(Math.max(this.bytes.length * 2, this.at + more))
    larger.set(this.bytes.subarray(0, this.at))
    this.bytes = larger
  }

  text(text: string): void {
    this.reserve(text.length * 3)
    this.at += encoder.encodeInto(text, this.bytes.subarray(this.at)).written
  }

  /** Of bytes that are few: a loop is faster than a call until some hundred. Makes its room. */
  copy(source: Uint8Array, from: number, to: number): void {
    this.reserve(to - from)
    const { bytes } = this
    let { at } = this
    for (let i = from; i < to; i++) bytes[at++] = source[i]!
    this.at = at
  }

  /** Of bytes that are many. Makes its room. */
  copyRun(source: Uint8Array, from: number, to: number): void {
    this.reserve(to - from)
    this.bytes.set(source.subarray(from, to), this.at)
    this.at += to - from
  }

  /** A sample's value. Needs 32 bytes of room. */
  number(value: number): void {
    if (value >= 0 && value < MAX_WHOLE && Math.floor(value) === value && (value !== 0 || 1 / value > 0)) {
      if (value >= BILLION) {
        const upper = Math.floor(value / BILLION)
        if (upper >= BILLION) {
          const top = Math.floor(upper / BILLION)
          this.#whole(top)
          this.#nine(upper - top * BILLION)
        } else this.#whole(upper)
        this.#nine(value - upper * BILLION)
      } else this.#whole(value)
      return
    }
    this.#ascii(formatNumber(value))
  }

  #whole(given: number): void {
    const { bytes } = this
    let value = given | 0
    let digits = 1
    for (let limit = 10; limit <= value && digits < 10; limit *= 10) digits++
    for (let at = this.at + digits; at > this.at; ) {
      const rest = (value / 10) | 0
      bytes[--at] = ZERO + value - rest * 10
      value = rest
    }
    this.at += digits
  }

  #nine(given: number): void {
    const { bytes } = this
    let value = given | 0
    for (let at = this.at + 9; at > this.at; ) {
      const rest = (value / 10) | 0
      bytes[--at] = ZERO + value - rest * 10
      value = rest
    }
    this.at += 9
  }

  #ascii(text: string): void {
    const { bytes } = this
    for (let i = 0; i < text.length; i++) bytes[this.at++] = text.charCodeAt(i)
  }
}

/** As Prometheus and OpenMetrics spell a value. */
export function formatNumber(value: number): string {
  if (Object.is(value, -0)) return '-0'
  if (value === Number.POSITIVE_INFINITY) return '+Inf'
  if (value === Number.NEGATIVE_INFINITY) return '-Inf'
  return String(value)
}
