/**
 * Checkpoints of the head: so that a start reads the log from the last one on, and not from its beginning.
 *
 * - A checkpoint only saves time. The log is shortened without a look at it, and holds all that it holds; whatever is strange about it
 *   (damage, another log, a deletion since) makes a start leave it and read the whole log.
 * - One is written when as much was logged since the last one as it takes, MIN_BYTES at least: so writing them costs less than
 *   the log does, and what is left to replay is no more than what they replace.
 * - None is written while something in the head is deleted: tombstones of the head are not in it.
 */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type Log, messageOf } from '#core'
import type { Deletions } from '../deletion/deletions.ts'
import { Head } from '../head.ts'
import type { Wal } from '../log/wal.ts'
import { type CheckpointHeader, openCheckpoint, writeCheckpoint } from './checkpoint-file.ts'
import { ImageReader } from './series-image.ts'

/** Bytes of log after which a checkpoint is worth its while: some 800,000 samples, replayed in two tenths of a second. */
const MIN_BYTES = 8 * 1024 * 1024
/** At the end of a process one is written for less: the next start is waited for. */
const LAST_SHARE = 1 / 8

export const CHECKPOINT_FILE = 'head.checkpoint'

export type Loaded = {
  readonly head: Head
  /** What of the log is in the head already. */
  readonly cover: CheckpointHeader
  /** Slots by the numbers that their series have in the segment `cover.segment`. */
  readonly slots: readonly number[]
  /** The file's size. */
  readonly bytes: number
}

/** The head of the directory's last checkpoint, if it can be used; else the file is removed. Never rejects: no checkpoint is needed. */
export async function loadCheckpoint(
  walDir: string,
  { wal, deletions, log, maxSeries }: { wal: Wal; deletions: Deletions; log: Log; maxSeries: number },
): Promise<Loaded | undefined> {
  const file = join(walDir, CHECKPOINT_FILE)
  try {
    await rm(`${file}.tmp`, { force: true })
    using source = openCheckpoint(file)
    if (source === undefined) return undefined
    const { header } = source
    // A deletion that it may not know of would be undone.
    const isBefore = deletions.through >= header.segment
    if (!isBefore && (await wal.isCoveredBy(header))) {
      const head = new Head(maxSeries)
      const image = new ImageReader(head.parts, (pairs, count) => head.createOf(pairs, count))
      for (const part of source.parts()) image.take(part)
      head.brought(image.totals)
      return { head, cover: header, slots: image.slots, bytes: source.bytes }
    }
    log.info({ file }, 'the checkpoint is not of this log; the whole log is read')
  } catch (error) {
    log.warn({ file, err: messageOf(error) }, 'the checkpoint cannot be used; the whole log is read')
  }
  await rm(file, { force: true }).catch(() => undefined)
  return undefined
}

export type CheckpointsDeps = {
  readonly walDir: string
  readonly head: Head
  readonly wal: Wal
  readonly deletions: Deletions
  /** At least so many bytes of log lie between two; left out: MIN_BYTES. */
  readonly minBytes?: number | undefined
}

export class Checkpoints {
  readonly #deps: CheckpointsDeps
  readonly #file: string
  readonly #minBytes: number
  /** How much had been logged when the last one was begun that was finished, and when one was begun last. */
  #covered = 0
  #tried = 0
  /** Its size. */
  #bytes: number
  #isOutdated = false

  /** `bytes`: size of the one that the store was opened with. */
  constructor(deps: CheckpointsDeps, bytes = 0) {
    this.#deps = deps
    this.#file = join(deps.walDir, CHECKPOINT_FILE)
    this.#minBytes = deps.minBytes ?? MIN_BYTES
    this.#bytes = bytes
  }

  /** Bytes on disk: 0 while there is none. */
  get sizeBytes(): number {
    return this.#bytes
  }

  get isDue(): boolean {
    return this.#isDue(this.#tried, 1)
  }

  /** The head lost what lies in blocks: the one that is there is of a log that may be gone. */
  outdate(): void {
    this.#isOutdated = true
  }

  /** Writes one if it is time. Rejects with what the disk said; then the one that was there stays. Runs while no other upkeep does. */
  async writeDue(signal: AbortSignal): Promise<void> {
    if (this.isDue) await this.#write(signal)
  }

  /** Before the store closes, nothing being committed any more. One that the closing has stopped is written anew. */
  async writeLast(): Promise<void> {
    if (this.#isDue(this.#covered, LAST_SHARE)) await this.#write()
  }

  #isDue(from: number, share: number): boolean {
    const { wal, deletions } = this.#deps
    const since = wal.loggedBytes - from
    const least = this.#isOutdated ? this.#minBytes / 4 : Math.max(this.#minBytes, this.#bytes)
    return since > 0 && since >= least * share && deletions.head.isEmpty
  }

  async #write(signal?: AbortSignal): Promise<void> {
    const { head, wal } = this.#deps
    // Also when it fails: the next is tried when it would be due anyway, not with each commit.
    const logged = wal.loggedBytes
    this.#tried = logged
    const header = { ...(await wal.cover()), boundary: head.boundary }
    this.#bytes = await writeCheckpoint(this.#file, header, head.parts, signal)
    this.#covered = logged
    this.#isOutdated = false
  }
}
