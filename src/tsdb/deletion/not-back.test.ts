/** What was deleted does not come back by a block that was given up, nor by what was known of it. */
import assert from 'node:assert/strict'
import { cp, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { after, test } from 'node:test'
import { Labels, ManualClock, matcher, silentLog, unixMs } from '#core'
import { commitAll, dump, sampleHistogram } from '#storage'
import { openTsdb } from '../index.ts'

const root = await mkdtemp(join(tmpdir(), 'assay-not-back-'))
after(() => rm(root, { recursive: true }))
const series = Labels.of({ __name__: 'm' })
const everything = [matcher('__name__', '=', 'm')]
const open = (dir: string) =>
  openTsdb({
    dir,
    clock: new ManualClock(),
    log: silentLog,
    maxAheadMs: Infinity,
    blockMs: 100_000,
    outOfOrderWindowMs: 1e9,
  })

test('a block that readers hold when it is replaced is no block to the next start, after a death too', async () => {
  const dir = join(root, 'held')
  const copy = join(root, 'held-copy')
  await using store = await open(dir)
  for (let at = 0; at <= 10; at++) commitAll(store, [[series, at * 10_000, at]])
  commitAll(store, [[series, 5000, 1]])
  await store.flush()
  for (let at = 11; at <= 30; at++) commitAll(store, [[series, at * 10_000, at]])
  assert.equal(store.stats().lateBlocks, 1)
  {
    using _reader = store.querier(unixMs(0), unixMs(1e6))
    await store.upkeep()
    assert.equal(store.stats().lateBlocks, 0, 'merged')
    await store.deleteSeries({ sets: [everything], start: 0, end: 1e9 })
    await cp(dir, copy, { recursive: true, filter: (path) => basename(path) !== 'lock' })
  }
  assert.ok((await readdir(join(copy, 'blocks'))).some((name) => name.startsWith('late-')))
  await using again = await open(copy)
  assert.deepEqual(dump(again, everything), [])
  assert.ok(!(await readdir(join(copy, 'blocks'))).some((name) => name.startsWith('late-') || name.startsWith('tmp-')))
})

for (const [where, settle] of [
  ['in memory', async () => undefined],
  ['in a block', async (store: Awaited<ReturnType<typeof open>>) => store.flush()],
] as const) {
  test(`a histogram behind one that was deleted says nothing of a reset: ${where}`, async () => {
    await using store = await open(join(root, where))
    const add = (at: number, count: number) => {
      using batch = store.appender()
      batch.appendHistogram(undefined, series, unixMs(at), sampleHistogram([count, 1]))
      batch.commit()
    }
    const hints = () => {
      using querier = store.querier(unixMs(0), unixMs(1e9))
      return querier
        .select(everything)[0]
        ?.samples()
        .histograms?.map((histogram) => histogram?.resetHint)
    }
    add(1000, 50)
    add(2000, 3)
    await settle(store)
    await store.deleteSeries({ sets: [everything], start: 2000, end: 2000 })
    // Against the one that was deleted nothing was reset, against the one before it something was.
    add(3000, 4)
    add(4000, 5)
    assert.deepEqual(hints(), ['unknown', 'unknown', 'none'])
    await store.flush()
    await store.upkeep()
    assert.equal(hints()?.[1], 'unknown')
  })
}

test('of an instant that came late the first sample stays after a start, also when what was behind it was deleted', async () => {
  const dir = join(root, 'late')
  {
    await using store = await open(dir)
    commitAll(store, [[series, 10_000, 1]])
    commitAll(store, [[series, 20_000, 2]])
    commitAll(store, [[series, 15_000, 3]])
    await store.deleteSeries({ sets: [everything], start: 18_000, end: 30_000 })
  }
  await using store = await open(dir)
  const before = dump(store, everything)
  const { appended, rejected } = commitAll(store, [[series, 15_000, 4]])
  assert.deepEqual([appended, rejected.map(({ reason }) => reason)], [0, ['duplicate']])
  assert.deepEqual(dump(store, everything), before)
  assert.equal(commitAll(store, [[series, 16_000, 5]]).appended, 1)
})
