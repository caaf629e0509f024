/**
 * Collects results whose labels are only known sample by sample: columns by label set, merged where they do not
 * overlap in time, refused where they do.
 */
import { type Labels, METRIC_NAME } from '#core'
import type { Span } from '../position.ts'
import { ABSENT, blank, type Column, copySlot, FLOAT, type OpenColumn, type Vector, withoutSchema } from './column.ts'
import type { Context } from './context.ts'

export class Gather {
  readonly #columns = new Map<string, OpenColumn>()
  readonly #count: number
  readonly #context: Context
  readonly #span: Span

  constructor(count: number, context: Context, span: Span) {
    this.#count = count
    this.#context = context
    this.#span = span
  }

  /** The column for these labels; the first to ask decides whether the name will be dropped. */
  column(labels: Labels, dropName: boolean): OpenColumn {
    const known = this.#columns.get(labels.key)
    if (known !== undefined) return known
    this.#context.charge(this.#count, this.#span)
    const made = blank(labels, dropName, this.#count)
    this.#columns.set(labels.key, made)
    return made
  }

  /** Throws when there is a sample already. */
  put(column: OpenColumn, step: number, value: number): void {
    this.#expectFree(column, step)
    column.kinds[step] = FLOAT
    column.values[step] = value
  }

  /** As `put`, for whatever `from` has at that step; it must have something. */
  putSlot(column: OpenColumn, step: number, from: Column): void {
    this.#expectFree(column, step)
    copySlot(from, column, step)
  }

  /** Adds a whole column under other labels. */
  add(from: Column, labels: Labels, dropName: boolean): void {
    const to = this.column(labels, dropName)
    for (let step = 0; step < this.#count; step++) if (from.kinds[step] !== ABSENT) this.putSlot(to, step, from)
  }

  get vector(): Vector {
    return { type: 'vector', columns: [...this.#columns.values()] }
  }

  #expectFree(column: Column, step: number): void {
    if (column.kinds[step] !== ABSENT) throw this.#context.sameLabels(this.#span, column.labels)
  }
}

/** Drops the names that were marked for it, and merges what has become the same. */
export function dropNames(
  columns: readonly Column[],
  count: number,
  context: Context,
  span: Span,
  without = withoutSchema,
): readonly Column[] {
  const renamed = withoutNames(columns, without)
  // The common case: nothing has become the same, and the columns themselves can stay.
  if (renamed === columns || hadOneName(columns) || firstRepeated(renamed) === undefined) return renamed
  const gather = new Gather(count, context, span)
  for (const column of renamed) gather.add(column, column.labels, false)
  return gather.vector.columns
}

/** As `dropNames`, but two columns of one label set are an error even where they never meet in time. */
export function dropNamesOnce(columns: readonly Column[], context: Context, span: Span): readonly Column[] {
  const renamed = withoutNames(columns)
  const repeated = hadOneName(columns) ? undefined : firstRepeated(renamed)
  if (repeated !== undefined) throw context.sameLabels(span, repeated)
  return renamed
}

function withoutNames(columns: readonly Column[], without = withoutSchema): readonly Column[] {
  if (!columns.some(({ dropName }) => dropName)) return columns
  return columns.map((column) =>
    column.dropName ? { ...column, labels: without(column.labels), dropName: false } : column,
  )
}

/**
 * Whether all columns lost the same name and nothing else: what was distinct with it is distinct without. Columns of one vector are
 * distinct while their names are there.
 */
function hadOneName(columns: readonly Column[]): boolean {
  const name = columns[0]?.labels.get(METRIC_NAME)
  for (let i = 0; i < columns.length; i++) {
    const { labels, dropName } = columns[i]!
    if (!dropName || labels.get(METRIC_NAME) !== name || labels.has('__type__') || labels.has('__unit__')) return false
  }
  return true
}

function firstRepeated(columns: readonly Column[]): Labels | undefined {
  if (columns.length < 2) return undefined
  const seen = new Set<string>()
  for (const { labels } of columns) {
    if (seen.has(labels.key)) return labels
    seen.add(labels.key)
  }
  return undefined
}
