/**
 * What native histograms cost the store: CPU time per histogram appended and read, bytes in the log, in blocks and in the head.
 *
 *     node --expose-gc --conditions=assay-src bench/tsdb-histograms.ts [--series 500] [--hours 4] [--interval 15] [--rate 50]
 *
 * Each series is a counter of durations: `--rate` observations a scrape, log-normal around 50 ms, at schema 3. Over the hours it
 * gathers some 60 to 70 buckets. Every fourth one is idle after its first hour. CPU time is that of the whole process.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { Labels, ManualClock, matcher, type NativeHistogram, NO_BOUNDS, NO_BUCKETS, silentLog, unixMs } from '#core'
import type { SeriesRef } from '#storage'
import { openTsdb, type Tsdb } from '#tsdb'

const { values: given } = parseArgs({
  options: {
    series: { type: 'string', default: '500' },
    hours: { type: 'string', default: '4' },
    interval: { type: 'string', default: '15' },
    rate: { type: 'string', default: '50' },
  },
})
const seriesCount = Number(given.series)
const stepMs = Number(given.interval) * 1000
const rounds = Math.floor((Number(given.hours) * 3600_000) / stepMs)
const rate = Number(given.rate)
const start = Date.UTC(2026, 0, 5)

/** A small generator with a seed: the same data in every run (mulberry32, public domain by Tommy Ettinger). */
let seed = 42
function random(): number {
  seed = (seed + 0x6d2b79f5) | 0
  let t = Math.imul(seed ^ (seed >>> 15), 1 | seed)
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
  return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
}

class Durations {
  readonly #counts = new Map<number, number>()
  #count = 0
  #sum = 0

  observe(times: number): NativeHistogram {
    for (let i = 0; i < times; i++) {
      const value = 0.05 * Math.exp(Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random()))
      const index = Math.ceil(Math.log2(value) * 8)
      this.#counts.set(index, (this.#counts.get(index) ?? 0) + 1)
      this.#count++
      this.#sum += value
    }
    const indices = Int32Array.from(this.#counts.keys()).sort()
    return {
      schema: 3,
      zeroThreshold: 2 ** -128,
      zeroCount: 0,
      count: this.#count,
      sum: this.#sum,
      positive: { indices, counts: Float64Array.from(indices, (index) => this.#counts.get(index)!) },
      negative: NO_BUCKETS,
      customBounds: NO_BOUNDS,
      resetHint: 'unknown',
      isInteger: true,
    }
  }
}

const cpuMs = () => {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}
const row = (what: string, text: string) => console.log(`${what.padEnd(44)} ${text}`)

/** All rounds, 100 series a commit; without a store: what making the data costs alone. */
async function run(store: Tsdb | undefined): Promise<number> {
  seed = 42
  const signals = Array.from({ length: seriesCount }, (_, i) => ({
    labels: Labels.of({ __name__: 'http_server_request_duration_seconds', instance: `10.0.0.${i}:9464` }),
    durations: new Durations(),
    ref: undefined as SeriesRef | undefined,
  }))
  const before = cpuMs()
  for (let round = 0; round < rounds; round++) {
    for (let from = 0; from < seriesCount; from += 100) {
      using batch = store?.appender()
      for (let i = from; i < Math.min(seriesCount, from + 100); i++) {
        const one = signals[i]!
        const histogram = one.durations.observe(i % 4 === 0 && round * stepMs > 3600_000 ? 0 : rate)
        if (batch !== undefined)
          one.ref = batch.appendHistogram(one.ref, one.labels, unixMs(start + round * stepMs), histogram, start)
      }
      batch?.commit()
    }
    if (round % 4 === 0) await new Promise((resolve) => setImmediate(resolve))
  }
  return cpuMs() - before
}

async function heapBytes(): Promise<number> {
  for (let i = 0; i < 4; i++) {
    await new Promise((resolve) => setImmediate(resolve))
    globalThis.gc?.()
  }
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

function read(store: Tsdb, what: string): void {
  const before = cpuMs()
  using querier = store.querier(unixMs(start), unixMs(start + rounds * stepMs))
  let samples = 0
  let buckets = 0
  for (const series of querier.select([matcher('__name__', '=~', '.+')])) {
    const { histograms, count } = series.samples()
    samples += count
    for (let i = 0; i < count; i++) buckets += histograms?.[i]?.positive.counts.length ?? 0
  }
  row(
    what,
    `${(((cpuMs() - before) * 1e3) / samples).toFixed(2)} µs a histogram of ${(buckets / samples).toFixed(0)} buckets`,
  )
}

const dir = await mkdtemp(join(tmpdir(), 'assay-bench-'))
try {
  const open = () => openTsdb({ dir, clock: new ManualClock(), log: silentLog, maxAheadMs: Infinity })
  const samples = seriesCount * rounds
  row('data', `${seriesCount} series, ${rounds} histograms each every ${stepMs / 1000} s`)
  const making = await run(undefined)
  {
    const before = await heapBytes()
    await using store = await open()
    const appending = (await run(store)) - making
    row('append, blocks written meanwhile', `${((appending * 1e3) / samples).toFixed(2)} µs of CPU a histogram`)
    await store.upkeep()
    const { headSamples, walBytes } = store.stats()
    row(
      `memory a series, head of ${(headSamples / seriesCount).toFixed(0)} histograms`,
      `${(((await heapBytes()) - before) / seriesCount).toFixed(0)} bytes`,
    )
    row('write-ahead log', `${(walBytes / headSamples).toFixed(1)} bytes a histogram`)
  }
  {
    const begin = cpuMs()
    await using store = await open()
    row(
      'open again',
      `${(((cpuMs() - begin) * 1e3) / store.stats().headSamples).toFixed(2)} µs of CPU a logged histogram`,
    )
    await store.flush()
    const { blockBytes, samples: kept } = store.stats()
    row('blocks', `${(blockBytes / kept).toFixed(1)} bytes a histogram with the index`)
    read(store, 'read from blocks')
  }
} finally {
  await rm(dir, { recursive: true })
}
