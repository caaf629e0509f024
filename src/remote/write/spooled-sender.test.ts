/**
 * The sender with a spool: what was acknowledged to a writer reaches the receiver, whatever happens to it, to us or to the disk.
 */
import assert from 'node:assert/strict'
import { writeSync } from 'node:fs'
import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import fc from 'fast-check'
import { CUSTOM_SCHEMA, isStaleAt, ManualClock } from '#core'
import { histogramOf } from '../histograms.test-support.ts'
import { type Answering, configOf, openSender, type SenderBench, START } from './sender.test-support.ts'

const root = await mkdtemp(join(tmpdir(), 'assay-spooled-'))
after(() => rm(root, { recursive: true }))
let made = 0
const newDir = () => join(root, `${made++}`)
const MEMORY = { capacity: 10, maxShards: 1, maxSamplesPerSend: 5, batchSendDeadlineMs: 100 }

function open(
  dir: string,
  {
    answering,
    queue = MEMORY,
    clock,
    ...spool
  }: {
    answering?: Answering
    queue?: Parameters<typeof configOf>[1]
    clock?: ManualClock
    maxBytes?: number
    maxAgeMs?: number
    segmentBytes?: number
    write?: (fd: number, bytes: Buffer) => number
    version?: 'v1' | 'v2'
  } = {},
): SenderBench {
  return openSender(
    configOf({ version: spool.version ?? 'v2' }, queue),
    answering,
    {},
    {
      spool: { dir, maxBytes: 2 ** 30, maxAgeMs: 0, ...spool },
      ...(clock === undefined ? {} : { clock }),
    },
  )
}

const now = AbortSignal.abort()
const unavailable: Answering = () => ({ status: 503 })
const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i)
/** Writes samples `from` to `to`, one a commit, each with its number as its value and its instant. */
const writeEach = (bench: SenderBench, from: number, to: number) => {
  for (const n of numbers(from, to)) bench.write('c', [n], { from: n })
}
const valuesOf = (bench: SenderBench, after = 0) =>
  bench
    .seen()
    .slice(after)
    .map((one) => Number(/=(.*)$/.exec(one)![1]))

test('a receiver that keeps up is sent from memory, and nothing stays on disk', async () => {
  const bench = open(newDir(), { segmentBytes: 300 })
  writeEach(bench, 0, 200)
  await bench.clock.advance(100)
  assert.deepEqual(valuesOf(bench), numbers(0, 200))
  assert.deepEqual(
    [bench.sender.shards.pending, bench.sender.spooled?.waiting, bench.sender.spooled?.segments],
    [0, 0, 1],
  )
  await bench.sender.end(now)
})

test('a receiver that is down for an hour gets everything in order, from a memory that stays small', async () => {
  let isDown = true
  const bench = open(newDir(), { answering: () => (isDown ? { status: 503 } : undefined), segmentBytes: 5000 })
  for (let minute = 0; minute < 60; minute++) {
    writeEach(bench, minute * 100, minute * 100 + 100)
    await bench.clock.advance(60_000)
  }
  assert.equal(bench.sender.shards.pending, 6000)
  assert.ok((bench.sender.spooled?.waiting ?? 0) > 5900)
  isDown = false
  const before = bench.received.length
  await bench.clock.advance(60_000)
  const taken = bench.received
    .slice(before)
    .flatMap(({ request }) => request.series.map(({ from }) => request.values[from]))
  assert.deepEqual(taken, numbers(0, 6000))
  assert.equal(bench.sender.totals.dropped.samples.size, 0)
  assert.equal(bench.sender.shards.pending, 0)
  writeEach(bench, 6000, 6005)
  await bench.clock.advance(100)
  assert.equal(bench.seen().at(-1), 'c@6004=6004')
  await bench.sender.end(now)
})

test('after a kill the next process sends what had not arrived, histograms, stale markers and starts included', async () => {
  const dir = newDir()
  const first = open(dir, { answering: unavailable })
  first.write('c', [1, Number.NaN, null], { startAt: START - 5 })
  first.write('h', [histogramOf({ counts: [1, 2], sum: 3 })])
  await first.clock.advance(50_000)
  const copy = newDir()
  await cp(dir, copy, { recursive: true }) // as the disk is at that moment
  const second = open(copy)
  await second.clock.advance(1000)
  assert.deepEqual(second.seen(), ['c@0=1', 'c@1=NaN', 'c@2=NaN', 'h@0=h3'])
  const { values, starts } = second.received[0]!.request
  assert.deepEqual([isStaleAt(values, 1), isStaleAt(values, 2), starts?.[0]], [false, true, START - 5])
  await second.sender.end(now)
  await first.sender.end(now)
})

test('what had arrived before a kill is not sent again', async () => {
  const dir = newDir()
  let sent = 0
  const first = open(dir, { answering: () => (++sent > 3 ? { status: 503 } : undefined) })
  writeEach(first, 0, 40)
  await first.clock.advance(1000)
  const copy = newDir()
  await cp(dir, copy, { recursive: true })
  const second = open(copy)
  await second.clock.advance(1000)
  assert.deepEqual(valuesOf(second), numbers(15, 40))
  await second.sender.end(now)
  await first.sender.end(now)
})

test('an end does not wait for a receiver that is down, and loses nothing', async () => {
  const dir = newDir()
  const first = open(dir, { answering: unavailable })
  writeEach(first, 0, 30)
  await first.clock.advance(1000)
  await first.sender.end(new AbortController().signal)
  assert.equal(first.sender.totals.dropped.samples.size, 0)
  const second = open(dir)
  await second.clock.advance(1000)
  assert.deepEqual(valuesOf(second), numbers(0, 30))
  await second.sender.end(now)
})

test('an end stops to wait when the receiver dies meanwhile', async () => {
  const dir = newDir()
  let isDown = false
  const first = open(dir, { answering: () => (isDown ? new Error('ECONNREFUSED') : undefined) })
  writeEach(first, 0, 5)
  await first.clock.advance(1000)
  isDown = true
  writeEach(first, 5, 8)
  await first.sender.end(new AbortController().signal)
  const second = open(dir)
  await second.clock.advance(1000)
  assert.deepEqual(valuesOf(second), [5, 6, 7])
  await second.sender.end(now)
})

for (const [status, why] of [
  [400, 'it says so'],
  [404, 'nobody is there'],
  [200, 'nonsense, and 1.0 says the same'],
] as const) {
  test(`what is refused for good (${status}: ${why}) is counted and does not come again`, async () => {
    const dir = newDir()
    const answering: Answering = () => (status === 200 ? { status: 302, text: '<html>' } : { status, text: 'no' })
    const bench = open(dir, { answering })
    writeEach(bench, 0, 20)
    await bench.clock.advance(1000)
    assert.equal(bench.sender.totals.samplesFailed, 20)
    await bench.sender.end(now)
    const again = open(dir)
    await again.clock.advance(1000)
    assert.deepEqual(again.seen(), [])
    await again.sender.end(now)
  })
}

test('a full disk: samples wait in memory, it is said, and they are written when there is room, in order', async () => {
  let full = false
  const dir = newDir()
  let isDown = true
  const bench = open(dir, {
    answering: () => (isDown ? { status: 503 } : undefined),
    queue: { ...MEMORY, capacity: 100 },
    write: (fd, bytes) => {
      if (full) throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' })
      return writeSync(fd, bytes)
    },
  })
  writeEach(bench, 0, 150)
  await bench.clock.advance(1000)
  full = true
  writeEach(bench, 150, 200)
  await bench.clock.advance(1000)
  assert.equal(bench.sender.spooled?.isHealthy, false)
  assert.equal(bench.sender.shards.pending, 200)
  full = false
  await bench.clock.advance(1000)
  writeEach(bench, 200, 210)
  assert.equal(bench.sender.spooled?.isHealthy, true)
  const copy = newDir()
  await cp(dir, copy, { recursive: true })
  isDown = false
  const before = bench.received.length
  await bench.clock.advance(60_000)
  const taken = bench.received
    .slice(before)
    .flatMap(({ request }) => request.series.map(({ from }) => request.values[from]))
  assert.deepEqual(taken, numbers(0, 210))
  const second = open(copy)
  await second.clock.advance(1000)
  assert.deepEqual(valuesOf(second), numbers(0, 210))
  await second.sender.end(now)
  await bench.sender.end(now)
})

test('a disk that stays full: memory is bounded, the oldest go and are counted', async () => {
  const bench = open(newDir(), {
    answering: unavailable,
    write: (fd, bytes) => {
      if (bytes.length !== 40) throw new Error('ENOSPC: no space left on device')
      return writeSync(fd, bytes)
    },
  })
  writeEach(bench, 0, 1000)
  await bench.clock.advance(1000)
  const { dropped } = bench.sender.totals
  assert.ok(bench.sender.shards.pending <= 30, String(bench.sender.shards.pending))
  assert.equal((dropped.samples.get('queue_full') ?? 0) + bench.sender.shards.pending, 1000)
  await bench.sender.end(now)
})

test('a spool that is full drops the oldest, and counts them', async () => {
  const bench = open(newDir(), { answering: unavailable, maxBytes: 3000, segmentBytes: 500 })
  writeEach(bench, 0, 1000)
  await bench.clock.advance(1000)
  const lost = bench.sender.totals.dropped.samples.get('queue_full') ?? 0
  assert.ok(lost > 0)
  assert.equal(lost + bench.sender.shards.pending, 1000)
  assert.ok((bench.sender.spooled?.bytes ?? 0) <= 3500)
  await bench.sender.end(now)
})

test('more histograms than memory may hold wait on disk', async () => {
  let isDown = true
  const bench = open(newDir(), { answering: () => (isDown ? { status: 503 } : undefined) })
  const wide = histogramOf({ counts: Array.from({ length: 50 }, () => 1) })
  for (let i = 0; i < 100; i++) bench.write('h', [wide], { from: i })
  bench.write('h', [histogramOf({ counts: [1], schema: CUSTOM_SCHEMA, customBounds: [1] })], { from: 100 })
  await bench.clock.advance(1000)
  isDown = false
  const before = bench.received.length
  await bench.clock.advance(60_000)
  assert.equal(
    bench.received.slice(before).reduce((sum, { request }) => sum + request.series.length, 0),
    101,
  )
  await bench.sender.end(now)
})

const steps = fc.array(
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        kind: fc.constant('write' as const),
        series: fc.nat(5),
        count: fc.integer({ min: 1, max: 12 }),
      }),
    },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.nat(3000) }) },
    { weight: 4, arbitrary: fc.record({ kind: fc.constantFrom('down' as const, 'up' as const, 'kill' as const) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('full' as const, 'room' as const) }) },
  ),
  { maxLength: 40 },
)

test('law: whatever comes, each sample that was on disk arrives, in the order of its series, and again only as itself', async () => {
  await fc.assert(
    fc.asyncProperty(steps, fc.integer({ min: 1, max: 3 }), async (script, lanes) => {
      let dir = newDir()
      const clock = new ManualClock(START)
      let isDown = false
      let isFull = false
      const queue = { ...MEMORY, minShards: lanes, maxShards: lanes }
      const options = {
        queue,
        clock,
        segmentBytes: 700,
        answering: () => (isDown ? { status: 503 } : undefined),
        write: (fd: number, bytes: Buffer) => {
          if (isFull) throw new Error('ENOSPC: no space left on device')
          return writeSync(fd, bytes)
        },
      } as const
      let bench = open(dir, options)
      const benches = [bench]
      const next = [0, 0, 0, 0, 0, 0]
      const durable: string[] = []
      for (const step of script) {
        if (step.kind === 'write') {
          const from = next[step.series]!
          next[step.series] = from + step.count
          const values = numbers(from, from + step.count)
          bench.write(`s${step.series}`, values, { from })
          if (bench.sender.spooled?.isHealthy) durable.push(...values.map((n) => `s${step.series}@${n}=${n}`))
        } else if (step.kind === 'wait') await clock.advance(step.ms)
        else if (step.kind === 'kill') {
          const copy = newDir()
          await cp(dir, copy, { recursive: true })
          // The old one is dead to the receiver from here on: it answers nobody.
          isFull = false
          const dead = bench
          dir = copy
          bench = open(copy, options)
          benches.push(bench)
          await dead.sender.end(now)
        } else if (step.kind === 'full' || step.kind === 'room') isFull = step.kind === 'full'
        else isDown = step.kind === 'down'
      }
      isDown = isFull = false
      await clock.advance(600_000)
      const acknowledged = benches
        .flatMap(({ received }) => received.filter(({ isTaken }) => isTaken))
        .flatMap(({ texts }) => texts)
      const arrived = new Set(acknowledged)
      for (const one of durable) assert.ok(arrived.has(one), `${one} is lost`)
      const last = benches.at(-1)!
      const highest = new Map<string, number>()
      for (const { texts, isTaken } of last.received) {
        if (!isTaken) continue
        for (const text of texts) {
          const [name = '', at = ''] = text.split('@')
          assert.ok(Number.parseInt(at, 10) > (highest.get(name) ?? -1), `${text} out of its order`)
          highest.set(name, Number.parseInt(at, 10))
        }
      }
      await bench.sender.end(now)
    }),
    { numRuns: 60 },
  )
})
