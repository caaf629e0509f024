/**
 * Feeds a running assay with histograms of every kind by remote write, for work on Explore: half an hour of the past, then a
 * sample each five seconds until it is stopped. Nothing but a loopback address is fed.
 *
 *   bin/assay serve --listen 127.0.0.1:2499 --data /tmp/feed --enable-feature=exemplar-storage
 *   node --conditions=assay-src web/dev/feed-histograms.ts --to http://127.0.0.1:2499 [--once]
 *
 * - `order_seconds{service}`: exponential counters with exemplars; mes got slower ten minutes ago, crm was silent for four.
 * - `drift_seconds`: an exponential gauge on both sides of zero, with a zero bucket.
 * - `size_bytes`: custom bounds.
 * - `legacy_seconds_bucket`: a classic histogram.
 */
import { parseArgs } from 'node:util'
import { compressSync } from 'snappy'
import {
  CUSTOM_SCHEMA,
  Labels,
  type NativeHistogram,
  NO_BOUNDS,
  NO_BUCKETS,
  tryBucketsOf,
} from '../../src/core/index.ts'
import { encodeWriteV1 } from '../../src/remote/write/encode-v1.ts'
import type { HistogramSample, WriteExemplar, WriteSeries } from '../../src/remote/write/types.ts'

const STEP_MS = 5_000
const PAST_MS = 1_800_000
const SCHEMA = 2
/** Upper bounds of the classic histogram, seconds. */
const BOUNDS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5] as const
/** Upper bounds of the custom one, bytes. */
const SIZES = [1_024, 4_096, 16_384, 65_536, 262_144, 1_048_576] as const

/** The same numbers at each run: a picture that differs then differs for a reason. */
function random(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

function spread(next: () => number): number {
  return next() + next() + next() - 1.5
}

/** A distribution that observations are added to. */
class Tally {
  readonly #counts = new Map<number, number>()
  #sum = 0
  #zero = 0

  add(value: number): void {
    this.#sum += value
    if (Math.abs(value) <= 0.001) this.#zero++
    else {
      // Negative buckets are kept below zero, so that one map holds both sides.
      const index = Math.ceil(Math.log2(Math.abs(value)) * 2 ** SCHEMA) + 1_000
      const key = value > 0 ? index : -index
      this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1)
    }
  }

  exponential(gauge: boolean): NativeHistogram {
    const side = (sign: 1 | -1) => {
      const keys = [...this.#counts.keys()].filter((key) => key * sign > 0).toSorted((a, b) => a * sign - b * sign)
      const indices = Int32Array.from(keys, (key) => key * sign - 1_000)
      return { indices, counts: Float64Array.from(keys, (key) => this.#counts.get(key) ?? 0) }
    }
    return {
      schema: SCHEMA,
      zeroThreshold: 0.001,
      zeroCount: this.#zero,
      count: this.#zero + [...this.#counts.values()].reduce((all, one) => all + one, 0),
      sum: this.#sum,
      positive: side(1),
      negative: side(-1),
      customBounds: NO_BOUNDS,
      resetHint: gauge ? 'gauge' : 'unknown',
      isInteger: true,
    }
  }
}

/** Counts below each bound, for the classic and the custom histogram alike. */
class Steps {
  readonly bounds: readonly number[]
  readonly counts: number[]
  sum = 0
  constructor(bounds: readonly number[]) {
    this.bounds = bounds
    this.counts = new Array<number>(bounds.length + 1).fill(0)
  }
  add(value: number): void {
    this.sum += value
    const at = this.bounds.findIndex((bound) => value <= bound)
    this.counts[at < 0 ? this.bounds.length : at]!++
  }
  custom(): NativeHistogram {
    const positive = tryBucketsOf([{ offset: 0, length: this.counts.length }], this.counts) ?? NO_BUCKETS
    const count = this.counts.reduce((all, one) => all + one, 0)
    return {
      schema: CUSTOM_SCHEMA,
      zeroThreshold: 0,
      zeroCount: 0,
      count,
      sum: this.sum,
      positive,
      negative: NO_BUCKETS,
      customBounds: Float64Array.from(this.bounds),
      resetHint: 'unknown',
      isInteger: true,
    }
  }
}

type Sample =
  | { readonly at: number; readonly histogram: NativeHistogram }
  | { readonly at: number; readonly value: number }
type Row = { readonly labels: Record<string, string>; readonly samples: Sample[]; readonly exemplars: WriteExemplar[] }

/** The world: each `step` observes what five seconds bring and gives a sample of every series. */
function world(endMs: number) {
  const next = random(7)
  const services = { shop: new Tally(), crm: new Tally(), mes: new Tally() }
  const custom = new Steps(SIZES)
  const classic = new Steps(BOUNDS)
  return (at: number): readonly Row[] => {
    const rows: Row[] = []
    for (const [service, tally] of Object.entries(services)) {
      const exemplars: WriteExemplar[] = []
      const slow = service === 'mes' && at > endMs - 600_000
      for (let i = 0; i < 40; i++) {
        const middle = (service === 'crm' ? 0.15 : 0.04) * (slow ? 6 : 1)
        const value = middle * 2 ** (spread(next) * 2 + (next() < 0.06 ? 3 : 0))
        tally.add(value)
        if (i === 0 && next() < 0.12)
          exemplars.push({ labels: Labels.of({ trace_id: Math.floor(next() * 2 ** 32).toString(16) }), value, at })
      }
      const silent = service === 'crm' && at > endMs - 1_000_000 && at < endMs - 760_000
      if (!silent)
        rows.push({
          labels: { __name__: 'order_seconds', service },
          samples: [{ at, histogram: tally.exponential(false) }],
          exemplars,
        })
    }
    const drift = new Tally()
    for (let i = 0; i < 60; i++) drift.add(spread(next) ** 3 * 0.4 + Math.sin(at / 300_000) * 0.1)
    for (let i = 0; i < 12; i++) drift.add(0)
    rows.push({
      labels: { __name__: 'drift_seconds' },
      samples: [{ at, histogram: drift.exponential(true) }],
      exemplars: [],
    })
    for (let i = 0; i < 25; i++) custom.add(2 ** (12 + spread(next) * 6))
    rows.push({ labels: { __name__: 'size_bytes' }, samples: [{ at, histogram: custom.custom() }], exemplars: [] })
    const seen: number[] = []
    for (let i = 0; i < 30; i++) {
      const value = 0.06 * 2 ** (spread(next) * 3)
      classic.add(value)
      seen.push(value)
    }
    let below = 0
    for (const [i, le] of [...BOUNDS.map(String), '+Inf'].entries()) {
      below += classic.counts[i] ?? 0
      const value = next() < 0.05 ? seen.find((one) => one <= Number(le.replace('+Inf', 'Infinity'))) : undefined
      rows.push({
        labels: { __name__: 'legacy_seconds_bucket', le },
        samples: [{ at, value: below }],
        exemplars:
          value === undefined
            ? []
            : [{ labels: Labels.of({ trace_id: Math.floor(next() * 2 ** 32).toString(16) }), value, at }],
      })
    }
    return rows
  }
}

function encode(rows: readonly Row[]): Buffer {
  const timestamps: number[] = []
  const values: number[] = []
  const series = rows.map(({ labels, samples, exemplars }): WriteSeries => {
    const from = timestamps.length
    const histograms: HistogramSample[] = []
    for (const sample of samples) {
      if ('histogram' in sample) histograms.push({ at: sample.at, startAt: 0, histogram: sample.histogram })
      else {
        timestamps.push(sample.at)
        values.push(sample.value)
      }
    }
    return { labels: Labels.of(labels), from, to: timestamps.length, histograms, exemplars }
  })
  return encodeWriteV1({
    series,
    timestamps: Float64Array.from(timestamps),
    values: Float64Array.from(values),
    metadata: [],
  })
}

async function send(url: string, rows: readonly Row[]): Promise<void> {
  const response = await fetch(`${url}/api/v1/write`, {
    method: 'POST',
    headers: {
      'content-type': 'application/x-protobuf',
      'content-encoding': 'snappy',
      'x-prometheus-remote-write-version': '0.1.0',
    },
    body: Uint8Array.from(compressSync(encode(rows))),
  })
  const text = await response.text()
  if (!response.ok) throw new Error(`${url} does not take the data: ${response.status} ${text.trim()}`)
}

/** Sends the half hour that ends at `endMs`; what comes back goes on from there, one step a call. */
export async function feedPast(url: string, endMs: number): Promise<(at: number) => Promise<void>> {
  const step = world(endMs)
  // One request an instant: in order, as a sender would.
  for (let at = endMs - PAST_MS; at <= endMs; at += STEP_MS) await send(url, step(at))
  return async (at) => await send(url, step(at))
}

if (import.meta.main) {
  const { values: args } = parseArgs({
    options: { to: { type: 'string', default: 'http://127.0.0.1:2424' }, once: { type: 'boolean', default: false } },
  })
  if (!/^http:\/\/(127\.0\.0\.1|localhost)[:/]/.test(`${args.to}/`)) throw new Error(`${args.to} is not on loopback`)
  const feed = await feedPast(args.to, Date.now())
  process.stdout.write(`fed: ${args.to}\n`)
  if (!args.once)
    setInterval(() => void feed(Date.now()).catch((cause: unknown) => console.error(String(cause))), STEP_MS)
}
