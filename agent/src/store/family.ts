/**
 * One metric with its series.
 *
 * - Never more than `maxSeries` series: what comes later is added to one overflow series, so no sum is lost.
 * - Label names are given, or taken in the order in which they come; a label with an empty value is absent.
 * - A series has one slot for all who ask for it. A series that is removed is cut off from its slot.
 */
import { type Exemplar, exemplarNotedAt, noteExemplar, releaseExemplars } from './exemplars.ts'
import type { Across, FamilyRecord, Journal, Kind } from './journal.ts'
import { LabelIndex, type LabelValues, NO_PLACE } from './label-index.ts'
import { formatLabels, OVERFLOW_LABELS, unformatLabels, wellFormed } from './label-text.ts'
import type { Numbers } from './memory.ts'
import { makeScale, type Scale } from './scale.ts'
import {
  cutOff,
  type Growth,
  looseSlot,
  makeSlot,
  moveSlot,
  releaseHistogram,
  type Slot,
  seriesWidth,
  unset,
} from './slot.ts'

/** Label names and values in the order they are written; an empty value is an absent label. */
export type LabelPairs = readonly (readonly [name: string, value: string])[]

export type FamilySpec = {
  readonly name: string
  readonly help: string
  readonly kind: Kind
  /** Upper bounds of a histogram, ascending, without +Inf; the shares of a summary's quantiles, ascending. */
  readonly bounds?: readonly number[]
  /** Of a histogram: keeps a native one beside the classic buckets. Durations and sizes, which are never negative. */
  readonly native?: boolean
  /** Label names, where they are known; their order is that of the page. */
  readonly labels?: readonly string[]
  readonly maxSeries?: number
  /**
   * Its values are right only while the loop of this thread turns: they are brought up to date by a collector at each scrape, or in a later
   * turn than what they tell of. A page that is made while the loop stands still is without them: an old figure is not shown as if it were
   * fresh.
   */
  readonly needsLoop?: boolean
  /** Of a gauge that several threads have: their sum, when not said. What each of them sees of the same thing is no sum. */
  readonly across?: Across
  /** Of a counter, or a histogram that is not native: keeps exemplars with labels of the application's own. */
  readonly exemplars?: boolean
}

export type FamilyPlace = { readonly id: number; readonly numbers: Numbers; readonly journal: Journal }

export class Family {
  readonly name: string
  readonly help: string
  readonly kind: Kind
  readonly bounds: readonly number[]
  readonly scale: Scale
  readonly across: Across
  readonly hasExemplars: boolean
  /** How often a new series was refused and the overflow series taken instead. */
  refused = 0
  readonly #id: number
  readonly #growth: Growth
  readonly #width: number
  readonly #maxSeries: () => number
  readonly #names: string[]
  #index = new LabelIndex()
  #size = 0
  #gone = 0
  #needsLoop: boolean
  readonly #slots = new Map<number, Slot>()
  readonly #values: (string | undefined)[] = []
  #overflow: Slot | undefined
  #passing: Slot | undefined

  constructor(spec: FamilySpec, { id, numbers, journal }: FamilyPlace, maxSeries: () => number) {
    this.name = spec.name
    this.help = spec.help
    this.kind = spec.kind
    this.bounds = spec.bounds ?? []
    this.scale = makeScale(this.bounds, spec.native === true)
    this.across = spec.across ?? 'sum'
    this.#needsLoop = spec.needsLoop === true
    this.#names = [...(spec.labels ?? [])]
    this.#id = id
    this.#growth = { numbers, journal }
    this.hasExemplars = spec.exemplars === true
    this.#width = seriesWidth(spec.kind, this.scale, this.hasExemplars)
    this.#maxSeries = maxSeries
    journal.addFamily(this.#record())
  }

  get needsLoop(): boolean {
    return this.#needsLoop
  }

  /** Somebody brings it up to date at scrapes from now on: whoever was first to declare it did not. */
  needLoop(): void {
    if (this.#needsLoop) return
    this.#needsLoop = true
    this.#growth.journal.addFamily(this.#record())
  }

  /** Series that there are, the overflow series included. */
  get size(): number {
    return this.#size + (this.#overflow === undefined ? 0 : 1)
  }

  /** Series that were removed and still take room in the journal. */
  get gone(): number {
    return this.#gone
  }

  /** The series with these labels; the same slot for the same labels. Made when missing, or the overflow series when full. */
  series(pairs: LabelPairs = []): Slot {
    return this.slotOf(this.#valuesOf(pairs))
  }

  /** As `series`, with the values in the order of the label names. */
  slotOf(values: LabelValues): Slot {
    const place = this.placeOf(values)
    if (place === NO_PLACE) return this.overflow()
    const known = this.#slots.get(place)
    if (known !== undefined) return known
    const slot = makeSlot(this.#growth, place, this.scale)
    slot.node = this.#index.node(values, false)
    this.#slots.set(place, slot)
    return slot
  }

  /** As `slotOf`, good until the next call: for who records with labels each time, and would otherwise keep a slot for each series. */
  passingSlot(values: LabelValues): Slot {
    const place = this.placeOf(values)
    if (place === NO_PLACE) return this.overflow()
    const slot = (this.#passing ??= makeSlot(this.#growth, place, this.scale))
    moveSlot(slot, place)
    return slot
  }

  /**
   * Where the series of these values lies: for who records without keeping a slot for each. NO_PLACE when there are too many: then it is
   * the overflow series. Valid until the next series of the family is removed.
   */
  placeOf(values: LabelValues): number {
    const known = this.#index.placeAt(this.#index.node(values, false))
    if (known !== NO_PLACE) return known
    if (this.#size >= this.#maxSeries()) {
      this.refused++
      return NO_PLACE
    }
    return this.#make(values)
  }

  /** Whether there is such a series. */
  has(values: LabelValues): boolean {
    return this.#index.placeAt(this.#index.node(values, false)) !== NO_PLACE
  }

  /** Notes an exemplar of the series at that place; `bucket` is 0 of a counter. Nothing where the family keeps none. */
  exemplify(place: number, bucket: number, exemplar: Exemplar): void {
    if (!this.hasExemplars) return
    noteExemplar(this.#growth, { last: place + this.#width - 1, bucket, buckets: this.bounds.length + 1 }, exemplar)
  }

  /** When the exemplar there was noted; undefined when there is none. */
  exemplarNotedAt(place: number, bucket: number): number | undefined {
    return this.hasExemplars ? exemplarNotedAt(this.#growth, place + this.#width - 1, bucket) : undefined
  }

  /** Forgets a series. */
  remove(slot: Slot): void {
    if (this.#slots.get(slot.at) === slot) this.#forget(slot.at, slot.node)
  }

  /** Forgets the series of these values. False when there is none. */
  removeValues(values: LabelValues): boolean {
    const node = this.#index.node(values, false)
    const place = this.#index.placeAt(node)
    if (place === NO_PLACE) return false
    this.#forget(place, node)
    return true
  }

  /** Takes the values of all series away: of a gauge whose series are set anew at each scrape. Those that are not set are not shown. */
  clear(): void {
    for (const slot of this.#slots.values()) unset(slot)
    if (this.#overflow !== undefined) unset(this.#overflow)
  }

  /** Writes itself into an emptied journal, and forgets the paths of what is gone. */
  rewrite(labelsOf: ReadonlyMap<number, string>): void {
    const { journal } = this.#growth
    journal.addFamily(this.#record())
    const isWorthIt = this.#index.nodes > 4 * this.#size + 256
    const index = isWorthIt ? new LabelIndex() : this.#index
    for (const [place, labels] of labelsOf) {
      journal.addSeries(this.#id, place, labels)
      if (isWorthIt && labels !== OVERFLOW_LABELS)
        index.setPlace(index.node(this.#valuesOf(unformatLabels(labels)), true), place)
    }
    this.#index = index
    this.#gone = 0
  }

  #record(): FamilyRecord {
    const { name, help, kind, scale, across, needsLoop, hasExemplars } = this
    const { bounds, isNative } = scale
    return { id: this.#id, name, help, kind, bounds, isNative, needsLoop, across, hasExemplars }
  }

  #make(values: LabelValues): number {
    const place = this.#take(formatLabels(this.#names, values.map(written)))
    if (place === NO_PLACE) {
      this.refused++
      return NO_PLACE
    }
    this.#index.setPlace(this.#index.node(values, true), place)
    this.#size++
    return place
  }

  /** NO_PLACE when there is no memory. */
  #take(labels: string): number {
    const { numbers, journal } = this.#growth
    const place = numbers.take(this.#width)
    if (place < 0) return NO_PLACE
    if (journal.addSeries(this.#id, place, labels)) return place
    numbers.giveBack(this.#width, place)
    return NO_PLACE
  }

  /** The series of all that did not fit; made when it is asked for. */
  overflow(): Slot {
    if (this.#overflow === undefined) {
      const place = this.#take(OVERFLOW_LABELS)
      if (place === NO_PLACE) return looseSlot(this.scale)
      this.#overflow = makeSlot(this.#growth, place, this.scale)
    }
    return this.#overflow
  }

  #forget(place: number, node: number): void {
    const { numbers, journal } = this.#growth
    journal.beginChange()
    const slot = this.#slots.get(place)
    if (slot !== undefined) cutOff(slot)
    this.#slots.delete(place)
    this.#index.setPlace(node, NO_PLACE)
    if (this.kind === 'histogram') releaseHistogram(this.#growth, place, this.scale)
    if (this.hasExemplars) releaseExemplars(this.#growth, place + this.#width - 1, this.bounds.length + 1)
    journal.addGone(this.#id, place)
    numbers.giveBack(this.#width, place)
    journal.endChange()
    this.#size--
    this.#gone++
  }

  /** The values by position. The array is used again. */
  #valuesOf(pairs: LabelPairs): LabelValues {
    const names = this.#names
    const values = this.#values
    values.length = 0
    for (let i = 0; i < pairs.length; i++) {
      const [name, value] = pairs[i]!
      let position = names[i] === name ? i : names.indexOf(name)
      if (position < 0) position = names.push(name) - 1
      while (values.length <= position) values.push(undefined)
      values[position] = value
    }
    return values
  }
}

function written(value: string | undefined): string | undefined {
  return value === undefined ? undefined : wellFormed(value)
}
