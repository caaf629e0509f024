/** Into which blocks an import goes: the largest aligned spans that fit, so that few of them are merged later. */

export type Span = { readonly start: number; readonly end: number }

/** `isTaken`: a block of that span is there already. */
export type Window = Span & { readonly isTaken: boolean }

export type WindowPlan = {
  /** The first and the last instant. */
  readonly first: number
  readonly last: number
  /** Spans of blocks that are there, in order and without overlap. */
  readonly taken: readonly Span[]
  readonly blockMs: number
  /** No window is longer, but for taken ones. */
  readonly maxMs: number
}

/** Windows that together are [first, last], in order. The last one ends with `last`: what comes later must not find its instant taken. */
export function planWindows({ first, last, taken, blockMs, maxMs }: WindowPlan): readonly Window[] {
  const windows: Window[] = []
  const end = last + 1
  for (let at = first; at < end; at = windows.at(-1)!.end) {
    const block = taken.find((one) => one.end > at)
    if (block !== undefined && block.start <= at)
      windows.push({ start: at, end: Math.min(block.end, end), isTaken: true })
    else {
      const limit = Math.min(block?.start ?? end, end)
      windows.push({ start: at, end: Math.min(endOf(at, limit, blockMs, maxMs), limit), isTaken: false })
    }
  }
  return windows
}

/** The end of the largest aligned window that begins at `at` and fits, or of the smallest that `at` lies in. */
function endOf(at: number, limit: number, blockMs: number, maxMs: number): number {
  let end = (Math.floor(at / blockMs) + 1) * blockMs
  for (let window = blockMs; window <= maxMs && at % window === 0 && at + window <= limit; window *= 3)
    end = at + window
  return end
}
