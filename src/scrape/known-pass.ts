/**
 * The fast path of a scrape: a page compared with the last one of its target, head by head, and its numbers appended by reference.
 *
 * - It serves the common case: the same series in the same order, a few of them gone, renamed or new. A line that is not where it was is
 *   read as any line, so that what it means is settled in one place (`readSampleLine`, `seriesOf`).
 * - Whatever else it meets (a comment that changed, an instant of its own, a series twice, a number that is none, a limit): `odd`. Then
 *   nothing of it counts: the caller disposes the batch and records the page with the parser, which has the last word.
 * - The law beside it: on random pages and random edits the store ends up the same with it and without it.
 * - Finding and reading the numbers takes 103 ns a sample, recording a page in all 503, and 1,683 with the parser (`bench/scrape.ts record`,
 *   on a machine with other work).
 */
import type { Labels, UnixMs } from '#core'
import type { Appender, SeriesRef } from '#storage'
import { DROPPED, type KnownMark, KnownPage, lineOf } from './known-page.ts'
import { readSampleLine } from './parse-exposition.ts'
import { decimalEnd, readDecimal } from './parse-number.ts'
import { skipBlanks } from './series-syntax.ts'

const LF = 10
const SPACE = 32
const TAB = 9
const HASH = 35

/** Lines that are not where they were: beyond, the parser is quicker. */
const MOST_STRANGE = 64
/** How far ahead a line is looked for. */
const AHEAD = 8
/** Lines whose places fit into memory that all targets share. */
const SHARED_LINES = 8192
const sharedSources = new Int32Array(SHARED_LINES)

export type PassDeps = {
  /** The series of the one line of a page, `undefined` when relabelling drops it. May throw. */
  readonly seriesOf: (line: ReturnType<typeof lineOf>) => Labels | undefined
  /** A page with exemplars goes by the parser. */
  readonly wantsExemplars: boolean
  /** 0: none. */
  readonly sampleLimit: number
}

export class KnownPass {
  readonly #known: KnownPage
  readonly #body: Buffer
  readonly #view: DataView
  readonly #at: UnixMs
  readonly #deps: PassDeps
  /** Per line of this page: which line of the last page it is; -1: none. */
  readonly #sources: Int32Array
  /** The heads that are not those of the last page: by line of this page, where they begin and end. */
  readonly #own = new Map<number, { readonly from: number; to: number }>()
  /** References of the lines that are none of the last page. */
  readonly #strange: number[] = []
  readonly #skipped: number[] = []
  /** By line of the last page whose comments came and whose series did not: the line of this page behind them. */
  readonly #consumed = new Map<number, number>()
  #place = 0
  #next = 0
  /** Bytes of the next head that were compared already: its comments. */
  #offset = 0
  #dropped = 0
  lines = 0
  /** Series that the target did not have before. */
  added = 0
  odd = false

  constructor(known: KnownPage, body: Buffer, at: UnixMs, deps: PassDeps) {
    this.#known = known
    this.#body = body
    this.#view = new DataView(body.buffer, body.byteOffset, body.length)
    this.#at = at
    this.#deps = deps
    const most = known.count + MOST_STRANGE
    this.#sources = most <= SHARED_LINES ? sharedSources : new Int32Array(most)
  }

  /** Lines that relabelling left. */
  get kept(): number {
    return this.lines - this.#dropped
  }

  /** The page has other lines than the last one. */
  get isChanged(): boolean {
    return this.#strange.length > 0 || this.#skipped.length > 0
  }

  /** How many lines one call of `step` may take so that nobody else uses the shared memory before the pass is over. */
  static linesAtOnce(known: KnownPage, most: number): number {
    return known.count + MOST_STRANGE <= SHARED_LINES ? SHARED_LINES : most
  }

  /** Goes on for at most `count` lines more. True when the page is whole, or `odd`. */
  step(batch: Appender, count: number): boolean {
    const known = this.#known
    const { refs, ends, view: old } = known
    const body = this.#body
    const view = this.#view
    const size = body.length
    const at = this.#at
    const sources = this.#sources
    const pause = this.lines + count
    while (this.lines < pause) {
      let k = this.#next
      let p = this.#place
      let line = this.lines
      // The common case alone; what it does not know it leaves as it found it.
      const most = Math.min(refs.length, k + pause - line)
      let from = k === 0 ? 0 : ends[k - 1]!
      if (this.#offset === 0) {
        for (; k < most; k++) {
          const end = ends[k]!
          const value = p + end - from
          if (value >= size || !isSame(view, p, old, from, end)) break
          const number = readDecimal(body, value)
          const stop = decimalEnd()
          if (stop < 0 || body[stop] !== LF) break
          const ref = refs[k]!
          if (ref === DROPPED) this.#dropped++
          else if (!batch.appendKnown(ref as SeriesRef, at, number)) return this.#oddly()
          sources[line++] = k
          from = end
          p = stop + 1
        }
        this.#next = k
        this.#place = p
        this.lines = line
        if (line >= pause) return this.#isOver() && this.#finish(batch)
      }
      if (this.#isOver()) return this.#finish(batch)
      if (!this.#stumble(batch)) return true
    }
    return this.#isOver() && this.#finish(batch)
  }

  /** What is known from now on. */
  take(): KnownPage {
    const known = this.#known
    known.live = true
    if (!this.isChanged) return known
    const { lines } = this
    const { ends: oldEnds, refs: oldRefs, heads: old } = known
    const sources = this.#sources
    const ends = new Uint32Array(lines)
    const refs = new Float64Array(lines)
    const heads = Buffer.allocUnsafeSlow(this.#headBytes())
    let length = 0
    let strange = 0
    for (let line = 0; line < lines; ) {
      const own = this.#own.get(line)
      const first = sources[line]!
      if (own !== undefined) {
        length += this.#body.copy(heads, length, own.from, own.to)
        refs[line] = first >= 0 ? oldRefs[first]! : this.#strange[strange++]!
        ends[line++] = length
        continue
      }
      // Lines that follow each other as they did are copied together.
      const from = first === 0 ? 0 : oldEnds[first - 1]!
      let k = first
      for (; line < lines && sources[line] === k && (k === first || !this.#own.has(line)); line++, k++) {
        ends[line] = length + oldEnds[k]! - from
        refs[line] = oldRefs[k]!
      }
      length += old.copy(heads, length, from, oldEnds[k - 1]!)
    }
    return new KnownPage(known.settings, { heads, ends, refs, tail: known.tail, marks: this.#marks() })
  }

  #oddly(): true {
    this.odd = true
    return true
  }

  /** Nothing but the tail is left of this page. */
  #isOver(): boolean {
    const { tail } = this.#known
    const place = this.#place
    if (this.#body.length - place !== tail.length) return false
    return tail.length === 0 || this.#body.compare(tail, 0, tail.length, place) === 0
  }

  /** The whole page was seen: what is not in it any more ends. */
  #finish(batch: Appender): true {
    const known = this.#known
    const { refs } = known
    const { sampleLimit } = this.#deps
    for (let k = this.#next; k < refs.length; k++) if (!this.#skip(k)) return this.#oddly()
    if (sampleLimit > 0 && this.kept > sampleLimit) return this.#oddly()
    const gone = new Set(this.#skipped)
    for (const ref of this.#strange) {
      const before = ref === DROPPED ? -1 : refs.indexOf(ref)
      if (before < 0) continue
      // The series stands in its old line too: it is there twice.
      if (!gone.delete(before)) return this.#oddly()
    }
    if (known.live)
      for (const k of gone) if (refs[k] !== DROPPED) batch.appendStaleKnown(refs[k] as SeriesRef, this.#at)
    return true
  }

  /** A line that is not the next one. False: `odd`. */
  #stumble(batch: Appender): boolean {
    const known = this.#known
    const p = this.#place
    const c = this.#body[p]
    if (c === undefined) return !this.#oddly()
    const isBare = c !== HASH && c !== LF && c !== SPACE && c !== TAB
    if (!isBare) return this.#resumeAtComment() || !this.#oddly()
    // Its head may be right and its number of another kind, or followed by something.
    if (this.#isNext(this.#next)) return this.#readLine(batch, this.#next)
    for (let k = this.#next + 1; k <= this.#next + AHEAD && k < known.count && known.isBare(k); k++) {
      if (this.#offset === 0 && !known.isBare(this.#next)) break
      if (!this.#isNext(k)) continue
      while (this.#next < k) if (!this.#skip(this.#next)) return !this.#oddly()
      // Behind comments its head is another one than it was.
      return !this.#own.has(this.lines) || this.#readLine(batch, k)
    }
    return this.#readLine(batch, -1)
  }

  /** Comments: those of the next line that has some, or the page is odd. */
  #resumeAtComment(): boolean {
    const known = this.#known
    if (this.#offset > 0) return false
    let k = this.#next
    while (k < known.count && known.isBare(k)) k++
    if (k === known.count) return false
    const from = k === 0 ? 0 : known.ends[k - 1]!
    const prefix = known.prefixOf(k)
    if (this.#place + prefix > this.#body.length) return false
    if (!isSame(this.#view, this.#place, known.view, from, from + prefix)) return false
    while (this.#next < k) if (!this.#skip(this.#next)) return false
    this.#own.set(this.lines, { from: this.#place, to: 0 })
    this.#offset = prefix
    this.#place += prefix
    this.#consumed.set(k, this.lines)
    return true
  }

  /** Line `k` of the last page is not in this one. False when its comments are not either: then the page says something else. */
  #skip(k: number): boolean {
    if (this.#offset === 0 && !this.#known.isBare(k)) return false
    this.#skipped.push(k)
    this.#next = k + 1
    this.#offset = 0
    return true
  }

  /** The head of line `k`, as far as it was not compared, stands here. */
  #isNext(k: number): boolean {
    const { count, ends, view } = this.#known
    if (k >= count) return false
    const from = (k === 0 ? 0 : ends[k - 1]!) + (k === this.#next ? this.#offset : 0)
    const end = ends[k]!
    return this.#place + end - from < this.#body.length && isSame(this.#view, this.#place, view, from, end)
  }

  /** Reads the line as the parser does. `k`: the line of the last page that it is, -1 for one that is not known. */
  #readLine(batch: Appender, k: number): boolean {
    const known = this.#known
    const kindOf =
      this.#offset > 0 || (this.#next < known.count && known.isBare(this.#next)) ? this.#next : this.#next - 1
    const page = lineOf(this.#body, known.settings, known.kindAt(kindOf))
    if (this.lines >= this.#sources.length) return !this.#oddly()
    let place: number
    let ref: number
    try {
      place = readSampleLine(page, this.#place)
      if (!Number.isNaN(page.timestamps[0]!) || (this.#deps.wantsExemplars && page.exemplars.size > 0))
        return !this.#oddly()
      ref = k >= 0 ? known.refs[k]! : this.#strangeRef(batch, page)
    } catch {
      return !this.#oddly()
    }
    if (ref === 0) return !this.#oddly()
    if (k >= 0 && ref !== DROPPED && !batch.appendKnown(ref as SeriesRef, this.#at, page.values[0]!))
      return !this.#oddly()
    // Without a line feed behind it the last line would not be found again.
    if (this.#body[place - 1] !== LF) return !this.#oddly()
    if (ref === DROPPED) this.#dropped++
    const own = this.#own.get(this.lines)
    const value = skipBlanks(this.#body, page.ends[0]!)
    if (own !== undefined) own.to = value
    else if (k < 0) this.#own.set(this.lines, { from: page.starts[0]!, to: value })
    this.#sources[this.lines++] = k
    this.#place = place
    if (k >= 0) {
      this.#next = k + 1
      this.#offset = 0
    }
    return true
  }

  /** Appends a series that is not where it was; 0 when it is odd. */
  #strangeRef(batch: Appender, page: ReturnType<typeof lineOf>): number {
    if (this.#strange.length === MOST_STRANGE) return 0
    const value = page.values[0]!
    // What the line was called stays its name, whatever stands above it now.
    const before = this.#known.lineOf(this.#body, page.starts[0]!, page.ends[0]!)
    let ref = before < 0 ? 0 : this.#known.refs[before]!
    if (ref === 0) {
      const labels = this.#deps.seriesOf(page)
      ref = labels === undefined ? DROPPED : (batch.append(undefined, labels, this.#at, value) as number)
      if (ref > 0 && !this.#known.refs.includes(ref)) this.added++
    } else if (ref !== DROPPED && !batch.appendKnown(ref as SeriesRef, this.#at, value)) return 0
    if (ref === 0 || (ref !== DROPPED && this.#strange.includes(ref))) return 0
    this.#strange.push(ref)
    return ref
  }

  #headBytes(): number {
    const { ends } = this.#known
    let size = 0
    for (let line = 0; line < this.lines; line++) {
      const own = this.#own.size === 0 ? undefined : this.#own.get(line)
      const k = this.#sources[line]!
      size += own === undefined ? ends[k]! - (k === 0 ? 0 : ends[k - 1]!) : own.to - own.from
    }
    return size
  }

  /** Where the families begin now. Comments are those of the last page, in their order. */
  #marks(): readonly KnownMark[] {
    const { marks } = this.#known
    let line = 0
    return marks.map(({ from, kind }) => {
      const behind = this.#consumed.get(from)
      if (behind !== undefined) line = behind
      else while (line < this.lines && this.#sources[line]! < from) line++
      return { from: line, kind }
    })
  }
}

/**
 * Sixteen bytes at a time, the last ones maybe twice: the same bytes at `p` as in `[from, end)` of the last page. There are as many at
 * `p`. Byte by byte to the end it took half as long again.
 */
function isSame(view: DataView, p: number, old: DataView, from: number, end: number): boolean {
  const length = end - from
  if (length < 16) {
    for (let k = 0; k < length; k++) if (view.getInt8(p + k) !== old.getInt8(from + k)) return false
    return true
  }
  const last = length - 16
  for (let k = 0; ; ) {
    const other =
      (view.getInt32(p + k, true) ^ old.getInt32(from + k, true)) |
      (view.getInt32(p + k + 4, true) ^ old.getInt32(from + k + 4, true)) |
      (view.getInt32(p + k + 8, true) ^ old.getInt32(from + k + 8, true)) |
      (view.getInt32(p + k + 12, true) ^ old.getInt32(from + k + 12, true))
    if (other !== 0) return false
    if (k === last) return true
    k = k + 16 < last ? k + 16 : last
  }
}
