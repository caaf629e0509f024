import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assemble, render } from '../exposition/exposition.ts'
import { Guard } from '../guard.ts'
import { Store } from '../store/index.ts'
import { parsePage, samplesOf, valueAt } from '../test-support/parse-page.ts'
import { watchRuntime } from './runtime.ts'

test('figures are plausible, and a second scraper sees what the first saw', async () => {
  const store = new Store()
  using guard = new Guard(store, () => {})
  using _runtime = watchRuntime(store, guard)
  const scrape = async (): Promise<string> => {
    for (const collect of store.collectors) await collect()
    return assemble([render(store, 'text')], 'text')
  }
  const first = await scrape()
  const second = await scrape()
  assert.deepEqual([...parsePage(second, 'text').keys()], [...parsePage(first, 'text').keys()])
  const between = (name: string, least: number, most: number): void => {
    for (const page of [first, second]) {
      const value = valueAt(page, name) ?? Number.NaN
      assert.ok(value >= least && value <= most, `${name} ${value}`)
    }
  }
  between('process_start_time_seconds', Date.now() / 1_000 - 86_400, Date.now() / 1_000)
  between('process_resident_memory_bytes', 1e7, 1e11)
  between('process_cpu_limit_cores', 0.01, 4_096)
  between('process_memory_limit_bytes', 1e7, 1e14)
  between('nodejs_eventloop_utilization', 0.000_001, 1)
  between('nodejs_heap_size_limit_bytes', 1e6, 1e12)
  for (const name of [
    'process_cpu_seconds_total',
    'nodejs_eventloop_active_seconds_total',
    'nodejs_eventloop_idle_seconds_total',
  ]) {
    assert.ok((valueAt(second, name) ?? -1) >= (valueAt(first, name) ?? 0), `${name} does not fall`)
  }
  assert.ok(samplesOf(first, 'nodejs_heap_space_size_used_bytes').length > 3)
  assert.equal(valueAt(first, 'nodejs_version_info', { version: process.version }), 1)
})
