/**
 * Lists of names, values and series that were asked for before, and as long as they are exact: a dashboard's variables and an editor's
 * completion ask the same lists over a span that moves on with each refresh.
 *
 * What is listed grows with the span: of a span between two others that list the same, the list is the same too. So a list is kept
 * with an inner span, for which it was read, and an outer one, for which nothing more can come. It answers every span between the two,
 *
 * - as long as no series came to the head or left it (of those that are there all may get samples: the outer list takes each of
 *   them for seen, whatever its time), and no block of the span came, went, or had something deleted;
 * - for views that see no fewer commits than the one it was read with.
 *
 * By index of the head, and gone with it. Bounded: MAX_BYTES of lists for an index; what does not become known is tried more and more
 * rarely.
 */
import type { Block } from '../block/block.ts'
import type { HeadView } from '../head.ts'

/** What a question's span can touch. */
export type Sources = {
  readonly view: HeadView
  /** Nothing of them is deleted. */
  readonly blocks: readonly Block[]
  readonly start: number
  readonly end: number
}

/** How a list is read. Both lists are without doubles, and the inner one is part of the outer one. */
export type Reads<T> = {
  /** What is asked for, in words of its own. */
  readonly key: string
  readonly within: (start: number, end: number) => readonly T[]
  /** How many there are, series of the head counted whatever their time, those of blocks within the span. */
  readonly countAround: (start: number, end: number) => number
  readonly bytesOf: (list: readonly T[]) => number
}

type Kept = {
  readonly list: readonly unknown[]
  readonly bytes: number
  readonly innerStart: number
  readonly innerEnd: number
  readonly outerStart: number
  readonly outerEnd: number
  readonly commit: number
  readonly boundary: number
  readonly arrived: number
  readonly gone: number
  readonly blocks: readonly number[]
}

/** A list, or how often it was asked for in vain. */
type Entry = { kept: Kept | undefined; tries: number; pause: number }

const MAX_BYTES = 4 * 1024 * 1024
/** Of an entry beside its list: the key and what the map takes. */
const ENTRY_BYTES = 512
/** The inner span is so much shorter, and the outer so much longer, at each end; a quarter of the span where that is less. */
const MARGIN_MS = 15 * 60_000
/** Most questions between two attempts. */
const LONGEST_PAUSE = 64

export class KeptLists {
  readonly #entries = new Map<string, Entry>()
  #bytes = 0

  get sizeBytes(): number {
    return this.#bytes
  }

  /** The list of a span: as it was, or as it is read now. */
  list<T>(sources: Sources, reads: Reads<T>): readonly T[] {
    const { start, end } = sources
    if (start > end) return reads.within(start, end)
    // Lists of an hour and of a week are both asked for, over and over.
    const key = `${Math.round(Math.log2(end - start + 1))} ${reads.key}`
    const entry = this.#entryOf(key)
    const { kept } = entry
    if (kept !== undefined && isOf(kept, sources)) {
      const isWide = start <= kept.innerStart && end >= kept.innerEnd
      if (isWide && start >= kept.outerStart && end <= kept.outerEnd) return kept.list as readonly T[]
    } else if (entry.pause > 0) {
      entry.pause--
      return reads.within(start, end)
    }
    const margin = Math.min(MARGIN_MS, (end - start) / 4)
    // A span that follows the clock ends where the last one ended, or later, and behind all samples there are.
    const goesBack = kept !== undefined && end < kept.innerEnd
    const innerStart = start + margin
    const innerEnd = goesBack ? end - margin : end
    // Of the head all series are counted, whatever their time.
    const outerStart = sources.blocks.length === 0 ? -Infinity : start - margin
    const outerEnd = sources.blocks.length === 0 ? Infinity : end + margin
    const list = reads.within(innerStart, innerEnd)
    if (list.length < reads.countAround(outerStart, outerEnd)) {
      this.#forget(entry)
      entry.pause = Math.min(2 ** Math.min(entry.tries++, 30), LONGEST_PAUSE)
      return reads.within(start, end)
    }
    this.#keep(entry, {
      ...{ list, innerStart, innerEnd, outerStart, outerEnd },
      ...{ commit: sources.view.commit, boundary: sources.view.boundary },
      ...{ arrived: sources.view.index.arrived, gone: sources.view.index.gone },
      blocks: sources.blocks.map(numberOf),
      bytes: reads.bytesOf(list),
    })
    return list
  }

  #entryOf(key: string): Entry {
    let entry = this.#entries.get(key)
    if (entry === undefined) {
      entry = { kept: undefined, tries: 0, pause: 0 }
      this.#bytes += bytesOfEntry(key)
    } else this.#entries.delete(key)
    this.#entries.set(key, entry)
    this.#fit()
    return entry
  }

  #keep(entry: Entry, kept: Kept): void {
    this.#forget(entry)
    if (kept.bytes > MAX_BYTES / 2) {
      entry.pause = LONGEST_PAUSE
      return
    }
    entry.tries = 0
    entry.kept = kept
    this.#bytes += kept.bytes
    this.#fit()
  }

  /** What was asked for longest ago leaves. */
  #fit(): void {
    for (const [key, oldest] of this.#entries) {
      if (this.#bytes <= MAX_BYTES) break
      this.#forget(oldest)
      this.#entries.delete(key)
      this.#bytes -= bytesOfEntry(key)
    }
  }

  #forget(entry: Entry): void {
    this.#bytes -= entry.kept?.bytes ?? 0
    entry.kept = undefined
  }
}

function bytesOfEntry(key: string): number {
  return ENTRY_BYTES + key.length * 2
}

/** Whether it was read from the same series and blocks, and no later. */
function isOf(kept: Kept, { view, blocks }: Sources): boolean {
  const { index } = view
  if (kept.arrived !== index.arrived || kept.gone !== index.gone) return false
  if (kept.boundary !== view.boundary || kept.commit > view.commit || kept.blocks.length !== blocks.length) return false
  for (let i = 0; i < blocks.length; i++) if (kept.blocks[i] !== numberOf(blocks[i]!)) return false
  return true
}

let numbers = 0
const numberOfBlock = new WeakMap<Block, number>()

/** A block by number, so that what is kept does not hold it. */
function numberOf(block: Block): number {
  let number = numberOfBlock.get(block)
  if (number === undefined) numberOfBlock.set(block, (number = ++numbers))
  return number
}

const ofIndex = new WeakMap<HeadView['index'], KeptLists>()

export function keptListsOf(index: HeadView['index']): KeptLists {
  let lists = ofIndex.get(index)
  if (lists === undefined) ofIndex.set(index, (lists = new KeptLists()))
  return lists
}

/** What the lists of an index take. */
export function keptBytesOf(index: HeadView['index']): number {
  return ofIndex.get(index)?.sizeBytes ?? 0
}
