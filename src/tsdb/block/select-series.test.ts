/** What blocks answer about names, values and series, against looking at all labels. */
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import fc from 'fast-check'
import { byBytes, Labels, MATCH_OPS, type Matcher, matcher, matchesAll } from '#core'
import { compareLabels } from '#storage'
import { Flat } from '../codec/flat.ts'
import type { SeriesColumns } from '../columns/series-columns.ts'
import { Block } from './block.ts'
import { BlockIndex } from './block-index.ts'
import { blockName } from './block-meta.ts'
import { writeBlock } from './block-writer.ts'
import { ByteCache } from './byte-cache.ts'
import { selectSeries } from './select-series.ts'

const root = await mkdtemp(join(tmpdir(), 'assay-select-'))
after(() => rm(root, { recursive: true }))
let dirs = 0

const text = fc.constantFrom('', 'a', 'b', 'ab', 'x:y', 'é', '\u{1f600}', '\uffff', '1', '10')
const labels = fc
  .record({ __name__: fc.constantFrom('m', 'n', 'o'), job: text, path: text, zone: text })
  .map((record) => Labels.of(record))
const matchers = fc.array(
  fc
    .tuple(
      fc.constantFrom('__name__', 'job', 'path', 'zone', 'none'),
      fc.constantFrom(...MATCH_OPS),
      fc.constantFrom('', 'a', 'ab', 'a|b', 'm|n', '.+', '.*', 'a.*', '.*b', 'a|', '(a|b)?', 'no', '\u{1f600}|é'),
    )
    .map(([name, op, value]): Matcher => matcher(name, op, value)),
  { maxLength: 3 },
)

/** Each series with a few samples somewhere; with gaps, so that a span may fall between two. */
const series = fc
  .uniqueArray(labels, { selector: (one) => one.key, minLength: 1, maxLength: 40 })
  .chain((all) =>
    fc.tuple(
      ...all.map((one) =>
        fc
          .uniqueArray(fc.integer({ min: 0, max: 99 }), { minLength: 1, maxLength: 6 })
          .map((instants): SeriesColumns => {
            const timestamps = Float64Array.from(instants).sort()
            return { labels: one, timestamps, values: timestamps.slice(), count: timestamps.length }
          }),
      ),
    ),
  )
  .map((all) => all.toSorted((a, b) => compareLabels(a.labels, b.labels)))

test('series, names and values of any matchers and span are those that a look at all labels finds', async () => {
  await fc.assert(
    fc.asyncProperty(
      series,
      // A span may end before it begins: then it is empty.
      fc.array(fc.tuple(matchers, fc.nat(99), fc.integer({ min: -3, max: 30 })), { minLength: 5, maxLength: 5 }),
      fc.constantFrom(7, 30, 1000),
      async (given, questions, windowMs) => {
        const dir = join(root, `${dirs++}`)
        const span = { start: 0, end: 100, merged: 1, windowMs }
        await writeBlock(dir, span, given, new AbortController().signal)
        const block = await Block.open(join(dir, blockName(span)), {
          indexes: new ByteCache(1 << 20),
          frames: new ByteCache(1 << 20),
        })
        for (const [asked, low, length] of questions) {
          const high = low + length
          const expected = given.filter(
            (one) => matchesAll(asked, one.labels) && one.timestamps.some((at) => at >= low && at <= high),
          )
          const found = block.select(asked, low, high).map((part) => {
            const columns = { timestamps: new Float64Array(part.maxCount), values: new Float64Array(part.maxCount) }
            return [part.labels.key, [...columns.timestamps.subarray(0, part.read(columns, 0))]]
          })
          assert.deepEqual(
            found,
            expected.map((one) => [one.labels.key, [...one.timestamps].filter((at) => at >= low && at <= high)]),
          )
          const names = new Set(expected.flatMap((one) => [...one.labels].map(([name]) => name)))
          assert.deepEqual(block.labelNames(asked, low, high), [...names].sort(byBytes))
          for (const name of ['__name__', 'job', 'none']) {
            const values = new Set(expected.map((one) => one.labels.get(name)))
            values.delete('')
            assert.deepEqual(block.labelValues(name, asked, low, high), [...values].sort(byBytes))
          }
          for (const { labels: own } of given.slice(0, 3)) {
            const isThere = given.some(
              (one) => one.labels === own && one.timestamps.some((at) => at >= low && at <= high),
            )
            assert.equal(block.find(own, low, high)?.labels.key, isThere ? own.key : undefined)
          }
        }
        assert.equal(block.find(Labels.of({ __name__: 'm', job: 'nobody' }), 0, 99), undefined)
        // What another thread makes of the same memory.
        const elsewhere = new BlockIndex(new Flat(block.index().flat.buffer))
        for (const [asked] of questions) {
          assert.deepEqual(selectSeries(elsewhere, asked), selectSeries(block.index(), asked))
        }
        for (const [i, one] of given.entries()) assert.ok(elsewhere.labels(i).equals(one.labels))
        for (let time = 0; time < 101; time += 13) {
          const instants = given.flatMap((one) => [...one.timestamps].filter((at) => at >= time))
          assert.equal(block.firstFrom(time), Math.min(...instants))
        }
        block.drop()
      },
    ),
    { numRuns: 60, endOnFailure: true },
  )
})
