/**
 * How the store grows: with the number of active series, and with the days of history. Memory, CPU time, bytes, queries and starts.
 *
 *     node --conditions=assay-src bench/growth.ts active [--points 10000,50000,100000,250000,1000000] [--rounds 12]
 *     node --conditions=assay-src bench/growth.ts history [--days 1,3,10,30] [--series 1000]
 *
 * A line of JSON for each point. Each point of `active` is a process of its own, that of `history` is one store that gets older. CPU time is
 * that of the whole process, user and system; the wall is told for starts alone, and only worth something on a machine with nothing else
 * to do. Half of the series are counters of requests, the rest gauges, one in five of all never changes; a scrape is 250 series of one
 * instant, every 15 s. What the generator itself costs is measured beside and taken off. What it showed: docs/reference/performance.md.
 */
import { spawnSync } from 'node:child_process'
import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { parseArgs } from 'node:util'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { Labels, ManualClock, matcher, silentLog, unixMs } from '#core'
import { createEngine } from '#promql'
import type { SeriesRef } from '#storage'
import { openTsdb, type Tsdb } from '#tsdb'

const { values: given, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    points: { type: 'string', default: '10000,50000,100000,250000,1000000' },
    rounds: { type: 'string', default: '12' },
    days: { type: 'string', default: '1,3,10,30' },
    series: { type: 'string', default: '1000' },
    one: { type: 'string' },
    start: { type: 'string' },
  },
})
const STEP = 15_000
const HOUR = 3600_000
const DAY = 24 * HOUR
const START = Date.UTC(2026, 0, 5)
const PER_SCRAPE = 250
const NAMES = 20

setFlagsFromString('--expose-gc')
const gc = runInNewContext('gc') as () => void
const cpuMs = () => {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}
const rssMiB = () => {
  gc()
  return process.memoryUsage().rss / 2 ** 20
}
const round = (value: number, digits = 1) => Number(value.toFixed(digits))

/** The series and their values, in columns, so that the memory seen is the store's. */
class Signals {
  readonly count: number
  readonly #values: Float64Array
  readonly #refs: Float64Array
  #state = 42

  constructor(count: number) {
    this.count = count
    this.#values = new Float64Array(count)
    this.#refs = new Float64Array(count)
  }

  labels(i: number): Labels {
    return Labels.of({
      __name__: `signal_${i % NAMES}_total`,
      job: `job-${Math.floor(i / PER_SCRAPE) % 10}`,
      instance: `10.${Math.floor(i / PER_SCRAPE / 250)}.${Math.floor(i / PER_SCRAPE) % 250}.1:9464`,
      route: `/api/v1/things/${i % PER_SCRAPE}`,
      code: '200',
    })
  }

  /** One scrape of every target at `at`; without a store what making the values costs. */
  write(store: Tsdb | undefined, at: number): void {
    const values = this.#values
    for (let from = 0; from < this.count; from += PER_SCRAPE) {
      using batch = store?.appender()
      for (let i = from; i < Math.min(this.count, from + PER_SCRAPE); i++) {
        this.#state = (Math.imul(this.#state, 1_103_515_245) + 12_345) & 0x7fffffff
        const kind = i % 10
        if (kind < 5) values[i]! += this.#state % 40
        else if (kind < 7) values[i] = (this.#state % 10_000) / 100
        else if (kind === 7) values[i]! += (this.#state % 3) - 1
        if (batch === undefined) continue
        const instant = unixMs(at)
        if (this.#refs[i] === 0 || !batch.appendKnown(this.#refs[i] as SeriesRef, instant, values[i]!))
          this.#refs[i] = batch.append(undefined, this.labels(i), instant, values[i]!)
      }
      batch?.commit()
    }
  }
}

const open = (dir: string) =>
  openTsdb({ dir, clock: new ManualClock(START), log: silentLog, maxAheadMs: Infinity, upkeepIntervalMs: 1e12 })

/** The median of five, after one that is not counted. */
async function cost(work: () => unknown): Promise<number> {
  const times: number[] = []
  for (let i = 0; i < 6; i++) {
    const before = cpuMs()
    await work()
    if (i > 0) times.push(cpuMs() - before)
  }
  return round(times.sort((a, b) => a - b)[2]!, 2)
}

/** In a process of its own, as a start is. */
function started(dir: string): unknown {
  const child = ['--conditions=assay-src', import.meta.filename, '--start', dir]
  return JSON.parse(spawnSync(process.execPath, child, { encoding: 'utf8' }).stdout)
}

async function start(dir: string): Promise<object> {
  const cpu = cpuMs()
  const wall = performance.now()
  await using store = await open(dir)
  return {
    cpuMs: round(cpuMs() - cpu),
    ms: round(performance.now() - wall),
    rssMiB: round(rssMiB()),
    series: store.stats().series,
  }
}

/** So that the compiler's work is not a small store's. */
async function warmUp(root: string): Promise<void> {
  const signals = new Signals(2000)
  await using store = await open(join(root, 'warm'))
  for (let i = 0; i < 150; i++) signals.write(store, START + i * STEP)
}

function asking(store: Tsdb) {
  const { query } = createEngine({ store: (from, to) => store.querier(unixMs(from), unixMs(to)) })
  return {
    instant: (text: string, at: number) => cost(() => query(text, { at: unixMs(at) })),
    range: (text: string, at: number, spanMs: number, stepMs: number) =>
      cost(() => query(text, { start: unixMs(at - spanMs), end: unixMs(at), stepMs })),
    values: (name: string, at: number) =>
      cost(() => {
        using querier = store.querier(unixMs(at - HOUR), unixMs(at))
        return querier.labelValues(name, [])
      }),
    one: (value: string, at: number) =>
      cost(() => {
        using querier = store.querier(unixMs(at - HOUR), unixMs(at))
        return querier.series([matcher('instance', '=', value)])
      }),
  }
}

async function activePoint(series: number): Promise<object> {
  const rounds = Number(given.rounds)
  const root = await mkdtemp(join(tmpdir(), 'assay-growth-'))
  try {
    await warmUp(root)
    const signals = new Signals(series)
    const dry = cpuMs()
    for (let i = 0; i < rounds; i++) signals.write(undefined, 0)
    const generating = cpuMs() - dry
    const dir = join(root, 'data')
    const store = await open(dir)
    const empty = rssMiB()
    const cpu = cpuMs()
    signals.write(store, START)
    const first = cpuMs() - cpu - generating / rounds
    for (let i = 1; i < rounds; i++) signals.write(store, START + i * STEP)
    const rest = cpuMs() - cpu - first - generating
    // As the clock would have it, once a minute.
    await store.upkeep()
    const at = START + (rounds - 1) * STEP
    const rss = rssMiB()
    const ask = asking(store)
    const { headBytes, walBytes } = store.stats()
    const found = {
      series,
      rssMiB: round(rss),
      rssBytesPerSeries: Math.round(((rss - empty) * 2 ** 20) / series),
      headBytesPerSeries: Math.round(headBytes / series),
      firstSampleUs: round((first * 1000) / series, 2),
      sampleNs: Math.round((rest * 1e6) / (series * (rounds - 1))),
      walBytesPerSample: round(walBytes / series / rounds, 2),
      queryMs: {
        oneTarget: await ask.instant('sum(rate(signal_3_total{instance="10.0.7.1:9464"}[2m]))', at),
        oneName: await ask.instant('sum by (job) (rate(signal_3_total[2m]))', at),
        oneNameOverTime: await ask.range('sum by (job) (rate(signal_3_total[1m]))', at, 4 * 60_000, STEP),
        everything: await ask.instant('count by (__name__) ({__name__=~".+"})', at),
        names: await ask.values('__name__', at),
        seriesOfTarget: await ask.one('10.0.7.1:9464', at),
      },
    }
    const killed = join(root, 'killed')
    await cp(dir, killed, { recursive: true, filter: (path) => basename(path) !== 'lock' })
    await store[Symbol.asyncDispose]()
    return { ...found, startMs: { afterKill: started(killed), afterEnd: started(dir) } }
  } finally {
    await rm(root, { recursive: true })
  }
}

async function history(): Promise<void> {
  const marks = given.days.split(',').map(Number)
  const series = Number(given.series)
  const root = await mkdtemp(join(tmpdir(), 'assay-growth-'))
  const signals = new Signals(series)
  const dry = cpuMs()
  for (let i = 0; i < 100; i++) signals.write(undefined, 0)
  const generating = (cpuMs() - dry) / 100
  let store = await open(root)
  let at = START
  let [cpu, written] = [cpuMs(), 0]
  for (let day = 1; day <= Math.max(...marks); day++) {
    for (let k = 0; k < DAY / STEP; k++, at += STEP) {
      signals.write(store, at)
      written++
      // As the clock would have it, once a minute; here only when there can be something to do.
      if (written % 240 === 0) await store.upkeep()
    }
    if (!marks.includes(day)) continue
    const nsPerSample = ((cpuMs() - cpu - generating * written) * 1e6) / (written * series)
    const now = at - STEP
    const ask = asking(store)
    const all = 'sum by (job) (rate(signal_3_total[5m]))'
    const { blocks, blockBytes, walBytes, headBytes, samples, headSamples } = store.stats()
    const found = {
      days: day,
      samples,
      rssMiB: round(rssMiB()),
      headMiB: round(headBytes / 2 ** 20),
      blocks,
      bytesPerSample: round(blockBytes / (samples - headSamples), 3),
      walMiB: round(walBytes / 2 ** 20),
      writeAndUpkeepNs: Math.round(nsPerSample),
      queryMs: {
        instant: await ask.instant(all, now),
        hour: await ask.range(all, now, HOUR, STEP),
        day: await ask.range(all, now, Math.min(day, 1) * DAY, 5 * 60_000),
        week: await ask.range(all, now, Math.min(day, 7) * DAY, HOUR),
        whole: await ask.range('sum by (job) (rate(signal_3_total[1h]))', now, day * DAY, (day * DAY) / 300),
        names: await ask.values('__name__', now),
      },
    }
    await store[Symbol.asyncDispose]()
    console.log(JSON.stringify({ ...found, startMs: started(root) }))
    store = await open(root)
    ;[cpu, written] = [cpuMs(), 0]
  }
  await store[Symbol.asyncDispose]()
  await rm(root, { recursive: true })
}

if (given.start !== undefined) console.log(JSON.stringify(await start(given.start)))
else if (given.one !== undefined) console.log(JSON.stringify(await activePoint(Number(given.one))))
else if (positionals[0] === 'history') await history()
else {
  for (const point of given.points.split(',')) {
    const child = [import.meta.filename, 'active', '--one', point, '--rounds', given.rounds]
    spawnSync(process.execPath, ['--conditions=assay-src', ...child], { stdio: 'inherit' })
  }
}
