/**
 * What is stored, without its samples, as a body of the HTTP API: label sets, names of labels, values of one.
 *
 * It asks a querier and nothing else, so whoever has one can do it, in another thread too.
 */
import { type AnyBody, type Body, byBytes, type Matcher, renderLabelSets, renderTexts, TRUNCATED } from '#core'
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
    return found.length <= limit ? renderLabelSets(found) : renderLabelSets(found.slice(0, limit), [TRUNCATED])
  }
  const list = (set: readonly Matcher[]) =>
    what === 'names' ? querier.labelNames(set) : querier.labelValues(what.valuesOf, set)
  const found = await merged(sets, turn, { list, keyOf: (text) => text, compare: byBytes })
  return found.length <= limit ? renderTexts(found) : renderTexts(found.slice(0, limit), [TRUNCATED])
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
