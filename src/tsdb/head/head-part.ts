/** A series of the head within a span: labels are made when they are asked for, samples when they are read. */
import type { Labels } from '#core'
import type { Part, PartColumns } from '../columns/part.ts'
import type { LabelIndex } from './label-index.ts'
import type { Span } from './stream-reader.ts'

/** What a part needs of the head. */
type Reads = {
  read(slot: number, span: Span, out: PartColumns, to: number): number
  maxCount(slot: number, span: Span): number
}

export class HeadPart implements Part {
  readonly #head: Reads
  readonly #index: LabelIndex
  readonly #slot: number
  readonly #span: Span
  #labels: Labels | undefined
  readonly maxCount: number

  constructor(head: Reads, index: LabelIndex, slot: number, span: Span) {
    this.#head = head
    this.#index = index
    this.#slot = slot
    this.#span = span
    this.maxCount = head.maxCount(slot, span)
  }

  get index(): object {
    return this.#index
  }

  get series(): number {
    return this.#slot
  }

  get labels(): Labels {
    return (this.#labels ??= this.#index.labelsOf(this.#slot))
  }

  read(columns: PartColumns, to: number): number {
    return this.#head.read(this.#slot, this.#span, columns, to)
  }
}
