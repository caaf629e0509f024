import assert from 'node:assert/strict'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import fc from 'fast-check'
import { Labels, matcher } from '#core'
import { compareLabels } from '#storage'
import { Block, type BlockCaches } from './block.ts'
import { blockName } from './block-meta.ts'
import { type SeriesColumns, writeBlock } from './block-writer.ts'
import { ByteCache } from './byte-cache.ts'
import { wordsOf } from './bytes.ts'
import { mergeSeries } from './merge.ts'

const root = await mkdtemp(join(tmpdir(), 'assay-block-'))
after(() => rm(root, { recursive: true }))
let dirs = 0
const caches = (): BlockCaches => ({ indexes: new ByteCache(1 << 20), frames: new ByteCache(1 << 20) })
const forever = new AbortController().signal

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
        return { labels, timestamps, values, count }
      })
      .sort((a, b) => compareLabels(a.labels, b.labels)),
  )

/** Series by series, as the columns of one are gone when the next is asked for. */
const plain = (all: Iterable<SeriesColumns>, from = -Infinity, to = Infinity) =>
  Array.from(all, ({ labels, timestamps, values, count }) => {
    const kept = [...Array(count).keys()].filter((k) => timestamps[k]! >= from && timestamps[k]! <= to)
    const words = wordsOf(values)
    return [labels.key, kept.map((k) => [timestamps[k], words[2 * k], words[2 * k + 1]])] as const
  }).filter(([, samples]) => samples.length > 0)

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
        return { labels: part.labels, timestamps, values, count: part.read({ timestamps, values }, 0) }
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
  const merged = mergeSeries([first.values(), second.values()])
  assert.deepEqual(plain(merged), plain([of('a', 1, 2, 11), of('b', 12, 13), of('c', 1)]))
})

test('nothing is left of a block without samples, nor of one whose writing was stopped', async () => {
  const dir = join(root, `${dirs++}`)
  const span = { start: 0, end: 10, merged: 1 }
  assert.equal(await writeBlock(dir, span, [], forever), undefined)
  const one = { labels: Labels.of({ a: '1' }), timestamps: Float64Array.of(1), values: Float64Array.of(1), count: 1 }
  await assert.rejects(writeBlock(dir, span, [one], AbortSignal.abort(new Error('stopped'))), /stopped/)
  assert.deepEqual(await readdir(dir), [])
})
