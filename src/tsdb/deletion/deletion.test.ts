/** Deleting, cleaning and copying, held to a plain map; after each crash and each start too. */
import assert from 'node:assert/strict'
import { copyFileSync, mkdirSync, readdirSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import fc from 'fast-check'
import { Labels, ManualClock, matcher, silentLog, unixMs } from '#core'
import { openTsdb, type Tsdb, type TsdbOptions } from '../index.ts'

const root = await mkdtemp(join(tmpdir(), 'assay-delete-'))
after(() => rm(root, { recursive: true }))
let dirs = 0
const newDir = () => join(root, `${dirs++}`)
const open = (dir: string, more: Partial<TsdbOptions> = {}) =>
  openTsdb({
    dir,
    clock: new ManualClock(),
    log: silentLog,
    maxAheadMs: Infinity,
    blockMs: 100_000,
    outOfOrderWindowMs: 1e9,
    ...more,
  })

const SERIES = 4
const series = (i: number) => Labels.of({ __name__: 'm', i: `${i}`, odd: `${i % 2}` })
const everything = [matcher('__name__', '=', 'm')]

/**
 * As a process that died leaves it: what was written, while the store is open. In one turn, so that upkeep takes no step meanwhile: with
 * blocks copied before one was written, and the log after it was shortened for that, samples would be in neither.
 */
function copyDir(from: string, to: string): void {
  mkdirSync(to, { recursive: true })
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    if (entry.name === 'lock') continue
    try {
      if (entry.isDirectory()) copyDir(join(from, entry.name), join(to, entry.name))
      else copyFileSync(join(from, entry.name), join(to, entry.name))
    } catch (error) {
      // The step that upkeep was in has renamed or deleted it.
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error
    }
  }
}

class Model {
  readonly samples: Map<number, number>[] = Array.from({ length: SERIES }, () => new Map<number, number>())

  delete(test: (i: number) => boolean, start: number, end: number): void {
    for (const [i, samples] of this.samples.entries()) {
      if (!test(i)) continue
      for (const at of samples.keys()) if (at >= start && at <= end) samples.delete(at)
    }
  }

  /** As `seen`. */
  get all(): readonly (readonly [string, readonly (readonly [number, number])[]])[] {
    return this.samples.flatMap((samples, i) =>
      samples.size === 0 ? [] : [[`${i}`, [...samples].sort((a, b) => a[0] - b[0])] as const],
    )
  }
}

function seen(store: Tsdb): Model['all'] {
  using querier = store.querier(unixMs(-1e12), unixMs(1e12))
  const found = querier.select(everything).map((one) => {
    const { timestamps, values, count } = one.samples()
    return [
      one.labels.get('i'),
      Array.from({ length: count }, (_, n) => [timestamps[n]!, values[n]!] as const),
    ] as const
  })
  const listed = querier.series(everything).map((labels) => labels.get('i'))
  assert.deepEqual(
    listed,
    found.map(([i]) => i),
    'series lists what select finds',
  )
  assert.deepEqual(querier.labelValues('i', everything), listed, 'and so do the values of a label')
  return found
}

type Step =
  | { readonly do: 'append'; readonly i: number; readonly at: number }
  | { readonly do: 'delete'; readonly only: number | 'odd' | 'all'; readonly start: number; readonly end: number }
  | { readonly do: 'flush' | 'upkeep' | 'clean' | 'reopen' | 'crash' | 'snapshot' }

const at = fc.integer({ min: 0, max: 60 }).map((n) => n * 10_000)
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: fc.constant('append' as const), i: fc.nat(SERIES - 1), at }) },
  {
    weight: 4,
    arbitrary: fc
      .record({ only: fc.constantFrom(0, 1, 2, 'odd' as const, 'all' as const), a: at, b: at })
      .map(({ only, a, b }) => ({ do: 'delete' as const, only, start: Math.min(a, b), end: Math.max(a, b) })),
  },
  {
    weight: 5,
    arbitrary: fc
      .constantFrom(
        'flush' as const,
        'upkeep' as const,
        'clean' as const,
        'reopen' as const,
        'crash' as const,
        'snapshot' as const,
      )
      .map((what) => ({ do: what })),
  },
)

test('whatever is written, deleted, flushed, merged, cleaned, reopened and copied: what is there is what a plain map holds', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
      let dir = newDir()
      let store = await open(dir)
      const model = new Model()
      let value = 0
      const newest = new Array<number>(SERIES).fill(-Infinity)
      try {
        for (const one of steps) {
          switch (one.do) {
            case 'append': {
              using batch = store.appender()
              value++
              batch.append(undefined, series(one.i), unixMs(one.at), value)
              const { appended } = batch.commit()
              // Of an instant the first sample stays, unless it was deleted. That of a series' last one is never free again.
              const isFree = !model.samples[one.i]!.has(one.at)
              if (one.at !== newest[one.i]) assert.equal(appended, isFree ? 1 : 0, JSON.stringify(one))
              if (appended > 0) model.samples[one.i]!.set(one.at, value)
              newest[one.i] = Math.max(newest[one.i]!, one.at)
              break
            }
            case 'delete': {
              const { only, start, end } = one
              const set =
                only === 'all'
                  ? everything
                  : only === 'odd'
                    ? [matcher('odd', '=~', '1|x')]
                    : [matcher('i', '=', `${only}`)]
              await store.deleteSeries({ sets: [set], start, end })
              model.delete((i) => (only === 'all' ? true : only === 'odd' ? i % 2 === 1 : i === only), start, end)
              break
            }
            case 'flush':
              await store.flush()
              break
            case 'upkeep':
              await store.upkeep()
              break
            case 'clean':
              await store.cleanTombstones()
              assert.equal(await store.cleanTombstones(), 0, 'cleaning leaves no tombstone')
              break
            case 'reopen':
              await store[Symbol.asyncDispose]()
              store = await open(dir)
              break
            case 'crash': {
              const copy = newDir()
              copyDir(dir, copy)
              await store[Symbol.asyncDispose]()
              dir = copy
              store = await open(dir)
              break
            }
            case 'snapshot': {
              const { dir: copy } = await store.snapshot()
              await using other = await open(copy)
              assert.deepEqual(seen(other), model.all, 'a snapshot holds the same')
              break
            }
          }
          assert.deepEqual(seen(store), model.all, `after ${JSON.stringify(one)}`)
        }
      } finally {
        await store[Symbol.asyncDispose]()
      }
    }),
    { numRuns: Number(process.env['ASSAY_DELETE_RUNS'] ?? 20) },
  )
})

test('a long block of which much was deleted is written anew by itself, others wait for a merge', async () => {
  const cases = [
    { from: 0, to: 800_000, waits: false, why: 'in a block of nine spans' },
    { from: 950_000, to: 960_000, waits: true, why: 'in a short one, which is merged before long' },
  ]
  for (const { from, to, waits, why } of cases) {
    await using store = await open(newDir())
    using batch = store.appender()
    for (let time = 0; time <= 1_300_000; time += 10_000)
      for (let i = 0; i < SERIES; i++) batch.append(undefined, series(i), unixMs(time), time)
    batch.commit()
    await store.upkeep()
    assert.ok(store.blocks().some(({ start, end }) => start === 0 && end === 900_000))
    await store.deleteSeries({ sets: [[matcher('i', '=', '1')]], start: from, end: to })
    const left = seen(store)
    await store.upkeep()
    assert.deepEqual(seen(store), left)
    assert.equal(await store.cleanTombstones(), waits ? 1 : 0, why)
  }
})
