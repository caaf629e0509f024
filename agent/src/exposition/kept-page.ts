/**
 * A store's page that goes on from the page before: what has not changed is not written again (kept-lines.ts).
 *
 * - The format says how a series is written; when, and where to, is told here. Numbers that are as long as before are written where they stand:
 *   when that is all that has changed, no line is moved. Else lines are copied onto another page: two are kept, the last one and the one to be
 *   written over.
 * - What is rendered is one snapshot; the page is good until the next `render`.
 */
import { type FamilyView, SERIES, type StoreReader } from '../store/index.ts'
import type { BytesOut } from './bytes-out.ts'
import type { FamilyPage } from './family-page.ts'
import { KeptLines, type NumberStyle } from './kept-lines.ts'

/** A page without its end (`# EOF`); `families` are its parts: their bodies lie within `bytes`. */
export type RenderedPage = { readonly bytes: Uint8Array; readonly families: readonly FamilyPage[] }

/** What is the same for all series of a family. */
export type FamilyWords = {
  /** As the family is named in this format. */
  readonly name: string
  readonly head: Uint8Array
  /** Whether a series ends with its one number, or with what stands behind each of them. */
  readonly endsWithNumber: boolean
}

/** How a format writes series. */
export interface SeriesFormat<Out extends BytesOut, Words extends FamilyWords> {
  readonly numbers: NumberStyle<Out>
  wordsOf(view: FamilyView): Words
  /** Makes its room. Nothing when the series has no value. */
  write(out: Out, view: FamilyView, words: Words, index: number, isFresh: boolean): void
  makeOut(capacity: number): Out
  /** How long the family is, more or less. */
  roughBytes(view: FamilyView): number
}

/** A page that large is not kept for the next one: it would cost as much memory as the series themselves. */
const MAX_KEPT_BYTES = 64 * 1024 * 1024
const TRIES = 3

/** What of a page is needed to write the next one. */
type Kept<Out> = {
  readonly out: Out
  readonly page: RenderedPage
  /** The numbers that stand on it. */
  doubles: Float64Array
  words: Uint32Array
  readonly layout: number
  /** Whether quantiles are on it. */
  readonly isFresh: boolean
  /** By family, then by series: where its lines end. The first is preceded by the family's `from`. */
  readonly ends: readonly FamilyEnds[]
}

/** `ends` may be longer than there are series. */
type FamilyEnds = { readonly from: number; readonly count: number; readonly ends: Int32Array }

export class KeptPage<Out extends BytesOut, Words extends FamilyWords> {
  readonly #reader: StoreReader
  readonly #format: SeriesFormat<Out, Words>
  readonly #words: (Words | undefined)[] = []
  readonly #lines: KeptLines<Out>
  #kept: Kept<Out> | undefined
  /** The page before the one that is kept, which nobody reads any more, and a snapshot. */
  #spare: Pick<Kept<Out>, 'out' | 'ends'> | undefined
  #spareDoubles: Float64Array | undefined

  constructor(reader: StoreReader, format: SeriesFormat<Out, Words>) {
    this.#reader = reader
    this.#format = format
    this.#lines = new KeptLines(format.numbers)
  }

  /** `isFresh`: the loop of the thread that writes the store has brought its figures up to date; else what needs that is left out. */
  render(isFresh = true): RenderedPage {
    for (let tries = 1; ; tries++) {
      const page = this.#render(isFresh)
      // Written anew meanwhile: what was copied may be of other labels.
      if (this.#reader.isCurrent() || tries === TRIES) return page
      this.#kept = undefined
    }
  }

  #render(isFresh: boolean): RenderedPage {
    const reader = this.#reader
    const before = this.#kept
    reader.read(this.#spareDoubles)
    this.#spareDoubles = before?.doubles
    const kept = before?.layout === reader.layout ? before : undefined
    if (kept !== undefined && this.#isRewritten(kept, isFresh)) {
      kept.doubles = reader.doubles
      kept.words = reader.words
      return kept.page
    }
    const out = this.#spare?.out ?? this.#format.makeOut((before?.out.at ?? this.#roughBytes()) + 4_096)
    out.at = 0
    this.#lines.begin(out, kept?.out)
    const ends: FamilyEnds[] = []
    const families: { view: FamilyView; words: Words; from: number; to: number }[] = []
    for (const [i, view] of reader.families.entries()) {
      if (!isShown(view, isFresh)) continue
      const words = this.#wordsOf(view, i)
      const headAt = out.at
      out.exactly(words.head)
      const from = out.at
      const lines = roomFor(view.count, this.#spare?.ends[i]?.ends)
      this.#family(view, words, out, kept, { family: i, ends: lines, isFresh })
      ends[i] = { from, count: view.count, ends: lines }
      if (out.at === from) out.at = headAt
      else families.push({ view, words, from, to: out.at })
    }
    const page = {
      bytes: out.bytes.subarray(0, out.at),
      families: families.map(({ view: { record }, words: { name, head }, from, to }) => ({
        name,
        head,
        kind: record.kind,
        help: record.help,
        body: out.bytes.subarray(from, to),
      })),
    }
    const { doubles, words, layout } = reader
    this.#spare = before
    this.#kept = { out, page, doubles, words, layout, isFresh, ends }
    if (out.at > MAX_KEPT_BYTES) this.#kept = this.#spare = this.#spareDoubles = undefined
    return page
  }

  #wordsOf(view: FamilyView, family: number): Words {
    return (this.#words[family] ??= this.#format.wordsOf(view))
  }

  /**
   * Writes numbers that have changed where they stand. False when there is more to be done, by copying: the numbers that were written until then
   * are noted among those of the page.
   */
  #isRewritten(kept: Kept<Out>, isFresh: boolean): boolean {
    if (kept.isFresh !== isFresh) return false
    const { families, doubles: now } = this.#reader
    const { rewrite } = this.#format.numbers
    for (const [i, view] of families.entries()) {
      const known = kept.ends[i]
      const count = isShown(view, isFresh) ? view.count : 0
      if (count !== (known?.count ?? 0)) return false
      if (view === undefined || known === undefined || count === 0) continue
      const { series, width } = view
      const { endsWithNumber } = this.#wordsOf(view, i)
      const lines = { count, series, ends: known.ends, now, before: kept.doubles }
      for (let line = 0; line < count; line++) {
        if (endsWithNumber) line = rewrite(kept.out, lines, line)
        if (line < count && !this.#isSame(kept, series[line * SERIES.size]!, width)) return false
      }
    }
    return true
  }

  /** Of the first page: written into a buffer that has to grow it takes half as long again. Memory that is not needed is never touched. */
  #roughBytes(): number {
    let bytes = 0
    for (const view of this.#reader.families.values()) if (view !== undefined) bytes += this.#format.roughBytes(view)
    return bytes
  }

  /** Writes all series of a family, and into `ends` where the lines of each end. */
  #family(
    view: FamilyView,
    words: Words,
    out: Out,
    kept: Kept<Out> | undefined,
    { family, ends, isFresh }: { readonly family: number; readonly ends: Int32Array; readonly isFresh: boolean },
  ): void {
    const { series, count, width } = view
    const known = view.record.kind === 'summary' && kept?.isFresh !== isFresh ? undefined : kept?.ends[family]
    const { endsWithNumber } = words
    const { doubles } = this.#reader
    const lines = this.#lines
    for (let i = 0; i < count; i++) {
      if (known !== undefined && i < known.count) {
        const place = series[i * SERIES.size]!
        const isRenumbered = endsWithNumber && this.#isRenumbered(kept!, place)
        if (isRenumbered || this.#isSame(kept!, place, width)) {
          ends[i] = lines.keep(i === 0 ? known.from : known.ends[i - 1]!, known.ends[i]!)
          if (isRenumbered) lines.renumber(doubles[place]!)
          continue
        }
      }
      lines.settle()
      this.#format.write(out, view, words, i, isFresh)
      ends[i] = out.at
    }
    lines.settle()
  }

  /** Whether all that is to be written is another number over the one of the page before. */
  #isRenumbered(kept: Kept<Out>, place: number): boolean {
    if (place >= kept.doubles.length) return false
    const now = this.#reader.doubles[place]!
    const before = kept.doubles[place]!
    return now !== before && this.#format.numbers.areAsLong(now, before)
  }

  #isSame(kept: Kept<Out>, place: number, width: number): boolean {
    const { words } = this.#reader
    const before = kept.words
    const to = (place + width) * 2
    if (to > before.length) return false
    for (let i = place * 2; i < to; i++) if (words[i] !== before[i]) return false
    return true
  }
}

/** Whether a page has it: what needs the loop only when that has answered. */
function isShown(view: FamilyView | undefined, isFresh: boolean): view is FamilyView {
  return view !== undefined && (isFresh || !view.needsLoop)
}

/** The one that is no longer needed, when it is long enough. */
function roomFor(count: number, spare: Int32Array | undefined): Int32Array {
  return spare !== undefined && spare.length >= count ? spare : new Int32Array(count + (count >> 2))
}
