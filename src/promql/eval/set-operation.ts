/**
 * and, or, unless: which samples stay, decided per step by the labels that match.
 */
import type { Matching, SetOp } from '../ast.ts'
import { ABSENT, type Column, copySlot, type OpenColumn, type Vector, vectorOf } from './column.ts'
import { groupOf } from './known-matches.ts'

export function setOperation(op: SetOp, matching: Matching, left: Vector, right: Vector, count: number): Vector {
  const keyOf = (column: Column) => groupOf(column.labels, matching).key
  switch (op) {
    case 'and': {
      const there = presence(right, keyOf, count)
      return mask(left, (column) => there.get(keyOf(column)), true)
    }
    case 'unless': {
      const there = presence(right, keyOf, count)
      return mask(left, (column) => there.get(keyOf(column)), false)
    }
    case 'or': {
      const there = presence(left, keyOf, count)
      const rest = mask(right, (column) => there.get(keyOf(column)), false)
      return vectorOf(mergeSame([...left.columns, ...rest.columns]))
    }
    default:
      return op satisfies never
  }
}

/** By key: at which steps any column of that key has a sample. */
function presence(vector: Vector, keyOf: (column: Column) => string, count: number): ReadonlyMap<string, Uint8Array> {
  const there = new Map<string, Uint8Array>()
  for (const column of vector.columns) {
    const key = keyOf(column)
    const steps = there.get(key) ?? new Uint8Array(count)
    for (let i = 0; i < count; i++) if (column.kinds[i] !== ABSENT) steps[i] = 1
    there.set(key, steps)
  }
  return there
}

function mask(vector: Vector, other: (column: Column) => Uint8Array | undefined, keepWhereThere: boolean): Vector {
  const columns: Column[] = []
  for (const column of vector.columns) {
    const there = other(column)
    if (there === undefined) {
      if (!keepWhereThere) columns.push(column)
      continue
    }
    const kinds = column.kinds.slice()
    for (let i = 0; i < kinds.length; i++) if ((there[i] === 1) !== keepWhereThere) kinds[i] = ABSENT
    columns.push({ ...column, kinds })
  }
  return vectorOf(columns)
}

/**
 * A series that comes from the left at some steps and from the right at others is still one series, also where one of them has a
 * name that is to go and the other has not: the first sample decides, as in Prometheus.
 */
function mergeSame(columns: readonly Column[]): readonly Column[] {
  const merged = new Map<string, Column>()
  for (const column of columns) {
    const { key } = column.labels
    const known = merged.get(key)
    if (known === undefined) {
      merged.set(key, column)
      continue
    }
    const { labels, values, kinds, histograms } = known
    const { dropName } = firstStep(known) <= firstStep(column) ? known : column
    const both: OpenColumn = { labels, dropName, values: values.slice(), kinds: kinds.slice() }
    if (histograms !== undefined) both.histograms = [...histograms]
    for (let i = 0; i < both.kinds.length; i++) if (both.kinds[i] === ABSENT) copySlot(column, both, i)
    merged.set(key, both)
  }
  return [...merged.values()]
}

function firstStep({ kinds }: Column): number {
  const step = kinds.findIndex((kind) => kind !== ABSENT)
  return step < 0 ? Infinity : step
}
