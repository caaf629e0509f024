/**
 * The inverted index: for every label pair, the slots of the series that have it. And the choice of where to begin.
 *
 * A selection walks the shortest list that one of its matchers allows and tests each series there against the other matchers.
 * Lists need no order for that, so that a slot can be used again; intersecting sorted lists won nothing on lists this short.
 */
import { byBytes, type Labels, type Matcher } from '#core'

export class Postings {
  readonly #byName = new Map<string, Map<string, number[]>>()

  add(slot: number, labels: Labels): void {
    const flat = labels.flat
    for (let i = 0; i < flat.length; i += 2) {
      let values = this.#byName.get(flat[i]!)
      if (values === undefined) {
        values = new Map()
        this.#byName.set(flat[i]!, values)
      }
      const list = values.get(flat[i + 1]!)
      if (list === undefined) values.set(flat[i + 1]!, [slot])
      else list.push(slot)
    }
  }

  /** Takes many series out at once: the cost is the length of the lists they are in, not that times their number. */
  remove(gone: ReadonlyMap<number, Labels>): void {
    const touched = new Map<string, Set<string>>()
    for (const labels of gone.values()) {
      for (const [name, value] of labels) {
        const values = touched.get(name)
        if (values === undefined) touched.set(name, new Set([value]))
        else values.add(value)
      }
    }
    for (const [name, touchedValues] of touched) {
      const values = this.#byName.get(name)
      if (values === undefined) continue
      for (const value of touchedValues) {
        const left = (values.get(value) ?? []).filter((slot) => !gone.has(slot))
        if (left.length === 0) values.delete(value)
        else values.set(value, left)
      }
      if (values.size === 0) this.#byName.delete(name)
    }
  }

  /**
   * Slots that may match: none is missing, some may not match. `undefined`: all series have to be looked at, because every
   * matcher is satisfied by an absent label.
   */
  candidates(matchers: readonly Matcher[]): readonly number[] | undefined {
    let best: readonly (readonly number[])[] | undefined
    let bestSize = Infinity
    for (const matcher of matchers) {
      if (matcher.test('')) continue
      const lists = this.#listsOf(matcher)
      let size = 0
      for (const list of lists) size += list.length
      if (size >= bestSize) continue
      best = lists
      bestSize = size
    }
    if (best === undefined) return undefined
    return best.length === 1 ? best[0] : best.flat()
  }

  #listsOf(matcher: Matcher): readonly (readonly number[])[] {
    const values = this.#byName.get(matcher.name)
    if (values === undefined) return []
    if (matcher.op === '=') {
      const list = values.get(matcher.value)
      return list === undefined ? [] : [list]
    }
    const lists: number[][] = []
    for (const [value, list] of values) if (matcher.test(value)) lists.push(list)
    return lists
  }
}

/** A test of whole label sets that asks each expression once per distinct value. */
export function labelTest(matchers: readonly Matcher[]): (labels: Labels) => boolean {
  const tests = matchers.map(({ name, op, value, test }) => {
    if (op === '=' || op === '!=') return { name, test: (given: string) => (given === value) === (op === '=') }
    const known = new Map<string, boolean>()
    return {
      name,
      test: (given: string) => {
        let answer = known.get(given)
        if (answer === undefined) {
          answer = test(given)
          known.set(given, answer)
        }
        return answer
      },
    }
  })
  return (labels) => {
    for (let i = 0; i < tests.length; i++) if (!tests[i]!.test(labels.get(tests[i]!.name))) return false
    return true
  }
}

/** Unique texts by UTF-8 bytes. */
export function sortedTexts(texts: Iterable<string>): readonly string[] {
  return [...new Set(texts)].sort(byBytes)
}
