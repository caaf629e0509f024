/**
 * Which series of a block match, by numbers alone: each value is asked once, each expression never twice.
 *
 * - A matcher becomes a range of label pairs, those of its name, and which of them it takes; and whether it takes series without it.
 * - The matcher that allows the fewest series says where to begin; the others are looked up in the pairs of each of these.
 * - `=` and alternatives of literals are looked up, `.+` and `.*` take all values: no text is made for the others.
 */
import type { Matcher } from '#core'
import type { BlockIndex } from './block-index.ts'

/** A matcher in numbers: pairs [from, to) are of its name; `takes` says which of them, or `only` the one. */
type Test = {
  readonly from: number
  readonly to: number
  readonly only: number | undefined
  readonly takes: Uint8Array | undefined
  /** Series without this name match. */
  readonly absent: boolean
  /** Series that have a pair it takes. */
  readonly size: number
}

const LITERALS = /^[\w\-/:, ]+(\|[\w\-/:, ]+)*$/

/** Ascending numbers of series: so ordered by labels. `undefined`: all of them. */
export function selectSeries(index: BlockIndex, matchers: readonly Matcher[]): Uint32Array | undefined {
  const tests: Test[] = []
  for (const matcher of matchers) {
    const test = testOf(index, matcher)
    if (test.size === 0 && !test.absent) return new Uint32Array(0)
    // It takes whatever there is.
    if (test.absent && test.only === undefined && test.takes === undefined) continue
    tests.push(test)
  }
  if (tests.length === 0) return undefined
  const first = tests.reduce<Test | undefined>(
    (best, test) => (!test.absent && (best === undefined || test.size < best.size) ? test : best),
    undefined,
  )
  const candidates = first === undefined ? undefined : union(index, first)
  const others = tests.filter((test) => test !== first)
  if (candidates !== undefined && others.length === 0) return candidates
  const count = candidates?.length ?? index.seriesCount
  const found = new Uint32Array(count)
  let size = 0
  for (let i = 0; i < count; i++) {
    const series = candidates === undefined ? i : candidates[i]!
    let matches = true
    for (let k = 0; k < others.length && matches; k++) matches = satisfies(index, series, others[k]!)
    if (matches) found[size++] = series
  }
  return found.subarray(0, size)
}

function satisfies(index: BlockIndex, series: number, { from, to, only, takes, absent }: Test): boolean {
  const { labelPairs } = index
  const end = index.labelStart[series + 1]!
  for (let i = index.labelStart[series]!; i < end; i++) {
    const pair = labelPairs[i]!
    if (pair < from) continue
    if (pair >= to) return absent
    return only === undefined ? takes === undefined || takes[pair - from] === 1 : pair === only
  }
  return absent
}

function testOf(index: BlockIndex, matcher: Matcher): Test {
  const { name, op, value } = matcher
  const { from, to } = index.pairsOf(name)
  const absent = matcher.test('')
  const all = {
    from,
    to,
    only: undefined,
    takes: undefined,
    absent,
    size: index.postingStart[to]! - index.postingStart[from]!,
  }
  if ((op === '=~' && (value === '.+' || value === '.*')) || (value === '' && op === '!=')) return all
  if (op === '=' && value !== '') {
    const only = index.findPair(name, value)
    return {
      ...all,
      only,
      takes: only === undefined ? new Uint8Array(to - from) : undefined,
      size: sizeOf(index, only),
    }
  }
  const takes = new Uint8Array(to - from)
  let size = 0
  if (op === '=~' && LITERALS.test(value)) {
    for (const literal of value.split('|')) {
      const pair = index.findPair(name, literal)
      if (pair === undefined || takes[pair - from] === 1) continue
      takes[pair - from] = 1
      size += sizeOf(index, pair)
    }
    return { ...all, takes, size }
  }
  for (let pair = from; pair < to; pair++) {
    if (!matcher.test(index.valueOf(pair))) continue
    takes[pair - from] = 1
    size += sizeOf(index, pair)
  }
  return { ...all, takes, size }
}

function sizeOf({ postingStart }: BlockIndex, pair: number | undefined): number {
  return pair === undefined ? 0 : postingStart[pair + 1]! - postingStart[pair]!
}

/** The series of all pairs that a test takes. */
function union(index: BlockIndex, { from, to, only, takes, size }: Test): Uint32Array {
  const { postingStart, postings } = index
  if (only !== undefined) return postings.subarray(postingStart[only]!, postingStart[only + 1]!)
  const out = new Uint32Array(size)
  let count = 0
  for (let pair = from; pair < to; pair++) {
    if (takes !== undefined && takes[pair - from] !== 1) continue
    const list = postings.subarray(postingStart[pair]!, postingStart[pair + 1]!)
    out.set(list, count)
    count += list.length
  }
  // A series has one pair of a name at most, so nothing is there twice. Typed arrays sort as numbers.
  return out.sort()
}
