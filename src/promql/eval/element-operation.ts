/**
 * One operator on two samples of which one at least is a native histogram. (Two floats: `arithmetic.ts`.)
 *
 * - What makes no sense between the two has no result, and a note says so.
 * - Adding histograms whose hints of resets contradict each other is warned of; in Prometheus the pair then has no result
 *   either, and so it has none here.
 *
 * Source: prometheus: promql/engine.go (`vectorElemBinop`, `handleVectorBinopError`).
 */
import type { NativeHistogram } from '#core'
import type { BinaryOp } from '../ast.ts'
import {
  addHistograms,
  type Combined,
  compactHistogram,
  divideHistogram,
  equalHistograms,
  scaleHistogram,
  subtractHistograms,
  trimLower,
  trimUpper,
} from '../histogram/index.ts'
import { boundsReconciled, type HistogramOperation, resetCollision } from './annotations.ts'

export type Note = { readonly kind: 'warning' | 'info'; readonly message: string }

/** `holds`: of a comparison, and then `histogram` is the left side. Without `histogram` and `holds` there is no result. */
export type Outcome = {
  readonly histogram?: NativeHistogram
  readonly holds?: boolean
  readonly note?: Note
}

/** A side: its histogram, or its number when it has none. */
export function operate(op: BinaryOp, left: NativeHistogram | number, right: NativeHistogram | number): Outcome {
  if (typeof left === 'number') {
    if (typeof right === 'number' || op !== '*') return incompatible(op, left, right)
    return { histogram: compactHistogram(scaleHistogram(right, left)) }
  }
  if (typeof right === 'number') {
    switch (op) {
      case '*':
        return { histogram: compactHistogram(scaleHistogram(left, right)) }
      case '/':
        return { histogram: compactHistogram(divideHistogram(left, right)) }
      case '</':
        return { histogram: trimUpper(left, right) }
      case '>/':
        return { histogram: trimLower(left, right) }
      default:
        return incompatible(op, left, right)
    }
  }
  switch (op) {
    case '+':
      return combine(op, 'addition', addHistograms(left, right))
    case '-':
      return combine(op, 'subtraction', subtractHistograms(left, right))
    case '==':
      return { histogram: left, holds: equalHistograms(left, right) }
    case '!=':
      return { histogram: left, holds: !equalHistograms(left, right) }
    default:
      return incompatible(op, left, right)
  }
}

function combine(op: BinaryOp, operation: HistogramOperation, combined: Combined): Outcome {
  if (combined === undefined)
    return {
      note: { kind: 'warning', message: `incompatible bucket layout encountered for binary operator ${op}` },
    }
  if (combined.resetCollision) return { note: { kind: 'warning', message: resetCollision(operation) } }
  const histogram = compactHistogram(combined.histogram)
  return combined.boundsReconciled
    ? { histogram, note: { kind: 'info', message: boundsReconciled(operation) } }
    : { histogram }
}

export function incompatible(op: BinaryOp, left: NativeHistogram | number, right: NativeHistogram | number): Outcome {
  const [a, b] = [left, right].map((side) => (typeof side === 'number' ? 'float' : 'histogram'))
  return {
    note: {
      kind: 'info',
      message: `incompatible sample types encountered for binary operator "${op}": ${a} ${op} ${b}`,
    },
  }
}
