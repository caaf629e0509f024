/**
 * What a target's last page was, for recognising the next one: the bytes in front of each value, and the store's reference of each
 * series. Nothing else is kept: no text, no label set, no object per series.
 *
 * - Line `k` of the page has the head `[ends[k - 1], ends[k])` of `heads`: what stands between the value before and its own value,
 *   comments included. A page whose heads are the same is the same page with other numbers.
 * - Only plain pages are known this way: each line another series, without an instant of its own, of a format that is text, every series
 *   taken by the store. Others are remembered by `ScrapeCache`.
 * - 106 bytes a series of our agent's shape (`bench/scrape.ts record`), 90 of them text.
 */
import type { UnixMs } from '#core'
import type { Appender, SeriesRef } from '#storage'
import { ExpositionPage, type FamilyMark } from './exposition-page.ts'
import { skipBlanks } from './series-syntax.ts'
import type { Target } from './types.ts'

/** The reference of a line that relabelling drops. */
export const DROPPED = -1

const LF = 10
const SPACE = 32
const TAB = 9
const HASH = 35

/** Where a family begins, and what the page says of it there. */
export type KnownMark = { readonly from: number; readonly kind: Pick<FamilyMark, 'type' | 'unit'> }

export type KnownColumns = {
  readonly heads: Buffer
  readonly ends: Uint32Array
  readonly refs: Float64Array
  /** What stands behind the last line. */
  readonly tail: Buffer
  readonly marks: readonly KnownMark[]
}

/** What a page was recorded with. */
export type KnownSettings = {
  readonly openMetrics: boolean
  readonly typeAndUnitLabels: boolean
  readonly target: Target
}

export class KnownPage {
  readonly settings: KnownSettings
  readonly heads: Buffer
  readonly ends: Uint32Array
  readonly refs: Float64Array
  readonly tail: Buffer
  readonly marks: readonly KnownMark[]
  readonly view: DataView
  /** Lines that relabelling drops. */
  readonly dropped: number
  /** Its series are not ended: the last scrape was not a failed one. */
  live = true

  constructor(settings: KnownSettings, { heads, ends, refs, tail, marks }: KnownColumns) {
    this.settings = settings
    this.heads = heads
    this.ends = ends
    this.refs = refs
    this.tail = tail
    this.marks = marks
    this.view = new DataView(heads.buffer, heads.byteOffset, heads.length)
    let dropped = 0
    for (let k = 0; k < refs.length; k++) if (refs[k] === DROPPED) dropped++
    this.dropped = dropped
  }

  /** Lines with a value. */
  get count(): number {
    return this.refs.length
  }

  /** Bytes that it holds. */
  get sizeBytes(): number {
    const { heads, ends, refs, tail, marks } = this
    return heads.length + ends.byteLength + refs.byteLength + tail.length + marks.length * 32 + 256
  }

  /** Line `k` has no comment and no blank in front of its series. */
  isBare(k: number): boolean {
    const c = this.heads[k === 0 ? 0 : this.ends[k - 1]!]
    return c !== HASH && c !== LF && c !== SPACE && c !== TAB
  }

  /** Bytes of comments and blanks in front of the series of line `k`. */
  prefixOf(k: number): number {
    const { heads } = this
    const from = k === 0 ? 0 : this.ends[k - 1]!
    let i = from
    for (;;) {
      if (heads[i] === HASH) i = heads.indexOf(LF, i) + 1
      else if (heads[i] === LF || heads[i] === SPACE || heads[i] === TAB) i++
      else return i - from
    }
  }

  /** The line whose series is written as `[start, end)` of `body`; -1: none. For a few lines of a page: it looks through all. */
  lineOf(body: Buffer, start: number, end: number): number {
    const { heads, ends } = this
    const text = body.subarray(start, end)
    for (let at = heads.indexOf(text); at >= 0; at = heads.indexOf(text, at + 1)) {
      const k = this.#lineAt(at)
      const isWhole = skipBlanks(heads, at + text.length) === ends[k] || at + text.length === ends[k]
      if (isWhole && at === (k === 0 ? 0 : ends[k - 1]!) + this.prefixOf(k)) return k
    }
    return -1
  }

  /** The line whose head byte `at` belongs to. */
  #lineAt(at: number): number {
    const { ends } = this
    let low = 0
    let high = ends.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (ends[middle]! <= at) low = middle + 1
      else high = middle
    }
    return low
  }

  /** What the page says of the family of line `k`; for -1 what it says before all lines, which is nothing. */
  kindAt(k: number): KnownMark['kind'] | undefined {
    const { marks } = this
    let low = 0
    let high = marks.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (marks[middle]!.from <= k) low = middle + 1
      else high = middle
    }
    return marks[low - 1]?.kind
  }

  /** Ends all its series that are not ended yet. */
  end(batch: Appender, at: UnixMs): void {
    if (!this.live) return
    for (let k = 0; k < this.refs.length; k++)
      if (this.refs[k]! > 0) batch.appendStaleKnown(this.refs[k] as SeriesRef, at)
    this.live = false
  }

  /** The page written out again, with a 0 for each value. */
  text(): Buffer {
    const { heads, ends, tail } = this
    const whole = Buffer.allocUnsafe(heads.length + ends.length * 2 + tail.length)
    let length = 0
    for (let k = 0, from = 0; k < ends.length; k++) {
      length += heads.copy(whole, length, from, ends[k]!)
      whole[length++] = 48
      whole[length++] = LF
      from = ends[k]!
    }
    tail.copy(whole, length)
    return whole
  }
}

/**
 * A parsed page, remembered. `refOf`: where the series of a line is kept, `DROPPED` for none. `undefined` when a line is not plain.
 */
export function tryKnow(
  page: ExpositionPage,
  settings: KnownSettings,
  refOf: (line: number) => number | undefined,
): KnownPage | undefined {
  const { body, count } = page
  const ends = new Uint32Array(count)
  const refs = new Float64Array(count)
  // What lies between the lines' values is copied together; the end of each line is found once.
  const heads = Buffer.allocUnsafeSlow(headBytes(page))
  let from = 0
  let length = 0
  for (let i = 0; i < count; i++) {
    const ref = refOf(i)
    if (ref === undefined || !Number.isNaN(page.timestamps[i]!)) return undefined
    const value = skipBlanks(body, page.ends[i]!)
    length += body.copy(heads, length, from, value)
    ends[i] = length
    refs[i] = ref
    from = body.indexOf(LF, value) + 1
    if (from === 0) return undefined
  }
  return new KnownPage(settings, { heads, ends, refs, tail: Buffer.from(body.subarray(from)), marks: knownMarks(page) })
}

function headBytes(page: ExpositionPage): number {
  const { body, count } = page
  let size = 0
  let from = 0
  for (let i = 0; i < count; i++) {
    const value = skipBlanks(body, page.ends[i]!)
    size += value - from
    from = body.indexOf(LF, value) + 1
  }
  return size
}

function knownMarks({ marks }: ExpositionPage): readonly KnownMark[] {
  const kinds = new Map<string, KnownMark['kind']>()
  return marks.map(({ from, type, unit }) => {
    const key = `${type} ${unit}`
    const kind = kinds.get(key) ?? { type, unit }
    kinds.set(key, kind)
    return { from, kind }
  })
}

/** A page of nothing but the line that begins at `start`, for reading its series: the family's kind is what stands above it. */
export function lineOf(
  body: Buffer,
  { openMetrics, typeAndUnitLabels }: KnownSettings,
  kind: KnownMark['kind'] | undefined,
): ExpositionPage {
  const page = new ExpositionPage(body, openMetrics, typeAndUnitLabels)
  if (kind !== undefined) page.marks.push({ from: 0, family: '', ...kind })
  return page
}
