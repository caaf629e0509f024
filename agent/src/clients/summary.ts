/**
 * What is known of clients in one window, as values: how they merge, and which of them are told.
 *
 * - Merging adds counters and gaps, takes the greater of registers, the first of firsts and the last of lasts: while no table was
 *   full that is exactly what one table over all requests would hold. When one was, a client that a table does not have may have had
 *   up to that table's `floor` there; `missed` says so.
 */
import { mergeDistinct } from './distinct.ts'
import type { Dimension } from './observation.ts'

/** One client in one window. */
export type ClientEntry = {
  /** The address, the user, the hash of the key, the account, the login route. */
  readonly id: string
  /** What it said it is (User-Agent), from its first request here; cut. */
  readonly agent: string
  /** Index of the channel; -1: none. In what travels, its name. */
  readonly channel: number
  /** The most weight it may have had in this window before it was kept. */
  readonly missed: number
  readonly bytes: number
  /** Unix ms. */
  readonly first: number
  readonly last: number
  /** As COUNTERS names them. */
  readonly counts: readonly number[]
  /** As `gapOf` numbers them. */
  readonly gaps: readonly number[]
  /** Registers, as DISTINCT names them. */
  readonly distinct: readonly Uint8Array[]
}

/** One dimension in one window. `seen`: requests; `others`: those of clients that are not kept; `floor`: the weight of the least kept. */
export type ClientWindow = {
  readonly seen: number
  readonly others: number
  readonly floor: number
  readonly entries: readonly ClientEntry[]
}

/** A client as others know it: by name of channel. */
export type NamedEntry = Omit<ClientEntry, 'channel'> & { readonly channel: string }
export type NamedWindow = Omit<ClientWindow, 'entries'> & { readonly entries: readonly NamedEntry[] }

/** Windows by their number (Unix ms / window), each by dimension. */
export type ClientWindows = ReadonlyMap<number, ReadonlyMap<Dimension, NamedWindow>>

export function mergeEntries(one: NamedEntry, other: NamedEntry): NamedEntry {
  return {
    ...(one.first <= other.first ? one : other),
    missed: one.missed + other.missed,
    bytes: one.bytes + other.bytes,
    first: Math.min(one.first, other.first),
    last: Math.max(one.last, other.last),
    counts: one.counts.map((count, i) => count + other.counts[i]!),
    gaps: one.gaps.map((count, i) => count + other.gaps[i]!),
    distinct: one.distinct.map((registers, i) => {
      const both = new Uint8Array(registers)
      mergeDistinct(both, other.distinct[i]!)
      return both
    }),
  }
}

export function mergeWindows(one: NamedWindow, other: NamedWindow): NamedWindow {
  const merged = new Map<string, NamedEntry>()
  const add = (entry: NamedEntry, inOther: ReadonlySet<string>, floorOfOther: number): void => {
    const key = keyOf(entry)
    const known = merged.get(key)
    if (known !== undefined) merged.set(key, mergeEntries(known, entry))
    else merged.set(key, inOther.has(key) ? entry : { ...entry, missed: entry.missed + floorOfOther })
  }
  const [inOne, inOther] = [one, other].map(({ entries }) => new Set(entries.map(keyOf))) as [Set<string>, Set<string>]
  for (const entry of one.entries) add(entry, inOther, other.floor)
  for (const entry of other.entries) add(entry, inOne, one.floor)
  return {
    seen: one.seen + other.seen,
    others: one.others + other.others,
    floor: one.floor + other.floor,
    entries: [...merged.values()],
  }
}

export function mergeClients(all: readonly ClientWindows[]): ClientWindows {
  const merged = new Map<number, Map<Dimension, NamedWindow>>()
  for (const windows of all) {
    for (const [window, dimensions] of windows) {
      const into = merged.get(window) ?? new Map<Dimension, NamedWindow>()
      merged.set(window, into)
      for (const [dimension, clients] of dimensions) {
        const known = into.get(dimension)
        into.set(dimension, known === undefined ? clients : mergeWindows(known, clients))
      }
    }
  }
  return merged
}

function keyOf({ id, channel }: NamedEntry): string {
  return `${channel}\n${id}`
}
