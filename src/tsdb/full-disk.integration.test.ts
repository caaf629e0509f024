/**
 * Deleting, cleaning, copying, backing up and restoring on a disk that is really full: each fails with its words, leaves nothing half, and
 * works once there is room. Imports: test/import-prometheus.integration.test.ts.
 *
 * The small disk is a tmpfs, which only root may mount; elsewhere there is nothing to fill.
 */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, open as openFile, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { promisify } from 'node:util'
import { Labels, ManualClock, matcher, silentLog, unixMs } from '#core'
import { dump } from '#storage'
import { restoreBackup } from './backup/restore.ts'
import { openLocalBackup } from './backup/source.ts'
import { writeBackup } from './backup/write-backup.ts'
import { openDataDir } from './data-dir.ts'
import { openTsdb } from './tsdb.ts'

const root = await mkdtemp(join(tmpdir(), 'assay-full-'))
after(() => rm(root, { recursive: true }))
const run = promisify(execFile)
const never = new AbortController().signal
const everything = [matcher('__name__', '=', 'm')]
const FULL = /no space|ENOSPC/i

async function mountSmallDisk(): Promise<(AsyncDisposable & { readonly path: string }) | undefined> {
  const path = await mkdtemp(join(root, 'small-'))
  try {
    await run('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'assay-test', path])
  } catch {
    return undefined
  }
  return { path, [Symbol.asyncDispose]: async () => void (await run('umount', [path])) }
}

/** Takes the last byte. Dispose it to make room. */
async function fillUp(disk: string): Promise<AsyncDisposable> {
  const path = join(disk, 'ballast')
  await using file = await openFile(path, 'w')
  for (let size = 64 * 1024; size >= 512; ) {
    await file.write(Buffer.alloc(size)).catch(() => {
      size /= 2
    })
  }
  return { [Symbol.asyncDispose]: () => rm(path) }
}

async function openOn(dir: string) {
  await using owned = new AsyncDisposableStack()
  const directory = owned.use(await openDataDir(dir))
  const clock = new ManualClock()
  const store = owned.use(
    await openTsdb({ dir: directory, clock, log: silentLog, maxAheadMs: Infinity, blockMs: 100_000 }),
  )
  const all = owned.move()
  return { directory, store, [Symbol.asyncDispose]: () => all.disposeAsync() }
}

/** About a quarter of the disk, in blocks and in the head. */
async function fill(dir: string): Promise<void> {
  await using opened = await openOn(dir)
  for (let at = 0; at < 300; at++) {
    using batch = opened.store.appender()
    for (let i = 0; i < 50; i++)
      batch.append(undefined, Labels.of({ __name__: 'm', i: `${i}` }), unixMs(at * 1000), Math.sin(at * i + i))
    batch.commit()
  }
  await opened.store.upkeep()
}

test('on a full disk series are not deleted, cleaned or copied by half, and are once there is room', async () => {
  await using disk = await mountSmallDisk()
  if (disk === undefined) return
  const dir = join(disk.path, 'data')
  await fill(dir)
  await using opened = await openOn(dir)
  const { store } = opened
  const before = dump(store, everything)
  const one = { sets: [[matcher('i', '=', '7')]], start: 0, end: 1e9 }
  {
    await using _ballast = await fillUp(disk.path)
    await assert.rejects(store.deleteSeries(one), FULL)
    assert.deepEqual(dump(store, everything), before)
    await assert.rejects(store.snapshot(), FULL)
  }
  await store.deleteSeries(one)
  const without = dump(store, everything)
  assert.equal(without.length, before.length - 1)
  {
    await using _ballast = await fillUp(disk.path)
    await assert.rejects(store.cleanTombstones(), FULL)
    assert.deepEqual(dump(store, everything), without)
  }
  assert.ok((await store.cleanTombstones()) > 0)
  const { name } = await store.snapshot()
  assert.deepEqual(dump(store, everything), without)
  assert.deepEqual(await readdir(join(dir, 'snapshots')), [name])
})

test('on a full disk a backup leaves the one before, and a restore leaves nothing', async () => {
  await using disk = await mountSmallDisk()
  if (disk === undefined) return
  const dir = join(root, 'data')
  await fill(dir)
  const target = join(disk.path, 'backup')
  const elsewhere = join(root, 'backup')
  await using opened = await openOn(dir)
  const { store, directory } = opened
  const take = async (to: string) => {
    await using source = await openLocalBackup({ store, directory, at: 0, copyState: async () => undefined })
    return await writeBackup(source, to, {}, never)
  }
  await take(elsewhere)
  const back = join(disk.path, 'back')
  await mkdir(back)
  {
    await using _ballast = await fillUp(disk.path)
    await assert.rejects(take(target), { code: 'ASSAY_BACKUP', message: FULL })
    await assert.rejects(take(`${target}.tar`), { code: 'ASSAY_BACKUP', message: FULL })
    await assert.rejects(restoreBackup({ from: elsewhere, dir: back, log: silentLog }, never), {
      code: 'ASSAY_BACKUP',
      message: FULL,
    })
    assert.deepEqual(await readdir(back), [])
    assert.ok(!(await readdir(disk.path)).some((name) => name.endsWith('.tar') || name.endsWith('.partial')))
  }
  await take(target)
  await restoreBackup({ from: target, dir: back, log: silentLog }, never)
  await using again = await openOn(back)
  assert.deepEqual(dump(again.store, everything), dump(store, everything))
})
