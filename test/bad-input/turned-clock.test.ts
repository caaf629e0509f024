/**
 * The clock of the machine is set back and forth while targets are scraped into the real store: scraping goes on by the new time, no
 * sample is written twice or out of its order, and what is missing is missing.
 */
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { type Clock, isStaleAt, Labels, ManualClock, matcher, silentLog, unixMs } from '#core'
import { createScraper, type Target } from '#scrape'
import { MetadataStore } from '#storage'
import { openDataDir, openTsdb } from '#tsdb'
import { tickAfter } from '../../src/core/clock.ts'

const START = 1_700_000_000_000
const MINUTE = 60_000
const INTERVAL = 15_000

/** Time that passes as it is turned by hand, on a wall clock that may be set to anything. */
class TurnedClock implements Clock {
  readonly passing = new ManualClock(START)
  shiftMs = 0

  now() {
    return unixMs(this.passing.now() + this.shiftMs)
  }
  monotonicMs() {
    return this.passing.monotonicMs()
  }
  sleep(ms: number, signal?: AbortSignal) {
    return this.passing.sleep(ms, signal)
  }
  /** As the system's clock: waits are of time that passes, ticks are of the wall. */
  async *ticks(intervalMs: number, signal: AbortSignal, offsetMs = 0) {
    for (let next = tickAfter(0, this.now(), intervalMs, offsetMs); ; ) {
      await this.sleep(next - this.now(), signal)
      if (signal.aborted) return
      yield unixMs(next)
      next = tickAfter(next, this.now(), intervalMs, offsetMs)
    }
  }
}

async function scraping(windowMs = 0) {
  const owned = new AsyncDisposableStack()
  const path = await mkdtemp(join(tmpdir(), 'assay-turned-'))
  owned.defer(() => rm(path, { recursive: true, force: true }))
  const clock = new TurnedClock()
  const dir = owned.use(await openDataDir(path))
  const store = owned.use(await openTsdb({ dir, clock, log: silentLog }))
  store.setOutOfOrderWindow(windowMs)
  const scraper = owned.use(createScraper({ clock, log: silentLog, store, metadata: new MetadataStore() }))
  const world = { clock, scraper, scrapes: 0, page: (n: number) => `n ${n}\n` }
  const labels = Labels.of({ job: 'shop', instance: 'a' })
  const target: Target = {
    pool: 'shop',
    labels,
    discoveredLabels: labels,
    url: 'http://a/metrics',
    intervalMs: INTERVAL,
    timeoutMs: INTERVAL,
    honorLabels: false,
    honorTimestamps: true,
    metricRelabelConfigs: [],
    limits: {},
    read: async () => ({ body: world.page(++world.scrapes), contentType: 'text/plain; version=0.0.4' }),
  }
  scraper.apply([target])
  const samples = (name: string) => {
    using querier = store.querier(unixMs(0), unixMs(START * 2))
    const found = querier.select([matcher('__name__', '=', name)])[0]?.samples()
    if (found === undefined) return []
    return Array.from({ length: found.count }, (_, i) => ({
      at: found.timestamps[i]!,
      value: isStaleAt(found.values, i) ? ('stale' as const) : found.values[i]!,
    }))
  }
  const counted = (name: string) => Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(scraper.metrics())?.[1])
  return Object.assign(world, { samples, counted, [Symbol.asyncDispose]: () => owned.disposeAsync() })
}

const ascending = (list: readonly { readonly at: number }[]) =>
  list.every(({ at }, i) => i === 0 || at > list[i - 1]!.at)

test('a clock that is set back an hour: scraping goes on, and what the store has is neither changed nor doubled', async () => {
  await using world = await scraping()
  const { clock, samples, counted } = world
  await clock.passing.advance(10 * MINUTE)
  const before = samples('n')
  assert.equal(before.length, 40)
  clock.shiftMs = -60 * MINUTE
  const scrapes = world.scrapes
  await clock.passing.advance(10 * MINUTE)
  assert.ok(world.scrapes - scrapes >= 39, 'the target is asked as often as before')
  assert.deepEqual(samples('n'), before)
  assert.deepEqual(samples('up').length, 40)
  assert.ok(counted('prometheus_target_scrapes_sample_out_of_order_total') > 200, 'each sample is counted')
  const [status] = world.scraper.status()
  assert.deepEqual([status?.health, status?.lastError], ['up', ''])
  assert.ok((status?.lastScrape ?? 0) < START, 'by the clock as it is now')

  // It has caught up: from here on every sample is kept again.
  await clock.passing.advance(60 * MINUTE)
  const after = samples('n')
  assert.ok(ascending(after))
  assert.deepEqual(after.slice(0, 40), before)
  assert.ok(after.length >= 40 + 38 && after.length <= 82, `${after.length}`)
})

test('set back within the window for late samples: they are taken, each instant once', async () => {
  await using world = await scraping(2 * 60 * MINUTE)
  const { clock, samples } = world
  await clock.passing.advance(10 * MINUTE)
  clock.shiftMs = -60 * MINUTE
  await clock.passing.advance(10 * MINUTE)
  const all = samples('n')
  assert.ok(ascending(all))
  assert.ok(all.length >= 78, `${all.length}`)
})

test('a step back of less than an interval costs one scrape at most', async () => {
  await using world = await scraping()
  const { clock, samples } = world
  for (let step = 0; step < 20; step++) {
    await clock.passing.advance(MINUTE)
    clock.shiftMs -= 2000
  }
  const all = samples('n')
  assert.ok(ascending(all))
  // Twenty minutes less the forty seconds that were set back, four a minute.
  assert.ok(all.length >= 76 && all.length <= 80, `${all.length}`)
  for (const [i, { at }] of all.entries()) if (i > 0) assert.ok(at - all[i - 1]!.at <= 2 * INTERVAL)
})

test('set forward a day and back again: a gap is a gap, and the truth of before stays', async () => {
  await using world = await scraping()
  const { clock, samples } = world
  await clock.passing.advance(5 * MINUTE)
  const before = samples('n')
  clock.shiftMs = 24 * 60 * MINUTE
  await clock.passing.advance(5 * MINUTE)
  const ahead = samples('n')
  assert.deepEqual(ahead.slice(0, before.length), before)
  assert.ok(ahead.at(-1)!.at - before.at(-1)!.at > 23 * 60 * MINUTE)
  clock.shiftMs = 0
  await clock.passing.advance(5 * MINUTE)
  assert.deepEqual(samples('n'), ahead, 'a day of samples that the store cannot put in order')
  assert.equal(world.scraper.status()[0]?.health, 'up')
})

test('a series that ends while the clock is back: nothing is written behind what is newer', async () => {
  await using world = await scraping()
  const { clock, samples } = world
  world.page = () => 'n 1\nstays 1\n'
  await clock.passing.advance(5 * MINUTE)
  clock.shiftMs = -30 * MINUTE
  world.page = () => 'stays 1\n'
  await clock.passing.advance(MINUTE)
  assert.ok(samples('n').every(({ value }) => value === 1))
  await clock.passing.advance(60 * MINUTE)
  assert.ok(ascending(samples('stays')))
  assert.ok(
    samples('n').every(({ value }) => value === 1),
    'its end had no instant that fits',
  )
  world.page = () => 'n 2\nstays 1\n'
  await clock.passing.advance(MINUTE)
  assert.equal(samples('n').at(-1)?.value, 2)
})
