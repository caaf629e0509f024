/** Target groups as files and servers list them: `[{ "targets": ["host:port"], "labels": { "name": "value" } }]`. */
import type { TargetGroup } from './targets-of.ts'

/** Most targets that one source may list. */
const MAX_TARGETS = 100_000

/** The groups of a list that was parsed from JSON or YAML. Throws what `wrong` makes of a sentence. */
export function parseGroups(content: unknown, wrong: (message: string) => Error): readonly TargetGroup[] {
  if (!Array.isArray(content)) throw wrong('a list of groups was expected: [{ targets: [...], labels: {...} }]')
  let count = 0
  return content.map((group: unknown, i) => {
    if (typeof group !== 'object' || group === null) throw wrong(`group ${i + 1} is no object with targets`)
    for (const key of Object.keys(group))
      if (key !== 'targets' && key !== 'labels') throw wrong(`group ${i + 1} has an unknown key ${JSON.stringify(key)}`)
    const { targets: listed, labels: named } = group as { targets?: unknown; labels?: unknown }
    const targets = listed ?? []
    const labels = named ?? {}
    if (!Array.isArray(targets) || !targets.every((one) => typeof one === 'string'))
      throw wrong(`targets of group ${i + 1} is no list of texts`)
    if (typeof labels !== 'object' || !Object.values(labels).every((one) => typeof one === 'string'))
      throw wrong(`labels of group ${i + 1} is no map of texts; quote numbers`)
    count += targets.length
    if (count > MAX_TARGETS) throw wrong(`there are more than ${MAX_TARGETS} targets`)
    return { targets, labels: labels as Record<string, string> }
  })
}
