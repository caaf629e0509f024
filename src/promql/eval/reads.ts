/**
 * How many samples a query looks at, by step of the frame that is being evaluated, in the sample budget's weights.
 *
 * - `handedOut` is what selectors gave to functions and operators: a window counts whole at every step, what does not depend on
 *   the step counts at all of them. A subquery's points count as those of a window, and not what was read for them.
 * - What came from the store is less where windows overlap and where a value is read once for all steps; for a subquery it is
 *   what its inside read. It is kept as the difference, so that the common selector, for which both are the same, counts once.
 * - A long subquery is evaluated in parts (`subquery-series.ts`), and the first windows of each part are read whole.
 */
import { endOf, type Frame } from './column.ts'

export class Reads {
  readonly handedOut: Float64Array
  /** What was handed out at each step without being read for it; below 0 where more was read. */
  readonly spared: Float64Array

  constructor(steps: number) {
    this.handedOut = new Float64Array(steps)
    this.spared = new Float64Array(steps)
  }

  /** Read from the store for one step. */
  readAt(step: number): number {
    return this.handedOut[step]! - this.spared[step]!
  }

  /** Adds what was counted apart, of the same steps. */
  add({ handedOut, spared }: Reads): void {
    for (let step = 0; step < this.handedOut.length; step++) {
      this.handedOut[step]! += handedOut[step]!
      this.spared[step]! += spared[step]!
    }
  }

  /** Adds what was read once, and is handed out at every step. */
  addOnce(once: Reads): void {
    const each = once.handedOut[0]!
    const read = once.readAt(0)
    for (let step = 0; step < this.handedOut.length; step++) {
      this.handedOut[step]! += each
      this.spared[step]! += step === 0 ? each - read : each
    }
  }

  /**
   * Adds what the inside of a subquery read. Each of its steps counts for the first step of ours that sees it: `stepOf` maps its
   * instants, in Unix milliseconds, to ours.
   */
  addInside(inside: Reads, frame: Frame, stepOf: (time: number) => number): void {
    for (let step = 0; step < frame.count; step++) {
      const read = inside.readAt(step)
      if (read !== 0) this.spared[stepOf(frame.start + step * frame.stepMs)]! -= read
    }
  }
}

/** The first step of a frame at or behind an instant; the last one when there is none. */
export function stepFrom(frame: Frame, time: number): number {
  if (time <= frame.start) return 0
  if (time >= endOf(frame)) return frame.count - 1
  return Math.min(Math.ceil((time - frame.start) / frame.stepMs), frame.count - 1)
}
