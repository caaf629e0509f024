/**
 * Aggregations of a selector, or of a function over a range, folded while series are read: `sum by (job) (rate(x[5m]))` needs a column
 * for each job, and none for each of thousands of series.
 *
 * - Gives nothing where only the slow path knows (`aggregate` over the evaluated vector): histograms, several metric names, names that are
 *   removed late. The budget, the count of reads and annotations come out the same.
 */
import { METRIC_NAME } from '#core'
import { type Aggregate, unwrap } from '../ast.ts'
import type { Frame, Vector } from './column.ts'
import type { Context } from './context.ts'
import { FOLDS } from './group-folds.ts'
import { noteNonCounter, placeOfNotes, RANGE_FUNCTIONS } from './range-call.ts'
import { oneMetricOf, rowsOf } from './range-rows.ts'

export async function foldSeries(node: Aggregate, frame: Frame, context: Context): Promise<Vector | undefined> {
  const makeFold = FOLDS[node.op]
  if (makeFold === undefined) return undefined
  const inner = unwrap(node.expr)
  const info = inner.kind === 'call' ? RANGE_FUNCTIONS.get(inner.name) : undefined
  if (inner.kind !== 'vector-selector' && info === undefined) return undefined
  const dropsName = info !== undefined && info.keepsName !== true
  if (dropsName && context.delaysNames) return undefined
  const rows = rowsOf(inner, frame, context)
  if (rows === undefined) return undefined
  const metric = info === undefined ? undefined : oneMetricOf(rows.set)
  if (dropsName && metric === undefined && rows.set.count > 0) return undefined
  const names = dropsName ? node.grouping.filter((name) => name !== METRIC_NAME) : node.grouping
  const { of, labels } = rows.set.groups({ without: node.without, names })
  const fold = makeFold(labels, frame.count)
  const { held } = context
  let taken = 0
  const isDone = await rows.each((series, values, kinds, isFull) => {
    fold.add(of[series]!, values, kinds, isFull)
    taken++
  })
  context.held = held
  if (!isDone) return undefined
  context.charge(taken * frame.count, inner.span)
  if (info?.counter === true && inner.kind === 'call' && metric !== undefined && taken > 0)
    noteNonCounter({ labels: metric }, placeOfNotes(inner), context)
  const columns = fold.finish()
  for (let i = 0; i < columns.length; i++) context.charge(frame.count, node.span)
  return { type: 'vector', columns }
}
