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
  for (const [i, { labels }] of all.entries()) {
    const group = of(labels)
    const known = groups.get(group.key)
    if (known === undefined) groups.set(group.key, { labels: group, members: [i] })
    else known.members.push(i)
  }
  return [...groups.values()]
}
