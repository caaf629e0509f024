import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import fc from 'fast-check'
import { ManualClock, silentLog } from '#core'
import { METRIC_TYPES } from '#storage'
import { keepMetadata } from './metadata-file.ts'

const root = await mkdtemp(join(tmpdir(), 'assay-metadata-'))
after(() => rm(root, { recursive: true }))
let dirs = 0
async function newFile(): Promise<string> {
  const dir = join(root, `${dirs++}`)
  await mkdir(dir)
  return join(dir, 'metadata.json')
}

const open = (file: string, clock = new ManualClock()) =>
  keepMetadata({ file, clock, log: silentLog, intervalMs: 1000 })

test('what was known is known after a restart, in its order', async () => {
  const families = fc.array(
    fc.tuple(fc.string({ unit: 'grapheme', minLength: 1 }), fc.constantFrom(...METRIC_TYPES), fc.string(), fc.string()),
    { maxLength: 20 },
  )
  await fc.assert(
    fc.asyncProperty(families, async (given) => {
      const file = await newFile()
      const before = await (async () => {
        await using kept = await open(file)
        for (const [family, type, help, unit] of given) kept.store.set(family, { type, help, unit })
        return [...kept.store]
      })()
      await using kept = await open(file)
      assert.deepEqual([...kept.store], before)
    }),
    { numRuns: 30 },
  )
})

test('it is written at intervals, only when there is something new, and leaves nothing beside it', async () => {
  const file = await newFile()
  const clock = new ManualClock()
  await using kept = await open(file, clock)
  await clock.advance(1000)
  await kept.save()
  assert.deepEqual(await readdir(join(file, '..')), [])
  kept.store.set('up', { type: 'gauge', help: 'h', unit: '' })
  await clock.advance(1000)
  await kept.save()
  const written = await readFile(file, 'utf8')
  assert.match(written, /"up","gauge","h",""/)
  await writeFile(file, 'untouched')
  await clock.advance(5000)
  await kept.save()
  assert.equal(await readFile(file, 'utf8'), 'untouched')
  assert.deepEqual(await readdir(join(file, '..')), ['metadata.json'])
})

test('a file that is damaged, cut, or of another format is begun anew', async () => {
  const file = await newFile()
  {
    await using kept = await open(file)
    kept.store.set('up', { type: 'gauge', help: 'whether it is there', unit: '' })
  }
  const good = await readFile(file, 'utf8')
  const spoiled: readonly (readonly [why: string, string])[] = [
    ['a changed text', good.replace('whether', 'weather')],
    ['cut', good.slice(0, -10)],
    ['empty', ''],
    ['no object', 'null'],
    ['another format', good.replace('"format":1', '"format":2')],
  ]
  for (const [why, text] of spoiled) {
    await writeFile(file, text)
    await using kept = await open(file)
    assert.deepEqual([...kept.store], [], why)
    kept.store.set('again', { type: 'gauge', help: '', unit: '' })
  }
  await using kept = await open(file)
  assert.deepEqual([...kept.store], [['again', { type: 'gauge', help: '', unit: '' }]])
})

test('a file that cannot be written is tried again and fails nobody', async () => {
  const file = await newFile()
  await using kept = await open(file)
  kept.store.set('up', { type: 'gauge', help: '', unit: '' })
  await mkdir(`${file}.tmp`)
  await kept.save()
  await rm(`${file}.tmp`, { recursive: true })
  await kept.save()
  assert.match(await readFile(file, 'utf8'), /"up"/)
})
