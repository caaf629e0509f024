/**
 * Copies `length` bytes in words of four; up to three bytes more are read and written. For a few dozen to some hundred bytes: of 140, words
 * take 80 ns, bytes 380, and `set` with a subarray 225 (a loop over 512 KiB, a busy machine). The two may be of one buffer where they do not
 * overlap.
 */
export function copyWords(from: DataView, start: number, length: number, to: DataView, at: number): void {
  for (let i = 0; i < length; i += 4) to.setUint32(at + i, from.getUint32(start + i, true), true)
}

/** ASCII that is written many times. */
export class FixedText {
  readonly length: number
  readonly #view: DataView

  constructor(text: string) {
    const bytes = new Uint8Array((text.length + 3) & ~3)
    for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i)
    this.length = text.length
    this.#view = new DataView(bytes.buffer)
  }

  /** Returns where it ends; up to three bytes behind it are spoiled. */
  write(to: DataView, at: number): number {
    copyWords(this.#view, 0, this.length, to, at)
    return at + this.length
  }
}
