/**
 * Deletions that blocks do not know of: those of samples in the head, and in the log.
 *
 * - In memory, `head` hides what was deleted of the head until its block is written without it. A sample that comes later is never in
 *   one of its spans: in order it is behind the series' last one, and a late one does not lie in the head.
 * - On disk, `deletions.bin` says what a start must leave out of the log: all that matched and lay in segments up to `through`, the last
 *   one that had been begun. So what was written after the deletion, into the very same span, comes back, and what was deleted does not.
 * - An entry goes once all segments up to its `through` are gone. Numbers of segments are not given again before that.
 */
import { rm } from 'node:fs/promises'
import { AssayError, type Labels, MATCH_OPS, type Matcher, matcher, matchesAll } from '#core'
import { ByteReader, ByteWriter, DamagedError } from '../codec/bytes.ts'
import { readChecked, writeChecked } from './checked-file.ts'
import { type Interval, Tombstones } from './tombstones.ts'

const MAGIC = Buffer.from('ASYDEL\x00\x01', 'latin1')

/** Several selectors of which one has to match, and the span, inclusive. */
export type Selection = {
  readonly sets: readonly (readonly Matcher[])[]
  readonly start: number
  readonly end: number
}

export type LoggedDeletion = Selection & { readonly through: number }

export class Deletions {
  readonly #file: string
  #logged: readonly LoggedDeletion[]
  #head = Tombstones.none

  private constructor(file: string, logged: readonly LoggedDeletion[]) {
    this.#file = file
    this.#logged = logged
  }

  /** Rejects with `ASSAY_TSDB_CORRUPT` when the file is damaged: going on would bring back what was deleted. */
  static async open(file: string): Promise<Deletions> {
    await rm(`${file}.tmp`, { force: true })
    try {
      const content = await readChecked(file, MAGIC)
      return new Deletions(file, content === undefined ? [] : readLogged(new ByteReader(content)))
    } catch (cause) {
      if (!(cause instanceof DamagedError)) throw cause
      throw new AssayError(
        'ASSAY_TSDB_CORRUPT',
        `${file} is damaged (${cause.message}); it says which series of the last hours were deleted: restore it from a backup, or remove it and delete them again`,
        { cause },
      )
    }
  }

  /** What of the head is deleted. */
  get head(): Tombstones {
    return this.#head
  }

  get logged(): readonly LoggedDeletion[] {
    return this.#logged
  }

  /** The last segment of the log that a deletion speaks of, or 0. */
  get through(): number {
    return this.#logged.reduce((last, { through }) => Math.max(last, through), 0)
  }

  /** For the replay of a segment: what of a series was deleted there. `undefined`: nothing at all. */
  inSegment(number: number): ((labels: Labels) => readonly Interval[]) | undefined {
    const due = this.#logged.filter(({ through }) => through >= number)
    if (due.length === 0) return undefined
    return (labels) =>
      due
        .filter(({ sets }) => sets.some((matchers) => matchesAll(matchers, labels)))
        .map(({ start, end }) => ({ from: start, to: end }))
  }

  /**
   * Notes a deletion durably, then hides what it takes of the head. Rejects with what the disk said; then what is hidden is what the next
   * start will hide too.
   */
  async add(deletion: LoggedDeletion, head: Tombstones): Promise<void> {
    await this.#write([...this.#logged, deletion], () => {
      this.#head = head
    })
  }

  /** What lies before `time` is no longer in the head. */
  forgetHead(time: number): void {
    if (!this.#head.isEmpty) this.#head = this.#head.from(time)
  }

  /** The log begins with that segment now. */
  async forgetLog(first: number): Promise<void> {
    const left = this.#logged.filter(({ through }) => through >= first)
    if (left.length < this.#logged.length) await this.#write(left)
  }

  async #write(logged: readonly LoggedDeletion[], onThere?: () => void): Promise<void> {
    if (logged.length === 0) {
      await rm(this.#file, { force: true })
      this.#logged = logged
      return
    }
    const out = new ByteWriter()
    writeLogged(out, logged)
    await writeChecked(this.#file, MAGIC, out.view(), () => {
      this.#logged = logged
      onThere?.()
    })
  }
}

function writeLogged(out: ByteWriter, logged: readonly LoggedDeletion[]): void {
  out.varint(logged.length)
  for (const { through, start, end, sets } of logged) {
    out.varint(through)
    out.zigzag(start)
    out.zigzag(end)
    out.varint(sets.length)
    for (const set of sets) {
      out.varint(set.length)
      for (const { name, op, value } of set) {
        out.u8(MATCH_OPS.indexOf(op))
        out.text(name)
        out.text(value)
      }
    }
  }
}

function readLogged(source: ByteReader): readonly LoggedDeletion[] {
  return Array.from({ length: source.count(5) }, () => {
    const through = source.varint()
    const start = source.zigzag()
    const end = source.zigzag()
    const sets = Array.from({ length: source.count(1) }, () =>
      Array.from({ length: source.count(3) }, () => {
        const op = MATCH_OPS[source.u8()]
        if (op === undefined) throw new DamagedError('an operator that there is not')
        return matcher(source.text(), op, source.text())
      }),
    )
    return { through, start, end, sets }
  })
}
