import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { isStaleAt, Labels, ManualClock, unixMs } from '#core'
import { type Committed, memoryStore, type SeriesRef, sampleHistogram } from '#storage'
import { PassOnStore } from './pass-on-store.ts'

const texts = (told: string[]) => (committed: Committed) => {
  for (let i = 0; i < committed.count; i++) {
    const { histograms, starts, values, timestamps } = committed
    const value =
      histograms?.[i] !== undefined ? `h${histograms[i]?.count}` : isStaleAt(values, i) ? 'stale' : String(values[i])
    told.push(`${committed.labels(i)}@${timestamps[i]}=${value} ${starts?.[i] ?? 0}`)
  }
}

const appends = fc.array(
  fc.array(
    fc.record({
      series: fc.nat(3),
      at: fc.oneof(fc.nat(20), fc.constant(Number.NaN)),
      value: fc.oneof(fc.nat(2), fc.constant(Number.NaN)),
      kind: fc.constantFrom('float' as const, 'float' as const, 'histogram' as const),
      startAt: fc.nat(1),
    }),
    { maxLength: 8 },
  ),
  { maxLength: 12 },
)

test('law: what is taken, refused and passed on is what the simplest store takes, refuses and tells', () => {
  fc.assert(
    fc.property(appends, (batches) => {
      const expected: string[] = []
      const told: string[] = []
      const simple = memoryStore({ onCommit: texts(expected) })
      const store = new PassOnStore({ clock: new ManualClock(), onCommit: texts(told) })
      for (const samples of batches) {
        const reports = [simple, store].map((one) => {
          using batch = one.appender()
          for (const { series, at, value, kind, startAt } of samples) {
            const labels = Labels.of({ __name__: `m${series}` })
            if (kind === 'float') batch.append(undefined, labels, unixMs(at), value, startAt)
            else batch.appendHistogram(undefined, labels, unixMs(at), sampleHistogram([1, 3]), startAt)
          }
          return batch.commit()
        })
        assert.deepEqual(plain(reports[1]!), plain(reports[0]!))
      }
      assert.deepEqual(told, expected)
    }),
    { numRuns: 300 },
  )
})

const plain = ({ appended, rejected }: ReturnType<ReturnType<PassOnStore['appender']>['commit']>) => ({
  appended,
  rejected: rejected
    .map(({ reason, count, histograms = 0, labels }) => `${reason} ${count} ${histograms} ${labels}`)
    .sort(),
})

function open(maxSeries?: number) {
  const clock = new ManualClock()
  const told: string[] = []
  const store = new PassOnStore({ clock, onCommit: texts(told), ...(maxSeries === undefined ? {} : { maxSeries }) })
  const write = (name: string, at: number, ref?: SeriesRef) => {
    using batch = store.appender()
    const made = batch.append(ref, Labels.of({ __name__: name }), unixMs(at), 1)
    return { ref: made, report: batch.commit() }
  }
  return { clock, told, store, write }
}

test('a stale marker for a series that is not known here is passed on: the engine may have it', () => {
  const { store, told } = open()
  using batch = store.appender()
  batch.appendStale(undefined, Labels.of({ __name__: 'old' }), unixMs(5))
  batch.commit()
  assert.deepEqual(told, ['old@5=stale 0'])
})

test('a series that gets no samples is forgotten, and its reference is told to be', async () => {
  const { clock, store, write } = open()
  const { ref } = write('gone', 1)
  write('stays', 1)
  for (let round = 1; round <= 3; round++) {
    await clock.advance(1200_000)
    write('stays', 1 + round)
  }
  assert.equal(store.stats().series, 1)
  using batch = store.appender()
  assert.deepEqual(
    [batch.appendKnown(ref, unixMs(9), 1), batch.appendStaleKnown(ref, unixMs(9)), batch.labelsOf(ref)],
    [false, false, undefined],
  )
  const again = write('new', 10)
  assert.notEqual(again.ref, ref, 'a slot that is given away again has another reference')
})

test('more series than may be kept are refused, those that are there go on', () => {
  const { write } = open(2)
  write('a', 1)
  write('b', 1)
  assert.deepEqual(
    write('c', 1).report.rejected.map(({ reason }) => reason),
    ['series-limit'],
  )
  assert.equal(write('a', 2).report.appended, 1)
})

test('late samples are passed on within the window, and never where the order is to be kept', () => {
  const { store, write } = open()
  store.setOutOfOrderWindow(10)
  write('a', 100)
  assert.equal(write('a', 95).report.appended, 1)
  assert.deepEqual(
    write('a', 80).report.rejected.map(({ reason }) => reason),
    ['too-old'],
  )
  using batch = store.appender({ keepOrder: true })
  batch.append(undefined, Labels.of({ __name__: 'a' }), unixMs(96), 1)
  assert.deepEqual(
    batch.commit().rejected.map(({ reason }) => reason),
    ['out-of-order'],
  )
})
