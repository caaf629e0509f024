/**
 * What all nodes of one evaluation share: bounds, budget, pace, annotations, data.
 *
 * - `charge` counts slots that are held at the same time; a node's own are released when its parent has used them.
 * - `reads` counts the samples looked at, by step of the frame being evaluated.
 * - `breathe` gives way to the event loop and throws the signal's reason; nodes call it where `spend` says it is time.
 */
import type { Clock, Feature, Labels } from '#core'
import type { Querier } from '#storage'
import type { Call, VectorSelector } from '../ast.ts'
import { QueryError, type Span } from '../position.ts'
import type { Annotations } from './annotations.ts'
import { Reads } from './reads.ts'

/** Slots worked on between two looks at the clock. */
const STRIDE = 50_000
/** Longest time the event loop is kept waiting, about. */
const TURN_MS = 12

export type Bounds = {
  readonly start: number
  readonly end: number
  readonly stepMs: number
  /** Asked as a range: sorting is moot, and the answer a matrix. */
  readonly isRange: boolean
}

export type ContextOptions = {
  readonly text: string
  readonly bounds: Bounds
  readonly lookbackMs: number
  readonly defaultStepMs: number
  readonly maxSamples: number
  readonly annotations: Annotations
  readonly clock: Clock
  readonly signal: AbortSignal | undefined
  readonly features?: ReadonlySet<Feature>
  /** See `selectorsOfStatistics`. */
  readonly statistics?: ReadonlySet<VectorSelector>
}

export class Context {
  readonly text: string
  readonly bounds: Bounds
  readonly lookbackMs: number
  readonly defaultStepMs: number
  readonly annotations: Annotations
  /** A querier for every selector (and info() call), opened before the first is read, so that all see the same moment. */
  readonly queriers = new Map<VectorSelector | Call, Querier>()
  /** Names that an operation takes away stay until the answer is made (`promql-delayed-name-removal`); else they go at once. */
  readonly delaysNames: boolean
  /** `__type__` tells a counter (`type-and-unit-labels`), instead of how the name ends. */
  readonly trustsTypes: boolean
  /** Start timestamps say where counters began anew (`use-start-timestamps`). */
  readonly usesStarts: boolean
  /** Selectors of which nobody looks at buckets (`selectorsOfStatistics`). */
  readonly statistics: ReadonlySet<VectorSelector>
  /** Of the frame that is being evaluated. */
  reads = new Reads(1)
  readonly #maxSamples: number
  readonly #clock: Clock
  readonly #signal: AbortSignal | undefined
  #held = 0
  #peak = 0
  #spent = 0
  #turnStart: number

  constructor(options: ContextOptions) {
    this.text = options.text
    this.bounds = options.bounds
    this.lookbackMs = options.lookbackMs
    this.defaultStepMs = options.defaultStepMs
    this.annotations = options.annotations
    this.delaysNames = options.features?.has('promql-delayed-name-removal') ?? false
    this.trustsTypes = options.features?.has('type-and-unit-labels') ?? false
    this.statistics = options.statistics ?? new Set()
    this.usesStarts = options.features?.has('use-start-timestamps') ?? false
    this.#maxSamples = options.maxSamples
    this.#clock = options.clock
    this.#signal = options.signal
    this.#turnStart = this.#clock.monotonicMs()
  }

  fail(span: Span, what: string): QueryError {
    return new QueryError('ASSAY_PROMQL_EVAL', this.text, span, what)
  }

  unsupported(span: Span, what: string): QueryError {
    return new QueryError('ASSAY_PROMQL_UNSUPPORTED', this.text, span, what)
  }

  /** Prometheus' words for two samples of one step that cannot be told apart. */
  sameLabels(span: Span, labels: Labels): QueryError {
    return this.fail(
      span,
      `vector cannot contain metrics with the same labelset: ${labels}; keep a label that tells them apart`,
    )
  }

  get held(): number {
    return this.#held
  }

  set held(count: number) {
    this.#held = count
  }

  /** Most slots held at one time. */
  get peak(): number {
    return this.#peak
  }

  /** Runs `inner` with a count of reads of its own, for a frame of `steps`, and returns that count beside its result. */
  async reading<T>(steps: number, inner: () => Promise<T>): Promise<readonly [T, Reads]> {
    const outer = this.reads
    const own = new Reads(steps)
    this.reads = own
    try {
      return [await inner(), own]
    } finally {
      this.reads = outer
    }
  }

  /** Takes `count` slots of the budget. Throws `ASSAY_PROMQL_LIMIT`. */
  charge(count: number, span: Span): void {
    this.#held += count
    if (this.#held > this.#peak) this.#peak = this.#held
    if (this.#held <= this.#maxSamples) return
    throw new QueryError(
      'ASSAY_PROMQL_LIMIT',
      this.text,
      span,
      `query processing would load too many samples into memory, over ${this.#maxSamples}; shorten the range, widen the step or add matchers`,
    )
  }

  /** Whether `charge` would take so many. */
  hasRoom(count: number): boolean {
    return this.#held + count <= this.#maxSamples
  }

  /** Refuses what could not be charged, before it is made. Throws `ASSAY_PROMQL_LIMIT`. */
  expectRoom(count: number, span: Span): void {
    const held = this.#held
    const peak = this.#peak
    this.charge(count, span)
    this.#held = held
    this.#peak = peak
  }

  /** Refuses more steps than the budget could ever hold, before anything is made that long. */
  limitSteps(count: number, span: Span): void {
    if (count <= this.#maxSamples) return
    throw new QueryError(
      'ASSAY_PROMQL_LIMIT',
      this.text,
      span,
      `${count} steps are more than the ${this.#maxSamples} samples a query may hold; widen the step or shorten the range`,
    )
  }

  /** Counts work; true when it is time to `breathe`. */
  spend(count: number): boolean {
    this.#spent += count
    if (this.#spent < STRIDE) return false
    this.#spent = 0
    return this.#clock.monotonicMs() - this.#turnStart >= TURN_MS || this.#signal?.aborted === true
  }

  async breathe(): Promise<void> {
    this.#signal?.throwIfAborted()
    await new Promise<void>((resolve) => setImmediate(resolve))
    this.#signal?.throwIfAborted()
    this.#turnStart = this.#clock.monotonicMs()
  }
}
