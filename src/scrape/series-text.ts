/**
 * Series written as text, for pages that do not come as text: what `readSeries` reads, and what a scrape recognises a series by.
 *
 * - Every name is quoted, so that none needs a look.
 * - Bounded: a page whose labels are repeated for many buckets is larger as text than it came.
 */
import { limitError } from './limits.ts'

/** Most bytes of one page's series, written out. */
const MAX_BYTES = 256 * 2 ** 20

export class SeriesText {
  #bytes: Buffer
  length = 0

  constructor(capacity: number) {
    this.#bytes = Buffer.allocUnsafe(Math.max(1024, capacity))
  }

  /** Adds the text of a series. It lies in `[length before, length after)`. Throws `ASSAY_SCRAPE_LIMIT`. */
  write(text: string): void {
    const most = text.length * 3 + 1
    if (this.length + most > this.#bytes.length) this.#grow(most)
    this.length += this.#bytes.write(text, this.length)
  }

  /** A view of what was written so far; it holds until more is added. */
  take(): Buffer {
    return this.#bytes.subarray(0, this.length)
  }

  #grow(more: number): void {
    const needed = this.length + more
    if (needed > MAX_BYTES)
      throw limitError(`the series of the page take more than ${MAX_BYTES} bytes when they are written out`)
    const larger = Buffer.allocUnsafe(Math.min(MAX_BYTES, Math.max(needed, this.#bytes.length * 2)))
    this.#bytes.copy(larger, 0, 0, this.length)
    this.#bytes = larger
  }
}

/** A text in quotes, as a page writes it. */
export function quoted(text: string): string {
  return NEEDS_ESCAPE.test(text)
    ? `"${text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"')}"`
    : `"${text}"`
}

const NEEDS_ESCAPE = /[\\\n"]/
