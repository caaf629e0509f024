/**
 * What is told of one moment: samples. Those of a selector that is asked for alone, `{job="api"}`, are made as its series are read, without a
 * column for each in between: of 10,000 series that is a third of the objects.
 *
 * What is held counts as `evaluate` and its caller count it.
 */
import { type UnixMs, unixMs, type VectorSample } from '#core'
import type { VectorSelector } from '../ast.ts'
import { ABSENT, type Column, type Frame, histogramAt, sizeOf } from './column.ts'
import type { Context } from './context.ts'
import { rowsOfSelector } from './range-rows.ts'
import { selectInstant } from './select.ts'

/** Samples of columns of one step. */
export function samplesOf(columns: readonly Column[], at: UnixMs): readonly VectorSample[] {
  const samples: VectorSample[] = []
  for (let i = 0; i < columns.length; i++) {
    const column = columns[i]!
    if (column.kinds[0] === ABSENT) continue
    const { labels } = column
    const histogram = histogramAt(column, 0)
    samples.push(
      histogram === undefined ? { labels, at, value: column.values[0]! } : { labels, at, value: Number.NaN, histogram },
    )
  }
  return samples
}

/** Samples of a selector; `frame` has one step. Throws as `evaluate` does. */
export async function selectSamples(
  selector: VectorSelector,
  frame: Frame,
  context: Context,
): Promise<readonly VectorSample[]> {
  const { held } = context
  const floats = await selectFloats(selector, frame, context)
  context.held = held
  if (floats !== undefined) {
    context.charge(floats.length, selector.span)
    return floats
  }
  const columns = await selectInstant(selector, frame, context)
  context.held = held
  context.charge(sizeOf({ type: 'vector', columns }), selector.span)
  return samplesOf(columns, unixMs(frame.start))
}

/** `undefined` where there is something else than floats. */
async function selectFloats(
  selector: VectorSelector,
  frame: Frame,
  context: Context,
): Promise<readonly VectorSample[] | undefined> {
  const rows = rowsOfSelector(selector, frame, context)
  if (rows === undefined) return undefined
  const { set } = rows
  const at = unixMs(frame.start)
  const samples: VectorSample[] = []
  const isDone = await rows.each((series, values) => {
    samples.push({ labels: set.labels(series), at, value: values[0]! })
  })
  return isDone ? samples : undefined
}
