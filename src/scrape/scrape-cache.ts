/**
 * What a target's last pages taught: which bytes are which series, and which series are alive.
 *
 * - A page of a target nearly always lists the same series in the same order, so sample `i` is first compared with the
 *   bytes that stood at the same place last time; only when they differ is a string made and looked up.
 * - Several spellings of one series share its state, so staleness is per series and never per spelling.
 * - Bounded by the last page: what a good page no longer has is forgotten.
 * - It costs some 900 bytes a series, so plain pages are kept as `KnownPage` between scrapes, and come here when something is odd.
 */
import type { Labels } from '#core'
import type { SeriesRef } from '#storage'
import type { ExpositionPage } from './exposition-page.ts'

export type SeriesState = {
  readonly labels: Labels
  ref: SeriesRef | undefined
  /** Number of the page that brought it. */
  readonly born: number
  /** Number of the page that had it last. */
  seen: number
  /** The last page had it without a timestamp of its own, so its absence ends it. */
  live: boolean
  /** The same before the page that had it last. */
  wasLive: boolean
  /** The start time that a zero was written for, Unix milliseconds. */
  startAt?: number
}

/** How one spelling is treated; `undefined`: metric relabelling dropped it. */
export type Spelling = { readonly state: SeriesState | undefined; seen: number }

export class ScrapeCache {
  #page: ExpositionPage | undefined
  #order: Spelling[] = []
  #nextOrder: Spelling[] = []
  #spellings = new Map<string, Spelling>()
  #states = new Map<string, SeriesState>()
  #cursor = 0
  #distinct = 0
  /** The bytes that `find` looked up last in vain: the key for `add`, made and hashed once. */
  #missed = ''
  /** Series after the last page that was taken. */
  #settled = 0
  /** Number of the current page. */
  round = 0

  begin(): void {
    this.round++
    this.#cursor = 0
    this.#distinct = 0
    this.#nextOrder = []
  }

  /** The spelling of sample `i`, when its bytes are known. */
  find(page: ExpositionPage, i: number): Spelling | undefined {
    const last = this.#page
    const place = this.#cursor
    if (last !== undefined && place < last.count && sameBytes(page, i, last, place)) {
      this.#cursor++
      return this.#remember(this.#order[place]!)
    }
    const bytes = page.body.toString('latin1', page.starts[i]!, page.ends[i]!)
    const known = this.#spellings.get(bytes)
    if (known === undefined) {
      this.#missed = bytes
      return undefined
    }
    // Lines were added or removed above: go on comparing behind the place where this line stood, if it is the next one.
    this.#cursor = place + 1 < this.#order.length && this.#order[place + 1] === known ? place + 2 : place + 1
    return this.#remember(known)
  }

  /** Adds the spelling that `find` has just not found; `labels` undefined for a series that relabelling dropped. */
  add(labels: Labels | undefined): Spelling {
    let state: SeriesState | undefined
    if (labels !== undefined) {
      state = this.#states.get(labels.key)
      if (state === undefined) {
        state = { labels, ref: undefined, born: this.round, seen: 0, live: false, wasLive: false }
        this.#states.set(labels.key, state)
      }
    }
    const spelling = { state, seen: 0 }
    this.#spellings.set(this.#missed, spelling)
    return this.#remember(spelling)
  }

  #remember(spelling: Spelling): Spelling {
    if (spelling.seen !== this.round) this.#distinct++
    spelling.seen = this.round
    this.#nextOrder.push(spelling)
    return spelling
  }

  /** The page was taken whole: it is what the next one is compared with. */
  finish(page: ExpositionPage): void {
    this.#page = page
    this.#order = this.#nextOrder
    // Equal sizes mean that nothing of the past is left: the common case needs no walk.
    if (this.#spellings.size > this.#distinct) {
      for (const [bytes, spelling] of this.#spellings) if (spelling.seen !== this.round) this.#spellings.delete(bytes)
    }
    for (const [key, state] of this.#states) if (state.seen !== this.round && !state.live) this.#states.delete(key)
    this.#settled = this.#states.size
  }

  /** Where the series of line `i` of the last page is kept, -1 for one that relabelling dropped; `undefined` where that does not tell all. */
  refOf(i: number): number | undefined {
    const spelling = this.#order[i]
    if (spelling === undefined) return undefined
    const { state } = spelling
    if (state === undefined) return -1
    return state.live && state.seen === this.round && state.startAt === undefined ? state.ref : undefined
  }

  get seriesCount(): number {
    return this.#states.size
  }

  /** Takes over what another memory knows of the last page. `seriesOf`: `undefined` for a line that relabelling drops. */
  restore(
    page: ExpositionPage,
    live: boolean,
    seriesOf: (line: number) => { readonly labels: Labels; readonly ref: SeriesRef } | undefined,
  ): void {
    this.round = Math.max(1, this.round)
    const { round } = this
    this.#page = page
    this.#order = Array.from({ length: page.count }, (_, i) => {
      const series = seriesOf(i)
      const state: SeriesState | undefined =
        series === undefined ? undefined : { ...series, born: 0, seen: round, live, wasLive: live }
      if (state !== undefined) this.#states.set(state.labels.key, state)
      const spelling = { state, seen: round }
      this.#spellings.set(page.body.toString('latin1', page.starts[i]!, page.ends[i]!), spelling)
      return spelling
    })
    this.#settled = this.#states.size
  }

  /** Forgets all: another memory has it. */
  clear(): void {
    this.#page = undefined
    this.#order = []
    this.#nextOrder = []
    this.#spellings = new Map()
    this.#states = new Map()
    this.#settled = 0
  }

  /** Every series that was seen lately. */
  states(): IterableIterator<SeriesState> {
    return this.#states.values()
  }

  /**
   * The current page was refused, and none of it was stored: what is alive is what was before. Series that it alone had stay known, so
   * that they are not called new by the next page, unless refused pages bring ever new ones.
   */
  abandon(): void {
    const crowded = this.#states.size > this.#settled * 2 + 1000
    for (const [key, state] of this.#states) {
      if (state.seen !== this.round) continue
      state.live = state.wasLive
      if (crowded && state.born === this.round) this.#states.delete(key)
    }
    this.forgetSpellings()
  }

  /** Forgets how series are spelled and where they are kept, but not which are alive: for changed settings, failed writes. */
  forgetSpellings(): void {
    this.#page = undefined
    this.#order = []
    this.#spellings.clear()
    for (const state of this.#states.values()) state.ref = undefined
  }
}

function sameBytes(a: ExpositionPage, i: number, b: ExpositionPage, k: number): boolean {
  const start = a.starts[i]!
  const other = b.starts[k]!
  const length = a.ends[i]! - start
  if (length !== b.ends[k]! - other) return false
  const left = a.body
  const right = b.body
  // From the end: neighbours share their beginning and differ in their last label.
  for (let n = length - 1; n >= 0; n--) if (left[start + n] !== right[other + n]) return false
  return true
}
