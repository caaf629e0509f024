/**
 * A parsed page: columns of samples over the bytes they came in, and beside them, sparsely, what few samples have: native
 * histograms, exemplars, start timestamps.
 *
 * - A sample is where its series stands in `body`. `labels` reads the series; who knows the bytes already need not.
 * - A page that came in protobuf has its series written out in `body`, as text, so that all formats are recorded alike.
 */
import type { Labels, NativeHistogram } from '#core'
import type { Metadata, MetricType } from '#storage'
import { readSeries } from './series-syntax.ts'

export type PageExemplar = {
  readonly labels: Labels
  readonly value: number
  /** Unix milliseconds; `undefined` where the page gives none. */
  readonly at: number | undefined
}

/** The family that the samples from `from` on belong to, as far as the page says: the TYPE and UNIT that stand above them. */
export type FamilyMark = {
  readonly from: number
  readonly family: string
  readonly type: MetricType
  readonly unit: string
}

export class ExpositionPage {
  body: Buffer
  readonly openMetrics: boolean
  count = 0
  /** Where the series of a sample stands in `body`: [start, end). */
  starts = new Uint32Array(64)
  ends = new Uint32Array(64)
  values = new Float64Array(64)
  /** Unix milliseconds; NaN where the line has none. */
  timestamps = new Float64Array(64)
  readonly metadata = new Map<string, Metadata>()
  /** By sample: then `values` holds NaN there. */
  readonly histograms = new Map<number, NativeHistogram>()
  readonly exemplars = new Map<number, readonly PageExemplar[]>()
  /** By sample, Unix milliseconds: when its counter began. */
  readonly startTimes = new Map<number, number>()
  /** Ascending by `from`. */
  readonly marks: FamilyMark[] = []
  readonly #typeAndUnitLabels: boolean
  readonly #pool = new Map<string, string>()
  #markAt = 0

  constructor(body: Buffer, openMetrics: boolean, typeAndUnitLabels = false) {
    this.body = body
    this.openMetrics = openMetrics
    this.#typeAndUnitLabels = typeAndUnitLabels
  }

  /** Texts of the page, each kept once. */
  get pool(): Map<string, string> {
    return this.#pool
  }

  /** The series of sample `i`. Throws `ASSAY_SCRAPE_PARSE`: labels are checked when they are read. */
  labels(i: number): Labels {
    const mark = this.mark(i)
    return readSeries(this.body, {
      start: this.starts[i]!,
      end: this.ends[i]!,
      openMetrics: this.openMetrics,
      pool: this.#pool,
      numeric: mark?.type === 'histogram' ? 'le' : mark?.type === 'summary' ? 'quantile' : undefined,
      fixed: this.#typeAndUnitLabels && mark !== undefined ? metadataLabels(mark) : undefined,
    })
  }

  /** The family above sample `i`; `undefined` where the page has said nothing yet. Quick for ascending `i`. */
  mark(i: number): FamilyMark | undefined {
    const { marks } = this
    let at = this.#markAt
    if (at >= marks.length || marks[at]!.from > i) at = 0
    while (at + 1 < marks.length && marks[at + 1]!.from <= i) at++
    this.#markAt = at
    const mark = marks[at]
    return mark !== undefined && mark.from <= i ? mark : undefined
  }

  /** A page over the same bytes and families that has no samples yet: `take` fills it. */
  derived(): ExpositionPage {
    const page = new ExpositionPage(this.body, this.openMetrics, this.#typeAndUnitLabels)
    for (const [family, metadata] of this.metadata) page.metadata.set(family, metadata)
    return page
  }

  /** Adds sample `i` of the page that this one is derived from, with all that belongs to it. */
  take(from: ExpositionPage, i: number): void {
    this.join(from.mark(i))
    const histogram = from.histograms.get(i)
    const exemplars = from.exemplars.get(i)
    const startAt = from.startTimes.get(i)
    if (histogram !== undefined) this.histograms.set(this.count, histogram)
    if (exemplars !== undefined) this.exemplars.set(this.count, exemplars)
    if (startAt !== undefined) this.startTimes.set(this.count, startAt)
    this.push(from.starts[i]!, from.ends[i]!, from.values[i]!, from.timestamps[i]!)
  }

  /** The samples that follow belong to this family. */
  join(mark: FamilyMark | undefined): void {
    const last = this.marks.at(-1)
    if (
      mark !== undefined &&
      (last === undefined || last.family !== mark.family || last.type !== mark.type || last.unit !== mark.unit)
    )
      this.marks.push({ ...mark, from: this.count })
  }

  /** For parsers. */
  push(start: number, end: number, value: number, at: number): void {
    if (this.count === this.starts.length) {
      this.starts = doubled(this.starts, new Uint32Array(this.count * 2))
      this.ends = doubled(this.ends, new Uint32Array(this.count * 2))
      this.values = doubled(this.values, new Float64Array(this.count * 2))
      this.timestamps = doubled(this.timestamps, new Float64Array(this.count * 2))
    }
    this.starts[this.count] = start
    this.ends[this.count] = end
    this.values[this.count] = value
    this.timestamps[this.count++] = at
  }

  /** For parsers: what the page says of a family, from the next sample on. */
  describe(family: string, part: Partial<Metadata>): void {
    const known = this.metadata.get(family)
    this.metadata.set(family, { type: 'unknown', help: '', unit: '', ...known, ...part })
    const last = this.marks.at(-1)
    const same = last?.family === family
    const mark = {
      from: this.count,
      family,
      // The type holds until another one is told, also where HELP alone begins the next family: so Prometheus reads it.
      type: part.type ?? last?.type ?? 'unknown',
      unit: part.unit ?? (same ? last.unit : ''),
    }
    if (last?.from === this.count) this.marks[this.marks.length - 1] = mark
    else this.marks.push(mark)
  }
}

/** `__type__` and `__unit__`, each only where the page says it. */
function metadataLabels({ type, unit }: FamilyMark): readonly (readonly [string, string])[] {
  const labels: (readonly [string, string])[] = []
  if (type !== 'unknown') labels.push(['__type__', type])
  if (unit !== '') labels.push(['__unit__', unit])
  return labels
}

function doubled<Column extends Uint32Array | Float64Array>(from: Column, into: Column): Column {
  into.set(from)
  return into
}
