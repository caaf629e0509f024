import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { Guard } from '../guard.ts'
import { AGENT_NAMES } from '../prom-client/default-metric-names.ts'
import { Store } from '../store/index.ts'
import { pageOf } from '../test-support/page-of.ts'
import { parsePage, samplesOf, valueAt } from '../test-support/parse-page.ts'
import { until } from '../test-support/service.ts'
import { Figures } from './figures.ts'
import { oldGenerationBytes } from './gc.ts'
import { watchRuntime } from './index.ts'
import { delayFigures } from './loop-delays.ts'
import { loopFigures } from './loop-figures.ts'
import { processFigures } from './process-figures.ts'
import { sampleDelays } from './sampled-delays.ts'

/** What prom-client 15 tells by default: the names that public dashboards ask for. Those of Linux alone stand apart. */
const PROM_CLIENT =
  `process_cpu_user_seconds_total process_cpu_system_seconds_total process_cpu_seconds_total process_start_time_seconds
  process_resident_memory_bytes nodejs_eventloop_lag_seconds nodejs_eventloop_lag_min_seconds nodejs_eventloop_lag_max_seconds
  nodejs_eventloop_lag_mean_seconds nodejs_eventloop_lag_stddev_seconds nodejs_eventloop_lag_p50_seconds nodejs_eventloop_lag_p90_seconds
  nodejs_eventloop_lag_p99_seconds nodejs_active_resources nodejs_active_resources_total nodejs_active_handles nodejs_active_handles_total
  nodejs_active_requests_total nodejs_heap_size_total_bytes nodejs_heap_size_used_bytes nodejs_external_memory_bytes
  nodejs_heap_space_size_total_bytes nodejs_heap_space_size_used_bytes nodejs_heap_space_size_available_bytes nodejs_version_info`.split(
    /\s+/,
  )
const PROM_CLIENT_LINUX = ['process_virtual_memory_bytes', 'process_heap_bytes', 'process_open_fds', 'process_max_fds']

test('figures are plausible, and a second scraper sees what the first saw', async () => {
  const store = new Store()
  using guard = new Guard(store, () => {})
  using runtime = watchRuntime(store, guard)
  const fault = (cause: unknown): void => guard.fault('runtime', cause)
  store.collectors.push(processFigures(store, fault))
  if (runtime.histograms !== undefined) store.collectors.push(delayFigures(store, fault, runtime.histograms, true))
  // The loop's own clock starts with its first turn.
  await new Promise<void>((resolve) => setImmediate(resolve))
  const first = await pageOf(store)
  const second = await pageOf(store)
  // What a collection tells is there from the first one on, which may come at any moment.
  const names = (page: string): readonly string[] =>
    [...parsePage(page, 'text').keys()].filter((name) => !/gc/.test(name))
  assert.deepEqual(names(second), names(first))
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
  if (process.platform === 'linux') {
    between('process_open_fds', 5, 1e6)
    between('process_virtual_memory_bytes', 1e8, 1e15)
    between('process_heap_bytes', 1e6, 1e15)
  }
  for (const name of [
    'process_cpu_seconds_total',
    'nodejs_eventloop_active_seconds_total',
    'nodejs_eventloop_idle_seconds_total',
  ]) {
    assert.ok((valueAt(second, name) ?? -1) >= (valueAt(first, name) ?? 0), `${name} does not fall`)
  }
  assert.ok(samplesOf(first, 'nodejs_heap_space_size_used_bytes').length > 3)
  assert.equal(valueAt(first, 'nodejs_version_info', { version: process.version }), 1)
  assert.equal(valueAt(second, 'assay_agent_faults_total', { part: 'runtime' }) ?? 0, 0)
})

test('every default name of prom-client is there', async () => {
  // What is told by type is told of what there is: a handle at least.
  await using listening = createServer().listen(0, '127.0.0.1')
  await once(listening, 'listening')
  const store = new Store()
  using guard = new Guard(store, () => {})
  using runtime = watchRuntime(store, guard)
  const fault = (cause: unknown): void => guard.fault('runtime', cause)
  store.collectors.push(processFigures(store, fault))
  if (runtime.histograms !== undefined) store.collectors.push(delayFigures(store, fault, runtime.histograms, true))
  const page = parsePage(await pageOf(store), 'text')
  const names = [...PROM_CLIENT, ...(process.platform === 'linux' ? PROM_CLIENT_LINUX : [])]
  assert.deepEqual(
    names.filter((name) => !page.has(name)),
    [],
  )
})

test('what OpenTelemetry has names for is told by those, too, and is the same', async (t) => {
  const store = new Store()
  using guard = new Guard(store, () => {})
  using runtime = watchRuntime(store, guard)
  if (runtime.histograms === undefined) return t.skip('this Node samples delays with a timer')
  store.collectors.push(delayFigures(store, (cause) => guard.fault('runtime', cause), runtime.histograms, true))
  const collect = await exposedGc()
  const page = await until(
    async () => {
      collect()
      return await pageOf(store)
    },
    (text) => samplesOf(text, 'v8js_gc_duration_seconds_count', { v8js_gc_type: 'major' }).length > 0,
  )
  const told = (name: string, label?: string, strip = ''): Map<string, number> =>
    new Map(
      samplesOf(page, name).map(({ labels, value }) => [label === undefined ? '' : `${labels[label]}${strip}`, value]),
    )
  const twins: readonly (readonly [ours: Map<string, number>, theirs: Map<string, number>])[] = [
    ...['min', 'max', 'mean', 'stddev', 'p50', 'p90', 'p99'].map(
      (part) => [told(`nodejs_eventloop_lag_${part}_seconds`), told(`nodejs_eventloop_delay_${part}_seconds`)] as const,
    ),
    [told('nodejs_eventloop_utilization'), told('nodejs_eventloop_utilization_ratio')],
    [told('nodejs_active_resources', 'type'), told('v8js_resource_active', 'v8js_resource_type')],
    [told('nodejs_gc_duration_seconds_count', 'kind'), told('v8js_gc_duration_seconds_count', 'v8js_gc_type')],
    [told('nodejs_gc_duration_seconds_sum', 'kind'), told('v8js_gc_duration_seconds_sum', 'v8js_gc_type')],
    ...(
      [
        ['size_total', 'space_size'],
        ['size_total', 'limit'],
        ['size_used', 'used'],
        ['size_available', 'space_available_size'],
      ] as const
    ).map(
      ([ours, theirs]) =>
        [
          told(`nodejs_heap_space_${ours}_bytes`, 'space', '_space'),
          told(`v8js_memory_heap_${theirs}_bytes`, 'v8js_heap_space_name'),
        ] as const,
    ),
  ]
  for (const [ours, theirs] of twins) {
    assert.ok(ours.size > 0)
    assert.deepEqual(theirs, ours)
  }
  const time = told('nodejs_eventloop_time_seconds_total', 'nodejs_eventloop_state')
  assert.equal(time.get('active'), valueAt(page, 'nodejs_eventloop_active_seconds_total'))
  assert.equal(time.get('idle'), valueAt(page, 'nodejs_eventloop_idle_seconds_total'))
  assert.ok(told('v8js_memory_heap_space_physical_size_bytes', 'v8js_heap_space_name').get('old_space')! > 1e6)
})

test('the drop-in knows all names of the runtime, so that its metrics do not take them', async () => {
  const store = new Store()
  using guard = new Guard(
    () => store,
    () => {},
  )
  using runtime = watchRuntime(store, guard)
  const fault = (cause: unknown): void => guard.fault('runtime', cause)
  store.collectors.push(processFigures(store, fault))
  if (runtime.histograms !== undefined) store.collectors.push(delayFigures(store, fault, runtime.histograms, true))
  await pageOf(store)
  const names = Array.from(store.families(), ({ name }) => name).filter((name) => !name.startsWith('assay_agent_'))
  assert.ok(names.length > 50)
  assert.deepEqual(
    names.filter((name) => !AGENT_NAMES.has(name)),
    [],
  )
})

test('a name that the application has taken for something else keeps no other figure from being told', async () => {
  const store = new Store()
  using guard = new Guard(
    () => store,
    () => {},
  )
  store.family({ name: 'nodejs_eventloop_utilization', help: 'x', kind: 'histogram', bounds: [1] }).series()
  store.family({ name: 'v8js_gc_duration_seconds', help: 'x', kind: 'counter' }).series()
  using _runtime = watchRuntime(store, guard)
  const page = parsePage(await pageOf(store), 'text')
  assert.equal(page.get('nodejs_eventloop_utilization')?.type, 'histogram')
  assert.equal(page.get('v8js_gc_duration_seconds')?.type, 'counter')
  for (const name of [
    'nodejs_eventloop_utilization_ratio',
    'nodejs_heap_size_used_bytes',
    'nodejs_eventloop_lag_seconds',
  ])
    assert.equal(page.get(name)?.type, 'gauge')
  assert.equal(page.has('assay_agent_faults_total'), false)
})

test('after a major collection the old generation is told: what is kept shows, what is thrown away does not', async () => {
  const store = new Store()
  using guard = new Guard(store, () => {})
  using _runtime = watchRuntime(store, guard)
  const collect = await exposedGc()
  const after = async (): Promise<number> => {
    const collections = valueAt(await pageOf(store), 'nodejs_gc_duration_seconds_count', { kind: 'major' }) ?? 0
    for (let i = 0; i < 200; i++) {
      collect()
      await new Promise<void>((resolve) => setImmediate(resolve))
      const page = await pageOf(store)
      const value = valueAt(page, 'nodejs_heap_size_after_gc_bytes')
      if (
        (valueAt(page, 'nodejs_gc_duration_seconds_count', { kind: 'major' }) ?? 0) > collections &&
        value !== undefined
      )
        return value
    }
    return Number.NaN
  }
  const atFirst = await after()
  for (let i = 0; i < 3_000_000; i++) Object.create(null, {})
  const thrownAway = await after()
  const kept = Array.from({ length: 1_000_000 }, (_, i) => ({ i, text: [i] }))
  const leaked = await after()
  assert.ok(Math.abs(thrownAway - atFirst) < 20e6, `garbage does not show: ${atFirst} ${thrownAway}`)
  assert.ok(leaked - thrownAway > 30e6, `what is kept shows: ${thrownAway} ${leaked}`)
  assert.equal(kept.length, 1_000_000)
  assert.ok((valueAt(await pageOf(store), 'nodejs_external_memory_after_gc_bytes') ?? 0) > 0)
})

test('the young generation is left out of the heap after a collection', () => {
  const spaces = [
    { space_name: 'new_space', space_used_size: 1 },
    { space_name: 'new_large_object_space', space_used_size: 2 },
    { space_name: 'old_space', space_used_size: 4 },
    { space_name: 'a_space_of_a_later_version', space_used_size: 8 },
  ]
  assert.equal(oldGenerationBytes(spaces), 12)
})

test('without sampling by iteration the mean comes from the loop itself, and no timer is started', async () => {
  const store = new Store()
  const faults: unknown[] = []
  const figures = new Figures(store, (cause) => faults.push(cause))
  const before = process.getActiveResourcesInfo().filter((type) => type === 'Timeout').length
  loopFigures(figures, false)
  store.collectors.push(() => figures.collect())
  for (let i = 0; i < 20; i++) await new Promise<void>((resolve) => setImmediate(resolve))
  const page = await pageOf(store)
  const mean = valueAt(page, 'nodejs_eventloop_lag_mean_seconds')
  assert.ok(mean !== undefined && mean > 0 && mean < 60, `mean ${mean}`)
  assert.equal(valueAt(page, 'nodejs_eventloop_lag_p99_seconds'), undefined)
  assert.deepEqual(faults, [])
  assert.equal(process.getActiveResourcesInfo().filter((type) => type === 'Timeout').length, before)
})

test('a figure that cannot be read keeps no other from being told', async () => {
  const store = new Store()
  const faults: unknown[] = []
  const figures = new Figures(store, (cause) => faults.push(cause))
  figures.value(figures.gauge('first', 'x'), () => 1)
  figures.value(figures.gauge('broken', 'x'), () => {
    throw new Error('not here')
  })
  figures.add(() => Promise.reject(new Error('nor here')))
  figures.value(figures.gauge('last', 'x'), () => 2)
  store.collectors.push(() => figures.collect())
  const page = await pageOf(store)
  assert.deepEqual([valueAt(page, 'first'), valueAt(page, 'broken'), valueAt(page, 'last')], [1, undefined, 2])
  assert.equal(faults.length, 2)
})

test('a thread tells the figures of the process while the main thread is blocked', async () => {
  const shared = new Int32Array(new SharedArrayBuffer(8))
  const worker = new Worker(
    `const { workerData } = require('node:worker_threads')
     Promise.all([import(workerData.figures), import(workerData.store)]).then(async ([{ processFigures }, { Store }]) => {
       const store = new Store()
       const collect = processFigures(store, () => {})
       await collect()
       Atomics.store(workerData.shared, 1, [...store.families()].filter((family) => family.size > 0).length)
       Atomics.store(workerData.shared, 0, 1)
       Atomics.notify(workerData.shared, 0)
     })`,
    {
      eval: true,
      workerData: {
        shared,
        figures: import.meta.resolve('./process-figures.ts'),
        store: import.meta.resolve('../store/index.ts'),
      },
    },
  )
  // A thread starts with the help of this one; only what it reads afterwards is read while this one stands still.
  await new Promise((resolve) => worker.once('online', resolve))
  assert.notEqual(Atomics.wait(shared, 0, 0, 20_000), 'timed-out')
  await worker.terminate()
  assert.ok(Atomics.load(shared, 1) >= 7, `${Atomics.load(shared, 1)} figures`)
})

async function exposedGc(): Promise<() => void> {
  const { setFlagsFromString } = await import('node:v8')
  const { runInNewContext } = await import('node:vm')
  setFlagsFromString('--expose-gc')
  return runInNewContext('gc') as () => void
}

test('a thread tells the delays of a loop that is not its own, while that loop stands still', async (t) => {
  using delays = sampleDelays()
  if (delays.histograms === undefined) return t.skip('this Node samples delays with a timer')
  await new Promise<void>((resolve) => setImmediate(resolve))
  const shared = new Float64Array(new SharedArrayBuffer(8))
  const done = new Int32Array(new SharedArrayBuffer(4))
  const worker = new Worker(
    `const { workerData } = require('node:worker_threads')
     Promise.all([import(workerData.delays), import(workerData.store)]).then(async ([{ delayFigures }, { Store }]) => {
       const store = new Store()
       await delayFigures(store, () => {}, workerData.histograms, true)()
       const slot = store.family({ name: 'nodejs_eventloop_lag_max_seconds', help: '', kind: 'gauge' }).series()
       workerData.shared[0] = slot.values[slot.at]
       Atomics.store(workerData.done, 0, 1)
       Atomics.notify(workerData.done, 0)
     })`,
    {
      eval: true,
      workerData: {
        shared,
        done,
        histograms: delays.histograms,
        delays: import.meta.resolve('./loop-delays.ts'),
        store: import.meta.resolve('../store/index.ts'),
      },
    },
  )
  await new Promise((resolve) => worker.once('online', resolve))
  assert.notEqual(Atomics.wait(done, 0, 0, 20_000), 'timed-out')
  await worker.terminate()
  assert.ok(shared[0]! > 0)
})
