/**
 * Two vectors whose series belong together one by one, in their order: `used / size` of metrics that one exporter gives together. They are
 * found to be so by comparing labels, and no table of keys is made: 10 µs a pair were mostly spent on that.
 *
 * - For plain one-to-one matching of floats by all labels but the name. What it cannot do, or is not sure of, `binary.ts` does.
 * - Each side has one name, so its series are distinct without it, and nothing can be found twice.
 */
import { METRIC_NAME } from '#core'
import type { Binary } from '../ast.ts'
import { type Compare, type Compute, compareOf, computeOf } from './arithmetic.ts'
import { blank, type Column, FLOAT, type Frame, type OpenColumn, type Vector, withoutName } from './column.ts'
import type { Context } from './context.ts'
import { ValuesRoom } from './row-columns.ts'

/** `undefined`: not of this kind. */
export async function inLockstep(
  node: Binary,
  left: Vector,
  right: Vector,
  frame: Frame,
  context: Context,
): Promise<Vector | undefined> {
  const compute = computeOf(node.op)
  const compare = compareOf(node.op)
  if ((compute === undefined && compare === undefined) || node.bool || !isPlain(node)) return undefined
  if (!areAlike(left.columns, right.columns)) return undefined
  const columns: Column[] = []
  const room = new ValuesRoom(frame.count, left.columns.length)
  for (let i = 0; i < left.columns.length; i++) {
    const one = left.columns[i]!
    const other = right.columns[i]!
    const out =
      compute !== undefined && isFull(one) && isFull(other)
        ? computed(one, other, compute, room)
        : combined(one, other, compute, compare, frame.count)
    if (out !== undefined) {
      context.charge(frame.count, node.span)
      columns.push(out)
    }
    if (context.spend(2 * frame.count)) await context.breathe()
  }
  return { type: 'vector', columns }
}

function isPlain({ matching }: Binary): boolean {
  if (matching === undefined) return true
  const { card, on, labels, include, fillLeft, fillRight } = matching
  const hasFills = fillLeft !== undefined || fillRight !== undefined
  return card === 'one-to-one' && !on && labels.length === 0 && include.length === 0 && !hasFills
}

/** Series by series the same labels but for the name, which is one on each side; no histograms. */
function areAlike(left: readonly Column[], right: readonly Column[]): boolean {
  if (left.length !== right.length) return false
  for (let i = 0; i < left.length; i++) {
    const [a, b] = [left[i]!, right[i]!]
    if (a.histograms !== undefined || b.histograms !== undefined) return false
    if (a.labels.name !== left[0]!.labels.name || b.labels.name !== right[0]!.labels.name) return false
    if (!areAlikeButName(a.labels.flat, b.labels.flat)) return false
  }
  return true
}

function areAlikeButName(a: readonly string[], b: readonly string[]): boolean {
  let i = 0
  let j = 0
  for (;;) {
    if (i < a.length && a[i] === METRIC_NAME) i += 2
    if (j < b.length && b[j] === METRIC_NAME) j += 2
    if (i === a.length || j === b.length) return i === a.length && j === b.length
    const name = a[i]!
    // What describes the metric is dropped with its name, or not, by rules of its own.
    if (name !== b[j] || a[i + 1] !== b[j + 1] || name === '__type__' || name === '__unit__') return false
    i += 2
    j += 2
  }
}

function isFull({ kinds }: Column): boolean {
  for (let step = 0; step < kinds.length; step++) if (kinds[step] !== FLOAT) return false
  return true
}

/** As `combined`, of columns that have a float at each step. */
function computed(left: Column, right: Column, compute: Compute, room: ValuesRoom): Column {
  const values = room.take()
  for (let step = 0; step < values.length; step++) values[step] = compute(left.values[step]!, right.values[step]!)
  return { labels: withoutName(left.labels), dropName: false, values, kinds: left.kinds }
}

function combined(
  left: Column,
  right: Column,
  compute: Compute | undefined,
  compare: Compare | undefined,
  count: number,
): Column | undefined {
  let out: OpenColumn | undefined
  for (let step = 0; step < count; step++) {
    if (left.kinds[step] !== FLOAT || right.kinds[step] !== FLOAT) continue
    const a = left.values[step]!
    const b = right.values[step]!
    let result = a
    if (compute !== undefined) result = compute(a, b)
    else if (!compare!(a, b)) continue
    out ??= blank(compute === undefined ? left.labels : withoutName(left.labels), false, count)
    out.kinds[step] = FLOAT
    out.values[step] = result
  }
  return out
}
