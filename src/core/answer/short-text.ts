/**
 * Short bodies as texts, a character a byte: who writes an answer out behind its head needs no memory of its own for it.
 *
 * Memory outside of the heap is dear for little: 300 bytes of it took 3 µs with the collector's part, twice an answer, where a small
 * question's whole evaluation took 4. So short bodies are written in one room, over and over; nothing else is written meanwhile, as it
 * is done in one go.
 */
import { JsonBytes, type Piece } from './json-bytes.ts'

/** Longer ones are not put behind their head as text: a copy would cost more than it spares. */
const SHORT_BYTES = 64 * 1024

/** `window`: the memory that it writes to, for reading. */
type Room = { readonly out: JsonBytes; readonly window: Buffer }

let free: Room | undefined

/** What `write` writes, by latin-1; `undefined` where it is longer: then it was begun in vain. */
export function shortText(expectedBytes: number, write: (out: JsonBytes) => Iterable<Piece>): string | undefined {
  if (expectedBytes > SHORT_BYTES) return undefined
  const room = free ?? made()
  // Who throws or outgrows it leaves another to be made.
  free = undefined
  const { out, window } = room
  for (const _ of write(out)) return undefined
  if (out.hasFull) return undefined
  const text = window.toString('latin1', 0, out.at)
  out.at = 0
  free = room
  return text
}

function made(): Room {
  const out = new JsonBytes(SHORT_BYTES)
  return { out, window: Buffer.from(out.bytes.buffer) }
}
