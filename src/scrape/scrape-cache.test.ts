/** The cache against its simpler twin: a scrape that remembers nothing but the set of series of the last page. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { isStaleAt, Labels, matcher, unixMs } from '#core'
import { memoryStore } from '#storage'
import { parseExposition } from './parse-page.ts'
import { endAll, noCounts, recordPage } from './record-page.ts'
import { ScrapeCache } from './scrape-cache.ts'
import type { Target } from './types.ts'

const target: Target = {
  pool: 'p',
  labels: Labels.of({ job: 'p' }),
  discoveredLabels: Labels.empty,
  url: '',
  intervalMs: 1000,
  timeoutMs: 1000,
  honorLabels: false,
  honorTimestamps: true,
  metricRelabelConfigs: [
    { action: 'drop', sourceLabels: ['x'], separator: ';', regex: '7', modulus: 0, targetLabel: '', replacement: '' },
  ],
  limits: {},
  read: async () => ({ body: '', contentType: '' }),
}

type Events = Map<string, string[]>
const note = (events: Events, series: string, what: string) => events.set(series, [...(events.get(series) ?? []), what])

/** Series `x` is spelled in two ways, so that order, gaps and spellings all change between pages. */
const line = (x: number, value: number) =>
  x % 2 === 0 ? `m{x="${x}",y="1"} ${value}\n` : `m{y="1",x="${x}"} ${value}\n`
const pages = fc.array(
  fc.oneof(
    { weight: 9, arbitrary: fc.array(fc.tuple(fc.nat(9), fc.boolean()), { maxLength: 12 }) },
    { weight: 1, arbitrary: fc.constant('failed' as const) },
  ),
  { maxLength: 8 },
)

test('what is stored does not depend on what the cache remembers', () => {
  fc.assert(
    fc.property(pages, (given) => {
      const store = memoryStore()
      const cache = new ScrapeCache()
      const expected: Events = new Map()
      let live = new Set<number>()
      for (const [turn, page] of given.entries()) {
        const at = unixMs(1000 + turn * 1000)
        using batch = store.appender()
        const seen = new Set<number>()
        if (page === 'failed') endAll(batch, cache, at)
        else {
          const text = page.map(([x, other]) => (other ? line(x + 10, turn) : line(x, turn))).join('')
          for (const [x, other] of page) if (x !== 7 || other) seen.add(other ? x + 10 : x)
          const parsed = parseExposition(text, { format: 'text' })
          cache.begin()
          const counts = noCounts()
          recordPage(batch, { page: parsed, target, cache, at, counts })
          cache.finish(parsed)
          assert.equal(counts.kept - counts.duplicates, seen.size)
        }
        batch.commit()
        for (const x of seen) note(expected, String(x), `${at} ${turn}`)
        for (const x of live) if (!seen.has(x)) note(expected, String(x), `${at} stale`)
        live = seen
      }
      const stored: Events = new Map()
      using querier = store.querier(unixMs(0), unixMs(1e9))
      for (const series of querier.select([matcher('__name__', '=', 'm')])) {
        const { timestamps, values, count } = series.samples()
        for (let i = 0; i < count; i++) {
          note(stored, series.labels.get('x'), `${timestamps[i]} ${isStaleAt(values, i) ? 'stale' : values[i]}`)
        }
      }
      const sorted = (events: Events) => [...events].toSorted(([a], [b]) => Number(a) - Number(b))
      assert.deepEqual(sorted(stored), sorted(expected))
    }),
    { numRuns: 150 },
  )
})

test('the same page again is recognised by its bytes alone', () => {
  const store = memoryStore()
  const cache = new ScrapeCache()
  for (let turn = 0; turn < 3; turn++) {
    const page = parseExposition(`a{x="1"} ${turn}\nb 2\n`, { format: 'text' })
    cache.begin()
    assert.equal(cache.find(page, 0) !== undefined, turn > 0)
    cache.begin()
    using batch = store.appender()
    const counts = noCounts()
    recordPage(batch, { page, target, cache, at: unixMs(turn * 1000), counts })
    batch.commit()
    cache.finish(page)
    assert.equal(counts.added, turn === 0 ? 2 : 0)
  }
})
