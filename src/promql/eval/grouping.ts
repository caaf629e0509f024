/**
 * Label sets that vectors are matched and grouped by.
 */
import { type Labels, METRIC_NAME } from '#core'

/** What two sides of an operator must have in common: only these labels, or all but these and the name. */
export function matchLabels(labels: Labels, on: boolean, names: readonly string[]): Labels {
  return on ? labels.keep(names) : labels.without(METRIC_NAME, ...names)
}

/** The labels of an aggregated group. `without` takes the name along, but not the type and the unit, as in Prometheus. */
export function groupLabels(labels: Labels, without: boolean, names: readonly string[]): Labels {
  return without ? labels.without(METRIC_NAME, ...names) : labels.keep(names)
}

export type Group = { readonly labels: Labels; readonly members: number[] }

/** Members by group, in the order in which groups first appear. */
export function groupBy(all: readonly { readonly labels: Labels }[], of: (labels: Labels) => Labels): readonly Group[] {
  const groups = new Map<string, Group>()
  for (let i = 0; i < all.length; i++) {
    const group = of(all[i]!.labels)
    put(groups, group.key, group, i)
  }
  return [...groups.values()]
}

/** As `groupBy` with `labels.keep(names)`, but labels are made once a group: the values of a few names tell groups apart. */
export function groupByNames(all: readonly { readonly labels: Labels }[], names: readonly string[]): readonly Group[] {
  const groups = new Map<string, Group>()
  const distinct = [...new Set(names)]
  for (let i = 0; i < all.length; i++) {
    const { labels } = all[i]!
    // A value never holds a lone surrogate, so that no two lists of values give one key.
    let key = ''
    for (let n = 0; n < distinct.length; n++) key += `${labels.get(distinct[n]!)}\udfff`
    const known = groups.get(key)
    if (known === undefined) groups.set(key, { labels: labels.keep(names), members: [i] })
    else known.members.push(i)
  }
  return [...groups.values()]
}

function put(groups: Map<string, Group>, key: string, labels: Labels, member: number): void {
  const known = groups.get(key)
  if (known === undefined) groups.set(key, { labels, members: [member] })
  else known.members.push(member)
}
