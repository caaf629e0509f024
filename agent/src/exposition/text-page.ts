/**
 * A store as text: Prometheus 0.0.4 and OpenMetrics 1.0.
 *
 * - What has not changed since the page before is not written again (kept-page.ts).
 * - Bounds are canonical floats (`le="1.0"`) in both formats, as Prometheus itself writes them, so that both read as the same series.
 * - Parsing what is written gives back every value by its bits. In OpenMetrics a counter's family has no `_total`.
 * - What is rendered is one snapshot; the page is good until the next `render`.
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
import { AS_TEXT } from './kept-lines.ts'
import { type FamilyWords, KeptPage, type RenderedPage, type SeriesFormat } from './kept-page.ts'

export type TextFormat = 'text' | 'openmetrics'

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

/** The texts of a family that are the same for all of its series. */
type Words = FamilyWords & {
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
  readonly #page: KeptPage<BytesOut, Words>

  /** `extra` is added to each series' labels, e.g. `worker="1"`. */
  constructor(reader: StoreReader, format: TextFormat, extra = '') {
    this.#page = new KeptPage(reader, new TextSeries(reader, format, extra))
  }

  /** `isFresh`: the loop of the thread that writes the store has brought its figures up to date; else what needs that is left out. */
  render(isFresh = true): RenderedPage {
    return this.#page.render(isFresh)
  }
}

class TextSeries implements SeriesFormat<BytesOut, Words> {
  readonly numbers = AS_TEXT
  readonly #reader: StoreReader
  readonly #format: TextFormat
  readonly #extra: Fragment

  constructor(reader: StoreReader, format: TextFormat, extra: string) {
    this.#reader = reader
    this.#format = format
    this.#extra = fragment(extra)
  }

  wordsOf(view: FamilyView): Words {
    return wordsOf(view, this.#format)
  }

  makeOut(capacity: number): BytesOut {
    return new BytesOut(capacity)
  }

  roughBytes({ record, series, count }: FamilyView): number {
    let labels = 0
    for (let i = 0; i < count; i++) labels += series[i * SERIES.size + SERIES.labelsLength]! + this.#extra.length
    const lines = record.kind === 'counter' || record.kind === 'gauge' ? 1 : record.bounds.length + 3
    return lines * (labels + count * (record.name.length + (lines > 1 ? 32 : 16)))
  }

  write(out: BytesOut, view: FamilyView, words: Words, index: number, isFresh: boolean): void {
    const { kind } = view.record
    if (kind === 'histogram') this.#histogram(view, words, index, out)
    else if (kind === 'summary') this.#summary(view, words, index, out, isFresh)
    else this.#sample(view, words, index, out)
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
    out.numberAt(reader.doubles, place)
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
    this.#sumAndCount(view, words, index, out, place, count)
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
      out.numberAt(doubles, at)
      out.byte(LINE)
    }
    this.#sumAndCount(view, words, index, out, place + SUMMARY.sum, doubles[place + SUMMARY.count]!)
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
  #sumAndCount(view: FamilyView, words: Words, index: number, out: BytesOut, sumAt: number, count: number): void {
    out.fragment(words.sum)
    this.#labels(view, index, out)
    out.byte(SPACE)
    out.numberAt(this.#reader.doubles, sumAt)
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
  const exemplarBytes = exemplarBytesOf(record, format, isTotal)
  return {
    head: encoder.encode(headOf(name, kind, help, format, isTotal)),
    name,
    // Behind the number of a line with an exemplar there is more.
    endsWithNumber: (kind === 'counter' || kind === 'gauge') && exemplarBytes === 0,
    sample: fragment(sample),
    exemplarBytes,
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
