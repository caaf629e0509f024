/** Backups and what comes back of them; half ones, damaged ones, second ones. */
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import fc from 'fast-check'
import { Labels, ManualClock, matcher, silentLog, unixMs } from '#core'
import { dump, sampleHistogram } from '#storage'
import { openDataDir } from '../data-dir.ts'
import { openTsdb } from '../tsdb.ts'
import type { Tsdb } from '../types.ts'
import { restoreBackup } from './restore.ts'
import { type BackupSource, filesOf, openLocalBackup } from './source.ts'
import { readTar, tarHeader, tarPadding } from './tar.ts'
import { writeBackup } from './write-backup.ts'

const root = await mkdtemp(join(tmpdir(), 'assay-backup-'))
after(() => rm(root, { recursive: true }))
let dirs = 0
const newDir = () => join(root, `${dirs++}`)
const never = new AbortController().signal
const series = (i: number) => Labels.of({ __name__: 'm', i: `${i}` })
const everything = [matcher('__name__', '=', 'm')]

function append(store: Tsdb, from: number, count: number): void {
  for (let at = from; at < from + count; at++) {
    using batch = store.appender()
    for (let i = 0; i < 5; i++) batch.append(undefined, series(i), unixMs(at * 1000), at * i)
    batch.appendHistogram(undefined, series(9), unixMs(at * 1000), sampleHistogram([at, 1, 2]))
    batch.commit()
  }
}

/** A store with blocks, tombstones and a head, and a backup of it that is open. */
async function withBackup<T>(dir: string, use: (source: BackupSource, store: Tsdb) => Promise<T>): Promise<T> {
  const isNew = !existsSync(dir)
  await using directory = await openDataDir(dir)
  await using store = await openTsdb({
    dir: directory,
    clock: new ManualClock(),
    log: silentLog,
    maxAheadMs: Infinity,
    blockMs: 100_000,
  })
  if (isNew) {
    append(store, 0, 250)
    await store.upkeep()
    await store.deleteSeries({ sets: [[matcher('i', '=', '1')]], start: 0, end: 300_000 })
  }
  await writeFile(directory.stateFile, 'state')
  await using source = await openLocalBackup({
    store,
    directory,
    at: 1_767_571_200_000,
    copyState: async (from, to) => writeFile(to, await readFile(from)),
  })
  return await use(source, store)
}

async function seen(dir: string): Promise<readonly unknown[]> {
  await using store = await openTsdb({ dir, clock: new ManualClock(), log: silentLog, maxAheadMs: Infinity })
  return dump(store, everything)
}

const restore = (from: string, dir: string, signal = never) => restoreBackup({ from, dir, log: silentLog }, signal)
const isEmpty = async (dir: string) => !existsSync(dir) || (await readdir(dir)).length === 0

for (const [form, name] of [
  ['a folder', () => newDir()],
  ['an archive', () => `${newDir()}.tar`],
] as const) {
  test(`what was backed up into ${form} comes back: samples, deletions, state, and whose it is`, async () => {
    const dir = newDir()
    const target = name()
    await withBackup(dir, (source) => writeBackup(source, target, {}, never))
    const back = newDir()
    const report = await restore(target, back)
    assert.deepEqual(report.damaged, [])
    assert.equal(await readFile(join(back, 'state.sqlite'), 'utf8'), 'state')
    const idOf = async (path: string) => JSON.parse(await readFile(join(path, 'assay.json'), 'utf8')).id
    assert.equal(await idOf(back), await idOf(dir))
    const expected = await seen(dir)
    assert.equal(expected.length, 5)
    assert.deepEqual(await seen(back), expected)
    assert.deepEqual(await readdir(join(dir, 'snapshots')), [], 'the snapshot is gone')
  })

  test(`a byte changed or cut anywhere in ${form} is noticed, and nothing is left`, async () => {
    const dir = newDir()
    const target = name()
    await withBackup(dir, (source) => writeBackup(source, target, {}, never))
    const paths = (await stat(target)).isFile()
      ? [target]
      : (await filesOf(target)).map(({ path }) => join(target, path))
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...paths),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        fc.boolean(),
        async (path, share, isCut) => {
          const whole = await readFile(path)
          const place = Math.floor(whole.length * share)
          if (isCut) await truncate(path, place)
          else await writeFile(path, Buffer.from(whole.with(place, whole[place]! ^ 0x10)))
          const back = newDir()
          try {
            // Padding, blanks, and times in an archive's headers say nothing of the files.
            await restore(target, back).then(
              async () => assert.deepEqual(await seen(back), await seen(dir)),
              async (error: Error & { code?: string }) => {
                assert.equal(error.code, 'ASSAY_BACKUP', error.stack ?? '')
                assert.ok(await isEmpty(back))
              },
            )
          } finally {
            await writeFile(path, whole)
          }
        },
      ),
      { numRuns: 40 },
    )
  })
}

test('a second backup copies what is new alone, and forgets what is gone', async () => {
  const dir = newDir()
  const target = newDir()
  const first = await withBackup(dir, (source) => writeBackup(source, target, {}, never))
  assert.equal(first.copiedBytes, first.sizeBytes)
  const second = await withBackup(dir, async (source) => writeBackup(source, target, {}, never))
  assert.ok(second.copiedBytes < second.sizeBytes, 'blocks are not copied again')
  await withBackup(dir, async (_, store) => {
    await store.deleteSeries({ sets: [everything], start: 0, end: 1e9 })
    await store.cleanTombstones()
  })
  const third = await withBackup(dir, (source) => writeBackup(source, target, {}, never))
  assert.ok(third.sizeBytes < first.sizeBytes)
  const back = newDir()
  await restore(target, back)
  assert.deepEqual(await seen(back), [])
})

test('a backup that is interrupted is none, or still the one before; the next one finishes it', async () => {
  const dir = newDir()
  const target = newDir()
  const stopping = (source: BackupSource, after: number, controller: AbortController): BackupSource => {
    let read = 0
    return {
      ...source,
      read(path) {
        if (++read > after) controller.abort(new Error('stopped'))
        return source.read(path)
      },
      [Symbol.asyncDispose]: async () => undefined,
    }
  }
  const interrupt = () =>
    withBackup(dir, async (source) => {
      const controller = new AbortController()
      await assert.rejects(writeBackup(stopping(source, 2, controller), target, {}, controller.signal), /stopped/)
    })
  await interrupt()
  await assert.rejects(restore(target, newDir()), { code: 'ASSAY_BACKUP', message: /interrupted/ })
  await withBackup(dir, (source) => writeBackup(source, target, {}, never))
  const expected = await seen(dir)
  await interrupt()
  const back = newDir()
  await restore(target, back)
  assert.deepEqual(await seen(back), expected)

  const archive = `${newDir()}.tar`
  await withBackup(dir, async (source) => {
    const controller = new AbortController()
    await assert.rejects(writeBackup(stopping(source, 2, controller), archive, {}, controller.signal), /stopped/)
  })
  await assert.rejects(stat(archive), { code: 'ENOENT' })
  await assert.rejects(stat(`${archive}.partial`), { code: 'ENOENT' })
})

test('a disk that is full fails the backup with its words, and leaves the one before', async () => {
  const dir = newDir()
  const target = newDir()
  await withBackup(dir, (source) => writeBackup(source, target, {}, never))
  const manifest = await readFile(join(target, 'manifest.json'), 'utf8')
  await withBackup(dir, async (source) => {
    const full: BackupSource = {
      ...source,
      // biome-ignore lint/correctness/useYield: it fails before it has anything
      async *read() {
        throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' })
      },
      [Symbol.asyncDispose]: async () => undefined,
    }
    await assert.rejects(writeBackup(full, target, {}, never), { code: 'ASSAY_BACKUP', message: /no space left/ })
  })
  assert.equal(await readFile(join(target, 'manifest.json'), 'utf8'), manifest)
})

test('a restore goes into an empty directory alone, or where one was interrupted; a start refuses what is half', async () => {
  const dir = newDir()
  const target = newDir()
  await withBackup(dir, (source) => writeBackup(source, target, {}, never))
  await assert.rejects(restore(target, dir), { code: 'ASSAY_BACKUP', message: /not empty.*name a directory that is/ })

  const half = newDir()
  await mkdir(half)
  await writeFile(join(half, 'restore.incomplete'), '')
  await mkdir(join(half, 'blocks'))
  await assert.rejects(seen(half), { code: 'ASSAY_DATA_FOREIGN', message: /a restore into .* has not ended/ })
  await restore(target, half)
  assert.deepEqual(await seen(half), await seen(dir))

  const stopped = newDir()
  const controller = new AbortController()
  const run = restoreBackup(
    { from: target, dir: stopped, log: silentLog, onProgress: () => controller.abort(new Error('stopped')) },
    controller.signal,
  )
  await assert.rejects(run, /stopped/)
  assert.ok(await isEmpty(stopped))
})

test('what is no backup, a place that holds other things, and another store are refused with a sentence', async () => {
  const dir = newDir()
  const strange = newDir()
  await mkdir(strange)
  await writeFile(join(strange, 'holiday.jpg'), '')
  const taken = newDir()
  await withBackup(newDir(), (source) => writeBackup(source, taken, {}, never))
  await withBackup(dir, async (source) => {
    await assert.rejects(writeBackup(source, strange, {}, never), { message: /holds "holiday.jpg"/ })
    await assert.rejects(writeBackup(source, taken, {}, never), { message: /backup of another data directory/ })
  })
  await assert.rejects(restore(strange, newDir()), { message: /no manifest.json/ })
  await assert.rejects(restore(join(strange, 'holiday.jpg'), newDir()), { message: /is cut|no archive/ })
  await assert.rejects(restore(newDir(), newDir()), { message: /cannot be read/ })
})

test('an archive gives back what was put in, whatever the pieces it comes in', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.uint8Array({ maxLength: 2000 }), { maxLength: 5 }),
      fc.integer({ min: 1, max: 1500 }),
      async (files, piece) => {
        const bytes = Buffer.concat([
          ...files.flatMap((file, i) => [tarHeader(`data/${i}`, file.length, 0), file, tarPadding(file.length)]),
          Buffer.alloc(1024),
        ])
        async function* pieces() {
          for (let at = 0; at < bytes.length; at += piece) yield bytes.subarray(at, at + piece)
        }
        const found: [string, Buffer][] = []
        for await (const { name, content } of readTar(pieces(), 'here')) {
          const parts: Uint8Array[] = []
          for await (const part of content) parts.push(part)
          found.push([name, Buffer.concat(parts)])
        }
        assert.deepEqual(
          found,
          files.map((file, i) => [`data/${i}`, Buffer.from(file)]),
        )
      },
    ),
  )
})
