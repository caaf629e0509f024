/** Reads a large file through a window that moves forward: what lies together is read from the system once. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'

const WINDOW_BYTES = 256 * 1024

export class FileWindow implements Disposable {
  readonly #fd: number
  readonly sizeBytes: number
  #window: Buffer = Buffer.alloc(0)
  #from = 0

  constructor(file: string) {
    this.#fd = openSync(file, 'r')
    this.sizeBytes = fstatSync(this.#fd).size
  }

  /** Up to `size` bytes from `at` on, fewer where the file ends. Valid until the next call. */
  bytes(at: number, size: number): Buffer {
    const from = at - this.#from
    if (from >= 0 && from + size <= this.#window.length) return this.#window.subarray(from, from + size)
    this.#window = this.#read(at, Math.max(size, WINDOW_BYTES))
    this.#from = at
    return this.#window.subarray(0, size)
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd)
  }

  #read(at: number, size: number): Buffer {
    const wanted = Math.max(0, Math.min(size, this.sizeBytes - at))
    const bytes = Buffer.allocUnsafe(wanted)
    let done = 0
    while (done < wanted) {
      const read = readSync(this.#fd, bytes, done, wanted - done, at + done)
      if (read === 0) break
      done += read
    }
    return bytes.subarray(0, done)
  }
}
