/** Varints of whole numbers from 0 up to 2^53, written into a buffer that is large enough: what the encoders of floats spell with. */
/** Bytes that the varint of a whole number takes. */
export function varintBytes(value: number): number {
  let bytes = 1
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) bytes++
  return bytes
}

/** Writes a varint at `from`; returns where it ends. The room is there. */
export function writeVarint(out: Buffer, from: number, value: number): number {
  let at = from
  let rest = value
  // Beyond 31 bits there are no bitwise operators.
  while (rest >= 2 ** 28) {
    out[at++] = (rest % 128) | 128
    rest = Math.floor(rest / 128)
  }
  for (let low = rest; ; low >>>= 7) {
    if (low < 128) {
      out[at++] = low
      return at
    }
    out[at++] = (low & 127) | 128
  }
}
