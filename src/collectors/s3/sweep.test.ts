import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '#core'
import { type ListPage, Sweep } from './sweep.ts'

const signal = new AbortController().signal

/** A bucket of so many pages with two objects of 10 bytes each. */
function bucketOf(pages: number) {
  const asked: (string | undefined)[] = []
  const list: ListPage = async (from) => {
    asked.push(from)
    const page = Number(from ?? 0)
    return { sizes: [10, 10], newest: page, next: page + 1 < pages ? String(page + 1) : undefined }
  }
  return { list, asked }
}

test('a small bucket is counted whole at each read', async () => {
  const clock = new ManualClock(1000)
  const { list, asked } = bucketOf(1)
  const sweep = new Sweep()
  await sweep.advance(list, clock, signal)
  await sweep.advance(list, clock, signal)
  assert.equal(sweep.totals?.objects, 2)
  assert.equal(sweep.totals?.bytes, 20)
  assert.equal(asked.length, 2)
})

test('a big bucket is counted over several reads, and there are no totals before the first is complete', async () => {
  const clock = new ManualClock(1000)
  const { list } = bucketOf(120)
  const sweep = new Sweep()
  await sweep.advance(list, clock, signal)
  assert.equal(sweep.totals?.objects, undefined)
  assert.equal(sweep.progress, 100)
  await sweep.advance(list, clock, signal)
  await sweep.advance(list, clock, signal)
  assert.equal(sweep.totals?.objects, 240)
  assert.equal(sweep.totals?.newest, 119)
  assert.equal(sweep.progress, undefined)
})

test('after a sweep of several pages there is a pause in which the last totals stand', async () => {
  const clock = new ManualClock(1000)
  const { list, asked } = bucketOf(3)
  const sweep = new Sweep()
  await sweep.advance(list, clock, signal)
  await clock.advance(2000)
  await sweep.advance(list, clock, signal)
  assert.equal(asked.length, 3)
  await clock.advance(1000)
  await sweep.advance(list, clock, signal)
  assert.equal(asked.length, 6)
})

test('a slow listing goes on at the next read instead of running into the timeout', async () => {
  const clock = new ManualClock(1000)
  const { list } = bucketOf(5)
  const slow: ListPage = async (from, s) => {
    await clock.advance(300)
    return list(from, s)
  }
  const sweep = new Sweep()
  await sweep.advance(slow, clock, signal)
  assert.equal(sweep.progress, 4)
  await sweep.advance(slow, clock, signal)
  await sweep.advance(slow, clock, signal)
  assert.equal(sweep.totals?.objects, 10)
})

test('a page that fails is asked again, and nothing is counted twice', async () => {
  const clock = new ManualClock(1000)
  const { list } = bucketOf(3)
  let failures = 1
  const flaky: ListPage = async (from, s) => {
    if (from === '1' && failures-- > 0) throw new Error('lost')
    return list(from, s)
  }
  const sweep = new Sweep()
  await assert.rejects(sweep.advance(flaky, clock, signal), /lost/)
  await sweep.advance(flaky, clock, signal)
  assert.equal(sweep.totals?.objects, 6)
})
