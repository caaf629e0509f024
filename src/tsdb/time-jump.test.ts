/** A clock that leaps a year ahead, or back, while samples are written: what is in blocks, what retention takes, and how to go on. */
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { Labels, ManualClock, matcher, silentLog, unixMs } from '#core'
import { commitAll } from '#storage'
import { openTsdb, type Tsdb, type TsdbOptions } from './index.ts'

const root = await mkdtemp(join(tmpdir(), 'assay-jump-'))
after(() => rm(root, { recursive: true }))
const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
const YEAR = 365 * DAY
const START = 1_767_571_200_000

const series = [0, 1, 2].map((i) => Labels.of({ __name__: 'm', i: `${i}` }))
const open = (dir: string, clock: ManualClock, more: Partial<TsdbOptions> = {}) =>
  openTsdb({ dir, clock, log: silentLog, retentionMs: 15 * DAY, upkeepIntervalMs: 100 * YEAR, ...more })

/** A sample a minute of each series; returns how many were taken. */
async function write(store: Tsdb, from: number, to: number): Promise<number> {
  let taken = 0
  for (let at = from; at < to; at += MINUTE)
    taken += commitAll(
      store,
      series.map((labels) => [labels, at, at / 1000]),
    ).appended
  await store.upkeep()
  return taken
}

function counted(store: Tsdb, from: number, to: number): number {
  using querier = store.querier(unixMs(from), unixMs(to - 1))
  return querier.select([matcher('__name__', '=', 'm')]).reduce((sum, one) => sum + one.samples().count, 0)
}

test('a year ahead for three hours and back: nothing of before is gone, no block spans the leap, and it can be undone', async () => {
  const dir = join(root, 'ahead')
  const there = START + YEAR
  {
    const clock = new ManualClock(START + 8 * HOUR)
    await using store = await open(dir, clock)
    const before = await write(store, START, START + 8 * HOUR)
    // The clock leaps: what is written is of a year later, by the clock as it is.
    await clock.advance(YEAR + 3 * HOUR)
    const ahead = await write(store, there + 8 * HOUR, there + 11 * HOUR)
    assert.deepEqual([before, ahead], [3 * 480, 3 * 180])
    for (const { start, end, samples } of store.blocks()) {
      assert.ok(end - start <= 6 * HOUR, `a block of ${(end - start) / HOUR} h`)
      assert.ok(samples > 0)
    }
    assert.ok(store.blocks().length < 8, `${store.blocks().length} blocks`)
    assert.equal(counted(store, START, START + 8 * HOUR), before, 'retention does not believe in the leap')
    assert.equal(counted(store, there, there + DAY), ahead)
  }
  // The clock is right again: what is ahead of it keeps today out, and is told so.
  const clock = new ManualClock(START + 12 * HOUR)
  {
    await using store = await open(dir, clock)
    const report = commitAll(store, [[series[0]!, START + 11 * HOUR, 1]])
    assert.equal(report.appended, 0)
    assert.match(report.rejected[0]!.reason, /out-of-order|too-old/)
    assert.equal(counted(store, START, START + 8 * HOUR), 3 * 480)
    await store.deleteSeries({ sets: [[]], start: START + 2 * DAY, end: there + DAY })
    await store.cleanTombstones()
  }
  await using store = await open(dir, clock)
  assert.equal(await write(store, START + 11 * HOUR, START + 13 * HOUR), 3 * 120)
  assert.equal(counted(store, START, there + DAY), 3 * (480 + 120))
})

test('a year back: what is written then is refused, nothing is doubled, and it goes on where it was', async () => {
  const clock = new ManualClock(START + 8 * HOUR)
  await using store = await open(join(root, 'back'), clock)
  const before = await write(store, START, START + 8 * HOUR)
  assert.equal(await write(store, START - YEAR, START - YEAR + HOUR), 0)
  assert.equal(await write(store, START, START + 8 * HOUR), 0)
  assert.equal(counted(store, START - 2 * YEAR, START + DAY), before)
  assert.equal(await write(store, START + 8 * HOUR, START + 9 * HOUR), 3 * 60)
})

test('off for a year: once samples have come for a day, what is past its retention goes', async () => {
  const clock = new ManualClock(START)
  await using store = await open(join(root, 'off'), clock)
  await write(store, START - 8 * HOUR, START)
  await clock.advance(YEAR)
  await write(store, START + YEAR - 20 * HOUR, START + YEAR)
  assert.equal(counted(store, 0, START), 3 * 480)
  await clock.advance(DAY)
  await write(store, START + YEAR, START + YEAR + 10 * HOUR)
  assert.equal(counted(store, 0, START), 0)
  assert.equal(counted(store, START, START + 2 * YEAR), 3 * 30 * 60)
})
