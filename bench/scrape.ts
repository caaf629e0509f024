/**
 * What a scrape costs, in CPU time, each part beside its peer:
 *
 * - reading a page of 500 series over a kept socket of our own, and by `node:http`;
 * - recording it, known by the page before it or by the parser, into the memory store and into the real one, and what is kept for it;
 * - all of it together, 200 targets in real time;
 * - parsing alone and storing, cold (the first page of a target) and warm (the same series again), for pages of other sizes;
 * - how long one large target may hold the process.
 *
 * Run: node --expose-gc --conditions=assay-src bench/scrape.ts [read|record|fleet|parse|turns]...
 */
import { fork } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import {
  createHttpClient,
  type HttpClient,
  Labels,
  ManualClock,
  PageWriter,
  silentLog,
  systemClock,
  unixMs,
} from '#core'
import { createScraper, type ExpositionPage, parseExposition, type Target } from '#scrape'
import { MetadataStore, memoryStore } from '#storage'
import { openTsdb } from '#tsdb'
import { httpReader } from '../src/scrape/http-reader.ts'
import { PageRecorder } from '../src/scrape/page-recorder.ts'
import { noCounts, recordPage } from '../src/scrape/record-page.ts'
import { ScrapeCache } from '../src/scrape/scrape-cache.ts'
import { ScrapeTotals } from '../src/scrape/scrape-totals.ts'
import { TargetMemory } from '../src/scrape/target-memory.ts'
import { fleetPage } from './scrape-fleet.ts'

const ROUTES = 50
const SIZES = [1_000, 10_000, 100_000, 500_000]

function pageOf(samples: number, turn: number): Buffer {
  const page = new PageWriter()
  page.family('http_server_request_duration_seconds', 'histogram', 'Duration of requests.')
  for (let i = 0; i < samples; i++) {
    page.sample(
      (i * 7 + turn) / 8,
      {
        http_request_method: i % 3 === 0 ? 'GET' : 'POST',
        http_route: `/api/orders/${Math.floor(i / ROUTES)}`,
        http_response_status_code: '200',
        le: String((i % ROUTES) / 100),
      },
      '_bucket',
    )
  }
  return Buffer.from(String(page))
}

const labels = Labels.of({ job: 'shop', instance: '127.0.0.1:2431' })
const target: Target = {
  pool: 'shop',
  labels,
  discoveredLabels: labels,
  url: '',
  intervalMs: 1000,
  timeoutMs: 1000,
  honorLabels: false,
  honorTimestamps: true,
  metricRelabelConfigs: [],
  limits: {},
  read: async () => ({ body: '', contentType: '' }),
}

function cpuMs(work: () => void): number {
  const before = process.cpuUsage()
  work()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1000
}

const median = (list: number[]) => list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)]!
const clock = new ManualClock(1_700_000_000_000)

const SERIES = 500
/** For a collector of garbage in between: what is kept is counted behind it. */
const collect = () => (globalThis as { gc?: () => void }).gc?.()

async function withFleet<T>(use: (base: string) => Promise<T>): Promise<T> {
  const child = fork(new URL('scrape-fleet.ts', import.meta.url), { execArgv: ['--conditions=assay-src'] })
  try {
    const port = await new Promise<number>((resolve) => child.once('message', (message) => resolve(Number(message))))
    return await use(`http://127.0.0.1:${port}`)
  } finally {
    child.disconnect()
  }
}

const libraryAlone = (): HttpClient => {
  const client = createHttpClient({})
  return {
    request: (request, signal) => client.request(request, signal),
    plainGet: () => undefined,
    [Symbol.dispose]: () => client[Symbol.dispose](),
  }
}

async function cpuOf(work: () => Promise<void>): Promise<number> {
  const before = process.cpuUsage()
  await work()
  const { user, system } = process.cpuUsage(before)
  return user + system
}

/** Microseconds of CPU for each of `rounds` calls, the first fifth of them not counted; the better of two turns. */
async function cost(rounds: number, once: (round: number) => Promise<void>): Promise<number> {
  for (let i = 0; i < rounds / 5; i++) await once(i)
  const turns: number[] = []
  for (let turn = 0; turn < 2; turn++)
    turns.push(
      await cpuOf(async () => {
        for (let i = 0; i < rounds; i++) await once(i)
      }),
    )
  return Math.min(...turns) / rounds
}

const perSample = (us: number) =>
  `${us.toFixed(1).padStart(8)} us ${((us * 1000) / SERIES).toFixed(0).padStart(6)} ns/sample`

/** Reading alone. */
async function benchRead(): Promise<void> {
  await withFleet(async (base) => {
    const never = new AbortController().signal
    const readerOf = (client: HttpClient) => httpReader({ url: `${base}/0`, timeoutMs: 10_000, client })
    const readers = { 'our own socket': readerOf(createHttpClient({})), 'node:http': readerOf(libraryAlone()) }
    console.log('\nreading a page of 500 series')
    for (const [name, read] of Object.entries(readers)) {
      const us = await cost(1500, async () => {
        const page = await read(never)
        page.release?.()
      })
      console.log(`${name.padEnd(24)} ${perSample(us)}`)
    }
  })
}

/** The parser alone, as before pages were known. */
class PlainMemory extends TargetMemory {
  override settle(): void {}
  override takeFirst(): boolean {
    return false
  }
}

/** Recording alone: pages in memory, and the store that they go into. */
async function benchRecord(): Promise<void> {
  console.log('\nrecording a page of 500 series (20 targets in turn)')
  const targets = 20
  const pages = Array.from({ length: targets }, (_, i) => [0, 1, 2].map((turn) => Buffer.from(fleetPage(i, turn))))
  const dir = await mkdtemp(join(tmpdir(), 'assay-bench-'))
  const manual = new ManualClock(1_700_000_000_000)
  const real = await openTsdb({ dir: join(dir, 'data'), clock: manual, log: silentLog })
  for (const [name, store] of Object.entries({ 'memory store': memoryStore(), tsdb: real })) {
    for (const [path, memoryOf] of [
      ['known', () => new TargetMemory()],
      ['parsed', () => new PlainMemory()],
    ] as const) {
      collect()
      const before = process.memoryUsage()
      const all = Array.from({ length: targets }, (_, i) => {
        const memory = memoryOf()
        const own = Labels.of({ job: path, instance: `${name}:${i}` })
        const deps = {
          store,
          totals: new ScrapeTotals(),
          features: new Set<never>(),
          exemplars: undefined,
          turn: async () => true,
        }
        return { memory, target: { ...target, labels: own }, recorder: new PageRecorder(deps, memory) }
      })
      let at = manual.now() as number
      let turn = 0
      const us = await cost(2000, async (round) => {
        const i = round % targets
        if (i === 0) at += 1000
        const { recorder, target: of } = all[i]!
        const body = pages[i]![turn++ % 3]!
        const page = { body, contentType: 'text/plain; version=0.0.4', release: () => {} }
        const finish = (batch: { commit(): unknown }) => batch.commit() !== undefined
        await recorder.record(page, { target: of, at: unixMs(at), counts: noCounts(), finish })
      })
      await manual.advance(at - manual.now())
      collect()
      const after = process.memoryUsage()
      const known = all.reduce((sum, { memory }) => sum + memory.knownBytes, 0) / targets / SERIES
      const grown = (after.heapUsed + after.arrayBuffers - before.heapUsed - before.arrayBuffers) / targets / SERIES
      const kept = known > 0 ? `${known.toFixed(0)} bytes a series known, ` : ''
      console.log(`${`${name}, ${path}`.padEnd(24)} ${perSample(us)}   ${kept}${grown.toFixed(0)} grown with the store`)
    }
  }
  await real[Symbol.asyncDispose]()
  await rm(dir, { recursive: true, force: true })
}

/** Everything, in real time: the timers and the loop too. */
async function benchFleet(): Promise<void> {
  const targets = 200
  const intervalMs = 1000
  const seconds = 5
  console.log(`\n${targets} targets of ${SERIES} series every ${intervalMs} ms into the real store, for ${seconds} s`)
  await withFleet(async (base) => {
    const dir = await mkdtemp(join(tmpdir(), 'assay-bench-'))
    const store = await openTsdb({ dir: join(dir, 'data'), clock: systemClock, log: silentLog })
    const starts = new Map<string, number[]>()
    let samples = 0
    const scraper = createScraper({
      clock: systemClock,
      log: silentLog,
      store,
      metadata: new MetadataStore(),
      onScrape: (status) => {
        samples += status.samples
      },
    })
    scraper.apply(
      Array.from({ length: targets }, (_, i) => {
        const url = `${base}/${i}`
        const read = httpReader({ url, timeoutMs: intervalMs })
        const own = Labels.of({ job: 'fleet', instance: String(i) })
        const arrivals: number[] = []
        starts.set(url, arrivals)
        const noted: typeof read = (signal) => {
          arrivals.push(performance.now())
          return read(signal)
        }
        return { ...target, url, labels: own, discoveredLabels: own, intervalMs, timeoutMs: intervalMs, read: noted }
      }),
    )
    const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
    await wait(3 * intervalMs)
    samples = 0
    for (const list of starts.values()) list.length = 0
    const us = await cpuOf(() => wait(seconds * 1000) as Promise<void>)
    const late = [...starts.values()]
      .flatMap((list) => list.slice(1).map((at, i) => Math.abs(at - list[i]! - intervalMs)))
      .sort((a, b) => a - b)
    const quantile = (q: number) => late[Math.min(late.length - 1, Math.floor(q * late.length))]?.toFixed(1)
    console.log(`CPU s per million samples: ${(us / samples).toFixed(2)}`)
    console.log(`deviation of the gap between two scrapes: p50 ${quantile(0.5)} ms, p99 ${quantile(0.99)} ms`)
    await scraper[Symbol.asyncDispose]()
    await store[Symbol.asyncDispose]()
    await rm(dir, { recursive: true, force: true })
  })
}

async function benchParse(): Promise<void> {
  console.log('samples      MB   parse ms  MB/s   cold ms   warm ms   warm ns/sample (parse + store)')
  for (const samples of SIZES) {
    const turns = samples > 50_000 ? 7 : 31
    const parses: number[] = []
    const warm: number[] = []
    let cold = 0
    const store = memoryStore()
    const cache = new ScrapeCache()
    let sizeBytes = 0
    for (let turn = 0; turn < turns; turn++) {
      const body = pageOf(samples, turn)
      sizeBytes = body.length
      let page: ExpositionPage | undefined
      const parsing = cpuMs(() => {
        page = parseExposition(body, { format: 'text' })
      })
      const recording = cpuMs(() => {
        cache.begin()
        using batch = store.appender()
        const counts = noCounts()
        recordPage(batch, { page: page!, target, cache, at: unixMs(clock.now() + turn * 1000), counts })
        batch.commit()
        cache.finish(page!)
      })
      parses.push(parsing)
      if (turn === 0) cold = parsing + recording
      else warm.push(parsing + recording)
    }
    const parse = median(parses)
    console.log(
      [
        String(samples).padStart(7),
        (sizeBytes / 1e6).toFixed(1).padStart(7),
        parse.toFixed(1).padStart(10),
        (sizeBytes / 1e3 / parse).toFixed(0).padStart(5),
        cold.toFixed(0).padStart(9),
        median(warm).toFixed(1).padStart(9),
        ((median(warm) * 1e6) / samples).toFixed(0).padStart(8),
      ].join(' '),
    )
  }
}

/** How long one large target may hold the process: the longest turn of the event loop while its page is parsed and stored. */
async function benchTurns(): Promise<void> {
  console.log('\nsamples   scrape ms   longest turn ms (first page, then the same again)')
  for (const samples of [10_000, 100_000, 400_000]) {
    const body = pageOf(samples, 0)
    const turns: string[] = []
    const store = memoryStore()
    let scraped = Promise.withResolvers<void>()
    const scraper = createScraper({
      clock: systemClock,
      log: silentLog,
      store,
      metadata: new MetadataStore(),
      onScrape: () => scraped.resolve(),
    })
    const delay = monitorEventLoopDelay({ resolution: 1 })
    delay.enable()
    const read = async () => {
      delay.reset()
      return { body, contentType: 'text/plain; version=0.0.4' }
    }
    scraper.apply([{ ...target, intervalMs: 500, timeoutMs: 500, read }])
    for (let page = 0; page < 2; page++) {
      await scraped.promise
      scraped = Promise.withResolvers()
      turns.push(
        `${scraper.status()[0]!.lastScrapeDurationMs.toFixed(0).padStart(8)} ${(delay.max / 1e6).toFixed(0).padStart(8)}`,
      )
    }
    await scraper[Symbol.asyncDispose]()
    console.log(`${String(samples).padStart(7)} ${turns.join('   ')}`)
  }
}

const PARTS: Readonly<Record<string, () => Promise<void>>> = {
  read: benchRead,
  record: benchRecord,
  fleet: benchFleet,
  parse: benchParse,
  turns: benchTurns,
}
const wanted = process.argv.slice(2)
for (const [name, part] of Object.entries(PARTS)) if (wanted.length === 0 || wanted.includes(name)) await part()
process.exit(0)
