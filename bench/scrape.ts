/**
 * What a scrape costs: parsing alone, and parsing and storing in the memory store, cold (the first page of a target)
 * and warm (the same series again), for pages of the shape that our agent and node_exporter write.
 *
 * Run: node --conditions=assay-src bench/scrape.ts
 */
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { Labels, ManualClock, PageWriter, silentLog, systemClock, unixMs } from '#core'
import { createScraper, type ExpositionPage, parseExposition, type Target } from '#scrape'
import { MetadataStore, memoryStore } from '#storage'
import { noCounts, recordPage } from '../src/scrape/record-page.ts'
import { ScrapeCache } from '../src/scrape/scrape-cache.ts'

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

// How long one large target may hold the process: the longest turn of the event loop while its page is parsed and stored.
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
