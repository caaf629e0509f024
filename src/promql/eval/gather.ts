/**
 * Collects results whose labels are only known sample by sample: columns by label set, merged where they do not
 * overlap in time, refused where they do.
 */
import type { Labels } from '#core'
import type { Span } from '../position.ts'
import { ABSENT, blank, type Column, FLOAT, type Vector, withoutSchema } from './column.ts'
import type { Context } from './context.ts'

export class Gather {
  readonly #columns = new Map<string, Column>()
  readonly #count: number
  readonly #context: Context
  readonly #span: Span

  constructor(count: number, context: Context, span: Span) {
    this.#count = count
    this.#context = context
    this.#span = span
  }

  /** The column for these labels; the first to ask decides whether the name will be dropped. */
  column(labels: Labels, dropName: boolean): Column {
    const known = this.#columns.get(labels.key)
    if (known !== undefined) return known
    this.#context.charge(this.#count, this.#span)
    const made = blank(labels, dropName, this.#count)
    this.#columns.set(labels.key, made)
    return made
  }

  /** Throws when there is a sample already. */
  put(column: Column, step: number, value: number): void {
    if (column.kinds[step] !== ABSENT) throw this.#context.sameLabels(this.#span, column.labels)
    column.kinds[step] = FLOAT
    column.values[step] = value
  }

  /** Adds a whole column under other labels. */
  add(from: Column, labels: Labels, dropName: boolean): void {
    const to = this.column(labels, dropName)
    for (let step = 0; step < this.#count; step++)
      if (from.kinds[step] !== ABSENT) this.put(to, step, from.values[step]!)
  }

  get vector(): Vector {
    return { type: 'vector', columns: [...this.#columns.values()] }
  }
}

/** Drops the names that were marked for it, and merges what has become the same. */
export function dropNames(columns: readonly Column[], count: number, context: Context, span: Span): readonly Column[] {
  if (!columns.some(({ dropName }) => dropName)) return columns
  const gather = new Gather(count, context, span)
  const seen = new Map<string, Column>()
  const merged = new Set<string>()
  for (const column of columns) {
    const labels = column.dropName ? withoutSchema(column.labels) : column.labels
    if (seen.has(labels.key)) merged.add(labels.key)
    seen.set(labels.key, { ...column, labels, dropName: false })
  }
  // The common case: nothing has become the same, and the columns themselves can stay.
  if (merged.size === 0) return [...seen.values()]
  for (const column of columns)
    gather.add(column, column.dropName ? withoutSchema(column.labels) : column.labels, false)
  return gather.vector.columns
}
