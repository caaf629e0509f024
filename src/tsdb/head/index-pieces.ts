/** What another thread has of a `LabelIndex`, and what it is sent of it. */
import type { PairPieces, PairsKnown } from './pairs.ts'
import type { SymbolPieces, SymbolsKnown } from './symbols.ts'

/** What another thread has of it. */
export type IndexKnown = {
  readonly symbols: SymbolsKnown
  readonly pairs: PairsKnown
  labels: number
  places: number
  arrivals: number
}
/** What it is sent. */
export type IndexPieces = {
  readonly symbols: SymbolPieces
  readonly pairs: PairPieces
  readonly labels: readonly SharedArrayBuffer[]
  readonly places: readonly SharedArrayBuffer[]
  readonly arrivals: readonly SharedArrayBuffer[]
  readonly labelsEnd: number
  readonly end: number
  readonly arrived: number
  readonly series: number
  readonly gone: number
}

export function nothingKnown(): IndexKnown {
  return {
    symbols: { bytes: 0, entries: 0, table: undefined },
    pairs: { entries: 0, chunks: 0, table: undefined },
    labels: 0,
    places: 0,
    arrivals: 0,
  }
}
