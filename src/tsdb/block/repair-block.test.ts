import assert from 'node:assert/strict'
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { Labels, silentLog } from '#core'
import type { SeriesColumns } from '../columns/series-columns.ts'
import { writeBlockTombstones } from '../deletion/block-tombstones.ts'
import { Tombstones } from '../deletion/tombstones.ts'
import { blockName } from './block-meta.ts'
import { BlockStore } from './block-store.ts'
import { type BlockSpan, writeBlock } from './block-writer.ts'
import { ByteCache } from './byte-cache.ts'
import { REPAIR_FILE } from './repair-block.ts'

const root = await mkdtemp(join(tmpdir(), 'assay-repair-'))
after(() => rm(root, { recursive: true }))
let dirs = 0
const caches = { indexes: new ByteCache<never>(1 << 20), frames: new ByteCache<never>(1 << 20) }
const forever = new AbortController().signal
const SPAN: BlockSpan = { start: 0, end: 3000, merged: 1, windowMs: 1000 }
const NAME = blockName(SPAN)

/** Instants of their own for each series, so that its columns of instants can be lost alone. */
const given = ['a', 'b', 'c'].map((name, i): SeriesColumns => {
  const timestamps = Float64Array.from({ length: 60 }, (_, k) => k * 50 + i)
  return { labels: Labels.of({ __name__: name }), timestamps, values: timestamps.map((at) => at * 3), count: 60 }
})
const source = join(root, 'source')
await writeBlock(source, SPAN, given, forever)

async function copyOf(spoil: (dir: string) => Promise<void>): Promise<string> {
  const dir = join(root, `${dirs++}`)
  await mkdir(join(dir, NAME), { recursive: true })
  for (const file of await readdir(join(source, NAME))) await copyFile(join(source, NAME, file), join(dir, NAME, file))
  await spoil(join(dir, NAME))
  return dir
}

const flip = (file: string, place: number) => async (dir: string) => {
  const bytes = await readFile(join(dir, file))
  bytes[place]! ^= 1 << (place & 7)
  await writeFile(join(dir, file), bytes)
}

function samplesOf(store: BlockStore): string[] {
  const found: string[] = []
  for (const block of store.all) {
    for (const { labels, timestamps, values, count } of block.all()) {
      for (let i = 0; i < count; i++) found.push(`${labels.name} ${timestamps[i]} ${values[i]}`)
    }
  }
  return found.sort()
}

const ALL = given.flatMap(({ labels, timestamps, values, count }) =>
  Array.from({ length: count }, (_, i) => `${labels.name} ${timestamps[i]} ${values[i]}`),
)
ALL.sort()

/** Opens, finds the damage, repairs; what serves then, and what the report says. */
async function repaired(dir: string) {
  using store = await BlockStore.open(dir, caches, silentLog)
  for (const block of [...store.all]) {
    await block.verify().catch((error: Error) => store.putAside(block.dir, error.message))
  }
  const [report] = await store.repairDamaged(forever)
  assert.equal(store.needsRepair, false)
  return { report, samples: samplesOf(store), names: store.all.map((block) => block.dir.slice(dir.length + 1)) }
}

test('after any byte of any file was changed, all that is whole serves again and the rest is told', async () => {
  const all = new Set(ALL)
  for (const file of ['meta.json', 'index.bin', 'chunks.bin']) {
    const size = (await readFile(join(source, NAME, file))).length
    for (let place = 0; place < size; place += file === 'chunks.bin' ? 5 : 7) {
      const { report, samples } = await repaired(await copyOf(flip(file, place)))
      const why = `${file} at ${place}`
      assert.ok(
        samples.every((one) => all.has(one)),
        why,
      )
      assert.equal(new Set(samples).size, samples.length, why)
      if (file !== 'chunks.bin') assert.deepEqual(samples, ALL, why)
      else assert.ok(samples.length >= ALL.length / 2, `${why}: ${samples.length} are left`)
      if (report === undefined) assert.deepEqual(samples, ALL, why)
      else if (file !== 'meta.json') assert.equal(report.lostSamples, ALL.length - samples.length, why)
      const lost = ALL.filter((one) => !samples.includes(one)).map((one) => Number(one.split(' ')[1]))
      for (const at of lost)
        assert.ok(
          report!.lostSpans.some(({ from, to }) => from <= at && at <= to),
          why,
        )
    }
  }
})

test('a block whose files were cut keeps what comes before, and one without files nothing', async () => {
  const size = (await readFile(join(source, NAME, 'chunks.bin'))).length
  let most = 0
  for (let cut = 0; cut < size; cut += 60) {
    const { report, samples } = await repaired(await copyOf((dir) => truncate(join(dir, 'chunks.bin'), cut)))
    assert.ok(samples.length >= most, `cut at ${cut}`)
    most = samples.length
    assert.equal(report!.keptSamples, samples.length)
  }
  assert.equal(most, ALL.length)
  const { report, samples } = await repaired(await copyOf((dir) => rm(join(dir, 'chunks.bin'))))
  assert.deepEqual([samples, report?.kept], [[], undefined])
})

test('the damaged folder stays with its report, and is not repaired twice', async () => {
  const dir = await copyOf(flip('index.bin', 30))
  const { names } = await repaired(dir)
  assert.deepEqual(names, [`${NAME}.1`])
  assert.ok((await readdir(join(dir, `corrupt-${NAME}`))).includes(REPAIR_FILE))
  using again = await BlockStore.open(dir, caches, silentLog)
  assert.deepEqual([again.setAside, again.needsRepair], [[`corrupt-${NAME}`], false])
  assert.deepEqual(samplesOf(again), ALL)
})

test('a repair that was interrupted is made at the next start', async () => {
  const dir = await copyOf(flip('index.bin', 30))
  {
    using store = await BlockStore.open(dir, caches, silentLog)
    await assert.rejects(store.repairDamaged(AbortSignal.abort(new Error('stopped'))), /stopped/)
    assert.ok(store.needsRepair)
  }
  assert.deepEqual((await repaired(dir)).samples, ALL)
})

test('what was deleted stays deleted, and without tombstones that hold nothing is served', async () => {
  const tombstones = Tombstones.none.with([{ labels: given[0]!.labels, from: 0, to: 5000 }])
  const spoil = async (dir: string) => {
    await writeBlockTombstones(dir, tombstones)
    await flip('index.bin', 30)(dir)
  }
  const { samples } = await repaired(await copyOf(spoil))
  assert.deepEqual(
    samples,
    ALL.filter((one) => !one.startsWith('a ')),
  )
  const without = await repaired(
    await copyOf(async (dir) => {
      await spoil(dir)
      await writeFile(join(dir, 'tombstones.bin'), 'no tombstones')
    }),
  )
  assert.deepEqual([without.samples, without.report?.kept], [[], undefined])
})

test('where another block has the span by now, what is whole is added as late samples are', async () => {
  const dir = await copyOf(flip('index.bin', 30))
  {
    using store = await BlockStore.open(dir, caches, silentLog)
    const other: SeriesColumns = { ...given[0]!, labels: Labels.of({ __name__: 'other' }) }
    const span = { start: 0, end: 6000, merged: 2 }
    await writeBlock(dir, span, [other], forever)
    await store.add(blockName(span), {})
  }
  const { names, samples } = await repaired(dir)
  assert.deepEqual(names, ['0_6000', `late-${NAME}.1`])
  assert.deepEqual(
    samples.filter((one) => !one.startsWith('other')),
    ALL,
  )
})
