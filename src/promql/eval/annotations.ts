/**
 * Caveats beside a result, worded and placed as Prometheus does.
 *
 * - One message is said once, whatever the number of series and steps it is true of; the place is that of the last node
 *   that said it, as in Prometheus, where a later annotation takes the place of an equal one.
 * - Bounded: messages beyond `MAX_ANNOTATIONS` are dropped.
 *
 * Source: prometheus: util/annotations/annotations.go.
 */
import { goFloat, goRounded } from '../go-float.ts'
import { formatPlace, type Span } from '../position.ts'
import { quote } from '../strings.ts'

const MAX_ANNOTATIONS = 10_000

/** What `histogram_quantile` says of buckets that it had to make monotonic: extremes over all such samples. */
export type Monotonicity = {
  readonly atMs: number
  readonly low: number
  readonly high: number
  readonly difference: number
}

type Repaired = { -readonly [key in keyof Omit<Monotonicity, 'atMs'>]: number } & {
  firstMs: number
  lastMs: number
  count: number
}

export class Annotations {
  readonly #text: string
  readonly #warnings = new Map<string, Span>()
  readonly #infos = new Map<string, Span>()
  readonly #repaired = new Map<string, Repaired>()

  constructor(text: string) {
    this.#text = text
  }

  /** What may make the result wrong. */
  warn(span: Span, message: string): void {
    add(this.#warnings, message, span)
  }

  /** What may not be what was meant. */
  info(span: Span, message: string): void {
    add(this.#infos, message, span)
  }

  /** An info that gathers what it is about: `message` is said once, with the extremes of all its samples. */
  infoOfRepair(span: Span, message: string, { atMs, low, high, difference }: Monotonicity): void {
    const known = this.#repaired.get(message)
    if (known === undefined) {
      add(this.#infos, message, span)
      if (this.#infos.has(message))
        this.#repaired.set(message, { low, high, difference, firstMs: atMs, lastMs: atMs, count: 1 })
      return
    }
    known.low = Math.min(known.low, low)
    known.high = Math.max(known.high, high)
    known.difference = Math.max(known.difference, difference)
    known.firstMs = Math.min(known.firstMs, atMs)
    known.lastMs = Math.max(known.lastMs, atMs)
    known.count++
  }

  get warnings(): readonly string[] {
    return [...this.#warnings].map(([message, span]) => this.#placed('PromQL warning', message, span))
  }

  get infos(): readonly string[] {
    return [...this.#infos].map(([message, span]) => {
      const repaired = this.#repaired.get(message)
      return this.#placed('PromQL info', repaired === undefined ? message : message + details(repaired), span)
    })
  }

  #placed(kind: string, message: string, span: Span): string {
    return `${kind}: ${message} (${formatPlace(this.#text, span.start)})`
  }
}

function add(to: Map<string, Span>, message: string, span: Span): void {
  if (to.size < MAX_ANNOTATIONS || to.has(message)) to.set(message, span)
}

function details({ low, high, difference, count, firstMs, lastMs }: Repaired): string {
  return `, from buckets ${goFloat(low)} to ${goFloat(high)}, with a max diff of ${goRounded(difference, 2)}, over ${count} samples from ${instant(firstMs)} to ${instant(lastMs)}`
}

/** As RFC 3339 to the second, cut off towards zero, as Go writes it. */
function instant(ms: number): string {
  const date = new Date(Math.trunc(ms / 1000) * 1000)
  return Number.isNaN(date.getTime()) ? `${ms / 1000}` : `${date.toISOString().slice(0, -5)}Z`
}

/** ` for metric name "x"`, or nothing when there is none. */
export function forMetric(name: string): string {
  return name === '' ? '' : ` for metric name ${quote(name)}`
}

/** Whoever has something to say about one series: where it stands in the text, and what it is called. */
export type Notes = { readonly annotations: Annotations; readonly span: Span; readonly name: string }

export type HistogramOperation = 'addition' | 'subtraction' | 'aggregation'

export function mixedTypes(name: string): string {
  return `encountered a mix of histograms and floats for metric name ${quote(name)}`
}

export const MIXED_TYPES_IN_AGGREGATION = 'encountered a mix of histograms and floats for aggregation'

export function mixedBuckets(name: string): string {
  return `vector contains a mix of histograms with exponential and custom buckets schemas for metric name ${quote(name)}`
}

export function notCounter(name: string): string {
  return `this native histogram metric is not a counter: ${quote(name)}`
}

export function notGauge(name: string): string {
  return `this native histogram metric is not a gauge: ${quote(name)}`
}

export function ignoredInRange(name: string): string {
  return `ignored histograms in a range containing both floats and histograms for metric name ${quote(name)}`
}

export function ignoredInAggregation(aggregation: string): string {
  return `ignored histogram in ${aggregation} aggregation`
}

export function boundsReconciled(operation: HistogramOperation): string {
  return `mismatched custom buckets were reconciled during ${operation}`
}

export function resetCollision(operation: HistogramOperation): string {
  return `conflicting counter resets during histogram ${operation}`
}

export function startOverlap(name: string): string {
  return `sample has start time that overlaps with previous sample timestamp for metric ${quote(name)}`
}
