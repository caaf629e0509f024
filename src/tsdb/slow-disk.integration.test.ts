/** A disk that is slow, that turns read-only while it is in use, and one that is read-only from the start: see fault-disk.test-support.ts. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { promisify } from 'node:util'
import { Labels, ManualClock, matcher, silentLog } from '#core'
import { commitAll, dump } from '#storage'
import { FaultDisk } from './fault-disk.test-support.ts'
import { openTsdb, type Tsdb } from './index.ts'

const run = promisify(execFile)
const root = await mkdtemp(join(tmpdir(), 'assay-slow-'))
let disk: FaultDisk
before(async () => {
  disk = await FaultDisk.install()
})
after(async () => {
  disk[Symbol.dispose]()
  await rm(root, { recursive: true })
})

const series = Array.from({ length: 5 }, (_, i) => Labels.of({ __name__: 'm', i: `${i}` }))
const one = [matcher('i', '=', '3')]
const open = (dir: string) =>
  openTsdb({ dir, clock: new ManualClock(), log: silentLog, maxAheadMs: Infinity, blockMs: 60_000 })
const commit = (store: Tsdb, at: number) =>
  commitAll(
    store,
    series.map((labels) => [labels, at * 1000, at]),
  )
const count = (store: Tsdb) => ((dump(store, one)[0] ?? [0]) as unknown[]).length - 1

test('while a slow disk takes a block, commits and questions go on, and nothing is missing before, during and after', async () => {
  const dir = join(root, 'slow')
  await using store = await open(dir)
  let at = 0
  for (; at < 80; at++) commit(store, at)
  disk.arm(dir, '', { kind: 'slow', at: 0, tear: 0, delayMs: 30 })
  let isDone = false
  const writing = store.flush().finally(() => {
    isDone = true
  })
  let during = 0
  // Each commit waits for the disk itself, the block for a dozen changes beside it: they take turns.
  while (!isDone) {
    commit(store, at++)
    assert.equal(count(store), at)
    during++
    await setImmediate()
  }
  await writing
  assert.ok(during > 3, `${during} commits while one block was written`)
  disk.disarm()
  assert.equal(count(store), at)
  await store[Symbol.asyncDispose]()
  await using again = await open(dir)
  assert.equal(count(again), at)
})

test('on a disk that turns read-only commits are refused with what it says, reading goes on, and all goes on when it is back', async () => {
  const dir = join(root, 'turned')
  await using store = await open(dir)
  for (let at = 0; at < 80; at++) commit(store, at)
  disk.arm(dir, '', { kind: 'refuse', at: 0, tear: 0, times: Infinity, code: 'EROFS' })
  for (let at = 80; at < 90; at++)
    assert.throws(() => commit(store, at), {
      code: 'ASSAY_STORE_WRITE',
      message: /EROFS.*nothing of the batch was kept; reading goes on, and writing again once the disk takes it/,
    })
  await store.upkeep()
  await assert.rejects(store.deleteSeries({ sets: [one], start: 0, end: 1e9 }), /EROFS/)
  await assert.rejects(
    store.cleanTombstones().then(() => store.snapshot()),
    /EROFS/,
  )
  assert.equal(count(store), 80)
  disk.disarm()
  for (let at = 90; at < 200; at++) commit(store, at)
  await store.upkeep()
  assert.equal(count(store), 190)
  assert.ok(store.stats().blocks > 0)
  assert.deepEqual(store.stats().setAside, [])
})

/** A disk that holds a store and takes nothing; `undefined` where only root may mount one and we are not. */
async function mountReadOnly(): Promise<(AsyncDisposable & { readonly path: string }) | undefined> {
  const path = join(root, 'mounted')
  await mkdir(path)
  try {
    await run('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'assay-test', path])
  } catch {
    return undefined
  }
  return { path, [Symbol.asyncDispose]: async () => void (await run('umount', [path])) }
}

test('on a disk that is read-only from the start it says so and which directory it is, and takes it once it is writable', async (t) => {
  await using mounted = await mountReadOnly()
  if (mounted === undefined) return t.skip('only root may mount a disk')
  const dir = join(mounted.path, 'data')
  {
    await using store = await open(dir)
    for (let at = 0; at < 80; at++) commit(store, at)
  }
  await run('mount', ['-o', 'remount,ro', mounted.path])
  await assert.rejects(open(dir), {
    code: 'ASSAY_DATA_OPEN',
    message: new RegExp(`the data directory ${dir} cannot be used: EROFS`),
  })
  await run('mount', ['-o', 'remount,rw', mounted.path])
  await using store = await open(dir)
  assert.equal(count(store), 80)
})
