/**
 * Bytes that are written one behind the other, into a buffer that grows. Whoever writes makes room first, once for many bytes.
 *
 * Numbers are written as JavaScript's shortest text that reads back to the same double; those that are whole, or at least 1, without making a
 * string.
 */
const encoder = new TextEncoder()
const ZERO = 48
/** Beyond it whole numbers are written with an exponent by `String`, or have no double of their own. */
const MAX_WHOLE = 2 ** 53
const BILLION = 1e9
const FEW_BYTES = 192
const POINT = 46
const HALF_BITS = 27
const HALF = 2 ** HALF_BITS
const HALF_MASK = HALF - 1
const DOUBLE = new Float64Array(1)
const DOUBLE_WORDS = new Uint32Array(DOUBLE.buffer)

/** Words are moved as they lie in memory. */
const IS_LITTLE: boolean = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1
/** Of the words of a double, the one with its exponent. */
const UPPER: 0 | 1 = IS_LITTLE ? 1 : 0

/** A short text that is written often, in words, so that four bytes are moved at a time. */
export type Fragment = { readonly words: Uint32Array; readonly length: number }

export function fragment(text: string): Fragment {
  const bytes = encoder.encode(text)
  const padded = new Uint8Array((bytes.length + 3) & ~3)
  padded.set(bytes)
  return { words: new Uint32Array(padded.buffer), length: bytes.length }
}

export class BytesOut {
  bytes: Uint8Array
  at = 0
  protected view: DataView

  constructor(capacity = 4_096) {
    this.bytes = new Uint8Array(capacity)
    this.view = new DataView(this.bytes.buffer)
  }

  /** Room for so many more bytes. Views of `bytes` taken before are stale. */
  reserve(more: number): void {
    if (this.at + more <= this.bytes.length) return
    const larger = new Uint8Array(Math.max(this.bytes.length * 2, this.at + more))
    larger.set(this.bytes.subarray(0, this.at))
    this.bytes = larger
    this.view = new DataView(larger.buffer)
  }

  text(text: string): void {
    this.reserve(text.length * 3)
    this.at += encoder.encodeInto(text, this.bytes.subarray(this.at)).written
  }

  /** One byte, for which there is room. */
  byte(byte: number): void {
    this.bytes[this.at++] = byte
  }

  /**
   * `length` bytes that begin at a word, and not one more. Needs its room. Whole words are moved: that takes half of the time that bytes take
   * for the 20 to 60 bytes of a label set.
   */
  words(source: Uint32Array, word: number, length: number): void {
    const view = this.view
    const { at } = this
    const whole = length & ~3
    for (let i = 0; i < whole; i += 4) view.setUint32(at + i, source[word + (i >> 2)]!, IS_LITTLE)
    const last = length === whole ? 0 : source[word + (whole >> 2)]!
    for (let i = whole; i < length; i++) this.bytes[at + i] = last >>> (IS_LITTLE ? (i & 3) * 8 : 24 - (i & 3) * 8)
    this.at = at + length
  }

  /** Needs its room. */
  fragment({ words, length }: Fragment): void {
    this.words(words, 0, length)
  }

  /** All of these bytes, and not one behind them. Makes its room. */
  exactly(source: Uint8Array): void {
    this.reserve(source.length)
    this.bytes.set(source, this.at)
    this.at += source.length
  }

  /** Makes its room. */
  copyRun(source: Uint8Array, from: number, to: number): void {
    this.reserve(to - from)
    const { bytes, at } = this
    // A view takes as long to be made as so many bytes, and is garbage.
    if (to - from > FEW_BYTES) bytes.set(source.subarray(from, to), at)
    else for (let i = 0; i < to - from; i++) bytes[at + i] = source[from + i]!
    this.at = at + to - from
  }

  /** A sample's value. Needs 32 bytes of room. */
  number(value: number): void {
    DOUBLE[0] = value
    this.#double()
  }

  /** The same of a number in a list: as an argument one that is not whole would be an object on the heap. */
  numberAt(values: Float64Array, at: number): void {
    DOUBLE[0] = values[at]!
    this.#double()
  }

  /** The digits of a whole number, 1 to 2^53, so that the last one stands before `end`. What is there is as long. */
  wholeBefore(end: number, given: number): void {
    const { bytes } = this
    let at = end
    let rest = given
    while (rest >= BILLION) {
      const upper = Math.floor(rest / BILLION)
      let nine = (rest - upper * BILLION) | 0
      for (const to = at - 9; at > to; ) {
        const tenth = (nine / 10) | 0
        bytes[--at] = ZERO + nine - tenth * 10
        nine = tenth
      }
      rest = upper
    }
    for (let value = rest | 0; value > 0; ) {
      const tenth = (value / 10) | 0
      bytes[--at] = ZERO + value - tenth * 10
      value = tenth
    }
  }

  /** What is in DOUBLE; below, too. */
  #double(): void {
    const value = DOUBLE[0]!
    if (value >= 0 && value < MAX_WHOLE) {
      const whole = Math.floor(value)
      if (whole === value ? value !== 0 || 1 / value > 0 : whole > 0) {
        if (whole < BILLION) this.#whole(whole | 0)
        else this.#large()
        if (whole !== value) this.#fraction()
        return
      }
    }
    this.#ascii(formatNumber(value))
  }

  /** The whole part of a number of ten digits or more. */
  #large(): void {
    const value = Math.floor(DOUBLE[0]!)
    const upper = Math.floor(value / BILLION)
    if (upper >= BILLION) {
      const top = Math.floor(upper / BILLION)
      this.#whole(top)
      this.#nine(upper - top * BILLION)
    } else this.#whole(upper)
    this.#nine(value - upper * BILLION)
  }

  /**
   * The point and the digits behind it of a number from 1 on, so many as tell it from its neighbours: those that `String` writes, without
   * making a string. Digits are taken one by one (Steele and White's way), until what is left is less than half of the distance to a
   * neighbour. All numbers here are parts of 1 in units of 2^-54, in two halves of 27 bits, which stay within 31 bits when multiplied by ten.
   */
  #fraction(): void {
    const { bytes } = this
    const value = DOUBLE[0]!
    const exponent = ((DOUBLE_WORDS[UPPER]! >>> 20) & 0x7ff) - 1_023
    // Half of the distance to the neighbours: what is as far as that from an even one is still read as it.
    const isEven = (DOUBLE_WORDS[1 - UPPER]! & 1) === 0
    let marginUpper = exponent + 1 < HALF_BITS ? 0 : 1 << (exponent + 1 - HALF_BITS)
    let marginLower = exponent + 1 < HALF_BITS ? 1 << (exponent + 1) : 0
    const scaled = (value - Math.floor(value)) * HALF
    let upper = scaled | 0
    let lower = ((scaled - upper) * HALF) | 0
    bytes[this.at++] = POINT
    for (;;) {
      lower *= 10
      upper = upper * 10 + (lower >>> HALF_BITS)
      lower &= HALF_MASK
      let digit = upper >>> HALF_BITS
      upper &= HALF_MASK
      marginLower *= 10
      marginUpper = marginUpper * 10 + (marginLower >>> HALF_BITS)
      marginLower &= HALF_MASK
      const below = upper === marginUpper ? lower - marginLower : upper - marginUpper
      const isDown = below < 0 || (below === 0 && isEven)
      const sumLower = lower + marginLower
      const sumUpper = upper + marginUpper + (sumLower >>> HALF_BITS)
      const isUp = sumUpper > HALF || (sumUpper === HALF && ((sumLower & HALF_MASK) > 0 || isEven))
      if (isDown || isUp) {
        // Either would do: the nearer one, and of two that are as near the even one.
        const over = upper === HALF / 2 ? lower : upper - HALF / 2
        if (isUp && (!isDown || over > 0 || (over === 0 && (digit & 1) === 1))) digit++
        bytes[this.at++] = ZERO + digit
        return
      }
      bytes[this.at++] = ZERO + digit
    }
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
