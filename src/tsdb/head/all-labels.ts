/** Names and values of all series of an index that match, whatever the time of their samples: no fewer than any view finds in any span. */
import type { Matcher } from '#core'
import type { LabelIndex, ValueSlots } from './label-index.ts'

export function allNames(index: LabelIndex, matchers: readonly Matcher[]): readonly string[] {
  const names = new Set<number>()
  if (matchers.length > 0) for (const slot of index.sorted(matchers)) index.namesOf(slot, names)
  else
    for (const name of index.names()) {
      for (const value of index.valuesOf(name)) {
        if (!hasAny(index, value)) continue
        names.add(name)
        break
      }
    }
  return Array.from(names, (name) => index.text(name))
}

export function allValues(index: LabelIndex, name: string, matchers: readonly Matcher[]): readonly string[] {
  const symbol = index.symbol(name)
  if (symbol === 0) return []
  const values = new Set<number>()
  if (matchers.length > 0) {
    for (const slot of index.sorted(matchers)) values.add(index.valueOf(slot, symbol))
    values.delete(0)
  } else for (const value of index.valuesOf(symbol)) if (hasAny(index, value)) values.add(value.value)
  return Array.from(values, (value) => index.text(value))
}

/** Whether a series of a value is still there; mostly the first one is. */
function hasAny(index: LabelIndex, { first, slots }: ValueSlots): boolean {
  return index.has(first) || slots().some((slot) => index.has(slot))
}
