/**
 * Notes of a binary operator. Of all that goes wrong at one step Prometheus says the last alone, in the order of the samples
 * of the left side; the steps' notes are then said once each.
 */
import type { Span } from '../position.ts'
import type { Annotations } from './annotations.ts'
import type { Note } from './element-operation.ts'

export class StepNotes {
  readonly #orders = new Map<number, number>()
  readonly #notes = new Map<number, Note>()

  /** `order`: the place of the sample among those of its step. */
  add(step: number, order: number, note: Note): void {
    if (order < (this.#orders.get(step) ?? 0)) return
    this.#orders.set(step, order)
    this.#notes.set(step, note)
  }

  say(annotations: Annotations, span: Span): void {
    for (const step of [...this.#notes.keys()].sort((a, b) => a - b)) {
      const { kind, message } = this.#notes.get(step)!
      if (kind === 'warning') annotations.warn(span, message)
      else annotations.info(span, message)
    }
  }
}
