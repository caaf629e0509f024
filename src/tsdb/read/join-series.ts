/**
 * Puts the parts of each series together that several sources give, each source in order of labels: a merge, without a table of keys. Which
 * series are the same is remembered (`known-twins.ts`), so that labels are compared, and made, where sources differ.
 */
import type { Labels } from '#core'
import { compareLabels } from '#storage'
import type { Part } from '../columns/part.ts'
import { type KnownTwins, twinsOf } from './known-twins.ts'

/** The parts of one series, in the order of their sources; late ones apart, as they may lie between the others. */
export type Joined = {
  readonly parts: Part[]
  late?: Part[]
  /** Made when they are asked for. */
  readonly labels: Labels
}

export type Source = { readonly parts: readonly Part[]; readonly isLate: boolean }

/** In order of labels. */
export function joinSeries(sources: readonly Source[]): readonly Joined[] {
  let all: Joined[] = []
  for (const source of sources) {
    if (source.parts.length > 0)
      all = all.length === 0 ? source.parts.map((part) => first(part, source)) : merge(all, source)
  }
  return all
}

class Together implements Joined {
  readonly parts: Part[]
  late?: Part[]
  readonly #first: Part

  constructor(part: Part, isLate: boolean) {
    this.#first = part
    this.parts = isLate ? [] : [part]
    if (isLate) this.late = [part]
  }

  get labels(): Labels {
    return this.#first.labels
  }
}

function first(part: Part, { isLate }: Source): Joined {
  return new Together(part, isLate)
}

/** Compares series of what was joined with parts of one source; `compareLabels` says the same. */
class Comparer {
  #first: object | undefined
  #second: object | undefined
  #twins: KnownTwins | undefined

  order(one: Joined, part: Part): number {
    const { parts, late } = one
    const last = parts.length > 0 ? parts[parts.length - 1]! : late![0]!
    if (last.index === undefined || part.index === undefined) return compareLabels(one.labels, part.labels)
    if (last.index !== this.#first || part.index !== this.#second) {
      this.#first = last.index
      this.#second = part.index
      this.#twins = twinsOf(last.index, part.index)
    }
    const twins = this.#twins!
    if (twins.has(last.series!, part.series!)) return 0
    const order = compareLabels(one.labels, part.labels)
    if (order === 0) twins.add(last.series!, part.series!)
    return order
  }
}

function merge(all: readonly Joined[], source: Source): Joined[] {
  const { parts, isLate } = source
  const out: Joined[] = []
  const comparer = new Comparer()
  let i = 0
  let j = 0
  while (i < all.length && j < parts.length) {
    const one = all[i]!
    const part = parts[j]!
    const order = comparer.order(one, part)
    if (order > 0) {
      out.push(first(part, source))
      j++
      continue
    }
    out.push(one)
    i++
    if (order < 0) continue
    if (!isLate) one.parts.push(part)
    else if (one.late === undefined) one.late = [part]
    else one.late.push(part)
    j++
  }
  for (; i < all.length; i++) out.push(all[i]!)
  for (; j < parts.length; j++) out.push(first(parts[j]!, source))
  return out
}
