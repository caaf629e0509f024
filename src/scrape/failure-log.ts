/**
 * Failed scrapes as lines of JSON (`scrape_failure_log_file`), one file for as many jobs as name it.
 *
 * - A scrape never waits for it; what a slow disk leaves waiting is bounded, and what is lost is counted.
 * - A file that cannot be written is told once, and again after it could be.
 */
import { type Clock, instantText, LineFile, type Log, messageOf } from '#core'
import type { Target } from './types.ts'

const MAX_WAITING_BYTES = 2 ** 20

export class FailureLog implements AsyncDisposable {
  readonly #clock: Clock
  readonly #log: Log
  /** One for each name in the configuration. */
  readonly #files = new Map<string, LineFile>()
  /** Lines that were not written. */
  lost = 0

  constructor(clock: Clock, log: Log) {
    this.#clock = clock
    this.#log = log
  }

  /** Nothing where the target names no file. */
  write(target: Pick<Target, 'failureLogFile' | 'pool' | 'url'>, reason: string): void {
    const { failureLogFile: file, pool, url } = target
    if (file === undefined) return
    let lines = this.#files.get(file)
    if (lines === undefined) {
      lines = this.#open(file)
      this.#files.set(file, lines)
    }
    const time = instantText(this.#clock.now())
    lines.write(JSON.stringify({ time, level: 'ERROR', msg: reason, job_name: pool, target: url }))
  }

  /** Resolves when everything is written. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#files.values()].map((lines) => lines[Symbol.asyncDispose]()))
  }

  #open(file: string): LineFile {
    let failing = false
    return new LineFile(file, {
      maxWaitingBytes: MAX_WAITING_BYTES,
      onWritten: () => {
        failing = false
      },
      onLost: (lines, reason) => {
        this.lost += lines
        if (!failing) this.#log.warn({ file, reason: reasonOf(reason) }, 'failed scrapes cannot be written down')
        failing = true
      },
    })
  }
}

function reasonOf(reason: unknown): string {
  return reason === undefined ? 'the disk is too slow' : messageOf(reason)
}
