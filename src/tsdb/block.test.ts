import assert from 'node:assert/strict'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import fc from 'fast-check'
import { Labels, matcher } from '#core'
import { compareLabels, sampleHistogram } from '#storage'
import { Block, type BlockCaches } from './block.ts'
import { blockName } from './block-meta.ts'
import { type SeriesColumns, writeBlock } from './block-writer.ts'
import { ByteCache } from './byte-cache.ts'
import { wordsOf } from './bytes.ts'
import { ExtraColumns } from './extra-columns.ts'
import { mergeSeries } from './merge.ts'

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
    fc.asyncProperty(anySeries, fc.integer({ min: 1, max: 3000 }), async (given, cut) => {
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
      await writeBlock(dir, whole, mergeSeries(blocks.map((block) => ({ series: block.all() }))), forever)
      const merged = await Block.open(join(dir, blockName(whole)), caches())
      assert.deepEqual(plain(merged.all()), plain(given))
      for (const { labels, histograms, count } of given)
        assert.deepEqual(merged.lastHistogram(labels), { histogram: histograms?.[count - 1] })
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
