/**
 * What a fleet of services gives, made up from a seed: the same in every run. For benchmarks of what is stored.
 *
 * Of 250 series a target has: 42 % never change, 30 % are buckets of histograms, and counters (some of hundredths), gauges that walk,
 * gauges in pages, sums of full-width fractions. A target is scraped on its own phase, and 3 of 100 times some milliseconds late.
 */
import { Labels } from '#core'

export type FleetSeries = { readonly labels: Labels; readonly timestamps: Float64Array; readonly values: Float64Array }

export type FleetOptions = {
  readonly targets: number
  readonly rounds: number
  readonly stepMs: number
  readonly start: number
}

const BUCKETS = ['0.005', '0.01', '0.025', '0.05', '0.1', '0.25', '0.5', '1', '2.5', '5', '10', '+Inf']
const HANDLERS = 6
const CONSTANTS = 105
const COUNTERS = 24
const CPUS = 12
const WALKS = 12
const PAGES = 8

/** In no order. Of each target the columns of instants are one. */
export function fleet({ targets, rounds, stepMs, start }: FleetOptions): FleetSeries[] {
  const all: FleetSeries[] = []
  for (let t = 0; t < targets; t++) {
    const random = randomOf(t + 1)
    const phase = Math.floor(random() * stepMs)
    const timestamps = Float64Array.from({ length: rounds }, (_, r) => {
      const jitter = random() < 0.03 ? Math.floor(random() * 4) : 0
      return start + r * stepMs + phase + jitter
    })
    const target = { instance: `10.0.${t >> 8}.${t & 255}:9100`, job: t % 2 === 0 ? 'api' : 'node' }
    const add = (name: string, labels: Record<string, string>, next: (r: number) => number) => {
      const values = Float64Array.from({ length: rounds }, (_, r) => next(r))
      all.push({ labels: Labels.of({ __name__: name, ...target, ...labels }), timestamps, values })
    }
    for (let i = 0; i < CONSTANTS; i++) {
      const value = Math.floor(random() * 1e6)
      add(`setting_${i % 35}_bytes`, { device: `d${Math.floor(i / 35)}` }, () => value)
    }
    for (let i = 0; i < HANDLERS; i++) addHistogram(add, random, rounds, `/api/v1/things/${i}`)
    for (let i = 0; i < COUNTERS; i++) {
      const rate = i % 4 === 0 ? 0.1 : 10 ** (random() * 3)
      let total = Math.floor(random() * 1e7)
      add(
        'requests_total',
        { code: i % 3 === 0 ? '500' : '200', handler: `/api/v1/things/${i}` },
        () => (total += poisson(rate, random)),
      )
    }
    for (let i = 0; i < CPUS; i++) {
      const rate = 100 + random() * 900
      let hundredths = Math.floor(random() * 1e7)
      add(
        'cpu_seconds_total',
        { cpu: `${i >> 2}`, mode: `m${i & 3}` },
        () => (hundredths += Math.round(rate * (0.85 + 0.3 * random()))) / 100,
      )
    }
    for (let i = 0; i < WALKS; i++) {
      let value = 50 + Math.floor(random() * 200)
      add('queue_messages', { queue: `q${i}` }, () => (value = Math.max(0, value + Math.round((random() - 0.5) * 8))))
    }
    for (let i = 0; i < PAGES; i++) {
      let pages = 20_000 + Math.floor(random() * 90_000)
      add(`memory_${i}_bytes`, {}, () => (pages += Math.round((random() - 0.5) * 200)) * 4096)
    }
  }
  return all
}

type Add = (name: string, labels: Record<string, string>, next: (r: number) => number) => void

/** Twelve buckets, a sum and a count that belong together. */
function addHistogram(add: Add, random: () => number, rounds: number, handler: string): void {
  const rate = random() < 0.2 ? 0 : 10 ** (random() * 2.5)
  const middle = 1 + random() * 7
  const weights = BUCKETS.map((_, i) => Math.exp(-((i - middle) ** 2) / 3))
  const whole = weights.reduce((sum, one) => sum + one, 0)
  const totals = BUCKETS.map(() => 0)
  const columns = BUCKETS.map(() => new Float64Array(rounds))
  const sums = new Float64Array(rounds)
  let sum = 0
  for (let r = 0; r < rounds; r++) {
    let below = 0
    for (const [i, weight] of weights.entries()) {
      const count = rate === 0 ? 0 : poisson((rate * weight) / whole, random)
      below += count
      sum += count * 0.05 * (i + 1) * (0.9 + 0.2 * random())
      columns[i]![r] = totals[i]! += below
    }
    sums[r] = sum
  }
  for (const [i, le] of BUCKETS.entries())
    add('request_duration_seconds_bucket', { handler, le }, (r) => columns[i]![r]!)
  add('request_duration_seconds_sum', { handler }, (r) => sums[r]!)
  add('request_duration_seconds_count', { handler }, (r) => columns.at(-1)![r]!)
}

function poisson(mean: number, random: () => number): number {
  // Of large means the normal distribution is near enough.
  if (mean > 30)
    return Math.max(0, Math.round(mean + (random() + random() + random() + random() - 2) * 1.73 * Math.sqrt(mean)))
  const least = Math.exp(-mean)
  let count = 0
  for (let p = random(); p > least; p *= random()) count++
  return count
}

/** mulberry32, public domain by Tommy Ettinger. */
function randomOf(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}
