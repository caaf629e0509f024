/**
 * Which group each series of an index belongs to, kept from query to query: a dashboard groups the same series by the same names all
 * day, and making labels to tell groups apart costs a microsecond a series, a look into a column some nanoseconds.
 *
 * - By index (of the head, of a block) and grouping; goes with the index. A number stands for the same labels as long as its index lives.
 * - Bounded: four bytes a series for MAX_GROUPINGS groupings of an index; more than MAX_GROUPS groups are not kept.
 */
import type { Labels } from '#core'
import { type Grouping, groupLabelsOf, type SeriesGroups } from '#storage'

/** Of one index. The one that was used longest ago leaves first. */
const MAX_GROUPINGS = 12
/** Labels of so many groups are kept for one grouping. */
const MAX_GROUPS = 4096

class GroupMemo {
  readonly #grouping: Grouping
  readonly #numbers = new Map<string, number>()
  readonly labels: Labels[] = []
  /** By series: its group, and one. 0: not known yet. */
  of: Uint32Array = new Uint32Array(0)

  constructor(grouping: Grouping) {
    this.#grouping = grouping
  }

  add(series: number, labels: Labels): number {
    const group = groupLabelsOf(labels, this.#grouping)
    let number = this.#numbers.get(group.key)
    if (number === undefined) {
      number = this.labels.push(group) - 1
      this.#numbers.set(group.key, number)
    }
    if (series >= this.of.length) {
      const larger = new Uint32Array(Math.max(1024, series + 1, Math.ceil(this.of.length * 1.5)))
      larger.set(this.of)
      this.of = larger
    }
    this.of[series] = number + 1
    return number
  }
}

const memos = new WeakMap<object, Map<string, GroupMemo>>()

function keyOf({ without, names }: Grouping): string {
  return `${without ? '-' : '+'}${names.join('\udfff')}`
}

function memoOf(index: object, grouping: Grouping): GroupMemo {
  let known = memos.get(index)
  if (known === undefined) {
    known = new Map()
    memos.set(index, known)
  }
  const key = keyOf(grouping)
  const memo = known.get(key) ?? new GroupMemo(grouping)
  known.delete(key)
  known.set(key, memo)
  for (const [oldest] of known) {
    if (known.size <= MAX_GROUPINGS) break
    known.delete(oldest)
  }
  return memo
}

/** Numbers the groups of one selection, series by series, in the order in which they first come. */
export class GroupNumbers {
  readonly #grouping: Grouping
  readonly #labels: Labels[] = []
  readonly #of: Uint32Array
  readonly #byKey = new Map<string, number>()
  /** The index at hand, what is known of it, and its groups' numbers here. */
  #index: object | undefined
  #memo: GroupMemo | undefined
  #here: number[] = []
  readonly #all = new Map<object, { readonly memo: GroupMemo; readonly here: number[] }>()

  constructor(grouping: Grouping, count: number) {
    this.#grouping = grouping
    this.#of = new Uint32Array(count)
  }

  /** Series `i` of the selection is number `series` of `index`. */
  put(i: number, index: object, series: number, labelsOf: (series: number) => Labels): void {
    if (index !== this.#index) this.#use(index)
    const memo = this.#memo!
    const known = series < memo.of.length ? memo.of[series]! : 0
    const group = known > 0 ? known - 1 : memo.add(series, labelsOf(series))
    let number = this.#here[group]
    if (number === undefined) {
      number = this.#numberOf(memo.labels[group]!)
      this.#here[group] = number
    }
    this.#of[i] = number
  }

  /** As `put`, for a series of which labels are all that is known. */
  putLabels(i: number, labels: Labels): void {
    this.#of[i] = this.#numberOf(groupLabelsOf(labels, this.#grouping))
  }

  done(): SeriesGroups {
    const key = keyOf(this.#grouping)
    for (const [index, { memo }] of this.#all) if (memo.labels.length > MAX_GROUPS) memos.get(index)?.delete(key)
    return { of: this.#of, labels: this.#labels }
  }

  #use(index: object): void {
    let known = this.#all.get(index)
    if (known === undefined) {
      known = { memo: memoOf(index, this.#grouping), here: [] }
      this.#all.set(index, known)
    }
    this.#index = index
    this.#memo = known.memo
    this.#here = known.here
  }

  #numberOf(labels: Labels): number {
    let number = this.#byKey.get(labels.key)
    if (number === undefined) {
      number = this.#labels.push(labels) - 1
      this.#byKey.set(labels.key, number)
    }
    return number
  }
}
