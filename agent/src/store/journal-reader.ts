/**
 * Reads a journal (journal.ts) from where it was read to before. Any thread may, at any time.
 *
 * What it is given is bytes of shared memory, so a text must be taken before the journal is written anew: compare `turn`.
 */
import { END, type FamilyRecord, FLAGS, GENERATION, HEADER_WORDS, KINDS, RECORD, TURN } from './journal.ts'

export type JournalVisitor = {
  /** Told once more when its flags have changed. */
  readonly onFamily: (family: FamilyRecord) => void
  /** Where in the journal's bytes the labels stand. */
  readonly onSeries: (family: number, place: number, labelsAt: number, labelsLength: number) => void
  readonly onGone: (family: number, place: number) => void
}

/** Where in the journal a reader is. */
export type Position = { readonly generation: number; readonly at: number }

export function turnOf(journal: SharedArrayBuffer): number {
  return Atomics.load(new Int32Array(journal, 0, HEADER_WORDS), TURN)
}

export function generationOf(journal: SharedArrayBuffer): number {
  return Atomics.load(new Int32Array(journal, 0, HEADER_WORDS), GENERATION)
}

/** Reads on from word `from`; returns the word to go on at. A record that cannot be read ends it: the writer is at work there. */
export function readJournal(journal: SharedArrayBuffer, visitor: JournalVisitor, from: number = HEADER_WORDS): number {
  const words = new Int32Array(journal, 0, journal.byteLength / 4)
  const bytes = new Uint8Array(journal, 0, journal.byteLength)
  const end = Math.min(Atomics.load(words, END), words.length)
  let at = from
  while (at < end) {
    const head = words[at]!
    const isShort = (head & 0xfff0) !== 0
    const size = isShort ? (head >>> 4) & 0xfff : words[at + 1]!
    if (size <= 0 || at + size > end) break
    const family = head >>> 16
    const placeAt = isShort ? at + 1 : at + 2
    switch (head & 3) {
      case RECORD.family:
        visitor.onFamily(familyAt(words, bytes, at))
        break
      case RECORD.series:
        visitor.onSeries(family, words[placeAt]!, (placeAt + 1) * 4, (at + size - placeAt - 1) * 4 - ((head >>> 2) & 3))
        break
      case RECORD.gone:
        visitor.onGone(family, words[placeAt]!)
        break
      default:
        return at
    }
    at += size
  }
  return at
}

/** A text of the journal. Decoders take no shared memory: it is copied first. */
export function textAt(journal: SharedArrayBuffer, at: number, length: number): string {
  return new TextDecoder().decode(new Uint8Array(journal, at, length).slice())
}

function familyAt(words: Int32Array, bytes: Uint8Array, at: number): FamilyRecord {
  const [bounds = 0, nameBytes = 0, helpBytes = 0] = words.subarray(at + 4, at + 7)
  const flags = words[at + 3]!
  const boundsAt = at + 7
  const textAt = (boundsAt + bounds * 2) * 4
  const text = (from: number, length: number): string => new TextDecoder().decode(bytes.slice(from, from + length))
  return {
    id: words[at]! >>> 16,
    kind: KINDS[words[at + 2]!] ?? 'gauge',
    isNative: (flags & FLAGS.native) !== 0,
    needsLoop: (flags & FLAGS.needsLoop) !== 0,
    across: (flags & FLAGS.greatest) !== 0 ? 'greatest' : 'sum',
    hasExemplars: (flags & FLAGS.exemplars) !== 0,
    bounds: new Float64Array(words.slice(boundsAt, boundsAt + bounds * 2).buffer),
    name: text(textAt, nameBytes),
    help: text(textAt + nameBytes, helpBytes),
  }
}
