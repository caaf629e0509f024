/**
 * Failed scrapes as lines of JSON (`scrape_failure_log_file`), one file for as many jobs as name it.
 *
 * - A line at a time, in order, appended; a file that cannot be written is told once, and again after it could be.
 * - Bounded: what a slow disk does not take is dropped and said.
 */
import { appendFile } from 'node:fs/promises'
import { type Clock, type Log, messageOf } from '#core'
import type { Target } from './types.ts'

const MAX_WAITING = 1000

export class FailureLog implements AsyncDisposable {
  readonly #clock: Clock
  readonly #log: Log
  readonly #files = new Map<
    string,
    { waiting: string[]; dropped: number; failing: boolean; writing: Promise<void> | undefined }
  >()

  constructor(clock: Clock, log: Log) {
    this.#clock = clock
    this.#log = log
  }

  /** Nothing where the target names no file. */
  write(target: Pick<Target, 'failureLogFile' | 'pool' | 'url'>, reason: string): void {
    const { failureLogFile: file, pool, url } = target
    if (file === undefined) return
    let one = this.#files.get(file)
    if (one === undefined) {
      one = { waiting: [], dropped: 0, failing: false, writing: undefined }
      this.#files.set(file, one)
    }
    if (one.waiting.length >= MAX_WAITING) {
      one.dropped++
      return
    }
    const time = new Date(this.#clock.now()).toISOString()
    one.waiting.push(JSON.stringify({ time, level: 'ERROR', msg: reason, job_name: pool, target: url }))
    one.writing ??= this.#drain(file).finally(() => {
      one.writing = undefined
    })
  }

  /** Resolves when everything is written. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#files.values()].map(({ writing }) => writing))
  }

  async #drain(file: string): Promise<void> {
    const one = this.#files.get(file)!
    while (one.waiting.length > 0) {
      const lines = one.waiting.splice(0)
      try {
        await appendFile(file, `${lines.join('\n')}\n`)
        one.failing = false
      } catch (thrown) {
        if (!one.failing) this.#log.warn({ file, reason: messageOf(thrown) }, 'failed scrapes cannot be written down')
        one.failing = true
      }
      if (one.dropped > 0)
        this.#log.warn({ file, dropped: one.dropped }, 'failed scrapes were not written down: the disk is too slow')
      one.dropped = 0
    }
  }
}
