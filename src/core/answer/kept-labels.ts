/**
 * JSON of label sets that were written before: a dashboard is told of the same series with each refresh, and looking at each character for
 * what has to be escaped takes four times as long as copying the bytes (a set of seven: 6.3 and 1.6 to 1.9 µs, both cores busy, its part of
 * the pieces included; `bench/render.ts`).
 *
 * - A set is kept when it is written for the second time: most sets that an evaluation makes are never seen again.
 * - The set itself knows the place (`Labels.jsonPlace`), so what nobody holds any more is only forgotten, never found.
 * - Bounded: MAX_WORDS in each thread; when there are more, all are forgotten at once. Places count on, so old ones are known for old.
 */
import type { Labels } from '../labels.ts'
import { copyWords } from './copy-words.ts'

/** 4 MiB: some 25,000 sets of seven labels. */
const MAX_WORDS = 1024 * 1024
const FIRST_WORDS = 16 * 1024
/** Longer ones are rare, and would push out many. */
const MAX_BYTES = 4096

/** What `Labels.jsonPlace` says of a set that was never written, and of one that was written once. */
const NEVER = 0
const ONCE = -1

/** Each set: its length in bytes, then its bytes, filled up to whole words. */
let words = new Uint32Array(FIRST_WORDS)
let bytes = new Uint8Array(words.buffer)
let view = new DataView(words.buffer)
/** Places of what is here: [base, base + used). A place is a number of words that were ever kept; the first one is 1. */
let base = 1
let used = 0

/** How many bytes are to be written for a set, and as many as three more are spoiled behind them; -1: it is not kept. */
export function keptLength({ jsonPlace }: Labels): number {
  return jsonPlace >= base ? words[jsonPlace - base]! : -1
}

/** Writes a set that is kept; returns where it ends. */
export function writeKept({ jsonPlace }: Labels, length: number, to: DataView, at: number): number {
  copyWords(view, (jsonPlace - base + 1) * 4, length, to, at)
  return at + length
}

/** Tells that a set was written, and where its bytes are. */
export function noteWritten(labels: Labels, from: Uint8Array, start: number, end: number): void {
  const length = end - start
  if (length > MAX_BYTES) return
  if (labels.jsonPlace === NEVER) {
    labels.jsonPlace = ONCE
    return
  }
  const size = 1 + ((length + 3) >>> 2)
  if (used + size > words.length && !grow()) {
    base += used
    used = 0
  }
  words[used] = length
  bytes.set(from.subarray(start, end), (used + 1) * 4)
  labels.jsonPlace = base + used
  used += size
}

function grow(): boolean {
  if (words.length === MAX_WORDS) return false
  const larger = new Uint32Array(words.length * 2)
  larger.set(words)
  words = larger
  bytes = new Uint8Array(words.buffer)
  view = new DataView(words.buffer)
  return true
}
