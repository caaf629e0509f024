/**
 * The fast path of 1.0: a series that is known, with floats alone. Nothing is made of it but its row and its samples.
 *
 * What it serves is what senders write: all labels first, then samples of a value and an instant. Whatever else the wire
 * allows is for the decoder beside it, which also tests it: both yield the same, for every message.
 */
import { bytesTag } from '#core'
import type { Decoded } from './decoded.ts'
import type { FloatColumns } from './float-columns.ts'
import { hashOf, type KnownSeries } from './known-series.ts'
import { endOfVarint, readUsualSample, readVarint } from './usual-sample.ts'

const SERIES = bytesTag(1)
const LABEL = bytesTag(1)

export class FloatWalk {
  readonly #bytes: DataView
  readonly #known: KnownSeries
  readonly #into: Decoded
  readonly #floats: { readonly into: FloatColumns; readonly hasStart: boolean }
  /** Of the series looked at last: its entry or 0, and where its labels lie, -1 when they make no sense. */
  #entry = 0
  #labelsFrom = 0
  #labelsTo = -1

  constructor(bytes: Uint8Array, known: KnownSeries, into: Decoded) {
    this.#bytes = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    this.#known = known
    this.#into = into
    this.#floats = { into: into.columns, hasStart: false }
  }

  /** Takes series after series, as long as all is usual; answers where the first field begins that is for the decoder. */
  run(at: number, end: number): number {
    const bytes = this.#bytes
    let p = at
    while (p + 2 < end && bytes.getUint8(p) === SERIES) {
      let length = bytes.getUint8(p + 1)
      let from = p + 2
      if (length >= 0x80) {
        length = readVarint(bytes, p + 1, end)
        from = endOfVarint()
      }
      if (length < 0 || from + length > end) break
      if (!this.#take(from, from + length)) return p
      p = from + length
    }
    this.#labelsTo = -1
    return p
  }

  /** Takes the series [at, end), or leaves everything as it was and answers `false`: then it is for the decoder. */
  #take(at: number, end: number): boolean {
    const known = this.#known
    const bytes = this.#bytes
    let entry = known.guess(bytes, at, end)
    let labelsTo = entry === 0 ? -1 : at + known.lengthOf(entry)
    if (entry === 0 || (labelsTo < end && bytes.getUint8(labelsTo) === LABEL)) {
      labelsTo = this.#labelsEnd(at, end)
      entry = labelsTo < 0 ? 0 : known.find(bytes, at, labelsTo, hashOf(bytes, at, labelsTo))
    }
    this.#entry = entry
    this.#labelsFrom = at
    this.#labelsTo = labelsTo
    if (entry === 0) return false
    const { columns, budget } = this.#into
    const from = columns.count
    const most = from + budget.samplesLeft
    for (let p = labelsTo; p < end; ) {
      p = readUsualSample(bytes, p, end, this.#floats)
      if (p < 0 || columns.count > most) {
        columns.count = from
        return false
      }
    }
    budget.known(known.labelsOf(entry), columns.count - from)
    this.#into.addKnown(entry)
    return true
  }

  /** The entry of the series that `run` left to the decoder, which found `pairs` labels in front: made now if there is room, else 0. */
  keep(pairs: number): number {
    if (this.#entry !== 0 || this.#labelsTo < 0) return this.#entry
    const hash = hashOf(this.#bytes, this.#labelsFrom, this.#labelsTo)
    return this.#known.add(this.#bytes, this.#labelsFrom, this.#labelsTo, { hash, labels: pairs })
  }

  /** Where the labels end that the series begins with, or -1. */
  #labelsEnd(at: number, end: number): number {
    const bytes = this.#bytes
    let p = at
    while (p < end && bytes.getUint8(p) === LABEL) {
      const length = readVarint(bytes, p + 1, end)
      if (length < 0) return -1
      p = endOfVarint() + length
    }
    return p <= end ? p : -1
  }
}
