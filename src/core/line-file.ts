/**
 * A file that lines are added to by somebody who never waits for the disk.
 *
 * - Lines are written in order, those that wait together in one write. The file is opened for each write, so that it may be moved away
 *   at any time, and a folder that comes back is found again.
 * - What waits is bounded by `maxWaitingBytes`. A line beyond is lost, and so are those of a write that fails: `onLost` counts them.
 * - Disposal writes what waits.
 */
import { appendFile } from 'node:fs/promises'

export type LineFileOptions = {
  readonly maxWaitingBytes: number
  /** `reason`: what a write failed with; absent where too much waited. */
  readonly onLost: (lines: number, reason?: unknown) => void
  /** After each write that did not fail. */
  readonly onWritten?: () => void
}

export class LineFile implements AsyncDisposable {
  readonly #path: string
  readonly #options: LineFileOptions
  #waiting: string[] = []
  #waitingBytes = 0
  #writing: Promise<void> | undefined

  constructor(path: string, options: LineFileOptions) {
    this.#path = path
    this.#options = options
  }

  /** `line` without its line break. */
  write(line: string): void {
    const size = Buffer.byteLength(line) + 1
    if (this.#waitingBytes + size > this.#options.maxWaitingBytes) {
      this.#options.onLost(1)
      return
    }
    this.#waiting.push(line)
    this.#waitingBytes += size
    this.#writing ??= this.#drain()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writing
  }

  async #drain(): Promise<void> {
    // What comes in the same turn shares a write.
    await Promise.resolve()
    while (this.#waiting.length > 0) {
      const lines = this.#waiting
      this.#waiting = []
      this.#waitingBytes = 0
      try {
        await appendFile(this.#path, `${lines.join('\n')}\n`)
        this.#options.onWritten?.()
      } catch (error) {
        this.#options.onLost(lines.length, error)
      }
    }
    this.#writing = undefined
  }
}
