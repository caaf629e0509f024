/**
 * Exemplars: single observations with a hint of where they came from (a trace), beside the series they were counted in.
 *
 * - A ring over all series: a new one takes the place of the oldest when it is full. Nothing is written to disk, as in Prometheus.
 * - Per series they come in order of time, then value, then labels. One that is the same as the last is taken silently, one that
 *   comes before the last is refused.
 * - Bounded: at most `capacity` exemplars, each of at most 128 characters of labels, of at most as many series. Texts are copied,
 *   as a label cut out of a scraped page would keep the whole page alive.
 *
 * Source: the rules of prometheus: tsdb/exemplar.go and model/exemplar/exemplar.go; the 128 characters are OpenMetrics'.
 */
import { Labels, type Matcher, matchesAll, type UnixMs } from '#core'
import { isInstant } from './batch.ts'
import { compareLabels } from './compare-labels.ts'

export type Exemplar = {
  readonly labels: Labels
  readonly value: number
  readonly at: UnixMs
  /**
   * It came without an instant and `at` is that of its scrape: then it is the same as the last one of its series if labels and
   * value are, whatever the instant. A target shows the same one for a while.
   */
  readonly isUntimed?: boolean
}

/** `labels-too-long`: names and values together are longer than `MAX_EXEMPLAR_CHARACTERS`. */
export const EXEMPLAR_REJECTIONS = ['out-of-order', 'labels-too-long', 'no-instant'] as const
export type ExemplarRejection = (typeof EXEMPLAR_REJECTIONS)[number]

export type SeriesExemplars = { readonly labels: Labels; readonly exemplars: readonly Exemplar[] }

export type ExemplarListener = (series: Labels, exemplar: Exemplar) => void

export const DEFAULT_EXEMPLARS = 100_000
/** UTF-8 characters, not bytes. */
export const MAX_EXEMPLAR_CHARACTERS = 128

type Entry = { readonly of: SeriesEntry; readonly exemplar: Exemplar; next: Entry | undefined }
type SeriesEntry = { readonly labels: Labels; oldest: Entry; newest: Entry }

export class ExemplarStore {
  readonly #series = new Map<string, SeriesEntry>()
  /** A ring once it is full: the oldest one lies at `#next` then. */
  #ring: Entry[] = []
  #next = 0
  #capacity: number
  readonly #onTaken: ExemplarListener | undefined

  /** `onTaken`: told of each one that is taken, not of what is there already. */
  constructor({
    capacity = DEFAULT_EXEMPLARS,
    onTaken,
  }: { readonly capacity?: number; readonly onTaken?: ExemplarListener } = {}) {
    this.#capacity = capacity
    this.#onTaken = onTaken
  }

  get capacity(): number {
    return this.#capacity
  }

  get count(): number {
    return this.#ring.length
  }

  get seriesCount(): number {
    return this.#series.size
  }

  /** Why the exemplar was refused; `undefined` when it was taken, or is there already, or there is room for none at all. */
  append(series: Labels, exemplar: Exemplar): ExemplarRejection | undefined {
    if (this.#capacity === 0) return undefined
    if (!isInstant(exemplar.at)) return 'no-instant'
    if (isTooLong(exemplar.labels)) return 'labels-too-long'
    let one = this.#series.get(series.key)
    // A text that is not well-formed becomes another one in the copy, which may be known.
    const own = one?.labels ?? copyOf(series)
    one ??= this.#series.get(own.key)
    if (one !== undefined) {
      const last = one.newest.exemplar
      if (isSame(last, exemplar)) return undefined
      if (comesBefore(exemplar, last)) return 'out-of-order'
    }
    if (this.#ring.length === this.#capacity) {
      this.#forget(this.#ring[this.#next]!)
      // The series may have lost its only one.
      one = this.#series.get(own.key)
    }
    const copy = { ...exemplar, labels: copyOf(exemplar.labels) }
    this.#put(one, own, copy)
    this.#onTaken?.(own, copy)
    return undefined
  }

  /** Per series that fits one of the sets and has some within [start, end]: ordered by labels, exemplars by time. */
  select(sets: readonly (readonly Matcher[])[], start: UnixMs, end: UnixMs): readonly SeriesExemplars[] {
    const found: SeriesExemplars[] = []
    for (const { labels, oldest, newest } of this.#series.values()) {
      if (oldest.exemplar.at > end || newest.exemplar.at < start) continue
      if (!sets.some((matchers) => matchesAll(matchers, labels))) continue
      const exemplars: Exemplar[] = []
      for (let one: Entry | undefined = oldest; one !== undefined && one.exemplar.at <= end; one = one.next)
        if (one.exemplar.at >= start) exemplars.push(one.exemplar)
      if (exemplars.length > 0) found.push({ labels, exemplars })
    }
    return found.sort((a, b) => compareLabels(a.labels, b.labels))
  }

  /** Makes the ring larger or smaller; the newest stay. 0: keeps none from now on. */
  resize(capacity: number): void {
    const inOrder = [...this.#ring.slice(this.#next), ...this.#ring.slice(0, this.#next)]
    const dropped = Math.max(0, inOrder.length - capacity)
    for (const entry of inOrder.slice(0, dropped)) this.#forget(entry)
    this.#ring = inOrder.slice(dropped)
    this.#capacity = capacity
    // A ring that is full begins with its oldest; one that is not goes on at its end.
    this.#next = 0
  }

  #put(known: SeriesEntry | undefined, labels: Labels, exemplar: Exemplar): void {
    let entry: Entry
    if (known !== undefined) {
      entry = { of: known, exemplar, next: undefined }
      known.newest.next = entry
      known.newest = entry
    } else {
      const of = { labels } as { labels: Labels; oldest: Entry; newest: Entry }
      entry = { of, exemplar, next: undefined }
      of.oldest = of.newest = entry
      this.#series.set(labels.key, of)
    }
    if (this.#ring.length < this.#capacity) {
      this.#ring.push(entry)
      return
    }
    this.#ring[this.#next] = entry
    this.#next = (this.#next + 1) % this.#capacity
  }

  /** The oldest of all is the oldest of its series. */
  #forget({ of, next }: Entry): void {
    if (next === undefined) this.#series.delete(of.labels.key)
    else of.oldest = next
  }
}

function isSame(last: Exemplar, next: Exemplar): boolean {
  if (last.value !== next.value || !last.labels.equals(next.labels)) return false
  return last.at === next.at || (last.isUntimed === true && next.isUntimed === true)
}

function comesBefore(next: Exemplar, last: Exemplar): boolean {
  if (next.at !== last.at) return next.at < last.at
  if (next.value !== last.value) return next.value < last.value
  return compareLabels(next.labels, last.labels) < 0
}

function isTooLong({ flat }: Labels): boolean {
  let units = 0
  for (let i = 0; i < flat.length; i++) units += flat[i]!.length
  // A character has one or two units.
  if (units <= MAX_EXEMPLAR_CHARACTERS) return false
  if (units > MAX_EXEMPLAR_CHARACTERS * 2) return true
  return flat.reduce((sum, text) => sum + [...text].length, 0) > MAX_EXEMPLAR_CHARACTERS
}

function copyOf(labels: Labels): Labels {
  return Labels.fromSorted(labels.flat.map((text) => Buffer.from(text).toString()))
}
