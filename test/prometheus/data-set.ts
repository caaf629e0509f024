/**
 * What both servers are given before they are asked: a seeded set of series that holds what is hard.
 *
 * - Counters with resets, gauges, NaN, infinities, -0, tiny and huge numbers, gaps with and without stale markers, series that
 *   begin late or have one sample; names and values beyond ASCII; equal label sets under different names.
 * - Classic histograms, also broken ones; native ones with exponential and custom buckets, gauges, resets, changes of resolution;
 *   a series that changes between floats and histograms.
 * - Everything lies within `SPAN_MS`, below half of the hour that Prometheus' head takes at once, twice.
 */
import { type Buckets, CUSTOM_SCHEMA, Labels, type NativeHistogram, NO_BOUNDS, NO_BUCKETS, type ResetHint } from '#core'
import { Random } from './random.ts'

/** One series, ascending in time. Where `histograms[i]` is there, it is the sample, and `values[i]` counts for nothing. */
export type GivenSeries = {
  readonly labels: Labels
  readonly timestamps: Float64Array
  /** A stale marker lies here as its bits. */
  readonly values: Float64Array
  readonly histograms?: readonly (NativeHistogram | undefined)[]
  /** A stale marker before the first sample ends histograms. */
  readonly endsHistograms?: boolean
}

/** A whole hour, and so a whole step for most steps. */
export const START_MS = 1_700_002_800_000
export const STEP_MS = 15_000
export const SPAN_MS = 50 * 60_000
/** A series that changes between floats and histograms does so on multiples of this. */
const CHANGE_STEPS = 20
const COUNT = SPAN_MS / STEP_MS + 1

export const STALE_BITS = 0x7ff0000000000002n

export function dataSet(seed: number): readonly GivenSeries[] {
  const random = new Random(seed)
  const all = [
    ...counters(random),
    ...gauges(random),
    ...oddities(random),
    ...infos(random),
    ...classicHistograms(random),
    ...nativeHistograms(random),
  ]
  // Without an order of its own, Prometheus answers in the order in which it met the series: then it is that of their labels.
  return all.toSorted((a, b) => compareFlat(a.labels.flat, b.labels.flat))
}

function compareFlat(a: readonly string[], b: readonly string[]): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    const order = Buffer.compare(Buffer.from(a[i]!), Buffer.from(b[i]!))
    if (order !== 0) return order
  }
  return a.length - b.length
}

type Point = number | NativeHistogram | 'stale' | undefined

/** A series from what stands at each step; `undefined` is a missed scrape. `jitter`: milliseconds that a step may come late. */
function series(
  labels: Record<string, string>,
  at: (i: number) => Point,
  jitter: (i: number) => number = () => 0,
): GivenSeries {
  const timestamps: number[] = []
  const points: Exclude<Point, undefined>[] = []
  for (let i = 0; i < COUNT; i++) {
    const point = at(i)
    if (point === undefined) continue
    timestamps.push(START_MS + i * STEP_MS + jitter(i))
    points.push(point)
  }
  const values = new Float64Array(points.length)
  const bits = new BigUint64Array(values.buffer)
  const histograms = points.map((point, i) => {
    if (point === 'stale') bits[i] = STALE_BITS
    else if (typeof point === 'number') values[i] = point
    else return point
    return undefined
  })
  const given = { labels: Labels.of(labels), timestamps: Float64Array.from(timestamps), values }
  return histograms.some((one) => one !== undefined) ? { ...given, histograms } : given
}

function counters(random: Random): GivenSeries[] {
  const all: GivenSeries[] = []
  for (const job of ['crm', 'mes', 'shop'])
    for (const instance of ['a:1', 'b:2'])
      for (const code of ['200', '404', '500']) {
        let total = random.int(0, 1000)
        const speed = random.next() * 40
        const jitters = random.chance(0.5)
        const labels = { __name__: 'http_requests_total', job, instance, code }
        all.push(
          series(
            labels,
            () => {
              if (random.chance(0.01)) total = 0
              if (random.chance(0.03)) return undefined
              total += random.chance(0.3) ? 0 : Math.floor(random.next() * speed)
              return total
            },
            (i) => (jitters && i < COUNT - 1 ? random.int(0, 900) : 0),
          ),
        )
      }
  let seconds = 0
  all.push(series({ __name__: 'cpu_seconds_total', job: 'mes', instance: 'a:1' }, () => (seconds += random.next() / 3)))
  let errors = 0
  all.push(series({ __name__: 'errors_total', job: 'shop' }, () => (errors += random.chance(0.02) ? 1 : 0)))
  return all
}

function gauges(random: Random): GivenSeries[] {
  const all: GivenSeries[] = []
  for (const [n, room] of ['hall', 'kiln', 'press', 'store'].entries()) {
    let value = random.next() * 40 - 20
    const gap = random.int(40, 120)
    all.push(
      series({ __name__: 'temperature', room, floor: String(n % 2) }, (i) => {
        value += random.next() - 0.5
        // Two rooms go away in the middle: one says so, of the other nothing is heard any more.
        if (n > 1 && i >= gap && i < gap + 45) return n === 2 && i === gap ? 'stale' : undefined
        return random.chance(0.5) ? Math.round(value * 100) / 100 : value
      }),
    )
  }
  for (const job of ['crm', 'mes', 'shop'])
    for (const instance of ['a:1', 'b:2'])
      all.push(series({ __name__: 'up', job, instance }, () => (random.chance(0.1) ? 0 : 1)))
  for (const name of ['twin_a', 'twin_b'])
    for (const x of ['1', '2', '10'])
      all.push(series({ __name__: name, x }, (i) => Number(x) * (name === 'twin_a' ? i : i % 7)))
  all.push(
    series({ __name__: 'queue.länge', 'städte.name': 'Köln "am Rhein"', job: 'mes' }, (i) => i % 13),
    series({ __name__: 'queue.länge', 'städte.name': '東京\n😀', job: 'mes' }, (i) => (i * 7) % 11),
  )
  return all
}

function oddities(random: Random): GivenSeries[] {
  const extremes = [Number.NaN, Infinity, -Infinity, -0, 0, 5e-324, 1.7976931348623157e308, -1e308, 1e-300, 0.1, 1 / 3]
  const of = (kind: string, at: (i: number) => Point) => series({ __name__: 'odd', kind }, at)
  return [
    of('nan', () => Number.NaN),
    of('inf', () => Infinity),
    of('negative_inf', () => -Infinity),
    of('negative_zero', () => -0),
    of('tiny', () => 5e-324),
    of('huge', () => 1.7976931348623157e308),
    of('large_whole', (i) => 2 ** 53 + i),
    of('mixed', () => random.pick(extremes)),
    of('sometimes_nan', () => (random.chance(0.2) ? Number.NaN : random.int(-5, 5))),
    of('constant', () => 42),
    of('once', (i) => (i === 100 ? 7 : undefined)),
    of('twice', (i) => (i === 80 || i === 95 ? i : undefined)),
    of('late', (i) => (i > 150 ? i : undefined)),
    of('short', (i) => (i < 60 ? 60 - i : undefined)),
    of('flapping', (i) => (i % 10 === 5 ? 'stale' : i % 10 > 5 ? undefined : i)),
    of('unix_time', (i) => (START_MS / 1000 + i * 86_400 * 11) % 4e9),
  ]
}

function infos(random: Random): GivenSeries[] {
  const all: GivenSeries[] = []
  for (const job of ['crm', 'mes', 'shop'])
    for (const instance of ['a:1', 'b:2']) {
      // A new version in the middle: another series, the old one ends with a marker.
      const change = random.int(60, 140)
      const labels = { __name__: 'target_info', job, instance, region: instance === 'a:1' ? 'eu' : 'us' }
      all.push(
        series({ ...labels, version: '1.2' }, (i) => (i < change ? 1 : i === change ? 'stale' : undefined)),
        series({ ...labels, version: '1.10' }, (i) => (i >= change ? 1 : undefined)),
      )
    }
  all.push(series({ __name__: 'build_info', job: 'shop', instance: 'a:1', branch: 'main' }, () => 1))
  return all
}

function classicHistograms(random: Random): GivenSeries[] {
  const all: GivenSeries[] = []
  // Not 0.05 beside 0.5: `sort_by_label` finds each less than the other, and any order is right.
  const bounds = ['0.02', '0.1', '0.5', '1', '5', '+Inf']
  for (const job of ['crm', 'mes', 'shop']) {
    const totals = bounds.map(() => 0)
    const rows: number[][] = []
    const sums: number[] = []
    let sum = 0
    for (let i = 0; i < COUNT; i++) {
      if (random.chance(0.005)) totals.fill(0)
      for (let observations = random.int(0, 20); observations > 0; observations--) {
        const where = random.int(0, bounds.length - 1)
        for (let b = where; b < bounds.length; b++) totals[b]!++
        sum += random.next() * 5
      }
      // What a scrape between two increments sees: a bucket that is ahead of the next.
      rows.push(totals.map((total, b) => (job === 'mes' && b === 2 && random.chance(0.2) ? total + 3 : total)))
      sums.push(sum)
    }
    const labels = { job, handler: '/api' }
    for (const [b, le] of bounds.entries()) {
      if (job === 'crm' && le === '+Inf' && random.chance(0.5)) continue
      all.push(series({ __name__: 'latency_seconds_bucket', ...labels, le }, (i) => rows[i]![b]))
    }
    all.push(
      series({ __name__: 'latency_seconds_sum', ...labels }, (i) => sums[i]),
      series({ __name__: 'latency_seconds_count', ...labels }, (i) => rows[i]!.at(-1)),
    )
  }
  all.push(
    series({ __name__: 'latency_seconds_bucket', job: 'broken', le: 'wide' }, (i) => i),
    series({ __name__: 'latency_seconds_bucket', job: 'broken', le: '1.0' }, (i) => i),
    series({ __name__: 'latency_seconds_bucket', job: 'broken', le: '1' }, (i) => 2 * i),
  )
  return all
}

function nativeHistograms(random: Random): GivenSeries[] {
  const all: GivenSeries[] = []
  const exponential = (schema: number) => {
    // No bucket lies within the zero bucket, as clients keep it.
    const lowest = 2 ** ((LOWEST - 1) * 2 ** -schema)
    const zeroThreshold = random.pick([0, 2 ** -128, lowest, lowest / 3])
    return new Growing(random, {
      schema,
      zeroThreshold,
      low: LOWEST,
      high: 12,
      negative: random.chance(0.3),
      base: 50,
      stride: random.int(1, 3),
    })
  }
  for (const job of ['crm', 'mes', 'shop'])
    for (const instance of ['a:1', 'b:2']) {
      let now = exponential(random.int(-1, 3))
      const change = random.int(60, 300)
      all.push(
        series({ __name__: 'rpc_seconds', job, instance }, (i) => {
          if (i === change) now = exponential(random.int(-1, 3))
          if (random.chance(0.02)) now.reset()
          if (random.chance(0.03)) return undefined
          if (random.chance(0.005)) return 'stale'
          return now.step()
        }),
      )
    }
  for (const [job, bounds] of [
    ['crm', [0.1, 1, 10]],
    ['mes', [0.1, 0.5, 1, 5, 10]],
    ['shop', [-1, 0, 2.5]],
  ] as const) {
    const now = new Growing(random, {
      schema: CUSTOM_SCHEMA,
      zeroThreshold: 0,
      low: 0,
      high: bounds.length,
      bounds,
      base: 50,
    })
    all.push(
      series({ __name__: 'size_bytes', job }, () => {
        if (random.chance(0.02)) now.reset()
        return random.chance(0.03) ? undefined : now.step()
      }),
    )
  }
  for (const job of ['crm', 'shop']) {
    const now = new Growing(random, {
      schema: 1,
      zeroThreshold: 0.01,
      low: -3,
      high: 5,
      negative: true,
      hint: 'gauge',
      base: 0.5,
    })
    all.push(
      series({ __name__: 'load_distribution', job }, () => {
        now.reset()
        return now.step(random.pick([0.25, 0.5, 1]))
      }),
    )
  }
  const both = exponential(1)
  const empty = new Growing(random, { schema: 0, zeroThreshold: 0, low: 0, high: 0 })
  all.push(
    series({ __name__: 'half_and_half', job: 'mes' }, (i) =>
      Math.floor(i / CHANGE_STEPS) % 2 === 0 ? i : both.step(),
    ),
    series({ __name__: 'half_and_half', job: 'crm' }, (i) => i * 2),
    series({ __name__: 'half_and_half', job: 'shop' }, () => both.step()),
    series({ __name__: 'empty_histogram', job: 'shop' }, () => empty.current()),
  )
  return all
}

type Shape = {
  readonly schema: number
  readonly zeroThreshold: number
  /** Buckets that observations fall into, by index. */
  readonly low: number
  readonly high: number
  readonly negative?: boolean
  readonly bounds?: readonly number[]
  readonly hint?: ResetHint
  /**
   * Observations in each bucket from the start: else the chunks of Prometheus list empty ones, which show when they become NaN. Enough of them, and a counter is never extrapolated to before it began, which
   * Prometheus 3.5 does otherwise than later ones (#16828).
   */
  readonly base?: number
  /** Only every n-th bucket is filled, from the lowest on. */
  readonly stride?: number
}

/** Of the buckets of exponential histograms, the lowest that is filled. */
const LOWEST = -6

/** A histogram that takes observations. */
class Growing {
  readonly #random: Random
  readonly #shape: Shape
  #positive = new Map<number, number>()
  #negative = new Map<number, number>()
  #zero = 0
  #sum = 0

  constructor(random: Random, shape: Shape) {
    this.#random = random
    this.#shape = shape
    this.reset()
  }

  reset(): void {
    this.#positive.clear()
    this.#negative.clear()
    this.#zero = 0
    this.#sum = 0
    const { base = 0, low, high, negative, stride = 1 } = this.#shape
    if (base === 0) return
    for (const side of negative === true ? [this.#positive, this.#negative] : [this.#positive])
      for (let index = low; index <= high; index += stride) side.set(index, base)
    this.#sum = base * (high - low)
  }

  /** A few more observations, each counted as `weight`. */
  step(weight = 1): NativeHistogram {
    const { low, high, negative, schema, stride = 1 } = this.#shape
    for (let n = this.#random.int(0, 8); n > 0; n--) {
      const sign = negative === true && this.#random.chance(0.3) ? -1 : 1
      if (schema !== CUSTOM_SCHEMA && this.#random.chance(0.1)) {
        this.#zero += weight
        continue
      }
      const side = sign < 0 ? this.#negative : this.#positive
      const index = low + stride * this.#random.int(0, Math.floor((high - low) / stride))
      side.set(index, (side.get(index) ?? 0) + weight)
      this.#sum += sign * weight * this.#random.next() * 8
    }
    // Prometheus keeps a series of whole counts and one of others apart, and loses some where they change within a request.
    return this.current(this.#shape.hint !== 'gauge')
  }

  current(isInteger = true): NativeHistogram {
    const positive = bucketsOf(this.#positive)
    const negative = bucketsOf(this.#negative)
    const sum = (counts: Float64Array) => counts.reduce((a, b) => a + b, 0)
    return {
      schema: this.#shape.schema,
      zeroThreshold: this.#shape.zeroThreshold,
      zeroCount: this.#zero,
      count: sum(positive.counts) + sum(negative.counts) + this.#zero,
      sum: this.#sum,
      positive,
      negative,
      customBounds: this.#shape.bounds === undefined ? NO_BOUNDS : Float64Array.from(this.#shape.bounds),
      resetHint: this.#shape.hint ?? 'unknown',
      isInteger,
    }
  }
}

function bucketsOf(counts: ReadonlyMap<number, number>): Buckets {
  if (counts.size === 0) return NO_BUCKETS
  const indices = [...counts.keys()].toSorted((a, b) => a - b)
  return { indices: Int32Array.from(indices), counts: Float64Array.from(indices, (index) => counts.get(index) ?? 0) }
}
