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
  PIECE_BYTES,
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

export type ListWay = {
  /** Called, and awaited if it says so, between two selectors. */
  readonly turn?: () => Promise<void> | undefined
  /** Pieces are handed on, memory and all. Left out: they are read, and not written to. */
  readonly handsOn?: boolean
}

/** Throws what `turn` throws. */
export async function listBody(
  querier: Querier,
  { what, sets, limit = Number.POSITIVE_INFINITY }: Listing,
  { turn = () => undefined, handsOn = false }: ListWay = {},
): Promise<Body> {
  if (what === 'series') {
    const found = await merged(sets, turn, {
      list: (set) => querier.series(set),
      keyOf: (labels) => labels.key,
      compare: compareLabels,
    })
    if (found.length <= limit) return kept(found, renderLabelSets, handsOn)
    return renderLabelSets(found.slice(0, limit), [TRUNCATED])
  }
  const list = (set: readonly Matcher[]) =>
    what === 'names' ? querier.labelNames(set) : querier.labelValues(what.valuesOf, set)
  const found = await merged(sets, turn, { list, keyOf: (text) => text, compare: byBytes })
  if (found.length <= limit) return kept(found, renderTexts, handsOn)
  return renderTexts(found.slice(0, limit), [TRUNCATED])
}

/** `text`: of one short piece, a character a byte. */
type Written = { readonly pieces: readonly Piece[]; text: string | undefined }

/** Of a store that gives the same list again, by that list: nothing, once it was seen, then what was written of it. */
const written = new WeakMap<readonly unknown[], Written | undefined>()
/** Beyond this a list is not kept as a text as well. */
const MAX_TEXT_BYTES = 16 * 1024

/** As `render`; what was written of the same list before is given again. */
function kept<T>(list: readonly T[], render: (list: readonly T[]) => Body, handsOn: boolean): Body {
  let known = written.get(list)
  if (known === undefined) {
    const body = render(list)
    // Most lists are never seen again.
    if (!written.has(list)) {
      written.set(list, undefined)
      return body
    }
    known = { pieces: together([...body.pieces()]), text: undefined }
    written.set(list, known)
  }
  const all = known
  return {
    points: list.length,
    pieces: () => (handsOn ? all.pieces.map((piece) => piece.slice()) : all.pieces),
    text: () => (all.text ??= textOf(all.pieces)),
  }
}

function textOf([piece, ...more]: readonly Piece[]): string | undefined {
  if (piece === undefined || more.length > 0 || piece.length > MAX_TEXT_BYTES) return undefined
  return Buffer.from(piece.buffer, piece.byteOffset, piece.length).toString('latin1')
}

/** Short ones as one: then it takes no turns, and no copy, to gather them. */
function together(pieces: readonly Piece[]): readonly Piece[] {
  const size = pieces.reduce((sum, { length }) => sum + length, 0)
  if (pieces.length === 1 || size > PIECE_BYTES) return pieces
  const one = new Uint8Array(size)
  let at = 0
  for (const piece of pieces) {
    one.set(piece, at)
    at += piece.length
  }
  return [one]
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
  turn: NonNullable<ListWay['turn']>,
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
