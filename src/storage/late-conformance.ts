/**
 * What a `Store` with a window for late samples must do, as cases. The store of the box has a window of `LATE_WINDOW_MS`.
 */
import assert from 'node:assert/strict'
import { isStaleAt, Labels, matcher, unixMs } from '#core'
import { commitAll, dump, type StoreBox, type StoreCase, sampleHistogram } from './conformance.ts'
import type { CommitReport, Store } from './types.ts'

export const LATE_WINDOW_MS = 1000

export function lateConformance(test: StoreCase, name: string, open: () => Promise<StoreBox>): void {
  for (const [title, run] of CASES) {
    test(`${name}: ${title}`, async () => {
      await using box = await open()
      await run(box)
    })
  }
}

const a = Labels.of({ __name__: 'a' })
const b = Labels.of({ __name__: 'b' })
const reasons = (report: CommitReport) => report.rejected.map(({ reason, count }) => [reason, count])

function read(store: Store, labels = a, start = -1e12, end = 1e12): readonly (readonly [number, number])[] {
  using querier = store.querier(unixMs(start), unixMs(end))
  const found = querier.select([matcher('__name__', '=', labels.name)])[0]?.samples()
  if (found === undefined) return []
  return Array.from({ length: found.count }, (_, i) => [found.timestamps[i]!, found.values[i]!] as const)
}

function writeHistogram(store: Store, at: number, counts: readonly number[], startAt = 0): CommitReport {
  using batch = store.appender()
  batch.appendHistogram(undefined, a, unixMs(at), sampleHistogram(counts), startAt)
  return batch.commit()
}

const CASES: readonly (readonly [string, (box: StoreBox) => Promise<void>])[] = [
  [
    'a sample before the last one of its series is taken within the window, and read in its place',
    async (box) => {
      commitAll(box.store, [
        [a, 1000, 1],
        [b, 2000, 9],
      ])
      const expected = [
        [500, 5],
        [990, 4],
        [1000, 1],
        [1500, 3],
        [1600, 2],
      ]
      assert.equal(commitAll(box.store, [[a, 1600, 2]]).appended, 1)
      await box.settle()
      const report = commitAll(box.store, [
        [a, 1500, 3],
        [a, 1000, 1],
        [a, 1600, 2],
      ])
      assert.deepEqual(report, { appended: 1, rejected: [] })
      // 2000 is the newest of the store: from 1000 on.
      assert.deepEqual(reasons(commitAll(box.store, [[a, 999, 4]])), [['too-old', 1]])
      await box.settle()
      assert.deepEqual(read(box.store), expected.slice(2))
      assert.deepEqual(read(box.store, a, 1001, 1599), [[1500, 3]])
      assert.deepEqual(read(box.store, a, 1501, 1599), [])
    },
  ],
  [
    'the window begins at the newest sample before the batch, also for a series that is new',
    async (box) => {
      commitAll(box.store, [[b, 5000, 1]])
      await box.settle()
      const report = commitAll(box.store, [
        [b, 9000, 2],
        [b, 4000, 3],
        [b, 3999, 4],
        [a, 4500, 5],
      ])
      assert.equal(report.appended, 3)
      assert.deepEqual(reasons(report), [['too-old', 1]])
      assert.equal(report.rejected[0]?.at, 3999)
      await box.settle()
      assert.deepEqual(read(box.store, b), [
        [4000, 3],
        [5000, 1],
        [9000, 2],
      ])
      assert.deepEqual(read(box.store), [[4500, 5]])
    },
  ],
  [
    'of an instant the first sample stays: the same again is taken silently, another one is a duplicate',
    async (box) => {
      commitAll(box.store, [
        [a, 1000, 1],
        [a, 1100, 2],
        [a, 1050, 3],
      ])
      for (let round = 0; round < 2; round++) {
        const report = commitAll(box.store, [
          [a, 1000, 1],
          [a, 1050, 3],
          [a, 1000, 7],
          [a, 1050, 7],
          [a, 1060 + round, 4],
          [a, 1060 + round, 4],
          [a, 1060 + round, 5],
        ])
        assert.deepEqual([report.appended, reasons(report)], [1, [['duplicate', 3]]])
        await box.settle()
      }
      assert.deepEqual(read(box.store), [
        [1000, 1],
        [1050, 3],
        [1060, 4],
        [1061, 4],
        [1100, 2],
      ])
    },
  ],
  [
    'a batch may bring both in one series: what is in order goes first',
    async (box) => {
      const report = commitAll(box.store, [
        [a, 1000, 1],
        [a, 900, 2],
        [a, 1200, 3],
        [a, 1000, 9],
        [a, 950, 4],
      ])
      assert.deepEqual([report.appended, reasons(report)], [4, [['duplicate', 1]]])
      await box.settle()
      assert.deepEqual(read(box.store), [
        [900, 2],
        [950, 4],
        [1000, 1],
        [1200, 3],
      ])
    },
  ],
  [
    'an open querier sees no late sample that was committed after it was opened',
    async (box) => {
      commitAll(box.store, [
        [a, 1000, 1],
        [a, 1900, 2],
        [a, 1500, 3],
      ])
      using before = box.store.querier(unixMs(0), unixMs(1e6))
      const [selected] = before.select([matcher('__name__', '=', 'a')])
      for (let at = 1000; at < 1900; at += 7) commitAll(box.store, [[a, at, at]])
      commitAll(box.store, [[b, 1000, 1]])
      assert.deepEqual([...selected!.samples().timestamps.subarray(0, selected!.samples().count)], [1000, 1500, 1900])
      assert.equal(before.select([]).length, 1)
      assert.ok(read(box.store).length > 100)
    },
  ],
  [
    'a stale marker, a start timestamp and a histogram may come late',
    async (box) => {
      writeHistogram(box.store, 2000, [1, 2], 50)
      writeHistogram(box.store, 1200, [1, 1], 60)
      commitAll(box.store, [
        [a, 1300, 'stale'],
        [a, 1400, 7],
      ])
      await box.settle()
      using querier = box.store.querier(unixMs(0), unixMs(1e6))
      const { histograms, starts, values, timestamps, count } = querier
        .select([matcher('__name__', '=', 'a')])[0]!
        .samples()
      assert.deepEqual([...timestamps.subarray(0, count)], [1200, 1300, 1400, 2000])
      assert.deepEqual(
        Array.from({ length: count }, (_, i) => histograms?.[i]?.count),
        [2, undefined, undefined, 3],
      )
      assert.deepEqual([...starts!.subarray(0, count)], [60, 0, 0, 50])
      assert.ok(isStaleAt(values, 1))
      assert.equal(values[2], 7)
    },
  ],
  [
    'where a late histogram comes between others their hints no longer say anything',
    async (box) => {
      writeHistogram(box.store, 1000, [5])
      writeHistogram(box.store, 1100, [6])
      writeHistogram(box.store, 1200, [7])
      writeHistogram(box.store, 1150, [100])
      writeHistogram(box.store, 1160, [101])
      await box.settle()
      using querier = box.store.querier(unixMs(0), unixMs(1e6))
      const { histograms } = querier.select([matcher('__name__', '=', 'a')])[0]!.samples()
      assert.deepEqual(
        histograms?.map((one) => one?.resetHint),
        ['unknown', 'none', 'unknown', 'none', 'unknown'],
      )
    },
  ],
  [
    'an appender that keeps order takes nothing late',
    async (box) => {
      commitAll(box.store, [[a, 1000, 1]])
      using batch = box.store.appender({ keepOrder: true })
      batch.append(undefined, a, unixMs(900), 1)
      batch.append(undefined, a, unixMs(1100), 1)
      const report = batch.commit()
      assert.deepEqual([report.appended, reasons(report)], [1, [['out-of-order', 1]]])
      await box.settle()
      assert.deepEqual(
        read(box.store).map(([at]) => at),
        [1000, 1100],
      )
    },
  ],
  [
    'stats count late samples, and know the earliest',
    async (box) => {
      commitAll(box.store, [
        [a, 1000, 1],
        [a, 1900, 1],
        [a, 950, 1],
      ])
      assert.equal(commitAll(box.store, [[a, 901, 1]]).appended, 1)
      await box.settle()
      const { samples, minTime, maxTime } = box.store.stats()
      // A store may hold a sample twice for a while.
      assert.ok(samples >= 4, `${samples}`)
      assert.deepEqual([minTime, maxTime], [901, 1900])
      assert.equal(dump(box.store, []).length, 1)
    },
  ],
]
