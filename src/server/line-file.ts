/**
 * A file that lines are added to by somebody who never waits for the disk.
 *
 * - Lines are written in order, those that wait together in one write.
 * - What waits is bounded by `maxWaitingBytes`; a line beyond is lost, and so are those of a write that fails. `onLost` counts them and
 *   hears the reason of a write that failed.
 * - Disposal writes what waits and closes the file.
 */
import { type FileHandle, open } from 'node:fs/promises'

export type LineFileOptions = {
  readonly maxWaitingBytes: number
  readonly onLost: (lines: number, reason?: unknown) => void
}

export class LineFile implements AsyncDisposable {
  readonly #file: FileHandle
  readonly #options: LineFileOptions
  #waiting: string[] = []
  #waitingBytes = 0
  #writing: Promise<void> | undefined

  private constructor(file: FileHandle, options: LineFileOptions) {
    this.#file = file
    this.#options = options
  }

  /** Lines go behind what is there. Rejects as `open` does. */
  static async open(path: string, options: LineFileOptions): Promise<LineFile> {
    return new LineFile(await open(path, 'a'), options)
  }

  /** `line` with its line break. Not to be called after disposal has begun. */
  write(line: string): void {
    const size = Buffer.byteLength(line)
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
    await this.#file.close()
  }

  async #drain(): Promise<void> {
    // What comes in the same turn shares a write.
    await Promise.resolve()
    while (this.#waiting.length > 0) {
      const lines = this.#waiting
      this.#waiting = []
      this.#waitingBytes = 0
      try {
        await this.#file.appendFile(lines.join(''))
      } catch (error) {
        this.#options.onLost(lines.length, error)
      }
    }
    this.#writing = undefined
  }
}
