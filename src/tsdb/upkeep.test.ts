/**
 * Upkeep of the store: when samples move from the head to blocks, when blocks merge and leave, and what readers see meanwhile.
 *
 * A little beyond 400 lines: each rule is one short test over the same few series, in order and late.
 */
import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { Labels, ManualClock, matcher, silentLog, unixMs } from '#core'
import { commitAll, dump, memoryStore, type Store } from '#storage'
import { CHECKPOINT_FILE } from './checkpoint/checkpoints.ts'
import { openTsdb, type Tsdb, type TsdbOptions } from './index.ts'

const root = await mkdtemp(join(tmpdir(), 'assay-upkeep-'))
after(() => rm(root, { recursive: true }))
let dirs = 0
const newDir = () => join(root, `${dirs++}`)
const open = (dir: string, more: Partial<TsdbOptions> = {}) =>
  openTsdb({ dir, clock: new ManualClock(), log: silentLog, maxAheadMs: Infinity, blockMs: 1000, ...more })

const series = (i: number) => Labels.of({ __name__: 'm', i: `${i}` })
const all = [matcher('__name__', '=', 'm')]

/** One sample of each of four series every 10 ms, from `from` up to `to`. */
function append(store: Store, from: number, to: number): void {
  for (let at = from; at < to; at += 10) {
    commitAll(
      store,
      [0, 1, 2, 3].map((i) => [series(i), at, at * 4 + i]),
    )
  }
}

async function same(store: Tsdb, from: number, to: number): Promise<void> {
  await using model = memoryStore()
  append(model, from, to)
  assert.deepEqual(dump(store, all), dump(model, all))
  assert.deepEqual(dump(store, all, from + 950, from + 1050), dump(model, all, from + 950, from + 1050))
}

test('the oldest block leaves the head when it spans one and a half, and every sample is still there once', async () => {
  await using store = await open(newDir())
  append(store, 0, 1500)
  await store.upkeep()
  assert.equal(store.stats().blocks, 0)
  append(store, 1500, 1520)
  await store.upkeep()
  const { blocks, headSamples, samples } = store.stats()
  assert.deepEqual([blocks, headSamples < 4 * 90, samples >= 4 * 152], [1, true, true])
  await same(store, 0, 1520)
})

test('blocks, merged blocks and the head together answer as one, before and after a reopen', async () => {
  const dir = newDir()
  {
    await using store = await open(dir)
    for (let from = 0; from < 12_000; from += 500) {
      append(store, from, from + 500)
      await store.upkeep()
    }
    const { blocks } = store.stats()
    assert.ok(blocks >= 3 && blocks <= 6, `${blocks} blocks`)
    assert.ok((await readdir(join(dir, 'blocks'))).includes('0_9000'))
    await same(store, 0, 12_000)
  }
  await using again = await open(dir)
  await same(again, 0, 12_000)
})

test('the log is shortened when a block is written', async () => {
  const dir = newDir()
  await using store = await open(dir)
  for (let from = 0; from < 20_000; from += 500) {
    append(store, from, from + 500)
    await store.upkeep()
  }
  const { walBytes, headSamples } = store.stats()
  assert.ok(walBytes < headSamples * 60 + 4096, `${walBytes} bytes for ${headSamples} samples`)
  assert.ok((await readdir(join(dir, 'wal'))).length <= 3)
})

test('a sample that lies before a block is refused as too old, and one behind its series as out of order', async () => {
  await using store = await open(newDir())
  append(store, 0, 1600)
  await store.upkeep()
  const report = commitAll(store, [
    [series(77), 500, 1],
    [series(0), 500, 1],
    [series(77), 1100, 1],
  ])
  assert.equal(report.appended, 1)
  assert.deepEqual(report.rejected.map(({ reason }) => reason).toSorted(), ['out-of-order', 'too-old'])
})

test('a reader that was open before a block was written reads on from what it began with', async () => {
  await using store = await open(newDir())
  append(store, 0, 1400)
  using querier = store.querier(unixMs(0), unixMs(1e6))
  const selected = querier.select(all)
  append(store, 1400, 4000)
  await store.upkeep()
  await store.upkeep()
  assert.equal(selected[0]?.samples().count, 140)
  assert.equal(querier.select(all)[3]?.samples().count, 140)
  querier[Symbol.dispose]()
  await store.upkeep()
  assert.ok(store.stats().blocks >= 1)
  assert.ok(store.stats().headSamples < 4 * 170)
  await same(store, 0, 4000)
})

test('commits that come while a block is being written are all there', async () => {
  await using store = await open(newDir())
  append(store, 0, 1600)
  const running = store.upkeep()
  for (let at = 1600; at < 2400; at += 10) {
    append(store, at, at + 10)
    await new Promise<void>((resolve) => setImmediate(resolve))
  }
  await running
  await store.upkeep()
  await same(store, 0, 2400)
})

test('a reader that is open keeps a block that retention or a merge took away', async () => {
  const dir = newDir()
  await using store = await open(dir, { retentionMs: 3000 })
  append(store, 0, 2600)
  await store.upkeep()
  using querier = store.querier(unixMs(0), unixMs(1500))
  const selected = querier.select(all)
  append(store, 2600, 9000)
  await store.upkeep()
  assert.ok(store.stats().minTime! >= 4000, `${store.stats().minTime}`)
  assert.equal(selected[0]?.samples().count, 151)
  querier[Symbol.dispose]()
  const oldest = (await readdir(join(dir, 'blocks'))).map((name) => Number.parseInt(name, 10)).sort((a, b) => a - b)[0]
  assert.ok(oldest! >= 4000)
})

test('blocks leave by size, oldest first, and the newest stay', async () => {
  await using store = await open(newDir(), { retentionBytes: 7_000 })
  for (let from = 0; from < 30_000; from += 500) {
    append(store, from, from + 500)
    await store.upkeep()
  }
  const { sizeBytes, minTime, maxTime } = store.stats()
  assert.ok(sizeBytes <= 20_000, `${sizeBytes}`)
  assert.ok(minTime! > 0)
  assert.equal(maxTime, 29_990)
})

test('the checkpoint counts as what the store takes on disk, and blocks leave for it', async () => {
  const dir = newDir()
  {
    await using store = await open(dir, { checkpointBytes: 1 })
    assert.equal(store.stats().checkpointBytes, 0)
    for (let from = 0; from < 6000; from += 500) {
      append(store, from, from + 500)
      await store.upkeep()
    }
  }
  const { size } = await stat(join(dir, 'wal', CHECKPOINT_FILE))
  // No more checkpoints: what a start found is what there is.
  const reopened = async (retentionBytes: number) => {
    await using store = await open(dir, { checkpointBytes: Infinity, retentionBytes })
    await store.upkeep()
    return store.stats()
  }
  const { sizeBytes, blockBytes, walBytes, checkpointBytes, blocks } = await reopened(Infinity)
  assert.deepEqual([checkpointBytes, sizeBytes], [size, blockBytes + walBytes + size])
  assert.equal((await reopened(sizeBytes)).blocks, blocks)
  assert.equal((await reopened(sizeBytes - 1)).blocks, blocks - 1)
})

test('series that are gone leave the head, and their places are used again without mixing up', async () => {
  await using store = await open(newDir())
  let seen = 0
  for (let round = 0; round < 12; round++) {
    for (let at = 0; at < 1000; at += 50) {
      const now = round * 1000 + at
      commitAll(
        store,
        Array.from({ length: 50 }, (_, i) => [series(round * 50 + i), now, round * 1000 + i]),
      )
    }
    await store.upkeep()
    seen = Math.max(seen, store.stats().series)
  }
  assert.ok(seen <= 250, `${seen} series at once`)
  const found = dump(store, all)
  assert.equal(found.length, 600)
  using querier = store.querier(unixMs(0), unixMs(1e6))
  for (const one of querier.select(all)) {
    const i = Number(one.labels.get('i'))
    const { values, count } = one.samples()
    assert.equal(count, 20)
    assert.ok(values.subarray(0, count).every((value) => value === Math.floor(i / 50) * 1000 + (i % 50)))
  }
})

test('a batch that was begun before its series left the head still goes to the right series', async () => {
  await using store = await open(newDir())
  commitAll(store, [[series(1), 0, 1]])
  using late = store.appender()
  const ref = late.append(undefined, series(1), unixMs(5000), 5)
  for (let at = 100; at < 4000; at += 100) commitAll(store, [[series(2), at, 2]])
  await store.upkeep()
  commitAll(store, [[series(3), 4000, 3]])
  assert.equal(late.commit().appended, 1)
  using next = store.appender()
  next.append(ref, series(1), unixMs(5001), 6)
  assert.equal(next.commit().appended, 1)
  using querier = store.querier(unixMs(0), unixMs(1e6))
  const [found] = querier.select([matcher('i', '=', '1')])
  const { timestamps, count } = found!.samples()
  assert.deepEqual([...timestamps.subarray(0, count)], [0, 5000, 5001])
})

test('a gap of many years does not make a block for every span in it', async () => {
  const dir = newDir()
  await using store = await open(dir)
  commitAll(store, [[series(0), 10, 1]])
  commitAll(store, [[series(0), 1.7e12, 2]])
  await store.upkeep()
  assert.equal(store.stats().blocks, 1)
  assert.equal(dump(store, all, 0, 2e12)[0] === undefined, false)
  using querier = store.querier(unixMs(0), unixMs(2e12))
  assert.equal(querier.select(all)[0]?.samples().count, 2)
})

test('upkeep runs by the clock as well', async () => {
  const clock = new ManualClock()
  await using store = await open(newDir(), { clock, upkeepIntervalMs: 1000, retentionMs: 2000 })
  append(store, 0, 8000)
  await clock.advance(1000)
  await store.upkeep()
  assert.ok(store.stats().minTime! >= 5000)
})

test('what the disk refuses is tried again by the clock, and not with each commit', async () => {
  const dir = newDir()
  const clock = new ManualClock()
  const said: string[] = []
  const log = { ...silentLog, error: (_: object, message: string) => said.push(message) }
  await using store = await open(dir, { clock, log })
  await rm(join(dir, 'blocks'), { recursive: true })
  await writeFile(join(dir, 'blocks'), '')
  for (let from = 0; from < 4000; from += 100) {
    append(store, from, from + 100)
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
  }
  await store.upkeep()
  const refused = said.filter((message) => message.startsWith('could not write blocks')).length
  assert.ok(refused >= 1 && refused <= 3, `${refused} times`)
  await rm(join(dir, 'blocks'))
  await mkdir(join(dir, 'blocks'))
  await store.upkeep()
  assert.ok(store.stats().blocks > 0)
  append(store, 4000, 8000)
  await store.upkeep()
  await same(store, 0, 8000)
})

test('a sample far ahead of the clock is refused, so that it cannot make the present too old', async () => {
  const clock = new ManualClock(1.7e12)
  await using store = await open(newDir(), { clock, blockMs: 1000, maxAheadMs: 5000 })
  const report = commitAll(store, [
    [series(0), 1.7e12, 1],
    [series(0), 1.7e12 + 5000, 2],
    [series(0), 1.7e12 + 5001, 3],
    [series(0), 4e12, 'stale'],
  ])
  assert.equal(report.appended, 2)
  assert.deepEqual(
    report.rejected.map(({ reason, count }) => [reason, count]),
    [['no-instant', 1]],
  )
})

/** Late samples of one series at these instants. */
function appendLate(store: Store, instants: readonly number[]): void {
  const report = commitAll(
    store,
    instants.map((at) => [series(0), at, at * 4]),
  )
  assert.deepEqual(report, { appended: instants.length, rejected: [] })
}

function instantsOf(store: Store, i: number): readonly number[] {
  using querier = store.querier(unixMs(-1e12), unixMs(1e12))
  const found = querier.select([matcher('i', '=', `${i}`)])[0]?.samples()
  return [...(found?.timestamps.subarray(0, found.count) ?? [])]
}

test('late samples get a block of their own, and are merged into the blocks of their time once the head has left it', async () => {
  const dir = newDir()
  const names = async () => (await readdir(join(dir, 'blocks'))).toSorted()
  const expected = [-2495, 5, 15, 1705, ...Array.from({ length: 252 }, (_, i) => i * 10)].toSorted((x, y) => x - y)
  {
    await using store = await open(dir, { outOfOrderWindowMs: Infinity, maxLateSamples: 2 })
    append(store, 0, 1520)
    await store.upkeep()
    assert.deepEqual(await names(), ['0_1000'])
    append(store, 1520, 1900)
    appendLate(store, [15, 5, -2495, 1705])
    await store.upkeep()
    // 1705 is still the head's: the block of late samples stays beside the others.
    assert.deepEqual(await names(), ['0_1000', 'late--3000_2000.1'])
    assert.deepEqual([store.stats().lateSamples, store.stats().lateBlocks], [0, 1])
    append(store, 1900, 2520)
    await store.upkeep()
    assert.deepEqual(await names(), ['-2495_0', '0_1000.1', '1000_2000.1'].toSorted())
    assert.deepEqual(instantsOf(store, 0), expected)
    assert.equal(instantsOf(store, 1).length, 252)
  }
  await using again = await open(dir)
  assert.deepEqual(instantsOf(again, 0), expected)
})

test('late samples are there once however often they are written, merged and read from the log again', async () => {
  const dir = newDir()
  const instants = new Set<number>()
  for (let round = 0; round < 8; round++) {
    await using store = await open(dir, { outOfOrderWindowMs: Infinity, maxLateSamples: 30 })
    append(store, round * 700, round * 700 + 700)
    for (let at = 0; at < 700; at += 10) instants.add(round * 700 + at)
    for (let k = 0; k < 20; k++) {
      const at = ((k * 37 + round * 11) % 500) * 10 + 3 - 2000
      if (instants.has(at)) continue
      instants.add(at)
      appendLate(store, [at])
    }
    if (round % 2 === 0) await store.upkeep()
    if (round % 3 === 0) await store.flush()
    assert.deepEqual(
      instantsOf(store, 0),
      [...instants].sort((x, y) => x - y),
      `round ${round}`,
    )
  }
})

test('the log keeps late samples until they are in a block, and is shortened then', async () => {
  const dir = newDir()
  await using store = await open(dir, { outOfOrderWindowMs: Infinity, walSegmentBytes: 500 })
  append(store, 0, 1000)
  for (let at = 1; at < 300; at += 2) appendLate(store, [at])
  const before = store.stats().walBytes
  await store.upkeep()
  assert.equal(store.stats().walBytes, before)
  await store.flush()
  assert.deepEqual([store.stats().walBytes, store.stats().lateSamples], [0, 0])
  assert.equal(instantsOf(store, 0).length, 250)
})

test('blocks of late samples leave by age and by size as others do, and what is too old is not merged first', async () => {
  const dir = newDir()
  await using store = await open(dir, { outOfOrderWindowMs: Infinity, retentionMs: 3000 })
  append(store, 0, 5000)
  appendLate(store, [-900_000, 505, 4005])
  await store.flush()
  await store.upkeep()
  assert.ok(store.stats().minTime! > -900_000)
  assert.ok(instantsOf(store, 0).includes(4005))
  assert.equal(store.stats().lateBlocks, 0)

  await using small = await open(newDir(), { outOfOrderWindowMs: Infinity, retentionBytes: 1, maxLateSamples: 2 })
  append(small, 0, 500)
  appendLate(small, [15, 25, 35])
  await small.upkeep()
  assert.deepEqual([small.stats().lateBlocks, small.stats().blocks], [0, 0])
})

test('a reader that was open before late samples were written and merged reads on from what it began with', async () => {
  await using store = await open(newDir(), { outOfOrderWindowMs: Infinity, maxLateSamples: 2 })
  append(store, 0, 1400)
  appendLate(store, [5, 15, 25])
  using querier = store.querier(unixMs(0), unixMs(1e6))
  const [selected] = querier.select(all)
  appendLate(store, [35, 45])
  append(store, 1400, 4000)
  await store.upkeep()
  appendLate(store, [55])
  await store.upkeep()
  assert.equal(selected!.samples().count, 143)
  assert.equal(querier.select(all)[0]!.samples().count, 143)
  assert.equal(instantsOf(store, 0).length, 406)
})

test('a window that is closed again leaves what was taken, and what the log holds of it', async () => {
  const dir = newDir()
  {
    await using store = await open(dir, { outOfOrderWindowMs: 1000 })
    append(store, 0, 500)
    appendLate(store, [5])
    store.setOutOfOrderWindow(0)
    assert.deepEqual(
      commitAll(store, [[series(0), 15, 1]]).rejected.map(({ reason }) => reason),
      ['out-of-order'],
    )
  }
  await using again = await open(dir)
  assert.equal(again.stats().lateSamples, 1)
  assert.equal(instantsOf(again, 0)[1], 5)
})

test('more late samples than memory is for are refused, whole batches, until a block was written', async () => {
  await using store = await open(newDir(), { outOfOrderWindowMs: Infinity, maxLateSamples: 1 })
  commitAll(store, [[series(0), 1e6, 1]])
  appendLate(
    store,
    Array.from({ length: 10_001 }, (_, i) => i),
  )
  const more = () => commitAll(store, [[series(0), -1, 1]])
  assert.throws(more, { code: 'ASSAY_STORE_WRITE', message: /10001 late samples wait/ })
  await store.upkeep()
  assert.equal(more().appended, 1)
})
