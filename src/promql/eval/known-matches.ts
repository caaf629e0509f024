/**
 * By what labels match, and what labels a pair gets, kept from query to query: a rule or a panel joins the same series each time, and to
 * make those labels takes most of a join of a few series.
 *
 * - By the matching of an expression that is known (`parseKnown`) and the label sets themselves, which the store gives again.
 * - Goes with either. Bounded: MAX_KEPT sets in a thread; when there are more, all are forgotten at once.
 */
import type { Labels } from '#core'
import type { Matching } from '../ast.ts'
import { matchLabels } from './grouping.ts'

/** Some 200 bytes each: 6 MiB. */
const MAX_KEPT = 32 * 1024

type Pair = { readonly one: Labels | undefined; readonly labels: Labels }
type Kept = { readonly groups: WeakMap<Labels, Labels>; readonly pairs: WeakMap<Labels, Pair> }

let known = new WeakMap<Matching, Kept>()
let count = 0

/** As `matchLabels`. */
export function groupOf(labels: Labels, matching: Matching): Labels {
  const { groups } = keptOf(matching)
  let group = groups.get(labels)
  if (group === undefined) {
    group = matchLabels(labels, matching.on, matching.labels)
    noteOne()
    groups.set(labels, group)
  }
  return group
}

/** What `make` makes of these two under a matching; it depends on nothing else. The last partner of each is kept. */
export function pairOf(many: Labels, one: Labels | undefined, matching: Matching, make: () => Labels): Labels {
  const { pairs } = keptOf(matching)
  const last = pairs.get(many)
  if (last !== undefined && last.one === one) return last.labels
  const labels = make()
  if (last === undefined) noteOne()
  pairs.set(many, { one, labels })
  return labels
}

function keptOf(matching: Matching): Kept {
  let kept = known.get(matching)
  if (kept === undefined) known.set(matching, (kept = { groups: new WeakMap(), pairs: new WeakMap() }))
  return kept
}

function noteOne(): void {
  if (++count <= MAX_KEPT) return
  known = new WeakMap()
  count = 1
}
