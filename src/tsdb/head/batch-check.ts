/**
 * Decides what of a batch the head takes, entry by entry: in order, late, there already, or not at all.
 *
 * - Changes nothing that a reader sees. A record's stamp says that the batch has an entry for the series.
 * - What comes back is good until the next call, and may be the batch's own columns.
 */
import { Labels, type NativeHistogram, unixMs } from '#core'
import { sameBits } from '#storage'
import { type Accepted, type CheckInto, emptyAccepted, type Unchecked } from '../accepted.ts'
import { wordsOf } from '../codec/bytes.ts'
import { isSameOrNone, settled } from '../columns/reset-hints.ts'
import { LAST_AT, type Records, SLOT_MASK, STAMP, VALUE_WORDS } from './records.ts'

export type BatchCheckDeps = {
  readonly labelsOf: (slot: number) => Labels
  /** The last sample of a series, if it is a histogram; `before` looks where the head has none. */
  readonly lastHistogram: (slot: number, before: CheckInto['before']) => NativeHistogram | undefined
}

type Given = CheckInto & {
  /** The first instant that is taken in order. */
  readonly acceptFrom: number
  /** One beyond the last slot. */
  readonly end: number
}

export class BatchCheck {
  readonly #records: Records
  readonly #deps: BatchCheckDeps
  readonly #taken: Accepted = emptyAccepted()
  /** By slot, valid where the record has the stamp of the batch: the batch's last entry for it. */
  #pendingEntry: Uint32Array = new Uint32Array(0)
  #stamp = 0

  constructor(records: Records, deps: BatchCheckDeps) {
    this.#records = records
    this.#deps = deps
  }

  check(batch: Unchecked, slots: Uint32Array, given: Given): Accepted {
    // Two stamps a batch, of 32 bits: after two thousand million batches the old ones are taken away.
    if (this.#stamp > 2 ** 32 - 4) this.#clearStamps(given.end)
    this.#stamp++
    return this.#plain(batch, slots, given.acceptFrom) ?? this.#each(batch, slots, given)
  }

  /** The common case: floats, each of another series and after its last one. Then the batch is taken as it is. */
  #plain(
    { timestamps, values, starts, histograms, count }: Unchecked,
    slots: Uint32Array,
    acceptFrom: number,
  ): Accepted | undefined {
    if (histograms !== undefined) return undefined
    const records = this.#records
    const stamp = this.#stamp
    let minTime = Infinity
    let maxTime = -Infinity
    for (let i = 0; i < count; i++) {
      const slot = slots[i]!
      const at = timestamps[i]!
      if (slot === 0 || at < acceptFrom) return undefined
      const { doubles, words } = records.page(slot)
      const place = (slot & SLOT_MASK) * 16
      if (at <= doubles[place / 2 + LAST_AT]! || words[place + STAMP] === stamp) return undefined
      words[place + STAMP] = stamp
      if (at < minTime) minTime = at
      if (at > maxTime) maxTime = at
    }
    return { slots, timestamps, values, histograms, starts, count, minTime, maxTime }
  }

  #each(batch: Unchecked, slots: Uint32Array, { rejections, before, late, acceptFrom, end }: Given): Accepted {
    const records = this.#records
    const { histograms, starts } = batch
    const into = this.#taken
    if (into.slots.length < batch.count) {
      into.slots = new Uint32Array(batch.timestamps.length)
      into.timestamps = new Float64Array(batch.timestamps.length)
      into.values = new Float64Array(batch.timestamps.length)
    }
    const keptHistograms: Accepted['histograms'] = histograms === undefined ? undefined : []
    const keptStarts = starts === undefined ? undefined : new Float64Array(batch.count)
    into.histograms = keptHistograms
    into.starts = keptStarts
    // What the plain check stamped before it gave up does not count.
    const stamp = ++this.#stamp
    if (this.#pendingEntry.length < end) this.#pendingEntry = new Uint32Array(end * 2)
    const pendingEntry = this.#pendingEntry
    const inWords = wordsOf(batch.values)
    const outWords = wordsOf(into.values)
    let kept = 0
    let minTime = Infinity
    let maxTime = -Infinity
    for (let i = 0; i < batch.count; i++) {
      const slot = slots[i]!
      const at = batch.timestamps[i]!
      if (slot === 0) {
        rejections.add('series-limit', Labels.empty, unixMs(at), histograms?.[i] !== undefined)
        continue
      }
      const { doubles, words } = records.page(slot)
      const place = (slot & SLOT_MASK) * 16
      const pending = words[place + STAMP] === stamp
      const last = pending ? into.timestamps[pendingEntry[slot]!]! : doubles[place / 2 + LAST_AT]!
      if (at > last && at >= acceptFrom) {
        into.slots[kept] = slot
        into.timestamps[kept] = at
        outWords[2 * kept] = inWords[2 * i]!
        outWords[2 * kept + 1] = inWords[2 * i + 1]!
        if (keptStarts !== undefined) keptStarts[kept] = starts![i]!
        const histogram = histograms?.[i]
        if (histogram !== undefined) {
          const previous = pending ? keptHistograms![pendingEntry[slot]!] : this.#deps.lastHistogram(slot, before)
          keptHistograms![kept] = before === undefined ? histogram : settled(previous, histogram)
        }
        words[place + STAMP] = stamp
        pendingEntry[slot] = kept
        kept++
        if (at < minTime) minTime = at
        if (at > maxTime) maxTime = at
        continue
      }
      if (at === last) {
        const again = histograms?.[i]
        const known = pending
          ? keptHistograms?.[pendingEntry[slot]!]
          : this.#deps.lastHistogram(slot, again === undefined ? undefined : before)
        const same = pending
          ? sameBits(into.values, pendingEntry[slot]!, batch.values, i)
          : words[place + VALUE_WORDS] === inWords[2 * i] && words[place + VALUE_WORDS + 1] === inWords[2 * i + 1]
        if (!same || !isSameOrNone(known, again))
          rejections.add('duplicate', this.#deps.labelsOf(slot), unixMs(at), again !== undefined)
      } else if (late !== undefined) late.push(i)
      else {
        const isHistogram = histograms?.[i] !== undefined
        rejections.add(at < last ? 'out-of-order' : 'too-old', this.#deps.labelsOf(slot), unixMs(at), isHistogram)
      }
    }
    into.count = kept
    into.minTime = minTime
    into.maxTime = maxTime
    return into
  }

  #clearStamps(end: number): void {
    for (let slot = 1; slot < end; slot++) this.#records.setWord(slot, STAMP, 0)
    this.#stamp = 0
  }
}
