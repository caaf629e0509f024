/**
 * A consistent view over blocks and head: what was committed when it was opened, and nothing later.
 *
 * Blocks lie before the view's boundary and do not overlap; the head answers from the boundary on. So the parts of a series
 * follow each other in time and are only put one behind the other.
 */
import { type Labels, type Matcher, METRIC_NAME } from '#core'
import { compareLabels, type Querier, type Samples, type Series } from '#storage'
import { type Block, BlockCorruptError } from './block.ts'
import { ExtraColumns } from './extra-columns.ts'
import type { Head, HeadView } from './head.ts'
import type { Part } from './part.ts'
import { sortedTexts } from './postings.ts'

export type QuerierDeps = {
  readonly head: Head
  readonly view: HeadView
  /** In order of time, each retained for this querier. */
  readonly blocks: readonly Block[]
  readonly start: number
  readonly end: number
  /** Told of a block that turned out damaged, before the error goes to the reader. */
  readonly onCorrupt: (error: BlockCorruptError) => void
  readonly onClose: () => void
}

type Found = { readonly labels: Labels; readonly parts: Part[] }

export class TsdbQuerier implements Querier {
  readonly #deps: QuerierDeps
  #closed = false

  constructor(deps: QuerierDeps) {
    this.#deps = deps
  }

  select(matchers: readonly Matcher[]): readonly Series[] {
    return this.#find(matchers).map(({ labels, parts }) => ({ labels, samples: () => this.#samples(parts) }))
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
    const { head, view, blocks, start, end } = this.#deps
    const sources: (readonly Part[])[] = []
    for (const block of blocks) {
      const parts = this.#reading(() => block.select(matchers, start, end))
      if (parts.length > 0) sources.push(parts)
    }
    const recent = head.select(view, matchers, start, end)
    if (recent.length > 0) sources.push(recent)
    const found =
      sources.length === 1 ? sources[0]!.map((part) => ({ labels: part.labels, parts: [part] })) : joined(sources)
    return found.sort((a, b) => compareLabels(a.labels, b.labels))
  }

  #samples(parts: readonly Part[]): Samples {
    if (this.#closed) throw new TypeError('BUG: samples were read after the disposal of their querier')
    let room = 0
    for (const part of parts) room += part.maxCount
    const timestamps = new Float64Array(room)
    const values = new Float64Array(room)
    const extras = new ExtraColumns(room)
    let count = 0
    this.#reading(() => {
      for (const part of parts) count += part.read({ timestamps, values, extras }, count)
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

function joined(sources: readonly (readonly Part[])[]): Found[] {
  const byKey = new Map<string, Found>()
  for (const parts of sources) {
    for (const part of parts) {
      const known = byKey.get(part.labels.key)
      if (known === undefined) byKey.set(part.labels.key, { labels: part.labels, parts: [part] })
      else known.parts.push(part)
    }
  }
  return [...byKey.values()]
}
