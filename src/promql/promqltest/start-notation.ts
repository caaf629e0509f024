/**
 * Start timestamps as Prometheus' tests write them: a line `series@st -30s-1mx2 _ *` before that of the samples, an offset for
 * each of them from the instant of the sample.
 *
 * - `_` says nothing of a sample, `_xn` of n; `*` repeats the offset before; `axn` is a, n+1 times; `a+bxn` and `a-bxn` grow.
 * - `@st ...` alone holds for all lines behind it that say nothing themselves, over and over.
 *
 * Source: prometheus: promql/promqltest/test.go (`parseSTLine`).
 */
import { tryParseDuration } from '#core'

/** Milliseconds from the sample's instant; `undefined`: not known. */
export type StartOffsets = readonly (number | undefined)[]

const MAX_OFFSETS = 1_000_000
const DURATION = String.raw`(?:\d+(?:ms|[smhdwy]))+|0`
const ITEM = new RegExp(String.raw`^([+-]?)(${DURATION})(?:([+-])(${DURATION}))?(?:x(\d+))?$`)

/** What series a line of start timestamps is for (empty: all that follow), and its offsets. `undefined`: another line. */
export function tryParseStartLine(
  line: string,
): { readonly series: string; readonly offsets: StartOffsets } | undefined {
  const parts = /^(\S*)@st\s+(.*)$/.exec(line)
  return parts === null ? undefined : { series: parts[1]!, offsets: parseStarts(parts[2]!) }
}

/** Throws `SyntaxError`. */
export function parseStarts(text: string): StartOffsets {
  const offsets: (number | undefined)[] = []
  for (const item of text.trim().split(/\s+/)) {
    const repeated = /^([_*])(?:x(\d+))?$/.exec(item)
    if (repeated === null) addItem(offsets, item)
    else if (repeated[1] === '_') fill(offsets, undefined, Number(repeated[2] ?? 1), item)
    else fill(offsets, offsets.findLast((offset) => offset !== undefined) ?? 0, Number(repeated[2] ?? 0) + 1, item)
  }
  return offsets
}

function addItem(offsets: (number | undefined)[], item: string): void {
  const parts = ITEM.exec(item)
  if (parts === null || (parts[3] !== undefined && parts[5] === undefined))
    throw new SyntaxError(`not a start timestamp: ${item}; write an offset such as -30s, -30sx2 or -30s-1mx2`)
  const [, sign, from = '', stepSign, step, times = '0'] = parts
  let offset = milliseconds(from, item) * (sign === '-' ? -1 : 1)
  const by = step === undefined ? 0 : milliseconds(step, item) * (stepSign === '-' ? -1 : 1)
  limit(offsets.length + Number(times), item)
  for (let i = 0; i <= Number(times); i++) {
    offsets.push(offset)
    offset += by
  }
}

function milliseconds(text: string, item: string): number {
  const ms = tryParseDuration(text)
  if (ms === undefined) throw new SyntaxError(`not a start timestamp: ${item}; ${text} is no duration`)
  return ms
}

function fill(offsets: (number | undefined)[], offset: number | undefined, times: number, item: string): void {
  limit(offsets.length + times, item)
  for (let i = 0; i < times; i++) offsets.push(offset)
}

function limit(count: number, item: string): void {
  if (count > MAX_OFFSETS) throw new SyntaxError(`${item} makes more than ${MAX_OFFSETS} start timestamps`)
}
