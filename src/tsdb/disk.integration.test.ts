/**
 * A disk that is really full, and a directory that another process really has.
 *
 * The small disk is a tmpfs, which only root may mount. Elsewhere durability.test.ts stands in, with a write that refuses.
 */
import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Labels, ManualClock, matcher, silentLog } from '#core'
import { commitAll, dump } from '#storage'
import { openTsdb } from './index.ts'

const root = await mkdtemp(join(tmpdir(), 'assay-disk-'))
after(() => rm(root, { recursive: true }))
const run = promisify(execFile)
const child = fileURLToPath(new URL('./testdata/killed-child.ts', import.meta.url))

/** A disk of one mebibyte, or `undefined` where it cannot be mounted. */
async function mountSmallDisk(): Promise<(AsyncDisposable & { readonly path: string }) | undefined> {
  const path = join(root, 'small')
  await mkdir(path)
  try {
    await run('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'assay-test', path])
  } catch {
    return undefined
  }
  return {
    path,
    async [Symbol.asyncDispose]() {
      await run('umount', [path])
    },
  }
}

test('on a full disk commits are refused whole, reading goes on, and both log and blocks recover by themselves', async () => {
  await using disk = await mountSmallDisk()
  // Without a small disk there is nothing to fill: the refusing write of durability.test.ts covers the log.
  if (disk === undefined) return
  const dir = join(disk.path, 'data')
  const ballast = join(disk.path, 'ballast')
  const series = Array.from({ length: 20 }, (_, i) => Labels.of({ __name__: 'm', i: `${i}` }))
  const open = () =>
    openTsdb({
      dir,
      clock: new ManualClock(),
      log: silentLog,
      maxAheadMs: Infinity,
      blockMs: 60_000,
      walSegmentBytes: 65_536,
    })
  let taken = 0
  let refused = 0
  {
    await using store = await open()
    await writeFile(ballast, Buffer.alloc(900_000))
    const commit = (at: number) => {
      try {
        commitAll(
          store,
          series.map((labels) => [labels, at * 100, Math.sin(at)]),
        )
        taken++
      } catch (error) {
        assert.equal((error as { code?: string }).code, 'ASSAY_STORE_WRITE')
        refused++
      }
    }
    for (let at = 0; at < 1500; at++) commit(at)
    assert.ok(refused > 100 && taken > 100, `${taken} taken, ${refused} refused`)
    // Blocks are due and there is no room for them either.
    await store.upkeep()
    assert.equal((dump(store, [matcher('i', '=', '7')])[0] as unknown[]).length - 1, taken)
    await rm(ballast)
    refused = 0
    for (let at = 1500; at < 2500; at++) commit(at)
    await store.upkeep()
    assert.equal(refused, 0)
    assert.ok(store.stats().blocks > 0)
    assert.equal((dump(store, [matcher('i', '=', '7')])[0] as unknown[]).length - 1, taken)
  }
  await using again = await open()
  assert.equal(again.stats().samples >= taken * 20, true)
  assert.equal((dump(again, [matcher('i', '=', '7')])[0] as unknown[]).length - 1, taken)
})

test('a directory that another process has is refused with its pid, and taken over once that process was killed', async () => {
  const dir = join(root, 'held', 'data')
  const running = spawn(process.execPath, ['--conditions=assay-src', child, dirname(dir), '0', '0'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exited = once(running, 'exit')
  const lines = createInterface({ input: running.stdout })
  // It tells of a batch when it is written.
  for await (const line of lines) if (line.startsWith('did')) break
  const open = () => openTsdb({ dir, clock: new ManualClock(), log: silentLog })
  await assert.rejects(open(), { code: 'ASSAY_DATA_LOCKED', message: new RegExp(`process ${running.pid}`) })
  running.kill('SIGKILL')
  await exited
  await using store = await open()
  assert.ok(store.stats().samples >= 10)
})
