/**
 * A consistent view over blocks and head: what was committed when it was opened, and nothing later.
 *
 * Blocks lie before the view's boundary and do not overlap; the head answers from the boundary on. So the parts of a series
 * follow each other in time and are only put one behind the other. Late samples, in blocks of their own and in memory, are woven in
 * for the series that have some.
 */
import { type Labels, type Matcher, METRIC_NAME } from '#core'
import { compareLabels, type Querier, type Samples, type Series } from '#storage'
import { type Block, BlockCorruptError } from './block.ts'
import type { Tombstones } from './deletion/tombstones.ts'
import { partsWithout } from './deletion/without-deleted.ts'
import { ExtraColumns } from './extra-columns.ts'
import type { Head, HeadView } from './head.ts'
import type { LateView } from './late-store.ts'
import type { Part } from './part.ts'
import { sortedTexts } from './postings.ts'
import { weave, weaveParts } from './weave.ts'

export type QuerierDeps = {
  readonly head: Head
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

type Found = { readonly labels: Labels; readonly parts: Part[]; late?: Part[] }

export class TsdbQuerier implements Querier {
  readonly #deps: QuerierDeps
  #closed = false

  constructor(deps: QuerierDeps) {
    this.#deps = deps
  }

  select(matchers: readonly Matcher[]): readonly Series[] {
    return this.#find(matchers).map((found) => ({ labels: found.labels, samples: () => this.#samples(found) }))
  }

  labelNames(matchers: readonly Matcher[]): readonly string[] {
    const names = new Set<string>()
    for (const { labels } of this.#find(matchers)) {
      for (let i = 0; i < labels.flat.length; i += 2) names.add(labels.flat[i]!)
    }
    return sortedTexts(names)
  }

  labelValues(name: string, matchers: readonly Matcher[]): readonly string[] {
    const values = new Set<string>()
    for (const { labels } of this.#find(matchers)) values.add(name === METRIC_NAME ? labels.name : labels.get(name))
    values.delete('')
    return sortedTexts(values)
  }

  series(matchers: readonly Matcher[]): readonly Labels[] {
    return this.#find(matchers).map(({ labels }) => labels)
  }

  [Symbol.dispose](): void {
    if (this.#closed) return
    this.#closed = true
    this.#deps.onClose()
  }

  #find(matchers: readonly Matcher[]): readonly Found[] {
    if (this.#closed) throw new TypeError('BUG: a querier was used after its disposal')
    const { head, view, deleted, blocks, start, end } = this.#deps
    const sources: (readonly Part[])[] = []
    for (const block of blocks) {
      const parts = this.#reading(() => partsWithout(block.select(matchers, start, end), block.tombstones))
      if (parts.length > 0) sources.push(parts)
    }
    const recent = partsWithout(head.select(view, matchers, start, end), deleted)
    if (recent.length > 0) sources.push(recent)
    const late = this.#findLate(matchers)
    const found: Found[] =
      sources.length === 1 && late.length === 0
        ? sources[0]!.map((part) => ({ labels: part.labels, parts: [part] }))
        : joined(sources, late)
    return found.sort((a, b) => compareLabels(a.labels, b.labels))
  }

  #findLate(matchers: readonly Matcher[]): readonly Part[] {
    const { lateBlocks, late, start, end } = this.#deps
    const parts: Part[] = []
    for (const block of lateBlocks)
      for (const part of this.#reading(() => partsWithout(block.select(matchers, start, end), block.tombstones)))
        parts.push(part)
    for (const table of late.tables) {
      for (const part of table.select(matchers, { commit: late.commit, low: start, high: end })) parts.push(part)
    }
    return parts
  }

  #samples({ parts, late }: Found): Samples {
    if (this.#closed) throw new TypeError('BUG: samples were read after the disposal of their querier')
    if (late === undefined) return this.#inOrder(parts)
    const woven = this.#reading(() => weaveParts(late))
    return parts.length === 0 ? woven : weave(this.#inOrder(parts), woven)
  }

  #inOrder(parts: readonly Part[]): Samples {
    let room = 0
    for (const part of parts) room += part.maxCount
    const timestamps = new Float64Array(room)
    const values = new Float64Array(room)
    const extras = new ExtraColumns(room)
    let count = 0
    this.#reading(() => {
      let isMixed = false
      for (const part of parts) {
        const next = count + part.read({ timestamps, values, extras }, count)
        if (isMixed && next > count) extras.unsettle(count)
        if (next > count) isMixed = part.isMixed === true
        count = next
      }
    })
    return { timestamps, values, count, ...extras.take(count) }
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

function joined(sources: readonly (readonly Part[])[], late: readonly Part[]): Found[] {
  const byKey = new Map<string, Found>()
  for (const parts of sources) {
    for (const part of parts) {
      const known = byKey.get(part.labels.key)
      if (known === undefined) byKey.set(part.labels.key, { labels: part.labels, parts: [part] })
      else known.parts.push(part)
    }
  }
  for (const part of late) {
    const known = byKey.get(part.labels.key)
    if (known === undefined) byKey.set(part.labels.key, { labels: part.labels, parts: [], late: [part] })
    else if (known.late === undefined) known.late = [part]
    else known.late.push(part)
  }
  return [...byKey.values()]
}
