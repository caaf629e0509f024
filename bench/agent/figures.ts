/** Medians, and tables that a terminal and a page can show. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const half = sorted.length >> 1
  if (sorted.length === 0) return Number.NaN
  return sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2
}

/** A median, and between which values it lies: with 95 % certainty, whatever the values are distributed like; of fewer than six, all of them. */
export type Spread = { readonly median: number; readonly low: number; readonly high: number }

export function spread(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b)
  const count = sorted.length
  // So many values lie below the true median as a coin falls on one side: the most of them that may be left out at both ends.
  let ways = 1
  let outside = 0
  let cut = 0
  for (let below = 0; below < count / 2; below++) {
    outside += 2 * ways * 0.5 ** count
    if (outside > 0.05) break
    cut = below + 1
    ways = (ways * (count - below)) / (below + 1)
  }
  const low = Math.max(0, cut - 1)
  return { median: median(values), low: sorted[low] ?? Number.NaN, high: sorted[count - 1 - low] ?? Number.NaN }
}

/** Numbers from 0 to 1, the same ones for the same seed (mulberry32, public domain by Tommy Ettinger). */
export function randomFrom(seed: number): () => number {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** All of them, in an order that is drawn. */
export function shuffled<T>(all: readonly T[], random: () => number): T[] {
  const drawn = [...all]
  for (let i = drawn.length - 1; i > 0; i--) {
    const other = Math.floor(random() * (i + 1))
    ;[drawn[i], drawn[other]] = [drawn[other]!, drawn[i]!]
  }
  return drawn
}

/** Two figures that matter, no more. */
export function short(value: number): string {
  if (!Number.isFinite(value)) return '-'
  const size = Math.abs(value)
  if (size >= 1_000) return Math.round(value).toLocaleString('en-US')
  return size >= 100 ? value.toFixed(0) : size >= 10 ? value.toFixed(1) : value.toFixed(2)
}

/** A table in Markdown. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((cell, i) => Math.max(3, cell.length, ...rows.map((row) => row[i]?.length ?? 0)))
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, i) => cell.padEnd(widths[i]!)).join(' | ')} |`
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n')
}

/** The ways, forward in even rounds and backward in odd ones: what drifts meets all alike. */
export function inTurn<T>(all: readonly T[], round: number): readonly T[] {
  return round % 2 === 0 ? all : all.toReversed()
}
