/** Lists of deletions with changed bytes: what was deleted does not come back. Deaths of the process: ../kill.integration.test.ts. */
import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { Labels, ManualClock, matcher, silentLog, unixMs } from '#core'
import { dump } from '#storage'
import { openTsdb, type Tsdb } from '../index.ts'

const root = await mkdtemp(join(tmpdir(), 'assay-lists-'))
after(() => rm(root, { recursive: true }))

const open = (dir: string) =>
  openTsdb({
    dir,
    clock: new ManualClock(),
    log: silentLog,
    maxAheadMs: Infinity,
    blockMs: 100_000,
    outOfOrderWindowMs: 1e9,
  })
const seen = (store: Tsdb) => dump(store, [matcher('__name__', '=', 'm')])

test('a changed byte in a list of deletions costs nothing; both copies changed, it is told and nothing comes back', async () => {
  const dir = join(root, 'flipped')
  const labels = Labels.of({ __name__: 'm', i: '0' })
  {
    await using store = await open(dir)
    using first = store.appender()
    for (let at = 0; at < 30; at++) first.append(undefined, labels, unixMs(at * 10_000), at)
    first.commit()
    await store.upkeep()
    await store.deleteSeries({ sets: [[matcher('i', '=', '0')]], start: 0, end: 1e9 })
  }
  const [block] = await readdir(join(dir, 'blocks'))
  for (const path of [join(dir, 'deletions.bin'), join(dir, 'blocks', block!, 'tombstones.bin')]) {
    const whole = await readFile(path)
    for (let place = 8; place < whole.length; place++) {
      await writeFile(path, Buffer.from(whole.with(place, whole[place]! ^ 0xff)))
      await using store = await open(dir)
      assert.deepEqual(seen(store), [], `byte ${place} of ${path}`)
    }
    await writeFile(path, whole)
  }
  const deletions = join(dir, 'deletions.bin')
  const whole = await readFile(deletions)
  const half = (whole.length - 8) / 2
  await writeFile(
    deletions,
    Buffer.from(whole.with(8 + half - 1, whole[8 + half - 1]! ^ 1).with(whole.length - 1, whole.at(-1)! ^ 1)),
  )
  await assert.rejects(open(dir), { code: 'ASSAY_TSDB_CORRUPT', message: /deletions.bin is damaged/ })
  await writeFile(deletions, whole)
  const tombstones = join(dir, 'blocks', block!, 'tombstones.bin')
  await writeFile(tombstones, (await readFile(tombstones)).subarray(0, 10))
  await using store = await open(dir)
  assert.deepEqual(seen(store), [])
  assert.deepEqual(store.stats().setAside, [`corrupt-${block}`])
})
