/**
 * A consistent view over blocks and head: what was committed when it was opened, and nothing later.
 *
 * Blocks lie before the view's boundary and do not overlap; the head answers from the boundary on. So the parts of a series
 * follow each other in time and are only put one behind the other. Late samples, in blocks of their own and in memory, are woven in
 * for the series that have some.
 */
import type { Labels, Matcher } from '#core'
import type { Querier, Samples, Series, SeriesSet } from '#storage'
import type { Block } from '../block/block.ts'
import { BlockCorruptError } from '../block/block-error.ts'
import { sortedTexts } from '../block/postings.ts'
import { ExtraColumns } from '../columns/extra-columns.ts'
import type { Part, PartColumns } from '../columns/part.ts'
import { weave, weaveParts } from '../columns/weave.ts'
import type { Tombstones } from '../deletion/tombstones.ts'
import { partsWithout } from '../deletion/without-deleted.ts'
import { allNames, allValues, type HeadReader, type HeadView, keyOf } from '../head.ts'
import type { LateView } from '../late/late-store.ts'
import { ColumnRoom } from './column-room.ts'
import { HeadSet } from './head-set.ts'
import { type Joined, joinSeries } from './join-series.ts'
import { JoinedSet } from './joined-set.ts'
import { keptListsOf } from './kept-lists.ts'
import { giveRoomBack, type ReadRoom, takeRoom } from './read-room.ts'

export type QuerierDeps = {
  readonly head: HeadReader
  readonly view: HeadView
  /** What of the head was deleted when the view was opened. */
  readonly deleted: Tombstones
  /** In order of time, each retained for this querier. */
  readonly blocks: readonly Block[]
  /** Late samples: in blocks, each retained for this querier, and in memory. Earlier ones first. */
  readonly lateBlocks: readonly Block[]
  readonly late: LateView
  readonly start: number
  readonly end: number
  /** Told of a block that turned out damaged, before the error goes to the reader. */
  readonly onCorrupt: (error: BlockCorruptError) => void
  readonly onClose: () => void
}

/** How names or values are read. `ofIndex`: of the head, whatever the time. */
type AsksTexts = {
  readonly ofBlock: (block: Block, start: number, end: number) => readonly string[]
  readonly ofHead: (head: HeadReader, view: HeadView, start: number, end: number) => readonly string[]
  readonly ofIndex: () => readonly string[]
  readonly ofLabels: (labels: Labels) => readonly string[]
}

/** Of a label set, its JSON, and a text beside its characters, about. */
const LABELS_BYTES = 480
const TEXT_BYTES = 40

export class TsdbQuerier implements Querier {
  readonly #deps: QuerierDeps
  readonly #room = new ColumnRoom()
  /** What sets are read into: one for all of this querier's, as one series is read at a time. */
  #readRoom: ReadRoom | undefined
  #closed = false

  constructor(deps: QuerierDeps) {
    this.#deps = deps
  }

  select(matchers: readonly Matcher[]): readonly Series[] {
    return this.#find(matchers).map((found) => ({ labels: found.labels, samples: () => this.#read(found) }))
  }

  selectSet(matchers: readonly Matcher[]): SeriesSet {
    const { head, view, deleted, blocks, lateBlocks, late, start, end } = this.#open()
    const low = Math.max(start, view.boundary)
    const isHeadAlone = blocks.length + lateBlocks.length + late.tables.length === 0 && deleted.isEmpty
    if (isHeadAlone)
      return new HeadSet(head, view, head.findRoughly(view, matchers, low, end), { low, high: end, room: this.#reads })
    return new JoinedSet(this.#find(matchers), view.index, (joined) =>
      joined.late === undefined ? this.#inRoom(joined.parts) : this.#read(joined),
    )
  }

  labelNames(matchers: readonly Matcher[]): readonly string[] {
    const { view } = this.#open()
    const ask: AsksTexts = {
      ofBlock: (block, start, end) => block.labelNames(matchers, start, end),
      ofHead: (head, view, start, end) => head.labelNames(view, matchers, start, end),
      ofIndex: () => allNames(view.index, matchers),
      ofLabels: (labels) => labels.flat.filter((_, i) => i % 2 === 0),
    }
    return this.#keptTexts('names', matchers, ask)
  }

  labelValues(name: string, matchers: readonly Matcher[]): readonly string[] {
    const { view } = this.#open()
    const ask: AsksTexts = {
      ofBlock: (block, start, end) => block.labelValues(name, matchers, start, end),
      ofHead: (head, view, start, end) => head.labelValues(view, name, matchers, start, end),
      ofIndex: () => allValues(view.index, name, matchers),
      ofLabels: (labels) => (labels.has(name) ? [labels.get(name)] : []),
    }
    return this.#keptTexts(`values ${name}`, matchers, ask)
  }

  series(matchers: readonly Matcher[]): readonly Labels[] {
    const { view, start, end } = this.#open()
    const within = (from: number, to: number) => this.#find(matchers, from, to).map(({ labels }) => labels)
    const blocks = this.#undeletedBlocks()
    if (blocks === undefined) return within(start, end)
    const countAround = (from: number, to: number) => {
      const slots = view.index.sorted(matchers)
      const found = blocks.map((block) => this.#reading(() => block.select(matchers, from, to)))
      if (found.every(({ length }) => length === 0)) return slots.length
      const inHead = Array.from(slots, (slot) => ({ labels: view.index.labelsOf(slot), maxCount: 0, read: () => 0 }))
      return joinSeries([...found, inHead].map((parts) => ({ parts, isLate: false }))).length
    }
    return keptListsOf(view.index).list(
      { view, blocks, start, end },
      { key: `series ${keyOf(matchers)}`, within, countAround, bytesOf: bytesOfSeries },
    )
  }

  [Symbol.dispose](): void {
    if (this.#closed) return
    this.#closed = true
    if (this.#readRoom !== undefined) giveRoomBack(this.#readRoom)
    this.#deps.onClose()
  }

  #find(matchers: readonly Matcher[], start = this.#deps.start, end = this.#deps.end): readonly Joined[] {
    const { blocks, lateBlocks } = this.#open()
    const inBlock = (block: Block) =>
      this.#reading(() => partsWithout(block.select(matchers, start, end), block.tombstones))
    return joinSeries([
      ...blocks.map((block) => ({ parts: inBlock(block), isLate: false })),
      { parts: this.#inHead(matchers, start, end), isLate: false },
      ...lateBlocks.map((block) => ({ parts: inBlock(block), isLate: true })),
      ...this.#inTables(matchers, start, end).map((parts) => ({ parts, isLate: true })),
    ])
  }

  #inHead(matchers: readonly Matcher[], start: number, end: number): readonly Part[] {
    const { head, view, deleted } = this.#deps
    return partsWithout(head.select(view, matchers, start, end), deleted)
  }

  #inTables(matchers: readonly Matcher[], start: number, end: number): readonly (readonly Part[])[] {
    const { late } = this.#deps
    return late.tables.map((table) => table.select(matchers, { commit: late.commit, low: start, high: end }))
  }

  /** All blocks, late ones last; `undefined` where something was deleted, or late samples are in no block yet. */
  #undeletedBlocks(): readonly Block[] | undefined {
    const { deleted, blocks, lateBlocks, late } = this.#deps
    if (!deleted.isEmpty || late.tables.length > 0) return undefined
    const all = lateBlocks.length === 0 ? blocks : [...blocks, ...lateBlocks]
    return all.every(({ tombstones }) => tombstones.isEmpty) ? all : undefined
  }

  #keptTexts(what: string, matchers: readonly Matcher[], ask: AsksTexts): readonly string[] {
    const { view, start, end } = this.#deps
    const within = (from: number, to: number) => this.#texts(matchers, ask, { start: from, end: to })
    const blocks = this.#undeletedBlocks()
    if (blocks === undefined) return within(start, end)
    const countAround = (from: number, to: number) => {
      const texts = new Set(ask.ofIndex())
      for (const block of blocks) for (const text of this.#reading(() => ask.ofBlock(block, from, to))) texts.add(text)
      return texts.size
    }
    return keptListsOf(view.index).list(
      { view, blocks, start, end },
      { key: `${what} ${keyOf(matchers)}`, within, countAround, bytesOf: bytesOfTexts },
    )
  }

  /** Names or values, from each source by its index; where something was deleted, and among late samples, from the series that are left. */
  #texts(
    matchers: readonly Matcher[],
    ask: AsksTexts,
    { start, end }: { readonly start: number; readonly end: number },
  ): readonly string[] {
    const { head, view, deleted, blocks, lateBlocks } = this.#open()
    const texts = new Set<string>()
    const add = (some: readonly string[]) => {
      for (const text of some) texts.add(text)
    }
    const addAll = (parts: readonly Part[]) => {
      for (const { labels } of parts) add(ask.ofLabels(labels))
    }
    for (const block of [...blocks, ...lateBlocks]) {
      const { tombstones } = block
      if (tombstones.isEmpty) add(this.#reading(() => ask.ofBlock(block, start, end)))
      else addAll(this.#reading(() => partsWithout(block.select(matchers, start, end), tombstones)))
    }
    if (deleted.isEmpty) add(ask.ofHead(head, view, start, end))
    else addAll(this.#inHead(matchers, start, end))
    this.#inTables(matchers, start, end).forEach(addAll)
    return sortedTexts(texts)
  }

  #open(): QuerierDeps {
    if (this.#closed) throw new TypeError('BUG: a querier was used after its disposal')
    return this.#deps
  }

  readonly #reads = (): ReadRoom => {
    if (this.#closed) throw new TypeError('BUG: samples were read after the disposal of their querier')
    return (this.#readRoom ??= takeRoom())
  }

  readonly #read = ({ parts, late }: Joined): Samples => {
    if (this.#closed) throw new TypeError('BUG: samples were read after the disposal of their querier')
    if (late === undefined) return this.#inOrder(parts)
    const woven = this.#reading(() => weaveParts(late))
    return parts.length === 0 ? woven : weave(this.#inOrder(parts), woven)
  }

  #inOrder(parts: readonly Part[]): Samples {
    const room = roomOf(parts)
    const { timestamps, values } = this.#room.take(room)
    const extras = new ExtraColumns(room)
    const count = this.#reading(() => readParts(parts, { timestamps, values, extras }))
    this.#room.keep(count)
    return extras.isEmpty ? { timestamps, values, count } : { timestamps, values, count, ...extras.take(count) }
  }

  #inRoom(parts: readonly Part[]): Samples {
    const room = this.#reads()
    const columns = room.take(roomOf(parts))
    return room.give(this.#reading(() => readParts(parts, columns)))
  }

  #reading<T>(work: () => T): T {
    try {
      return work()
    } catch (error) {
      if (error instanceof BlockCorruptError) this.#deps.onCorrupt(error)
      throw error
    }
  }
}

/** No more samples than this are in the parts. */
function roomOf(parts: readonly Part[]): number {
  let room = 0
  for (let i = 0; i < parts.length; i++) room += parts[i]!.maxCount
  return room
}

/** Parts one behind the other; returns how many samples. */
function readParts(parts: readonly Part[], columns: Required<PartColumns>): number {
  const { extras } = columns
  let isMixed = false
  let count = 0
  for (let i = 0; i < parts.length; i++) {
    const part = parts[i]!
    const next = count + part.read(columns, count)
    if (isMixed && next > count) extras.unsettle(count)
    if (next > count) isMixed = part.isMixed === true
    count = next
  }
  return count
}

function bytesOfSeries(list: readonly Labels[]): number {
  return list.length * LABELS_BYTES
}

function bytesOfTexts(list: readonly string[]): number {
  return list.reduce((sum, { length }) => sum + length * 2 + TEXT_BYTES, 0)
}
