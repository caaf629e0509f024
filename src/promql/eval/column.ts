/**
 * What evaluation passes from node to node: vectors as columns over the steps of a frame.
 *
 * - A column has one slot a step. `kinds[i]` says what stands there: `values[i]` counts only when it is FLOAT,
 *   `histograms[i]` only when it is HISTOGRAM. Whatever asks for FLOAT passes over histograms, as Prometheus' functions
 *   of floats do.
 * - Columns handed on are never written to again; a node that changes values makes new ones.
 * - `dropName` is Prometheus' delayed name removal: the name is still there to match and group by, and leaves
 *   (with `__type__` and `__unit__`) when the answer is made.
 */
import { type Labels, METRIC_NAME, type NativeHistogram } from '#core'

export const ABSENT = 0
export const FLOAT = 1
export const HISTOGRAM = 2

/** Steps `start + i * stepMs` for i in [0, count). */
export type Frame = {
  readonly start: number
  readonly stepMs: number
  readonly count: number
  /** Where the steps were to end, when that is behind the last of them: subqueries are evaluated up to here, as in Prometheus. */
  readonly end?: number
}

export type Column = {
  readonly labels: Labels
  readonly dropName: boolean
  readonly values: Float64Array
  readonly kinds: Uint8Array
  /** There when a slot is HISTOGRAM. */
  readonly histograms?: readonly (NativeHistogram | undefined)[]
}

export type Vector = { readonly type: 'vector'; readonly columns: readonly Column[] }
export type Scalar = { readonly type: 'scalar'; readonly values: Float64Array }
export type Text = { readonly type: 'string'; readonly value: string }
export type Value = Vector | Scalar | Text

export function timeAt(frame: Frame, step: number): number {
  return frame.start + step * frame.stepMs
}

export function endOf(frame: Frame): number {
  return frame.end ?? timeAt(frame, frame.count - 1)
}

/** A column that is still being filled. */
export type OpenColumn = Omit<Column, 'histograms'> & { histograms?: (NativeHistogram | undefined)[] }

/** A column of nothing yet. */
export function blank(labels: Labels, dropName: boolean, count: number): OpenColumn {
  return { labels, dropName, values: new Float64Array(count), kinds: new Uint8Array(count) }
}

/** Puts a histogram at a step of a column that is being filled. */
export function putHistogram(column: OpenColumn, step: number, histogram: NativeHistogram): void {
  column.histograms ??= new Array<NativeHistogram | undefined>(column.kinds.length).fill(undefined)
  column.histograms[step] = histogram
  column.kinds[step] = HISTOGRAM
}

/** Takes what stands at a step of one column over to another; an absent slot stays as it was. */
export function copySlot(from: Column, to: OpenColumn, step: number): void {
  const kind = from.kinds[step]!
  if (kind === HISTOGRAM) putHistogram(to, step, from.histograms![step]!)
  else if (kind === FLOAT) {
    to.kinds[step] = FLOAT
    to.values[step] = from.values[step]!
  }
}

/** The histogram at a step, or `undefined` for a float and for nothing. */
export function histogramAt({ kinds, histograms }: Column, step: number): NativeHistogram | undefined {
  return kinds[step] === HISTOGRAM ? histograms![step] : undefined
}

/**
 * How many samples of the budget a histogram is worth: one for 16 bytes of what Prometheus' `HPoint` takes, with its
 * spans of buckets counted as it would list them.
 */
export function weightOf({ positive, negative, customBounds }: NativeHistogram): number {
  const listed = positive.indices.length + negative.indices.length + customBounds.length
  return Math.floor((176 + 8 * (listed + runsOf(positive.indices) + runsOf(negative.indices))) / 16)
}

function runsOf(indices: Int32Array): number {
  let runs = 0
  for (let i = 0; i < indices.length; i++) if (i === 0 || indices[i] !== indices[i - 1]! + 1) runs++
  return runs
}

export function isBlank({ kinds }: Column): boolean {
  for (let i = 0; i < kinds.length; i++) if (kinds[i] !== ABSENT) return false
  return true
}

/** Only columns with something in them. */
export function vectorOf(columns: readonly Column[]): Vector {
  return { type: 'vector', columns: columns.filter((column) => !isBlank(column)) }
}

/** How many slots a value holds: what the sample budget counts. A histogram weighs what `weightOf` says. */
export function sizeOf(value: Value): number {
  if (value.type === 'vector') return value.columns.reduce((sum, column) => sum + columnSize(column), 0)
  return value.type === 'scalar' ? value.values.length : 0
}

function columnSize({ values, kinds, histograms }: Column): number {
  let size = values.length
  if (histograms !== undefined)
    for (let i = 0; i < kinds.length; i++) if (kinds[i] === HISTOGRAM) size += weightOf(histograms[i]!) - 1
  return size
}

/** A value of one step, the same at every step. */
export function broadcast(value: Value, count: number): Value {
  if (value.type === 'string') return value
  if (value.type === 'scalar') return { type: 'scalar', values: new Float64Array(count).fill(value.values[0]!) }
  const columns = value.columns.map((column) => ({
    ...column,
    values: new Float64Array(count).fill(column.values[0]!),
    kinds: new Uint8Array(count).fill(column.kinds[0]!),
    ...(column.histograms === undefined
      ? {}
      : { histograms: new Array<NativeHistogram | undefined>(count).fill(column.histograms[0]) }),
  }))
  return { type: 'vector', columns }
}

/** Labels without the name and what describes the metric of that name. */
export function withoutSchema(labels: Labels): Labels {
  return labels.nameless
}

export function withoutName(labels: Labels): Labels {
  return labels.has(METRIC_NAME) ? labels.without(METRIC_NAME) : labels
}

/** Labels as Prometheus prints them in errors, the name among them: `{__name__="up", job="shop"}`. */
export function inBraces(labels: Labels): string {
  return `{${[...labels].map(([name, value]) => `${name}=${JSON.stringify(value)}`).join(', ')}}`
}
