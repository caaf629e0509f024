import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { silentLog } from '#core'
import { BlockStore } from './block-store.ts'
import { ByteCache } from './byte-cache.ts'

const SPAN = { start: 0, end: 100, merged: 1 }
const NAME = '0_100'

async function setUp() {
  const dir = await mkdtemp(join(tmpdir(), 'assay-blocks-'))
  const caches = { indexes: new ByteCache<never>(1_000), frames: new ByteCache<never>(1_000) }
  const store = await BlockStore.open(dir, caches, silentLog)
  return {
    dir,
    store,
    [Symbol.asyncDispose]: async () => {
      store[Symbol.dispose]()
      await rm(dir, { recursive: true })
    },
  }
}

/** As a disk leaves it that fails when the folder has its name: with what is `inside` it. */
const failAtTheEnd = (inside?: string) => async (dir: string) => {
  await mkdir(join(dir, NAME, inside ?? ''), { recursive: true })
  throw new Error('EIO: sync')
}
const nothing = async () => undefined

test('a block that is whole but not served is taken back', async () => {
  await using world = await setUp()
  await assert.rejects(world.store.write(SPAN, failAtTheEnd()), /EIO: sync/)
  assert.ok(!existsSync(join(world.dir, NAME)))
  assert.equal(await world.store.write(SPAN, nothing), undefined)
})

test('while it cannot be taken back nothing is written, and once it is gone everything is again', async () => {
  await using world = await setUp()
  // The mark that gives a folder up is a file: where a folder stands it cannot be written.
  await assert.rejects(world.store.write(SPAN, failAtTheEnd('given-up')), /EIO: sync/)
  assert.ok(existsSync(join(world.dir, NAME)))
  let isWritten = false
  const note = async () => {
    isWritten = true
    return undefined
  }
  await assert.rejects(world.store.write({ ...SPAN, end: 200 }, note), { code: 'EISDIR' })
  assert.ok(!isWritten)
  await rm(join(world.dir, NAME), { recursive: true })
  await world.store.write({ ...SPAN, end: 200 }, note)
  assert.ok(isWritten)
})
