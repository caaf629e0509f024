import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import fc from 'fast-check'
import { Labels, ManualClock, matcher, silentLog, unixMs } from '#core'
import { type Querier, type Series, sampleHistogram } from '#storage'
import { INDEX_FILE } from '../block/block-meta.ts'
import { NotSharedError, openTsdb, StoreMirror, type Tsdb } from '../index.ts'

const root = await mkdtemp(join(tmpdir(), 'assay-mirror-'))
after(() => rm(root, { recursive: true }))
let dirs = 0

const open = () =>
  openTsdb({
    dir: join(root, `${dirs++}`),
    clock: new ManualClock(),
    log: silentLog,
    maxAheadMs: Infinity,
    blockMs: 1000,
    maxLateSamples: 50,
  })

const series = (n: number) => Labels.of({ __name__: `m${n % 3}`, n: String(n), odd: n % 2 === 1 ? 'yes' : '' })

/** All that a querier says, samples by their bits. */
function saidBy(querier: Querier): unknown {
  const all = [matcher('__name__', '!=', '')]
  return {
    series: querier.series(all).map(({ key }) => key),
    names: querier.labelNames([]),
    namesOfOdd: querier.labelNames([matcher('odd', '=', 'yes')]),
    values: querier.labelValues('n', []),
    samples: querier.select([matcher('__name__', '=~', 'm[01]')]).map(({ labels, samples }) => {
      const { timestamps, values, count } = samples()
      return [labels.key, [...timestamps.subarray(0, count)], [...new BigUint64Array(values.slice(0, count).buffer)]]
    }),
  }
}

function append(store: Tsdb, of: number, at: number, value: number): void {
  using batch = store.appender()
  for (let n = of; n < of + 5; n++) batch.append(undefined, series(n), unixMs(at + n), value)
  batch.commit()
}

type Step =
  | { readonly append: number; readonly value: number }
  | { readonly lend: readonly [number, number] }
  | { readonly look: number }
  | { readonly do: 'flush' | 'upkeep' | 'delete' | 'clean' }

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ append: fc.nat(20), value: fc.double() }) },
  { weight: 3, arbitrary: fc.record({ lend: fc.tuple(fc.nat(20_000), fc.nat(20_000)) }) },
  { weight: 3, arbitrary: fc.record({ look: fc.nat(5) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('flush', 'upkeep', 'delete', 'clean') }) },
)

test('another reader sees what was there when its view was lent, whatever is done meanwhile', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      await using store = await open()
      const share = store.share()
      await using mirror = new StoreMirror()
      await using looks = new AsyncDisposableStack()
      const opened: { readonly there: Querier; readonly said: unknown }[] = []
      let at = 0
      for (const one of steps) {
        if ('append' in one) append(store, one.append, (at += 400), one.value)
        else if ('lend' in one) {
          const span = [unixMs(Math.min(...one.lend)), unixMs(Math.max(...one.lend))] as const
          const lent = share.lend()
          // What a deletion left to be known by the store alone is asked of it.
          if (lent === undefined) continue
          looks.use(lent)
          using here = store.querier(...span)
          const said = saidBy(here)
          const adopted = looks.use(await mirror.adopt(structuredClone(lent.view)))
          opened.push({ there: adopted.querier(...span), said })
        } else if ('look' in one) {
          const look = opened[one.look]
          if (look !== undefined) assert.deepEqual(saidBy(look.there), look.said)
        } else if (one.do === 'flush') await store.flush()
        else if (one.do === 'upkeep') void store.upkeep()
        else if (opened.length > 0) continue
        else if (one.do === 'clean') await store.cleanTombstones()
        else await store.deleteSeries({ sets: [[matcher('odd', '=', 'yes')]], start: at - 3000, end: at - 100 })
      }
      for (const { there, said } of opened) assert.deepEqual(saidBy(there), said)
      await looks.disposeAsync()
    }),
    { numRuns: 60 },
  )
})

test('histograms and start timestamps are lent with what is selected, and nothing else can read them', async () => {
  await using store = await open()
  const write = (at: number, size: number) => {
    using batch = store.appender()
    batch.append(undefined, series(1), unixMs(at), 1, at - 500)
    batch.appendHistogram(undefined, series(2), unixMs(at), sampleHistogram([size, 2]))
    batch.append(undefined, series(3), unixMs(at), 7)
    batch.commit()
  }
  for (let i = 1; i <= 100; i++) write(i * 10, i)
  await using mirror = new StoreMirror()
  const share = store.share()
  const all = [matcher('n', '!=', '')]
  const ofHistogram = [matcher('n', '=', '2')]
  const samplesOf = (querier: Querier) =>
    querier.select(all).map(({ labels, samples }) => {
      const { timestamps, values, count, histograms, starts } = samples()
      return [labels.key, [...timestamps.slice(0, count)], [...values.slice(0, count)], histograms, starts]
    })
  using lent = share.lend([all])!
  using there = await mirror.adopt(structuredClone(lent.view))
  using here = store.querier(unixMs(0), unixMs(2000))
  const expected = samplesOf(here)
  for (let i = 101; i <= 150; i++) write(i * 10, i)
  // A later view, of one of the series alone: what was lent before serves both.
  using later = share.lend([ofHistogram])!
  using thereLater = await mirror.adopt(structuredClone(later.view))
  assert.deepEqual(samplesOf(there.querier(unixMs(0), unixMs(2000))), expected)
  const [{ samples }] = thereLater.querier(unixMs(0), unixMs(2000)).select(ofHistogram) as [Series]
  assert.equal(samples().count, 150)
  assert.equal(samples().histograms?.length, 150)

  await using other = new StoreMirror()
  using few = store.share().lend([[matcher('n', '=', '3')]])!
  using seen = await other.adopt(structuredClone(few.view))
  const querier = seen.querier(unixMs(0), unixMs(2000))
  const [third, first, second] = querier.select(all) as [Series, Series, Series]
  assert.equal(third.samples().count, 150)
  for (const one of [first, second]) assert.throws(() => one.samples(), NotSharedError)
})

test('late samples and deletions that only the store knows of are not lent to who would read them', async () => {
  const one = [matcher('n', '=', '1')]
  const others = [matcher('n', '!=', '1'), matcher('__name__', '!=', '')]
  await using deleting = await open()
  append(deleting, 0, 10_000, 1)
  const share = deleting.share()
  assert.ok(share.lend() !== undefined)
  await deleting.deleteSeries({ sets: [one], start: 0, end: 20_000 })
  assert.equal(share.lend(), undefined)
  assert.equal(share.lend([others, one]), undefined)
  assert.ok(share.lend([others]) !== undefined)

  await using late = await open()
  late.setOutOfOrderWindow(60_000)
  append(late, 0, 50_000, 1)
  {
    using batch = late.appender()
    batch.append(undefined, series(1), unixMs(20_000), 7)
    batch.commit()
  }
  assert.equal(late.stats().lateSamples, 1)
  assert.equal(late.share().lend([one]), undefined)
  assert.ok(late.share().lend([others]) !== undefined)
})

test('a damaged block is an error here, and its owner sets it aside', async () => {
  await using store = await open()
  for (let i = 0; i < 20; i++) append(store, 0, i * 400, i)
  await store.flush()
  const dir = join(root, String(dirs - 1), 'blocks')
  const { name } = store.blocks()[0]!
  await rm(join(dir, name, INDEX_FILE))
  await using mirror = new StoreMirror()
  using lent = store.share().lend()!
  await assert.rejects(mirror.adopt(structuredClone(lent.view)), { code: 'ASSAY_TSDB_CORRUPT' })
})
