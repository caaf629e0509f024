import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isStaleAt, ManualClock, matcher, silentLog, unixMs } from '#core'
import { MetadataStore, memoryStore, type Store } from '#storage'
import { targetOf as anyTargetOf } from './scrape.test-support.ts'
import { createScraper } from './scraper.ts'
import type { Target } from './types.ts'

const START = 1_700_000_000_000

function targetOf(job: string, read: (signal: AbortSignal) => Promise<string>, more: Partial<Target> = {}): Target {
  return anyTargetOf(
    job,
    async (signal) => ({ body: await read(signal), contentType: 'text/plain; version=0.0.4' }),
    more,
  )
}

/** Values of one series in order; a stale marker reads 'stale'. */
function valuesOf(store: Store, name: string, job: string): (number | 'stale')[] {
  using querier = store.querier(unixMs(0), unixMs(START * 2))
  const found = querier.select([matcher('__name__', '=', name), matcher('job', '=', job)])
  const one = found[0]?.samples()
  if (one === undefined) return []
  return Array.from({ length: one.count }, (_, i) => (isStaleAt(one.values, i) ? 'stale' : one.values[i]!))
}

async function scraping(targets: readonly Target[]) {
  const clock = new ManualClock(START)
  const store = memoryStore()
  const metadata = new MetadataStore()
  const scraper = createScraper({ clock, store, metadata, log: silentLog })
  scraper.apply(targets)
  return { clock, store, metadata, scraper, stop: () => scraper[Symbol.asyncDispose]() }
}

/** A reader that gives one page after the other, the last one for ever; an Error is thrown. */
function pages(...list: readonly (string | Error)[]): () => Promise<string> {
  let i = 0
  return async () => {
    const page = list[Math.min(i++, list.length - 1)]!
    if (page instanceof Error) throw page
    return page
  }
}

test('a target that answers is up, and its samples carry its labels', async () => {
  const { clock, store, scraper, stop } = await scraping([targetOf('shop', pages('orders 1\n', 'orders 2\n'))])
  await clock.advance(2000)
  assert.deepEqual(valuesOf(store, 'up', 'shop'), [1, 1])
  assert.deepEqual(valuesOf(store, 'orders', 'shop'), [1, 2])
  assert.deepEqual(valuesOf(store, 'scrape_samples_scraped', 'shop'), [1, 1])
  assert.deepEqual(valuesOf(store, 'scrape_series_added', 'shop'), [1, 0])
  assert.equal(scraper.status()[0]?.health, 'up')
  await stop()
})

test('samples stand exactly one interval apart', async () => {
  const { clock, store, stop } = await scraping([targetOf('shop', pages('orders 1\n'))])
  await clock.advance(5000)
  using querier = store.querier(unixMs(0), unixMs(START * 2))
  const { timestamps, count } = querier.select([matcher('__name__', '=', 'orders')])[0]!.samples()
  assert.equal(count, 5)
  for (let i = 1; i < count; i++) assert.equal(timestamps[i]! - timestamps[i - 1]!, 1000)
  await stop()
})

test('a series that is gone from the page ends with a stale marker, and may come back', async () => {
  const { clock, store, stop } = await scraping([targetOf('shop', pages('a 1\nb 1\n', 'a 1\n', 'a 1\n', 'b 2\na 1\n'))])
  await clock.advance(4000)
  assert.deepEqual(valuesOf(store, 'b', 'shop'), [1, 'stale', 2])
  assert.deepEqual(valuesOf(store, 'a', 'shop'), [1, 1, 1, 1])
  await stop()
})

test('a failed scrape is up 0, ends all series of the target and tells why', async () => {
  const { clock, store, scraper, stop } = await scraping([
    targetOf('shop', pages('a 1\n', new Error('no route'), 'a 3\n')),
  ])
  await clock.advance(2000)
  assert.deepEqual(valuesOf(store, 'up', 'shop'), [1, 0])
  assert.deepEqual(valuesOf(store, 'a', 'shop'), [1, 'stale'])
  assert.equal(scraper.status()[0]?.lastError, 'no route')
  await clock.advance(1000)
  assert.deepEqual(valuesOf(store, 'a', 'shop'), [1, 'stale', 3])
  assert.equal(scraper.status()[0]?.lastError, '')
  await stop()
})

test('one wrong line fails the whole page: nothing of it is stored', async () => {
  const { clock, store, scraper, stop } = await scraping([targetOf('shop', pages('a 1\nnew 1\nb{ 1\n'))])
  await clock.advance(1000)
  assert.deepEqual(valuesOf(store, 'a', 'shop'), [])
  assert.deepEqual(valuesOf(store, 'up', 'shop'), [0])
  assert.match(scraper.status()[0]!.lastError, /^3:1: .*write }/)
  assert.match(scraper.metrics(), /assay_scrape_parse_errors_total 1/)
  await stop()
})

test('a target that does not answer in time is down and delays no other', async () => {
  const forever = () => new Promise<string>(() => {})
  const { clock, store, scraper, stop } = await scraping([targetOf('stuck', forever), targetOf('shop', pages('a 1\n'))])
  await clock.advance(4000)
  assert.deepEqual(valuesOf(store, 'up', 'shop'), [1, 1, 1, 1])
  assert.ok(valuesOf(store, 'up', 'stuck').length >= 3)
  assert.ok(valuesOf(store, 'up', 'stuck').every((value) => value === 0))
  assert.match(scraper.metrics(), /assay_scrape_skipped_total [123]/, 'a reader that hangs is not called again')
  await stop()
})

test('a removed target has its series ended, its report included; one that stays goes on', async () => {
  const shop = targetOf('shop', pages('a 1\n'))
  const { clock, store, scraper, stop } = await scraping([shop, targetOf('crm', pages('a 1\n'))])
  await clock.advance(2000)
  scraper.apply([shop])
  await clock.advance(1000)
  assert.deepEqual(valuesOf(store, 'a', 'crm'), [1, 1, 'stale'])
  assert.deepEqual(valuesOf(store, 'up', 'crm'), [1, 1, 'stale'])
  assert.deepEqual(valuesOf(store, 'up', 'shop'), [1, 1, 1])
  assert.equal(scraper.status().length, 1)
  await stop()
})

test('disposal ends no series: a restart goes on with them', async () => {
  const { clock, store, stop } = await scraping([targetOf('shop', pages('a 1\n'))])
  await clock.advance(1000)
  await stop()
  await clock.advance(5000)
  assert.deepEqual(valuesOf(store, 'a', 'shop'), [1])
})

test('a target whose settings change keeps the memory of its series', async () => {
  const read = pages('a 1\nb 1\n', 'a 2\n')
  const { clock, store, scraper, stop } = await scraping([targetOf('shop', read)])
  await clock.advance(1000)
  scraper.apply([targetOf('shop', read, { intervalMs: 2000 })])
  await clock.advance(2000)
  assert.deepEqual(valuesOf(store, 'a', 'shop'), [1, 2])
  assert.deepEqual(valuesOf(store, 'b', 'shop'), [1, 'stale'])
  await stop()
})

test('limits refuse the whole page, and the sentence holds both numbers', async () => {
  const limits = [
    { limits: { samples: 1 }, says: /the page has 2 samples, sample_limit is 1/ },
    { limits: { labels: 3 }, says: /b has 4 labels, label_limit is 3/ },
    { limits: { labelNameLength: 8 }, says: /label name very_long_name .* label_name_length_limit, 8/ },
    { limits: { labelValueLength: 9 }, says: /value of the label very_long_name .* label_value_length_limit, 9/ },
  ]
  for (const { limits: given, says } of limits) {
    const page = pages('a 1\nb{very_long_name="0123456789"} 1\n')
    const { clock, store, scraper, stop } = await scraping([targetOf('shop', page, { limits: given })])
    await clock.advance(1000)
    assert.match(scraper.status()[0]!.lastError, says)
    assert.deepEqual(valuesOf(store, 'a', 'shop'), [])
    assert.deepEqual(valuesOf(store, 'up', 'shop'), [0])
    await stop()
  }
})

test('a page beyond the hard limit of samples is refused with a sentence, and holds nobody up', async () => {
  const page = 'a 1\n'.repeat(500_001)
  const { clock, store, scraper, stop } = await scraping([
    targetOf('shop', pages(page)),
    targetOf('crm', pages('a 1\n')),
  ])
  await clock.advance(1000)
  // Parsing goes on in slices, each in a turn of its own.
  while (scraper.status()[0]?.health === 'unknown') await new Promise((resolve) => setImmediate(resolve))
  await clock.advance(1000)
  assert.match(scraper.status()[0]!.lastError, /more than 500000 samples/)
  assert.deepEqual(valuesOf(store, 'up', 'crm'), [1, 1])
  await stop()
})

test('a large page that is being recorded when its target goes leaves nothing', async () => {
  const page = Array.from({ length: 30_000 }, (_, i) => `m{i="${i}"} 1\n`).join('')
  const given = Promise.withResolvers<void>()
  const read = async () => {
    given.resolve()
    return page
  }
  const { clock, store, scraper, stop } = await scraping([targetOf('shop', read)])
  const ticked = clock.advance(1000)
  await given.promise
  scraper.apply([])
  await ticked
  await stop()
  assert.deepEqual(valuesOf(store, 'm', 'shop'), [])
})

test('a series that is twice on a page counts once, and the second is counted', async () => {
  const { clock, store, scraper, stop } = await scraping([
    targetOf('shop', pages('a{x="1",y="2"} 1\na{y="2",x="1"} 2\n')),
  ])
  await clock.advance(1000)
  assert.deepEqual(valuesOf(store, 'a', 'shop'), [1])
  assert.match(scraper.metrics(), /sample_duplicate_timestamp_total 1/)
  await stop()
})

test('labels of the target win over scraped ones, which move to exported_; honorLabels turns it round', async () => {
  const page = 'a{job="inner",exported_job="x"} 1\n'
  for (const honorLabels of [false, true]) {
    const { clock, store, stop } = await scraping([targetOf('shop', pages(page), { honorLabels })])
    await clock.advance(1000)
    using querier = store.querier(unixMs(0), unixMs(START * 2))
    const labels = querier.series([matcher('__name__', '=', 'a')])[0]?.toString()
    assert.equal(
      labels,
      honorLabels
        ? 'a{exported_job="x", instance="shop:80", job="inner"}'
        : 'a{exported_exported_job="inner", exported_job="x", instance="shop:80", job="shop"}',
    )
    await stop()
  }
})

test('a timestamp of the page is taken when honoured, and its series is not ended by absence', async () => {
  const page = `a 1 ${START - 5000}\n`
  for (const honorTimestamps of [true, false]) {
    const { clock, store, stop } = await scraping([targetOf('shop', pages(page, 'b 1\n'), { honorTimestamps })])
    await clock.advance(2000)
    assert.deepEqual(valuesOf(store, 'a', 'shop'), honorTimestamps ? [1] : [1, 'stale'])
    await stop()
  }
})

test('metric relabelling drops series before they are stored', async () => {
  const metricRelabelConfigs = [
    {
      action: 'drop',
      sourceLabels: ['__name__'],
      separator: ';',
      regex: 'go_.*',
      modulus: 0,
      targetLabel: '',
      replacement: '$1',
    },
  ] as const
  const { clock, store, stop } = await scraping([targetOf('shop', pages('go_x 1\na 1\n'), { metricRelabelConfigs })])
  await clock.advance(1000)
  assert.deepEqual(valuesOf(store, 'go_x', 'shop'), [])
  assert.deepEqual(valuesOf(store, 'scrape_samples_scraped', 'shop'), [2])
  assert.deepEqual(valuesOf(store, 'scrape_samples_post_metric_relabeling', 'shop'), [1])
  await stop()
})

test('help and type of a family are kept', async () => {
  const { clock, metadata, stop } = await scraping([targetOf('shop', pages('# HELP a What.\n# TYPE a counter\na 1\n'))])
  await clock.advance(1000)
  assert.deepEqual(metadata.get('a'), { type: 'counter', help: 'What.', unit: '' })
  await stop()
})

test('a page like the last one is known by its bytes; one with a timestamp is spelled out; the metrics tell', async () => {
  const page = '# TYPE a counter\na{x="1"} 1\na{x="2"} 2\n'
  const { clock, store, scraper, stop } = await scraping([
    targetOf('shop', pages(page, page, page.replace('a{x="1"} 1', 'a{x="1"} 7'), 'a{x="2"} 3\nb 1\n')),
    targetOf('crm', pages(`a 1 ${START}\n`)),
  ])
  await clock.advance(4000)
  const metrics = scraper.metrics()
  assert.match(metrics, /^assay_scrape_pages_total\{path="known"\} 2$/m)
  // The first page of each, the one with other comments, and all with a timestamp of their own.
  assert.match(metrics, /^assay_scrape_pages_total\{path="parsed"\} 6$/m)
  assert.match(metrics, /^assay_scrape_known_bytes [1-9]\d*$/m)
  assert.match(metrics, /^assay_scrape_targets_spelled_out 1$/m)
  assert.deepEqual(valuesOf(store, 'a', 'shop'), [1, 1, 7, 'stale'])
  assert.deepEqual(valuesOf(store, 'b', 'shop'), [1])
  await stop()
})
