import assert from 'node:assert/strict'
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { ManualClock, silentLog } from '#core'
import type { Position } from './position-file.ts'
import { Spool, type SpoolOptions } from './spool.ts'
import { SEGMENT_HEADER_BYTES } from './spool-record.ts'

const root = await mkdtemp(join(tmpdir(), 'assay-spool-'))
after(() => rm(root, { recursive: true }))
let made = 0
const newDir = () => join(root, `${made++}`)

type Dropped = { samples: number; histograms: number; why: string }

function open(dir: string, over: Partial<SpoolOptions> = {}) {
  const dropped: Dropped[] = []
  const clock = new ManualClock(1.7e12)
  const spool = new Spool({
    dir,
    clock,
    log: silentLog,
    maxBytes: 2 ** 30,
    maxAgeMs: 0,
    onDropped: (count, why) => dropped.push({ ...count, why }),
    ...over,
  })
  return { spool, dropped, clock }
}

/** One record with `size` samples, the value being `tag`. */
function add(spool: Spool, tag: number, size = 3): Position | undefined {
  if (!spool.ready()) return undefined
  const number = spool.nextSeries()
  return spool.append(
    {
      count: size,
      numbers: new Uint32Array(size).fill(number),
      timestamps: new Float64Array(size).fill(1.7e12),
      values: new Float64Array(size).fill(tag),
      starts: undefined,
      histograms: undefined,
      named: [{ number, flat: ['__name__', `m${tag}`] }],
    },
    { samples: size, histograms: 0 },
  )
}

/** The tags of what can be read, each of whose series is named. */
function tags(spool: Spool): number[] {
  const found: number[] = []
  for (let record = spool.read(); record !== undefined; record = spool.read()) {
    const [tag = -1] = record.samples.values
    assert.deepEqual(spool.flatOf(record.samples.numbers[0]!), ['__name__', `m${tag}`])
    found.push(tag)
  }
  return found
}

test('what was appended is read in its order, over segments, and again after a reopening', () => {
  const dir = newDir()
  {
    const { spool } = open(dir, { segmentBytes: 200 })
    using _ = spool
    for (let tag = 1; tag <= 9; tag++) add(spool, tag)
    assert.ok(spool.segments > 2)
    assert.deepEqual(tags(spool), [1, 2, 3, 4, 5, 6, 7, 8, 9])
    assert.deepEqual(spool.unread, { samples: 0, histograms: 0 })
  }
  const { spool } = open(dir)
  using _ = spool
  assert.deepEqual(spool.unread, { samples: 27, histograms: 0 })
  add(spool, 10)
  assert.deepEqual(tags(spool), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
})

test('what is acknowledged is not read again, and its segments are gone', async () => {
  const dir = newDir()
  {
    const { spool } = open(dir, { segmentBytes: 200 })
    using _ = spool
    const places = [1, 2, 3, 4, 5, 6].map((tag) => add(spool, tag)!)
    spool.acknowledge(places[3]!)
  }
  const { spool } = open(dir)
  using _ = spool
  assert.deepEqual(spool.unread.samples, 6)
  assert.deepEqual(tags(spool), [5, 6])
  assert.equal((await readdir(dir)).filter((name) => name.endsWith('.spool')).length, spool.segments)
})

test('everything acknowledged and reopened again and again leaves no files behind and begins no number anew', async () => {
  const dir = newDir()
  const seen = new Set<number>()
  for (let round = 1; round <= 5; round++) {
    const { spool } = open(dir)
    using _ = spool
    assert.deepEqual(tags(spool), [])
    assert.ok(!seen.has(spool.segment), 'a number that a position may name')
    seen.add(spool.segment)
    spool.acknowledge(add(spool, round)!)
  }
  assert.ok((await readdir(dir)).length <= 3)
})

test('a file cut at any byte gives the whole records before the cut, and goes on from there', async () => {
  const dir = newDir()
  const ends: number[] = []
  {
    const { spool } = open(dir)
    using _ = spool
    for (let tag = 1; tag <= 4; tag++) ends.push(add(spool, tag)!.offset)
  }
  const file = (await readdir(dir)).find((name) => name.endsWith('.spool'))!
  const bytes = await readFile(join(dir, file))
  for (let cut = 0; cut <= bytes.length; cut++) {
    const copy = newDir()
    await cp(dir, copy, { recursive: true })
    await writeFile(join(copy, file), bytes.subarray(0, cut))
    const { spool } = open(copy)
    using _ = spool
    add(spool, 5)
    assert.deepEqual(
      tags(spool),
      [...[1, 2, 3, 4].slice(0, ends.filter((end) => end <= cut).length), 5],
      `cut at ${cut}`,
    )
  }
})

test('a flipped bit costs at most the record it is in, is told, and never gives a wrong number', async () => {
  const dir = newDir()
  let end = 0
  {
    const { spool } = open(dir)
    using _ = spool
    for (let tag = 1; tag <= 4; tag++) end = add(spool, tag)!.offset
  }
  const file = (await readdir(dir)).find((name) => name.endsWith('.spool'))!
  const bytes = await readFile(join(dir, file))
  for (let at = 0; at < bytes.length; at++) {
    const flipped = Buffer.from(bytes)
    flipped[at]! ^= 1 << (at & 7)
    const copy = newDir()
    await cp(dir, copy, { recursive: true })
    await writeFile(join(copy, file), flipped)
    const { spool } = open(copy)
    using _ = spool
    const found = tags(spool)
    if (at < 32) assert.deepEqual(found, [1, 2, 3, 4], `the header, byte ${at}`)
    else if (at >= SEGMENT_HEADER_BYTES) {
      assert.equal(found.length, 3, `byte ${at}`)
      assert.ok(found.every((tag) => [1, 2, 3, 4].includes(tag)))
      // Of the last record nothing follows, so that it cannot be told from a commit that was cut.
      assert.ok(spool.damagedBytes > 0 || !found.includes(4), `byte ${at} of ${end}`)
    }
  }
})

test('a position that is damaged only means that more is sent again', async () => {
  const dir = newDir()
  {
    const { spool } = open(dir)
    using _ = spool
    spool.acknowledge(add(spool, 1)!)
    spool.acknowledge(add(spool, 2)!)
    add(spool, 3)
  }
  const path = join(dir, 'position')
  const bytes = await readFile(path)
  for (let at = 0; at < bytes.length; at++) {
    const flipped = Buffer.from(bytes)
    flipped[at]! ^= 1
    await writeFile(path, flipped)
    const { spool } = open(dir)
    using _ = spool
    assert.deepEqual(tags(spool).at(-1), 3, `byte ${at}`)
  }
})

test('beyond its bytes the oldest goes and is counted; what is acknowledged or was read is not', () => {
  const { spool, dropped } = open(newDir(), { segmentBytes: 200, maxBytes: 1000 })
  using _ = spool
  for (let tag = 1; tag <= 50; tag++) add(spool, tag)
  assert.ok(spool.bytes <= 1000 + 200)
  const left = tags(spool)
  assert.equal(left.at(-1), 50)
  assert.equal(dropped.reduce((sum, { samples }) => sum + samples, 0) + left.length * 3, 150)
  assert.ok(dropped.every(({ why }) => why === 'queue_full'))
  const before = dropped.length
  for (let tag = 51; tag <= 99; tag++) spool.passed(add(spool, tag)!)
  assert.equal(dropped.length, before)
})

test('what is older than it may be goes and is counted as too old', async () => {
  const { spool, dropped, clock } = open(newDir(), { segmentBytes: 200, maxAgeMs: 3600_000 })
  using _ = spool
  for (let tag = 1; tag <= 4; tag++) add(spool, tag)
  await clock.advance(3600_001)
  for (let tag = 5; tag <= 12; tag++) add(spool, tag)
  await clock.advance(1)
  assert.deepEqual(
    dropped.map(({ why }) => why),
    dropped.map(() => 'too_old'),
  )
  const left = tags(spool)
  assert.equal(dropped.reduce((sum, { samples }) => sum + samples, 0) + left.length * 3, 36)
  assert.ok(!left.includes(1) && left.includes(12))
})

test('a disk that refuses leaves nothing of the record, is left alone for a second, and is used again', async () => {
  let full = false
  const { writeSync } = await import('node:fs')
  const dir = newDir()
  const { spool, clock } = open(dir, {
    write: (fd, bytes) => {
      if (!full) return writeSync(fd, bytes)
      writeSync(fd, bytes.subarray(0, bytes.length >> 1))
      throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' })
    },
  })
  {
    using _ = spool
    add(spool, 1)
    full = true
    assert.equal(add(spool, 2), undefined)
    assert.match(spool.fault, /no space left/)
    full = false
    assert.equal(spool.ready(), false, 'not asked again at once')
    await clock.advance(1000)
    assert.notEqual(add(spool, 3), undefined)
    assert.deepEqual([spool.fault, spool.failures], ['', 1])
  }
  const again = open(dir)
  using _again = again.spool
  assert.deepEqual(tags(again.spool), [1, 3])
  assert.equal(again.spool.damagedBytes, 0)
})

test('a directory that cannot be used is told at the start, with what to do', async () => {
  const path = newDir()
  await writeFile(path, 'a file')
  assert.throws(() => open(path), { code: 'ASSAY_SPOOL', message: /--remote-write-spool-size/ })
})
