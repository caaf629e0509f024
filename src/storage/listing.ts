/**
 * What is stored, without its samples, as a body of the HTTP API: label sets, names of labels, values of one.
 *
 * It asks a querier and nothing else, so whoever has one can do it, in another thread too.
 */
import {
  type AnyBody,
  type Body,
  byBytes,
  type Matcher,
  type Piece,
  renderLabelSets,
  renderTexts,
  TRUNCATED,
} from '#core'
import { compareLabels } from './compare-labels.ts'
import type { Querier } from './types.ts'

/** Of the series that match one of `sets`; without sets, of all. `start`, `end`: Unix milliseconds, inclusive. */
export type Listing = {
  readonly what: 'series' | 'names' | { readonly valuesOf: string }
  readonly sets: readonly (readonly Matcher[])[]
  readonly start: number
  readonly end: number
  /** Most that is listed; a warning tells when there was more. Absent: all. */
  readonly limit?: number
}

/** Rejects with what the store says, or with the signal's reason when it aborts. */
export type ListFn = (listing: Listing, signal: AbortSignal) => Promise<AnyBody>

/** `turn` is called, and awaited if it says so, between two selectors. Throws what it throws. */
export async function listBody(
  querier: Querier,
  { what, sets, limit = Number.POSITIVE_INFINITY }: Listing,
  turn: () => Promise<void> | undefined = () => undefined,
): Promise<Body> {
  if (what === 'series') {
    const found = await merged(sets, turn, {
      list: (set) => querier.series(set),
      keyOf: (labels) => labels.key,
      compare: compareLabels,
    })
    if (found.length <= limit) return kept(found, renderLabelSets)
    return renderLabelSets(found.slice(0, limit), [TRUNCATED])
  }
  const list = (set: readonly Matcher[]) =>
    what === 'names' ? querier.labelNames(set) : querier.labelValues(what.valuesOf, set)
  const found = await merged(sets, turn, { list, keyOf: (text) => text, compare: byBytes })
  if (found.length <= limit) return kept(found, renderTexts)
  return renderTexts(found.slice(0, limit), [TRUNCATED])
}

/** Of a store that gives the same list again, by that list: nothing, once it was seen, then its pieces. */
const written = new WeakMap<readonly unknown[], readonly Piece[] | undefined>()

/** As `render`; what was written of the same list before is copied. */
function kept<T>(list: readonly T[], render: (list: readonly T[]) => Body): Body {
  const pieces = written.get(list)
  if (pieces !== undefined) return { points: list.length, pieces: () => copiesOf(pieces) }
  // Most lists are never seen again.
  if (!written.has(list)) {
    written.set(list, undefined)
    return render(list)
  }
  const { points, pieces: made } = render(list)
  const all = [...made()]
  written.set(list, all)
  return { points, pieces: () => copiesOf(all) }
}

/** A reader may hand on what he is given, memory and all. */
function* copiesOf(pieces: readonly Piece[]): Iterable<Piece> {
  for (const piece of pieces) yield piece.slice()
}

type Lists<T> = {
  /** Sorted, each once. */
  readonly list: (set: readonly Matcher[]) => readonly T[]
  readonly keyOf: (one: T) => string
  readonly compare: (a: T, b: T) => number
}

/** Each list comes sorted; a merge of several has to be sorted anew. */
async function merged<T>(
  sets: Listing['sets'],
  turn: () => Promise<void> | undefined,
  { list, keyOf, compare }: Lists<T>,
): Promise<readonly T[]> {
  if (sets.length <= 1) return list(sets[0] ?? [])
  const found = new Map<string, T>()
  for (const set of sets) {
    for (const one of list(set)) found.set(keyOf(one), one)
    await turn()
  }
  return [...found.values()].sort(compare)
}
