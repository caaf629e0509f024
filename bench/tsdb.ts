/**
 * What the store costs: CPU time per sample appended and read, in order and late, bytes per sample on disk and in the head.
 *
 *     node --expose-gc --conditions=assay-src bench/tsdb.ts [--series 20000] [--hours 4] [--interval 15]
 *
 * The data is what services give: counters of requests with their histograms, gauges in bytes, whole and fractional gauges, series
 * that never change. One target is 250 series; all series of one scrape share an instant. CPU time is that of the whole process,
 * user and system, so that other work on the machine does not count, and that of helper threads does.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { Labels, ManualClock, matcher, silentLog, unixMs } from '#core'
import type { SeriesRef } from '#storage'
import { openTsdb, type Tsdb } from '#tsdb'

const { values: given } = parseArgs({
  options: {
    series: { type: 'string', default: '20000' },
    hours: { type: 'string', default: '4' },
    interval: { type: 'string', default: '15' },
    sync: { type: 'string', default: 'none' },
  },
})
const seriesCount = Number(given.series)
const stepMs = Number(given.interval) * 1000
const rounds = Math.floor((Number(given.hours) * 3600_000) / stepMs)
const start = Date.UTC(2026, 0, 5)

type Signal = { readonly labels: Labels; next(round: number): number; ref: SeriesRef | undefined }

/** A small generator with a seed: the same data in every run (mulberry32, public domain by Tommy Ettinger). */
let seed = 42
function random(): number {
  seed = (seed + 0x6d2b79f5) | 0
  let t = Math.imul(seed ^ (seed >>> 15), 1 | seed)
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
  return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
}

const KINDS: readonly { readonly share: number; readonly name: string; make(): (round: number) => number }[] = [
  {
    share: 0.45,
    name: 'http_server_request_duration_seconds_bucket',
    make: () => {
      const rate = random() * 20
      let total = 0
      return () => (total += Math.floor(rate * random() * 2))
    },
  },
  {
    share: 0.1,
    name: 'http_server_request_duration_seconds_sum',
    make: () => {
      let total = 0
      return () => (total += random() * random() * 3)
    },
  },
  { share: 0.15, name: 'pg_settings_max_connections', make: () => () => 100 },
  {
    share: 0.1,
    name: 'process_resident_memory_bytes',
    make: () => {
      let pages = 20_000 + random() * 10_000
      return () => Math.floor((pages += (random() - 0.5) * 50)) * 4096
    },
  },
  {
    share: 0.1,
    name: 'rabbitmq_queue_messages_ready',
    make: () => {
      let depth = 0
      return () => (depth = Math.max(0, depth + Math.floor((random() - 0.5) * 6)))
    },
  },
  {
    share: 0.05,
    name: 'process_cpu_seconds_total',
    make: () => {
      let seconds = 0
      return () => Math.round((seconds += random() * 3) * 100) / 100
    },
  },
  { share: 0.05, name: 'nodejs_eventloop_delay_seconds', make: () => () => random() / 50 },
]

function makeSignals(): readonly Signal[] {
  const signals: Signal[] = []
  for (let i = 0; i < seriesCount; i++) {
    let place = (i % 250) / 250
    const kind = KINDS.find(({ share }) => (place -= share) < 0) ?? KINDS[0]!
    const labels = Labels.of({
      __name__: kind.name,
      job: 'shop',
      instance: `10.0.${Math.floor(i / 250 / 250)}.${Math.floor(i / 250) % 250}:9464`,
      http_route: `/api/v1/things/${i % 250}`,
      http_response_status_code: '200',
    })
    signals.push({ labels, next: kind.make(), ref: undefined })
  }
  return signals
}

const cpuMs = () => {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

function row(what: string, text: string): void {
  console.log(`${what.padEnd(44)} ${text}`)
}

/** All rounds as one commit per target, or without a store: what making the data costs alone. */
async function run(store: Tsdb | undefined, signals: readonly Signal[]): Promise<number> {
  const before = cpuMs()
  for (let round = 0; round < rounds; round++) {
    const at = unixMs(start + round * stepMs)
    for (let from = 0; from < signals.length; from += 250) {
      using batch = store?.appender()
      const to = Math.min(signals.length, from + 250)
      for (let i = from; i < to; i++) {
        const signal = signals[i]!
        const value = signal.next(round)
        if (batch !== undefined) signal.ref = batch.append(signal.ref, signal.labels, at, value)
      }
      batch?.commit()
    }
    if (round % 4 === 0) await new Promise((resolve) => setImmediate(resolve))
  }
  return cpuMs() - before
}

/** Every second sample comes late, when all others are there: what that costs, in memory, in blocks of its own and merged. */
async function runLate(): Promise<void> {
  const lateDir = await mkdtemp(join(tmpdir(), 'assay-bench-late-'))
  try {
    seed = 42
    const clock = new ManualClock()
    const options = { dir: lateDir, clock, log: silentLog, maxAheadMs: Infinity, outOfOrderWindowMs: Infinity }
    await using store = await openTsdb(options)
    const signals = makeSignals().slice(0, Math.ceil(seriesCount / 10))
    const append = async (first: number) => {
      const before = cpuMs()
      for (let round = first; round < rounds; round += 2) {
        using batch = store.appender()
        for (const signal of signals)
          signal.ref = batch.append(signal.ref, signal.labels, unixMs(start + round * stepMs), signal.next(round))
        batch.commit()
        await new Promise((resolve) => setImmediate(resolve))
      }
      return ((cpuMs() - before) * 1e6) / ((signals.length * rounds) / 2)
    }
    const inOrder = await append(1)
    row('append every second sample, in batches of', `${signals.length}: ${inOrder.toFixed(0)} ns of CPU a sample`)
    const late = await append(0)
    row('append the others, which are late', `${late.toFixed(0)} ns of CPU a sample`)
    row('', `${store.stats().lateSamples} in memory, ${store.stats().lateBlocks} blocks of them`)
    read(store, 'read with late samples', false)
    const before = cpuMs()
    await store.flush()
    await store.upkeep()
    row('write and merge them', `${(cpuMs() - before).toFixed(0)} ms of CPU`)
    read(store, 'read when they are merged', false)
  } finally {
    await rm(lateDir, { recursive: true })
  }
}

const dir = await mkdtemp(join(tmpdir(), 'assay-bench-'))
try {
  const open = () =>
    openTsdb({
      dir,
      clock: new ManualClock(),
      log: silentLog,
      maxAheadMs: Infinity,
      sync: given.sync === 'commit' ? 'commit' : 'none',
    })
  const samples = seriesCount * rounds
  row(
    'data',
    `${seriesCount} series, ${rounds} samples each every ${stepMs / 1000} s: ${(samples / 1e6).toFixed(1)} M samples`,
  )
  const making = await run(undefined, makeSignals())
  {
    seed = 42
    globalThis.gc?.()
    const before = process.memoryUsage()
    await using store = await open()
    const wall = performance.now()
    const appending = (await run(store, makeSignals())) - making
    row('append, blocks written meanwhile', `${((appending * 1e6) / samples).toFixed(0)} ns of CPU a sample`)
    row('', `${((samples / (performance.now() - wall)) * 1000).toFixed(0)} samples/s of wall time`)
    const settle = cpuMs()
    await store.upkeep()
    row('upkeep that was left', `${(cpuMs() - settle).toFixed(0)} ms of CPU`)
    // Once is not enough: what commits left behind is freed over several rounds.
    for (let i = 0; i < 4; i++) {
      await new Promise((resolve) => setImmediate(resolve))
      globalThis.gc?.()
    }
    const after = process.memoryUsage()
    const perSeries = (after.heapUsed + after.arrayBuffers - before.heapUsed - before.arrayBuffers) / seriesCount
    const stats = store.stats()
    row(
      'memory a series, head of',
      `${(stats.headSamples / stats.series).toFixed(0)} samples: ${perSeries.toFixed(0)} bytes`,
    )
    row(
      'write-ahead log',
      `${(stats.walBytes / Math.max(1, stats.headSamples)).toFixed(2)} bytes a sample, ${(stats.walBytes / 2 ** 20).toFixed(1)} MiB`,
    )
  }
  {
    const begin = cpuMs()
    const wall = performance.now()
    await using store = await open()
    const { headSamples } = store.stats()
    row(
      'open again',
      `${(performance.now() - wall).toFixed(0)} ms, ${(((cpuMs() - begin) * 1e6) / headSamples).toFixed(0)} ns of CPU a logged sample`,
    )
    read(store, 'read from head and blocks')
    await store.flush()
    const stats = store.stats()
    row('blocks', `${stats.blocks}: ${(stats.blockBytes / stats.samples).toFixed(3)} bytes a sample with the index`)
    read(store, 'read from blocks alone')
  }
  await runLate()
} finally {
  await rm(dir, { recursive: true })
}

function read(store: Tsdb, what: string, each = true): void {
  for (const [selection, matchers] of [
    ['all series', [matcher('job', '=', 'shop')]],
    ['one metric', [matcher('__name__', '=', 'process_resident_memory_bytes')]],
    ['one instance', [matcher('instance', '=', '10.0.0.1:9464')]],
    [
      'one series',
      [
        matcher('__name__', '=', 'pg_settings_max_connections'),
        matcher('http_route', '=', '/api/v1/things/140'),
        matcher('instance', '=', '10.0.0.1:9464'),
      ],
    ],
  ] as const) {
    if (!each && selection !== 'all series') continue
    const before = cpuMs()
    const wall = performance.now()
    using querier = store.querier(unixMs(start), unixMs(start + rounds * stepMs))
    let count = 0
    let sum = 0
    const found = querier.select(matchers)
    const selected = performance.now() - wall
    for (const series of found) {
      const columns = series.samples()
      for (let i = 0; i < columns.count; i++) sum += columns.values[i]!
      count += columns.count
    }
    const cpu = cpuMs() - before
    row(
      `${what}: ${selection}`,
      `${found.length} series, ${count} samples: select ${selected.toFixed(1)} ms, all ${cpu.toFixed(1)} ms of CPU, ${((cpu * 1e6) / Math.max(1, count)).toFixed(1)} ns a sample${Number.isNaN(sum) ? ' (NaN)' : ''}`,
    )
  }
}
