import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { openDataDir } from './data-dir.ts'

const root = await mkdtemp(join(tmpdir(), 'assay-dir-'))
after(() => rm(root, { recursive: true }))
let dirs = 0
const newDir = () => join(root, `${dirs++}`)

test('a new directory is made, taken, and can be taken again after disposal with the same id', async () => {
  const path = newDir()
  const first = await openDataDir(path)
  await first[Symbol.asyncDispose]()
  assert.deepEqual(await readdir(path), ['assay.json'])
  await using second = await openDataDir(path)
  assert.equal(second.id, first.id)
})

test('a directory in use is refused with the pid of its holder', async () => {
  const path = newDir()
  await using _held = await openDataDir(path)
  await assert.rejects(openDataDir(path), {
    code: 'ASSAY_DATA_LOCKED',
    message: new RegExp(`in use by process ${process.pid}`),
  })
})

test('of many that want it at once exactly one gets it', async () => {
  const path = newDir()
  const all = await Promise.allSettled(Array.from({ length: 8 }, () => openDataDir(path)))
  const won = all.filter((one) => one.status === 'fulfilled')
  assert.equal(won.length, 1)
  await won[0]?.value[Symbol.asyncDispose]()
})

test('the lock of a process that is gone, or whose pid another one has now, is taken over', async () => {
  const leftovers: readonly (readonly [why: string, content: string])[] = [
    ['no such process', JSON.stringify({ pid: 2 ** 30, startedAt: 'x' })],
    ['another process has the pid', JSON.stringify({ pid: process.pid, startedAt: 'another boot:1' })],
    ['half a lock', '{"pid": 12'],
    ['an empty lock', ''],
  ]
  for (const [why, content] of leftovers) {
    const path = newDir()
    await (await openDataDir(path))[Symbol.asyncDispose]()
    await writeFile(join(path, 'lock'), content)
    await using taken = await openDataDir(path)
    assert.match(await readFile(join(taken.path, 'lock'), 'utf8'), new RegExp(`"pid":${process.pid}`), why)
    await assert.rejects(openDataDir(path), { code: 'ASSAY_DATA_LOCKED' }, why)
  }
})

test('a log and a configuration in a directory that is to be taken do not make it a foreign one', async () => {
  const path = newDir()
  await mkdir(path)
  await writeFile(join(path, 'server.log'), 'starting')
  await writeFile(join(path, 'prometheus.yml'), 'global: {}')
  await using _taken = await openDataDir(path)
  assert.equal(await readFile(join(path, 'server.log'), 'utf8'), 'starting')
})

test('a directory with other things in it is refused and left as it was', async () => {
  const path = newDir()
  await (await openDataDir(path))[Symbol.asyncDispose]()
  await rm(join(path, 'assay.json'))
  await writeFile(join(path, 'letters.txt'), 'mine')
  await assert.rejects(openDataDir(path), { code: 'ASSAY_DATA_FOREIGN', message: /letters\.txt/ })
  assert.deepEqual(await readdir(path), ['letters.txt'])
  await writeFile(join(path, 'assay.json'), '{"product":"salt"}')
  await assert.rejects(openDataDir(path), { code: 'ASSAY_DATA_FOREIGN' })
})

test('a directory of a later format is refused with both formats', async () => {
  const path = newDir()
  await (await openDataDir(path))[Symbol.asyncDispose]()
  await writeFile(join(path, 'assay.json'), JSON.stringify({ product: 'assay', format: 9, id: 'x' }))
  await assert.rejects(openDataDir(path), { code: 'ASSAY_DATA_NEWER', message: /format 9.*up to 4/ })
})

test('a directory of an earlier format keeps its id and becomes one of this format', async () => {
  const path = newDir()
  await (await openDataDir(path))[Symbol.asyncDispose]()
  await writeFile(join(path, 'assay.json'), JSON.stringify({ product: 'assay', format: 1, id: 'x' }))
  await using taken = await openDataDir(path)
  assert.equal(taken.id, 'x')
  assert.deepEqual(JSON.parse(await readFile(join(path, 'assay.json'), 'utf8')), {
    product: 'assay',
    format: 4,
    id: 'x',
  })
})

test('a path that is a file is a clear error', async () => {
  const path = newDir()
  await writeFile(path, '')
  await assert.rejects(openDataDir(path), { code: 'ASSAY_DATA_OPEN' })
})
