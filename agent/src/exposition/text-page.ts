/**
 * A store as text: Prometheus 0.0.4 and OpenMetrics 1.0.
 *
 * - What has not changed since the page before is not written again (kept-lines.ts).
 * - Bounds are canonical floats (`le="1.0"`) in both formats, as Prometheus itself writes them, so that both read as the same series.
 * - Parsing what is written gives back every value by its bits. In OpenMetrics a counter's family has no `_total`.
 * - What is rendered is one snapshot; the page is good until the next but one `render`.
 */
import {
  type Exemplar,
  type FamilyRecord,
  type FamilyView,
  isAbsent,
  MAX_EXEMPLAR_BYTES,
  readExemplar,
  SERIES,
  type StoreReader,
  SUMMARY,
} from '../store/index.ts'
import { BytesOut, type Fragment, formatNumber, fragment } from './bytes-out.ts'
import { type FamilyPage, groupFamilies } from './family-page.ts'
import { areAsLong, KeptLines } from './kept-lines.ts'

export type TextFormat = 'text' | 'openmetrics'

/** A page without its end (`# EOF`); `families` are its parts: their bodies lie within `bytes`. */
export type RenderedPage = { readonly bytes: Uint8Array; readonly families: readonly FamilyPage[] }

/** A page that large is not kept for the next one: it would cost as much memory as the series themselves. */
const MAX_KEPT_BYTES = 64 * 1024 * 1024
const TRIES = 3
/** An exemplar's value, its time, and what is around its labels. */
const EXEMPLAR_BYTES = 64
/** Two ids with their names. */
const TRACE_BYTES = 96
const encoder = new TextEncoder()
const NOTHING = fragment('')
const OPEN = 123
const CLOSE = 125
const SPACE = 32
const COMMA = 44
const LINE = 10

/** What of a page is needed to write the next one. */
type Kept = {
  readonly out: BytesOut
  readonly doubles: Float64Array
  readonly words: Uint32Array
  readonly layout: number
  /** Whether quantiles are on it. */
  readonly isFresh: boolean
  /** By family, then by series: where its lines end. The first is preceded by the family's `from`. */
  readonly ends: readonly FamilyEnds[]
}

/** `ends` may be longer than there are series. */
type FamilyEnds = { readonly from: number; readonly count: number; readonly ends: Int32Array }

/** The texts of a family that are the same for all of its series. */
type Words = {
  readonly head: Uint8Array
  readonly name: string
  readonly sample: Fragment
  /** What the labels of an exemplar take at most; 0 where the format, or the family, has none. */
  readonly exemplarBytes: number
  /** `_bucket{` up to the labels, then for each bucket `le="0.5"} `; of a summary `{` and `quantile="0.5"} `. */
  readonly bucket: Fragment
  readonly bounds: readonly Fragment[]
  readonly sum: Fragment
  readonly count: Fragment
}

export class TextPage {
  readonly #reader: StoreReader
  readonly #format: TextFormat
  readonly #extra: Fragment
  readonly #words: (Words | undefined)[] = []
  #kept: Kept | undefined
  /** The page before the one that is kept: nobody reads it any more. */
  #spare: Kept | undefined
  readonly #lines = new KeptLines()

  /** `extra` is added to each series' labels, e.g. `worker="1"`. */
  constructor(reader: StoreReader, format: TextFormat, extra = '') {
    this.#reader = reader
    this.#format = format
    this.#extra = fragment(extra)
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
    reader.read(this.#spare?.doubles)
    const kept = before?.layout === reader.layout ? before : undefined
    const out = this.#spare?.out ?? new BytesOut((before?.out.at ?? this.#roughBytes()) + 4_096)
    out.at = 0
    this.#lines.begin(out, kept?.out)
    const ends: FamilyEnds[] = []
    const families: { view: FamilyView; words: Words; from: number; to: number }[] = []
    for (const [i, view] of reader.families.entries()) {
      if (view === undefined || (!isFresh && view.needsLoop)) continue
      const words = (this.#words[i] ??= wordsOf(view, this.#format))
      const headAt = out.at
      out.exactly(words.head)
      const from = out.at
      const lines = roomFor(view.count, this.#spare?.ends[i]?.ends)
      this.#family(view, words, out, kept, { family: i, ends: lines, isFresh })
      ends[i] = { from, count: view.count, ends: lines }
      if (out.at === from) out.at = headAt
      else families.push({ view, words, from, to: out.at })
    }
    const { doubles, words, layout } = reader
    this.#spare = before
    this.#kept = { out, doubles, words, layout, isFresh, ends }
    if (out.at > MAX_KEPT_BYTES) this.#kept = this.#spare = undefined
    return {
      bytes: out.bytes.subarray(0, out.at),
      families: families.map(({ view: { record }, words: { name, head }, from, to }) => ({
        name,
        head,
        kind: record.kind,
        help: record.help,
        body: out.bytes.subarray(from, to),
      })),
    }
  }

  /** Of the first page: written into a buffer that has to grow it takes half as long again. Memory that is not needed is never touched. */
  #roughBytes(): number {
    let bytes = 0
    for (const { record, series, count } of this.#reader.families.values()) {
      let labels = 0
      for (let i = 0; i < count; i++) labels += series[i * SERIES.size + SERIES.labelsLength]! + this.#extra.length
      const lines = record.kind === 'counter' || record.kind === 'gauge' ? 1 : record.bounds.length + 3
      bytes += lines * (labels + count * (record.name.length + (lines > 1 ? 32 : 16)))
    }
    return bytes
  }

  /** Writes all series of a family, and into `ends` where the lines of each end. */
  #family(
    view: FamilyView,
    words: Words,
    out: BytesOut,
    kept: Kept | undefined,
    { family, ends, isFresh }: { readonly family: number; readonly ends: Int32Array; readonly isFresh: boolean },
  ): void {
    const { series, count, width } = view
    const { kind } = view.record
    const known = kind === 'summary' && kept?.isFresh !== isFresh ? undefined : kept?.ends[family]
    // Behind the number of a line with an exemplar there is more.
    const isNumber = (kind === 'counter' || kind === 'gauge') && words.exemplarBytes === 0
    const lines = this.#lines
    for (let i = 0; i < count; i++) {
      if (known !== undefined && i < known.count) {
        const place = series[i * SERIES.size]!
        const number = isNumber ? this.#renumbered(kept!, place) : Number.NaN
        if (number > 0 || this.#isSame(kept!, place, width)) {
          ends[i] = lines.keep(i === 0 ? known.from : known.ends[i - 1]!, known.ends[i]!)
          if (number > 0) lines.renumber(number)
          continue
        }
      }
      lines.settle()
      if (kind === 'histogram') this.#histogram(view, words, i, out)
      else if (kind === 'summary') this.#summary(view, words, i, out, isFresh)
      else this.#sample(view, words, i, out)
      ends[i] = out.at
    }
    lines.settle()
  }

  /** The value, when it is another than before and written with as many digits; else 0. */
  #renumbered(kept: Kept, place: number): number {
    if (place >= kept.doubles.length) return 0
    const now = this.#reader.doubles[place]!
    const before = kept.doubles[place]!
    return now !== before && areAsLong(now, before) ? now : 0
  }

  #isSame(kept: Kept, place: number, width: number): boolean {
    const { words } = this.#reader
    const before = kept.words
    const to = (place + width) * 2
    if (to > before.length) return false
    for (let i = place * 2; i < to; i++) if (words[i] !== before[i]) return false
    return true
  }

  #sample(view: FamilyView, words: Words, index: number, out: BytesOut): void {
    const place = view.series[index * SERIES.size]!
    const reader = this.#reader
    if (isAbsent(reader.words, place)) return
    const length = view.series[index * SERIES.size + SERIES.labelsLength]!
    out.reserve(words.sample.length + length + this.#extra.length + 64 + words.exemplarBytes)
    out.fragment(words.sample)
    this.#labels(view, index, out)
    out.byte(SPACE)
    out.number(reader.doubles[place]!)
    if (words.exemplarBytes > 0) exemplar(out, readExemplar(reader, view, place, 0))
    out.byte(LINE)
  }

  #histogram(view: FamilyView, words: Words, index: number, out: BytesOut): void {
    const place = view.series[index * SERIES.size]!
    const { doubles, words: memory, journal } = this.#reader
    const length = view.series[index * SERIES.size + SERIES.labelsLength]!
    const labelsAt = view.series[index * SERIES.size + SERIES.labelsAt]!
    const extra = this.#extra
    const lines = words.bounds.length
    out.reserve((lines + 2) * (words.bucket.length + length + extra.length + 96 + words.exemplarBytes))
    const hasExemplars = words.exemplarBytes > 0
    const wide = memory[place * 2 + 2]! - 1
    let count = 0
    for (let i = 0; i < lines; i++) {
      count += memory[place * 2 + 3 + i]! + (wide < 0 ? 0 : doubles[wide + i]!)
      // Written out, as in `#bounded`: called for each line it took 4 % longer.
      out.fragment(words.bucket)
      if (length > 0) {
        out.words(journal, labelsAt >> 2, length)
        out.byte(COMMA)
      }
      if (extra.length > 0) {
        out.fragment(extra)
        out.byte(COMMA)
      }
      out.fragment(words.bounds[i]!)
      out.number(count)
      if (hasExemplars) exemplar(out, readExemplar(this.#reader, view, place, i))
      out.byte(LINE)
    }
    this.#sumAndCount(view, words, index, out, doubles[place]!, count)
  }

  /** Quantiles only when they are of this moment, and known. */
  #summary(view: FamilyView, words: Words, index: number, out: BytesOut, isFresh: boolean): void {
    const place = view.series[index * SERIES.size]!
    const { doubles, words: memory } = this.#reader
    const length = view.series[index * SERIES.size + SERIES.labelsLength]!
    const quantiles = words.bounds.length
    out.reserve((quantiles + 2) * (words.bucket.length + length + this.#extra.length + 96))
    for (let i = 0; i < quantiles && isFresh; i++) {
      const at = place + SUMMARY.quantiles + i
      if (isAbsent(memory, at)) continue
      this.#bounded(view, words, index, i, out)
      out.number(doubles[at]!)
      out.byte(LINE)
    }
    this.#sumAndCount(view, words, index, out, doubles[place + SUMMARY.sum]!, doubles[place + SUMMARY.count]!)
  }

  /** The beginning of the line of one quantile. There is room. */
  #bounded(view: FamilyView, words: Words, index: number, bound: number, out: BytesOut): void {
    const length = view.series[index * SERIES.size + SERIES.labelsLength]!
    const extra = this.#extra
    out.fragment(words.bucket)
    if (length > 0) {
      out.words(this.#reader.journal, view.series[index * SERIES.size + SERIES.labelsAt]! >> 2, length)
      out.byte(COMMA)
    }
    if (extra.length > 0) {
      out.fragment(extra)
      out.byte(COMMA)
    }
    out.fragment(words.bounds[bound]!)
  }

  /** There is room. */
  #sumAndCount(view: FamilyView, words: Words, index: number, out: BytesOut, sum: number, count: number): void {
    out.fragment(words.sum)
    this.#labels(view, index, out)
    out.byte(SPACE)
    out.number(sum)
    out.byte(LINE)
    out.fragment(words.count)
    this.#labels(view, index, out)
    out.byte(SPACE)
    out.number(count)
    out.byte(LINE)
  }

  /** With braces, when there are labels. There is room. */
  #labels(view: FamilyView, index: number, out: BytesOut): void {
    const length = view.series[index * SERIES.size + SERIES.labelsLength]!
    const extra = this.#extra
    if (length + extra.length === 0) return
    out.byte(OPEN)
    const from = view.series[index * SERIES.size + SERIES.labelsAt]!
    out.words(this.#reader.journal, from >> 2, length)
    if (length > 0 && extra.length > 0) out.byte(COMMA)
    out.fragment(extra)
    out.byte(CLOSE)
  }
}

/** ` # {trace_id="..."} value timestamp`. There is room. */
function exemplar(out: BytesOut, found: Exemplar | undefined): void {
  if (found === undefined) return
  out.text(` # {${found.labels}} `)
  out.number(found.value)
  out.byte(SPACE)
  out.text(found.at.toFixed(3))
}

/** The one that is no longer needed, when it is long enough. */
function roomFor(count: number, spare: Int32Array | undefined): Int32Array {
  return spare !== undefined && spare.length >= count ? spare : new Int32Array(count + (count >> 2))
}

/** Joins pages family by family, in a buffer that is as long as they are. */
export function joinText(pages: readonly (readonly FamilyPage[])[], format: TextFormat): Uint8Array {
  const end = encoder.encode(endOf(format))
  const parts: Uint8Array[] = []
  for (const { first, bodies } of groupFamilies(pages)) parts.push(first.head ?? headOfPage(first, format), ...bodies)
  parts.push(end)
  const out = new BytesOut(parts.reduce((size, { length }) => size + length, 0))
  for (const part of parts) out.exactly(part)
  return out.bytes
}

/** What stands behind the last family. */
export function endOf(format: TextFormat): string {
  return format === 'openmetrics' ? '# EOF\n' : ''
}

/** Of a page that came from elsewhere. */
function headOfPage({ name, kind, help, body }: FamilyPage, format: TextFormat): Uint8Array {
  const start = encoder.encode(`${name}_total`)
  const isTotal = start.every((byte, i) => body[i] === byte)
  return encoder.encode(headOf(name, kind, help, format, isTotal))
}

/** Exemplars are of OpenMetrics alone, behind buckets and what ends in `_total`: nothing else has a place for them. */
function exemplarBytesOf({ kind, isNative, hasExemplars }: FamilyRecord, format: TextFormat, isTotal: boolean): number {
  if (format === 'text' || !(kind === 'histogram' || isTotal)) return 0
  return hasExemplars ? MAX_EXEMPLAR_BYTES + EXEMPLAR_BYTES : isNative ? TRACE_BYTES + EXEMPLAR_BYTES : 0
}

function wordsOf({ record }: FamilyView, format: TextFormat): Words {
  const { name: sample, kind, help, bounds } = record
  const isTotal = kind === 'counter' && sample.endsWith('_total')
  const name = isTotal && format === 'openmetrics' ? sample.slice(0, -'_total'.length) : sample
  return {
    head: encoder.encode(headOf(name, kind, help, format, isTotal)),
    name,
    sample: fragment(sample),
    exemplarBytes: exemplarBytesOf(record, format, isTotal),
    bucket:
      kind === 'histogram' ? fragment(`${sample}_bucket{`) : kind === 'summary' ? fragment(`${sample}{`) : NOTHING,
    bounds:
      kind === 'histogram'
        ? [...bounds, Number.POSITIVE_INFINITY].map((bound) => fragment(`le="${boundText(bound)}"} `))
        : Array.from(bounds, (share) => fragment(`quantile="${boundText(share)}"} `)),
    sum: fragment(`${sample}_sum`),
    count: fragment(`${sample}_count`),
  }
}

function headOf(name: string, kind: string, help: string, format: TextFormat, isTotal: boolean): string {
  const text = help.replace(/\\/g, '\\\\').replace(/\n/g, '\\n')
  // OpenMetrics insists that a counter's samples end in `_total`; one that does not is told as `unknown`.
  const type = format === 'openmetrics' && kind === 'counter' && !isTotal ? 'unknown' : kind
  return `# HELP ${name} ${format === 'openmetrics' ? text.replace(/"/g, '\\"') : text}\n# TYPE ${name} ${type}\n`
}

function boundText(bound: number): string {
  return Number.isInteger(bound) && Math.abs(bound) < 1e21 ? `${bound}.0` : formatNumber(bound)
}
