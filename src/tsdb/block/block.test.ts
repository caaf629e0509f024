import assert from 'node:assert/strict'
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import fc from 'fast-check'
import { Labels, matcher } from '#core'
import { compareLabels, sampleHistogram } from '#storage'
import { wordsOf } from '../codec/bytes.ts'
import { ExtraColumns } from '../columns/extra-columns.ts'
import { columnsOf } from '../columns/part.ts'
import type { SeriesColumns } from '../columns/series-columns.ts'
import { Block } from './block.ts'
import type { BlockCaches } from './block-files.ts'
import { blockName } from './block-meta.ts'
import { writeBlock } from './block-writer.ts'
import { ByteCache } from './byte-cache.ts'
import { mergeSeries } from './merge.ts'
import { mergeBlocks } from './merge-blocks.ts'
import { OLD_SPAN, oldSeries } from './old-blocks.test-support.ts'

const root = await mkdtemp(join(tmpdir(), 'assay-block-'))
after(() => rm(root, { recursive: true }))
let dirs = 0
const caches = (): BlockCaches => ({ indexes: new ByteCache(1 << 20), frames: new ByteCache(1 << 20) })
const forever = new AbortController().signal

/** A third of the series are histograms with floats in between and a bucket more later on; two thirds know when they began. */
function extrasOf(i: number, count: number): Pick<SeriesColumns, 'histograms' | 'starts'> {
  const histogram = (_: unknown, k: number) =>
    k % 7 === 6 ? undefined : sampleHistogram([k, i, ...(k > 600 ? [k * i] : [])])
  return {
    ...(i % 3 === 0 ? { histograms: Array.from({ length: count }, histogram) } : {}),
    ...(i % 3 === 1 ? {} : { starts: Float64Array.from({ length: count }, (_, k) => Math.floor(k / 100)) }),
  }
}

/** Series with instants that are shared by some and not by others; sorted. */
const anySeries = fc
  .uniqueArray(fc.record({ name: fc.constantFrom('a', 'b'), i: fc.nat(30) }), {
    selector: ({ name, i }) => `${name}${i}`,
    minLength: 1,
    maxLength: 12,
  })
  .chain((ids) =>
    fc.tuple(
      fc.constant(ids),
      fc.array(
        fc.record({
          first: fc.nat(100),
          count: fc.integer({ min: 1, max: 1300 }),
          step: fc.integer({ min: 1, max: 3 }),
        }),
        {
          minLength: ids.length,
          maxLength: ids.length,
        },
      ),
    ),
  )
  .map(([ids, shapes]) =>
    ids
      .map(({ name, i }, n): SeriesColumns => {
        const { first, count, step } = shapes[n]!
        const labels = Labels.of({ __name__: name, i: `${i}` })
        const timestamps = Float64Array.from({ length: count }, (_, k) => first + k * step)
        const values = Float64Array.from({ length: count }, (_, k) => (i % 2 === 0 ? k * i : Math.sin(k + i)))
        return { labels, timestamps, values, count, ...extrasOf(i, count) }
      })
      .sort((a, b) => compareLabels(a.labels, b.labels)),
  )

/** Part by part, as the columns of one are gone when the next is asked for; parts of a series one behind the other. */
function plain(all: Iterable<SeriesColumns>, from = -Infinity, to = Infinity) {
  const found: [key: string, samples: unknown[]][] = []
  for (const { labels, timestamps, values, histograms, starts, count } of all) {
    const words = wordsOf(values)
    const samples = Array.from({ length: count }, (_, k) => [
      timestamps[k]!,
      words[2 * k],
      words[2 * k + 1],
      histograms?.[k],
      starts?.[k] ?? 0,
    ]).filter(([at]) => Number(at) >= from && Number(at) <= to)
    const last = found.at(-1)
    if (last?.[0] === labels.key) last[1].push(...samples)
    else found.push([labels.key, samples])
  }
  return found.filter(([, samples]) => samples.length > 0)
}

test('what was written is read, whole and in any span', async () => {
  await fc.assert(
    fc.asyncProperty(anySeries, fc.nat(4000), fc.nat(4000), async (given, from, length) => {
      const dir = join(root, `${dirs++}`)
      const span = { start: 0, end: 10_000, merged: 1 }
      const meta = await writeBlock(dir, span, given, forever)
      assert.equal(
        meta?.samples,
        given.reduce((sum, one) => sum + one.count, 0),
      )
      const block = await Block.open(join(dir, blockName(span)), caches())
      assert.deepEqual(plain(block.all()), plain(given))
      const read = block.select([matcher('__name__', '=~', '.+')], from, from + length).map((part): SeriesColumns => {
        const timestamps = new Float64Array(part.maxCount)
        const values = new Float64Array(part.maxCount)
        const extras = new ExtraColumns(part.maxCount)
        const count = part.read({ timestamps, values, extras }, 0)
        return { labels: part.labels, timestamps, values, count, ...extras.take(count) }
      })
      assert.deepEqual(plain(read), plain(given, from, from + length))
      block.drop()
      assert.deepEqual(await readdir(dir), [])
    }),
    { numRuns: 20, endOnFailure: true },
  )
})

test('merging puts series and their samples together in order', () => {
  const of = (name: string, ...timestamps: number[]): SeriesColumns => ({
    labels: Labels.of({ __name__: name }),
    timestamps: Float64Array.from(timestamps),
    values: Float64Array.from(timestamps, (at) => at * 2),
    count: timestamps.length,
  })
  const first = [of('a', 1, 2), of('c', 1)]
  const second = [of('a', 11), of('b', 12, 13)]
  const merged = mergeSeries([{ series: first.values() }, { series: second.values() }])
  assert.deepEqual(plain(merged), plain([of('a', 1, 2, 11), of('b', 12, 13), of('c', 1)]))
})

test('a block merged from others holds what they hold, histograms and start timestamps too', async () => {
  await fc.assert(
    fc.asyncProperty(anySeries, fc.integer({ min: 1, max: 3000 }), fc.boolean(), async (all, cut, isLong) => {
      // Long enough for frames to be copied as they are, or not.
      const long = isLong ? all.filter(({ count }) => count > 400) : all
      const given = long.length === 0 ? all : long
      const dir = join(root, `${dirs++}`)
      const spans = [
        { start: 0, end: cut, merged: 1 },
        { start: cut, end: 10_000, merged: 1 },
      ]
      const blocks: Block[] = []
      for (const span of spans) {
        const meta = await writeBlock(dir, span, within(given, span.start, span.end - 1), forever)
        if (meta !== undefined) blocks.push(await Block.open(join(dir, blockName(span)), caches()))
      }
      const whole = { start: 0, end: 10_000, merged: 2 }
      await mergeBlocks(dir, whole, blocks, forever)
      const merged = await Block.open(join(dir, blockName(whole)), caches())
      assert.deepEqual(plain(merged.all()), plain(given))
      for (const { labels, timestamps, histograms, count } of given)
        assert.deepEqual(merged.lastHistogram(labels), {
          at: timestamps[count - 1],
          histogram: histograms?.[count - 1],
        })
      assert.equal(merged.lastHistogram(Labels.of({ __name__: 'none' })), undefined)
      for (const block of [...blocks, merged]) block.drop()
    }),
    { numRuns: 20, endOnFailure: true },
  )
})

/** The samples of the series within [from, to]. */
function within(given: readonly SeriesColumns[], from: number, to: number): readonly SeriesColumns[] {
  return given.map(({ labels, timestamps, values, histograms, starts, count }) => {
    const places = [...Array(count).keys()].filter((k) => timestamps[k]! >= from && timestamps[k]! <= to)
    const [first = 0] = places
    const end = first + places.length
    return {
      labels,
      timestamps: timestamps.slice(first, end),
      values: values.slice(first, end),
      histograms: histograms?.slice(first, end),
      starts: starts?.slice(first, end),
      count: places.length,
    }
  })
}

test('huge histograms are spread over chunks and frames, and read back', async () => {
  const dir = join(root, `${dirs++}`)
  const span = { start: 0, end: 10_000, merged: 1 }
  const count = 60
  const histograms = Array.from({ length: count }, (_, k) =>
    sampleHistogram(Array.from({ length: 10_000 }, (_, i) => (k * i) % 97)),
  )
  const given: SeriesColumns = {
    labels: Labels.of({ __name__: 'huge' }),
    timestamps: Float64Array.from({ length: count }, (_, k) => k),
    values: new Float64Array(count),
    histograms,
    count,
  }
  await writeBlock(dir, span, [given], forever)
  const block = await Block.open(join(dir, blockName(span)), caches())
  const parts = [...block.all()].map((one) => one.count)
  assert.ok(parts.length >= 10 && Math.max(...parts) <= 6, parts.join())
  assert.deepEqual(plain(block.all()), plain([given]))
  block.drop()
})

test('nothing is left of a block without samples, nor of one whose writing was stopped', async () => {
  const dir = join(root, `${dirs++}`)
  const span = { start: 0, end: 10, merged: 1 }
  assert.equal(await writeBlock(dir, span, [], forever), undefined)
  const one = { labels: Labels.of({ a: '1' }), timestamps: Float64Array.of(1), values: Float64Array.of(1), count: 1 }
  await assert.rejects(writeBlock(dir, span, [one], AbortSignal.abort(new Error('stopped'))), /stopped/)
  assert.deepEqual(await readdir(dir), [])
})

test('blocks of every earlier format are read as they were written, and a merge makes the newest of them', async () => {
  for (const format of [1, 2, 3]) {
    const given = oldSeries(format)
    const dir = join(import.meta.dirname, '../testdata', 'blocks', `format-${format}`, blockName(OLD_SPAN))
    const block = await Block.open(dir, caches())
    assert.deepEqual([block.meta.format, block.isLegacy], [format, true])
    await block.verify()
    assert.deepEqual(plain(block.all()), plain(given))
    assert.deepEqual(plain(columnsOf(block.select([], 30_500, 90_500))), plain(given, 30_500, 90_500))
    assert.deepEqual(block.labelNames([], 0, 1e6), ['__name__', 'job', 'when'])
    assert.deepEqual(block.labelValues('__name__', [matcher('when', '=', '')], 100_000, 1e6), ['old_3', 'old_5'])
    for (const { labels, timestamps, histograms, count } of given)
      assert.deepEqual(block.lastHistogram(labels), { at: timestamps[count - 1], histogram: histograms?.[count - 1] })
    const out = join(root, `${dirs++}`)
    const meta = await writeBlock(out, OLD_SPAN, mergeSeries([{ series: block.all() }]), forever)
    assert.equal(meta?.format, 4)
    const merged = await Block.open(join(out, blockName(OLD_SPAN)), caches())
    assert.deepEqual(plain(merged.all()), plain(given))
    merged.drop()
    block.release()
  }
})

/** All that a reader could be told of a block: the samples, or the error's code. */
async function readWhole(dir: string): Promise<unknown> {
  let block: Block | undefined
  try {
    block = await Block.open(dir, caches())
    const all = plain(block.all())
    const selected = plain(columnsOf(block.select([], 500, 900)))
    return { all, selected, names: block.labelNames([], 500, 900) }
  } catch (error) {
    return (error as { code?: string }).code
  } finally {
    block?.release()
  }
}

test('a block cut or changed at any byte of any file is told so, and never read as something else', async () => {
  const source = join(root, `${dirs++}`)
  const span = { start: 0, end: 2000, merged: 1, windowMs: 700 }
  const given = ['a', 'b', 'c'].map((name, i): SeriesColumns => {
    const timestamps = Float64Array.from({ length: 60 }, (_, k) => k * 31 + (i === 2 ? k % 3 : 0))
    const values = timestamps.map((at, k) => (i === 0 ? 5 : i === 1 ? Math.sin(at) : k * 7))
    return { labels: Labels.of({ __name__: name }), timestamps, values, count: 60, ...extrasOf(i, 60) }
  })
  await writeBlock(source, span, given, forever)
  const name = blockName(span)
  const expected = await readWhole(join(source, name))
  assert.deepEqual((expected as { all: unknown }).all, plain(given))
  const dir = join(root, `${dirs++}`)
  await mkdir(dir)
  const files = await readdir(join(source, name))
  const sizes = new Map<string, number>()
  for (const file of files) {
    await copyFile(join(source, name, file), join(dir, file))
    sizes.set(file, (await readFile(join(dir, file))).length)
  }
  for (const file of files) {
    const path = join(dir, file)
    const whole = await readFile(path)
    for (let place = 0; place < sizes.get(file)!; place++) {
      const changed = Buffer.from(whole)
      changed[place]! ^= 1 << (place & 7)
      await writeFile(path, changed)
      const found = await readWhole(dir)
      // The second copy of the index is not read, and white space in meta.json says nothing.
      if (found !== 'ASSAY_TSDB_CORRUPT') assert.deepEqual(found, expected, `${file} ${place}`)
      if (place % 5 !== 0) continue
      await writeFile(path, whole)
      await truncate(path, place)
      assert.equal(await readWhole(dir), 'ASSAY_TSDB_CORRUPT', `${file} cut at ${place}`)
    }
    await writeFile(path, whole)
  }
})

test('long series are cut into windows and chunks, and any span of them is read', async () => {
  const dir = join(root, `${dirs++}`)
  const span = { start: 0, end: 1e6, merged: 1, windowMs: 1e5 }
  const given = ['a', 'b'].map((name, i): SeriesColumns => {
    const timestamps = Float64Array.from({ length: 5000 }, (_, k) => k * 200 + i)
    return { labels: Labels.of({ __name__: name }), timestamps, values: timestamps.map(Math.sqrt), count: 5000 }
  })
  await writeBlock(dir, span, given, forever)
  const block = await Block.open(join(dir, blockName(span)), caches())
  assert.equal([...block.directories()].length, 10)
  for (const [low, high] of [
    [0, 1e6],
    [99_999, 100_001],
    [250_100, 250_150],
    [12_345, 678_901],
    [999_801, 2e6],
  ] as const) {
    assert.deepEqual(plain(columnsOf(block.select([], low, high))), plain(given, low, high), `${low} to ${high}`)
  }
  block.drop()
})
