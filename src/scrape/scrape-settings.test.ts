/** What a job's settings and the feature flags make of a page, through the whole loop into the store. */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { type Feature, isStaleAt, Labels, ManualClock, matcher, silentLog, unixMs } from '#core'
import { ExemplarStore, MetadataStore, memoryStore } from '#storage'
import { encodeFamilies } from './encode-families.test-support.ts'
import { targetOf } from './scrape.test-support.ts'
import { createScraper } from './scraper.ts'
import type { Page, Target } from './types.ts'

const START = 1_700_000_000_000
const TEXT = 'text/plain'
const OPEN_METRICS = 'application/openmetrics-text'
const PROTOBUF = 'application/vnd.google.protobuf'

type Given = Partial<Target> & { readonly features?: readonly Feature[]; readonly clock?: ManualClock }

/** Scrapes the pages one after the other, a second apart; the last one for ever. */
async function scrape(
  pages: readonly (Page | Error)[],
  { features = [], clock = new ManualClock(START), ...settings }: Given = {},
) {
  const store = memoryStore()
  const exemplars = new ExemplarStore()
  const scraper = createScraper({
    clock,
    store,
    metadata: new MetadataStore(),
    log: silentLog,
    features: new Set(features),
    exemplars,
  })
  let turn = 0
  const read = async () => {
    const page = pages[Math.min(turn++, pages.length - 1)]!
    if (page instanceof Error) throw page
    return page
  }
  const target = targetOf('j', read, {
    labels: Labels.of({ job: 'j', instance: 'i' }),
    url: 'http://i/metrics',
    ...settings,
  })
  scraper.apply([target])
  await clock.advance(1000 * pages.length)
  const seriesOf = (name: string) => {
    using querier = store.querier(unixMs(0), unixMs(START * 2))
    return querier.select([matcher('__name__', '=', name)]).map(({ labels, samples }) => {
      const { timestamps, values, histograms, starts, count } = samples()
      return {
        labels,
        shown: Array.from({ length: count }, (_, i) => {
          const h = histograms?.[i]
          const value =
            h !== undefined ? `{${h.schema}: ${h.count}}` : isStaleAt(values, i) ? 'stale' : String(values[i])
          return `${value}${starts?.[i] ? ` ~${starts[i]}` : ''}`
        }),
        timestamps: timestamps.slice(0, count),
      }
    })
  }
  return {
    scraper,
    exemplars,
    store,
    seriesOf,
    /** The samples of the only series of a name. */
    of: (name: string) => seriesOf(name)[0]?.shown ?? [],
    error: () => scraper.status()[0]?.lastError ?? '',
    stop: () => scraper[Symbol.asyncDispose](),
  }
}

const text = (body: string): Page => ({ body, contentType: TEXT })
const histogram = encodeFamilies([
  {
    name: 'h',
    type: 'histogram',
    metrics: [
      {
        startAt: START - 5000,
        native: {
          schema: 2,
          zeroThreshold: 0,
          zeroCount: 0,
          count: 6,
          sum: 1,
          positive: { indices: Int32Array.of(1, 2, 3, 9), counts: Float64Array.of(1, 2, 1, 2) },
          negative: { indices: new Int32Array(0), counts: new Float64Array(0) },
          customBounds: new Float64Array(0),
          resetHint: 'unknown',
          isInteger: true,
        },
        exemplars: [{ labels: { t: 'x' }, value: 1, at: START }],
      },
    ],
  },
])
const native: Page = { body: histogram, contentType: PROTOBUF }

test('native histograms are stored when the job asks for them, and end like other series', async () => {
  await using stack = new AsyncDisposableStack()
  const world = await scrape([native, native, text('')], { histograms: { native: true } })
  stack.defer(world.stop)
  assert.deepEqual(world.of('h'), ['{2: 6}', '{2: 6}', 'stale'])
  assert.deepEqual(world.seriesOf('h_count'), [])
  assert.deepEqual(world.of('scrape_samples_scraped'), ['1', '1', '0'])
  const [found] = world.exemplars.select([[matcher('__name__', '=', 'h')]], unixMs(0), unixMs(START * 2))
  assert.deepEqual(
    found?.exemplars.map(({ labels, at }) => [String(labels), at]),
    [['{t="x"}', START]],
  )
})

test('buckets are merged to stay within the job limits; what cannot be merged enough fails the scrape', async () => {
  const cases = [
    [{ buckets: 3 }, ['{1: 6}'], ''],
    [{ buckets: 2 }, ['{0: 6}'], ''],
    [{ bucketFactor: 4 }, ['{-1: 6}'], ''],
    [{ buckets: 4, bucketFactor: 1.1 }, ['{2: 6}'], ''],
  ] as const
  for (const [limits, shown, error] of cases) {
    const world = await scrape([native], { histograms: { native: true }, limits })
    assert.deepEqual([world.of('h'), world.error()], [shown, error], JSON.stringify(limits))
    await world.stop()
  }
  const custom = text('# TYPE c histogram\nc_bucket{le="1"} 1\nc_bucket{le="2"} 2\nc_bucket{le="+Inf"} 3\n')
  const world = await scrape([custom], { histograms: { convertClassic: true }, limits: { buckets: 2 } })
  assert.deepEqual([world.of('c'), world.of('up')], [[], ['0']])
  assert.match(world.error(), /native_histogram_bucket_limit, 2, even when merged/)
  await world.stop()
})

test('start times are kept with st-storage, and are samples of zero with created-timestamp-zero-ingestion', async () => {
  const created = (START - 7000) / 1000
  const page: Page = { body: `# TYPE a counter\na_total 5\na_created ${created}\n# EOF\n`, contentType: OPEN_METRICS }
  const plain = await scrape([page])
  assert.deepEqual([plain.of('a_total'), plain.of('a_created')], [['5'], [String(created)]])
  const kept = await scrape([page, page], { features: ['st-storage'] })
  assert.deepEqual([kept.of('a_total'), kept.of('a_created')], [[`5 ~${START - 7000}`, `5 ~${START - 7000}`], []])
  const zeros = await scrape([page, page], { features: ['created-timestamp-zero-ingestion'] })
  assert.deepEqual(zeros.of('a_total'), ['0', '5', '5'])
  assert.equal(zeros.seriesOf('a_total')[0]?.timestamps[0], START - 7000)
  const histograms = await scrape([native], {
    features: ['created-timestamp-zero-ingestion'],
    histograms: { native: true },
  })
  assert.deepEqual(histograms.of('h'), ['{2: 0}', '{2: 6}'])
  for (const world of [plain, kept, zeros, histograms]) await world.stop()
})

test('exemplars without an instant have that of their scrape; those of a refused page are not kept', async () => {
  const page = (end: string): Page => ({ body: `a_total 1 # {t="x"} 0.5\n${end}`, contentType: OPEN_METRICS })
  for (const [end, count] of [
    ['# EOF\n', 1],
    ['!\n', 0],
  ] as const) {
    const world = await scrape([page(end)])
    assert.equal(world.exemplars.count, count)
    await world.stop()
  }
})

test('extra-scrape-metrics tells timeout, limit and size: -1 over the size limit, 0 when nothing came', async () => {
  const { AssayError } = await import('#core')
  const over = new AssayError('ASSAY_SCRAPE_BODY_LIMIT', 'too large')
  const world = await scrape([text('a 1\n'), over, new Error('gone')], { extraMetrics: true, limits: { samples: 7 } })
  assert.deepEqual(world.of('scrape_timeout_seconds'), ['0.5', '0.5', '0.5'])
  assert.deepEqual(world.of('scrape_sample_limit'), ['7', '7', '7'])
  assert.deepEqual(world.of('scrape_body_size_bytes'), ['4', '-1', '0'])
  const flagged = await scrape([text('a 1\n')], { features: ['extra-scrape-metrics'] })
  assert.deepEqual(flagged.of('scrape_sample_limit'), ['0'])
  await world.stop()
  await flagged.stop()
})

test('a page with a wrong line is refused, and what stands before the line is counted', async () => {
  const world = await scrape([text('a 1\nb 1\nc{\n')])
  assert.deepEqual([world.of('up'), world.of('a')], [['0'], []])
  assert.deepEqual([world.of('scrape_samples_scraped'), world.of('scrape_series_added')], [['2'], ['2']])
  await world.stop()
})

test('a page of no byte is a scrape of nothing, whatever its content type', async () => {
  const world = await scrape([text('a 1\n'), { body: '', contentType: OPEN_METRICS }])
  assert.deepEqual(
    [world.of('up'), world.of('a')],
    [
      ['1', '1'],
      ['1', 'stale'],
    ],
  )
  await world.stop()
})

test('series with instants of their own end only when the job tracks them', async () => {
  const page = text(`a 1 ${START + 500}\n`)
  const plain = await scrape([page, text('')])
  assert.deepEqual(plain.of('a'), ['1'])
  const tracked = await scrape([page, text('')], { trackTimestampsStaleness: true })
  assert.deepEqual(tracked.of('a'), ['1', 'stale'])
  const ignored = await scrape([page, text('')], { honorTimestamps: false })
  assert.deepEqual(ignored.of('a'), ['1', 'stale'])
  for (const world of [plain, tracked, ignored]) await world.stop()
})

test('a sample of more than ten minutes ahead is not stored, and counted', async () => {
  const world = await scrape([text(`a 1 ${START + 9 * 60_000}\nb 1 ${START + 12 * 60_000}\nc 1 9000000000000000000\n`)])
  assert.deepEqual([world.of('a'), world.of('b'), world.of('c'), world.of('up')], [['1'], [], [], ['1']])
  assert.match(world.scraper.metrics(), /sample_out_of_bounds_total 2/)
  await world.stop()
})

test('time that runs backwards loses samples and never a scrape', async () => {
  const world = await scrape([text(`a 2 ${START}\n`), text(`a 1 ${START - 1000}\n`), text(`a 3 ${START + 10}\n`)])
  assert.deepEqual(
    [world.of('a'), world.of('up')],
    [
      ['2', '3'],
      ['1', '1', '1'],
    ],
  )
  assert.match(world.scraper.metrics(), /sample_out_of_order_total 1/)
  await world.stop()
})

test('with legacy names a page with others is refused', async () => {
  const page = text('{"my.metric"} 1\n')
  const world = await scrape([page], { legacyNames: true })
  assert.match(world.error(), /metric_name_validation_scheme is legacy/)
  assert.deepEqual(world.of('up'), ['0'])
  await world.stop()
})

test('a refused target is down with its reason, and not read', async () => {
  const read = async () => assert.fail('it was read')
  const world = await scrape([text('')], { refusal: 'target_limit exceeded', read })
  assert.deepEqual([world.of('up'), world.error()], [['0'], 'target_limit exceeded'])
  await world.stop()
})

test('labels that conflict move away, the shorter names first', async () => {
  const labels = Labels.of({ job: 'j', exported_job: 'own', instance: 'i' })
  const world = await scrape([text('a{job="x",exported_job="y"} 1\n')], { labels })
  assert.deepEqual(world.seriesOf('a')[0]?.labels.toJSON(), {
    __name__: 'a',
    exported_exported_exported_job: 'y',
    exported_exported_job: 'x',
    exported_job: 'own',
    instance: 'i',
    job: 'j',
  })
  await world.stop()
})

test('failed scrapes are written down as lines of JSON', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'assay-failures-'))
  try {
    const failureLogFile = join(dir, 'failures.json')
    const world = await scrape([new Error('no route'), text('a 1\n'), new Error('again')], { failureLogFile })
    await world.stop()
    const lines = readFileSync(failureLogFile, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    assert.deepEqual(
      lines.map(({ msg, job_name, target }) => [msg, job_name, target]),
      [
        ['no route', 'j', 'http://i/metrics'],
        ['again', 'j', 'http://i/metrics'],
      ],
    )
  } finally {
    rmSync(dir, { recursive: true })
  }
})

test('failures that cannot be written down are counted, and cost no scrape', async () => {
  const { scraper, seriesOf } = await scrape([new Error('no route')], { failureLogFile: '/dev/full' })
  await scraper[Symbol.asyncDispose]()
  assert.deepEqual(seriesOf('up')[0]?.shown, ['0'])
  assert.match(scraper.metrics(), /^assay_scrape_failure_log_lines_lost_total 1$/m)
})
