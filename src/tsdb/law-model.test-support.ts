/**
 * What a durable store has to hold, kept by the simplest store: all that was acknowledged, nothing that was deleted.
 *
 * - A batch is resolved once, to samples with labels and instants, and then given to both.
 * - Deleting makes the simplest store anew from what is left.
 * - What may be missing or be there (an unacknowledged deletion) is taken over from the store by `settle`, and from then on it is as certain
 *   as the rest.
 * - What is past its retention may be there or not, and nobody asks for it.
 */
import assert from 'node:assert/strict'
import { inspect } from 'node:util'
import { isStaleAt, type Labels, type Matcher, matcher, matchesAll, type NativeHistogram, unixMs } from '#core'
import {
  type Appender,
  answerOf,
  assertHints,
  dumpSeries,
  memoryStore,
  type ScriptSample,
  type ScriptStep,
  type SeriesRef,
  type Store,
  scriptSeries,
} from '#storage'

export type LawBatch = {
  readonly passMs: number
  readonly commit: boolean
  readonly samples: readonly (ScriptSample & { readonly isKnown: boolean })[]
}

export type Entry = {
  readonly series: number
  readonly at: number
  readonly value: number | 'stale' | NativeHistogram
  readonly startAt: number
  readonly isKnown: boolean
}

/** Labels to instants to what is there. */
type Content = ReadonlyMap<string, ReadonlyMap<number, string>>
type IsMeant = (labels: Labels, at: number) => boolean

export type LawModelOptions = { readonly outOfOrderWindowMs: number; readonly retentionMs: number | undefined }

export class LawModel {
  readonly #options: LawModelOptions
  #store: Store
  /** Something was deleted. */
  #isCut = false
  /** By series, the last instant that was ever taken: the store may remember it when its sample is gone. */
  readonly #newest: Map<number, number>
  now = 0

  constructor(options: LawModelOptions, from?: LawModel) {
    this.#options = options
    this.#store = this.#newStore()
    this.#newest = new Map(from === undefined ? [] : from.#newest)
    if (from === undefined) return
    this.now = from.now
    this.#isCut = from.#isCut
    this.#store = from.#without(() => false)
  }

  /** What lies before this may be gone. */
  get horizon(): number {
    return this.now - (this.#options.retentionMs ?? 1e12)
  }

  /** The samples of a batch, without those that the two may see differently with good reason. */
  resolve({ passMs, samples }: LawBatch): readonly Entry[] {
    this.now += passMs
    const content = contentOf(this.#store, -1e12)
    const windowMs = this.#options.outOfOrderWindowMs
    return samples.flatMap(({ series, when, value, startedMsAgo, isKnown }) => {
      const newest = this.#newest.get(series)
      const has = (at: number) => content.get(scriptSeries(series).toString())?.has(at) === true
      if (newest === undefined && typeof when !== 'number' && when !== 'now') return []
      const late = typeof when === 'number' && windowMs > 0 ? this.now - when : this.now
      const at = when === 'again' ? newest! : when === 'past' ? newest! - 1 : late
      // The instant of a series' last sample is not free again when that one was deleted, nor, where order is kept, what is before it.
      const isOpen = newest !== undefined && !has(newest) && (windowMs > 0 ? at === newest : at <= newest)
      if (isOpen || at < this.horizon) return []
      return [{ series, at, value, startAt: startedMsAgo === undefined ? 0 : at - startedMsAgo, isKnown }]
    })
  }

  /** Takes what a store has acknowledged: returns how many samples are new. */
  take(entries: readonly Entry[]): number {
    // A marker for a series that is not there is dropped, but here it was asked for.
    using scratch = this.#store.appender()
    for (const { series } of entries) scratch.append(undefined, scriptSeries(series), unixMs(0), 0)
    using batch = this.#store.appender()
    for (const entry of entries) append(batch, entry, undefined)
    const { appended } = batch.commit()
    for (const { series, at } of entries) this.#newest.set(series, Math.max(at, this.#newest.get(series) ?? -Infinity))
    return appended
  }

  delete(matchers: readonly Matcher[], from: number, to: number): void {
    this.#isCut = true
    this.#store = this.#without((labels, at) => at >= from && at <= to && matchesAll(matchers, labels))
  }

  /** Whether the store has one of the samples that are not known here. */
  hasMoreThanThis(store: Store): boolean {
    const known = contentOf(this.#store, this.horizon)
    return [...contentOf(store, this.horizon)].some(([labels, samples]) =>
      [...samples.keys()].some((at) => known.get(labels)?.has(at) !== true),
    )
  }

  /** Holds a store to this, but for samples that may be missing: those that are gone are gone. */
  settle(store: Store, mayMiss: IsMeant, when: string): void {
    const { horizon } = this
    const found = contentOf(store, horizon)
    const isGone: IsMeant = (labels, at) => mayMiss(labels, at) && found.get(labels.toString())?.has(at) !== true
    const known = contentOf(this.#store, horizon)
    const differs = [...known].some(([labels, samples]) =>
      [...samples.keys()].some((at) => found.get(labels)?.has(at) !== true),
    )
    if (differs) {
      this.#isCut = true
      this.#store = this.#without(isGone)
    }
    assert.deepEqual(found, contentOf(this.#store, horizon), when)
    // Behind a block of which all of a series was deleted, hints that were settled before say what was true then.
    if (!this.#isCut) assertHints(store)
  }

  assertAnswers(store: Store, step: ScriptStep & { readonly kind: 'query' }): void {
    const inside = { ...step, fromMs: Math.min(step.fromMs, this.now - this.horizon) }
    assert.deepEqual(answerOf(store, inside, this.now, true), answerOf(this.#store, inside, this.now, true))
  }

  #newStore(): Store {
    return memoryStore({ outOfOrderWindowMs: this.#options.outOfOrderWindowMs })
  }

  #without(isGone: IsMeant): Store {
    const next = this.#newStore()
    using querier = this.#store.querier(unixMs(-1e12), unixMs(1e12))
    using scratch = next.appender()
    using batch = next.appender()
    for (const { labels, samples } of querier.select([matcher('__name__', '!=', '')])) {
      const { timestamps, values, histograms, starts, count } = samples()
      scratch.append(undefined, labels, unixMs(0), 0)
      for (let i = 0; i < count; i++) {
        const at = unixMs(timestamps[i]!)
        if (isGone(labels, at)) continue
        const histogram = histograms?.[i]
        if (histogram !== undefined) batch.appendHistogram(undefined, labels, at, histogram, starts?.[i])
        else if (isStaleAt(values, i)) batch.appendStale(undefined, labels, at)
        else batch.append(undefined, labels, at, values[i]!, starts?.[i])
      }
    }
    batch.commit()
    return next
  }
}

/** References that a store gave, by series: good while it is open. */
export type Refs = Map<number, SeriesRef>

/** Commits samples to a store, stale markers each by itself, as it may drop those. Returns what was acknowledged. */
export function commitEntries(
  store: Store,
  entries: readonly Entry[],
  refs: Refs,
): { readonly appended: number; readonly taken: readonly Entry[] } {
  using batch = store.appender()
  const ordinary = entries.filter(({ value }) => value !== 'stale')
  for (const entry of ordinary) append(batch, entry, refs)
  return { appended: batch.commit().appended, taken: ordinary }
}

/** Ends a series, if the store still knows it. Returns whether it did. */
export function commitMarker(store: Store, entry: Entry, refs: Refs): boolean {
  using batch = store.appender()
  append(batch, entry, refs)
  return batch.commit().appended === 1
}

/** Gathers a batch and gives it up. */
export function abandonEntries(store: Store, entries: readonly Entry[], refs: Refs): void {
  using batch = store.appender()
  for (const entry of entries) append(batch, entry, refs)
}

function append(batch: Appender, { series, at, value, startAt, isKnown }: Entry, refs: Refs | undefined): void {
  const labels = scriptSeries(series)
  const ref = refs?.get(series)
  const instant = unixMs(at)
  if (value === 'stale') {
    if (isKnown && ref !== undefined && batch.appendStaleKnown(ref, instant)) return
    batch.appendStale(ref, labels, instant)
    return
  }
  const isPlain = typeof value === 'number'
  if (isPlain && isKnown && ref !== undefined && batch.appendKnown(ref, instant, value, startAt)) return
  const next = isPlain
    ? batch.append(ref, labels, instant, value, startAt)
    : batch.appendHistogram(ref, labels, instant, value, startAt)
  refs?.set(series, next)
}

function contentOf(store: Store, from: number): Content {
  using querier = store.querier(unixMs(from), unixMs(1e12))
  return new Map(
    querier.select([matcher('__name__', '!=', '')]).map((series) => {
      const [labels, ...samples] = dumpSeries(series, { withoutHints: true })
      const at = samples as readonly (readonly [number, ...unknown[]])[]
      return [labels as string, new Map(at.map((sample) => [sample[0], JSON.stringify(sample, spell)]))]
    }),
  )
}

/** Numbers that JSON does not know, columns, and members in one order. */
function spell(_key: string, value: unknown): unknown {
  if (typeof value === 'number') return Number.isFinite(value) && !Object.is(value, -0) ? value : inspect(value)
  if (ArrayBuffer.isView(value)) return Array.from(value as Float64Array, (number) => spell('', number))
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
}
