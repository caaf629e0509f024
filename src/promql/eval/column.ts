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
export type Frame = { readonly start: number; readonly stepMs: number; readonly count: number }

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

/** A column of nothing yet. */
export function blank(labels: Labels, dropName: boolean, count: number): Column {
  return { labels, dropName, values: new Float64Array(count), kinds: new Uint8Array(count) }
}

export function isBlank({ kinds }: Column): boolean {
  for (let i = 0; i < kinds.length; i++) if (kinds[i] !== ABSENT) return false
  return true
}

/** Only columns with something in them. */
export function vectorOf(columns: readonly Column[]): Vector {
  return { type: 'vector', columns: columns.filter((column) => !isBlank(column)) }
}

/** How many slots a value holds: what the sample budget counts. */
export function sizeOf(value: Value): number {
  if (value.type === 'vector') return value.columns.reduce((sum, { values }) => sum + values.length, 0)
  return value.type === 'scalar' ? value.values.length : 1
}

/** A value of one step, the same at every step. */
export function broadcast(value: Value, count: number): Value {
  if (value.type === 'string') return value
  if (value.type === 'scalar') return { type: 'scalar', values: new Float64Array(count).fill(value.values[0]!) }
  const columns = value.columns.map((column) => ({
    ...column,
    values: new Float64Array(count).fill(column.values[0]!),
    kinds: new Uint8Array(count).fill(column.kinds[0]!),
  }))
  return { type: 'vector', columns }
}

const SCHEMA_LABELS = [METRIC_NAME, '__type__', '__unit__']

/** Labels without the name and what describes the metric of that name. */
export function withoutSchema(labels: Labels): Labels {
  return labels.has(METRIC_NAME) || labels.has('__type__') || labels.has('__unit__')
    ? labels.without(...SCHEMA_LABELS)
    : labels
}

/** Labels as Prometheus prints them in errors, the name among them: `{__name__="up", job="shop"}`. */
export function inBraces(labels: Labels): string {
  return `{${[...labels].map(([name, value]) => `${name}=${JSON.stringify(value)}`).join(', ')}}`
}
