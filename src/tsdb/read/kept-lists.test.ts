import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import fc from 'fast-check'
import { byBytes, Labels, ManualClock, matcher, silentLog, unixMs } from '#core'
import type { Querier } from '#storage'
import { openTsdb, type Tsdb } from '../index.ts'
import { KeptLists, type Reads, type Sources } from './kept-lists.ts'

const root = await mkdtemp(join(tmpdir(), 'assay-lists-'))
after(() => rm(root, { recursive: true }))
let dirs = 0

const MINUTE = 60_000
const open = (outOfOrderWindowMs = 0) =>
  openTsdb({
    dir: join(root, `${dirs++}`),
    clock: new ManualClock(),
    log: silentLog,
    maxAheadMs: Infinity,
    blockMs: 60 * MINUTE,
    outOfOrderWindowMs,
    maxLateSamples: 20,
  })

const series = (n: number) => Labels.of({ __name__: `m${n % 2}`, n: String(n), [`l${n % 3}`]: 'x' })
const append = (store: Tsdb, at: number, numbers: readonly number[]) => {
  using batch = store.appender()
  for (const n of numbers) batch.append(undefined, series(n), unixMs(at + n), 1)
  batch.commit()
}

const ALL = [matcher('__name__', '!=', '')]
const SETS = [ALL, [matcher('__name__', '=', 'm1')], [matcher('l0', '=', 'x')]]

/** What is listed, as the lists say it. */
const listed = (querier: Querier) => ({
  names: [querier.labelNames([]), ...SETS.map((set) => querier.labelNames(set))],
  values: [querier.labelValues('n', []), ...SETS.map((set) => querier.labelValues('n', set))],
  series: SETS.map((set) => querier.series(set).map(({ key }) => key)),
})

/** The same from the samples that are there. */
function found(querier: Querier): ReturnType<typeof listed> {
  const of = (set: (typeof SETS)[number]) =>
    querier.select(set).flatMap(({ labels, samples }) => (samples().count > 0 ? [labels] : []))
  const sorted = (texts: readonly string[]) => [...new Set(texts)].sort(byBytes)
  const sets = [ALL, ...SETS].map(of)
  return {
    names: sets.map((all) => sorted(all.flatMap((labels) => [...labels].map(([name]) => name)))),
    values: sets.map((all) => sorted(all.map((labels) => labels.get('n')))),
    series: sets.slice(1).map((all) => all.map(({ key }) => key)),
  }
}

type Step =
  | { readonly append: readonly number[]; readonly passMs: number }
  | { readonly late: readonly number[]; readonly agoMs: number }
  | { readonly look: readonly [agoMs: number, spanMs: number] }
  | { readonly do: 'upkeep' | 'delete' | 'clean' | 'hold' }

const minutes = (most: number) => fc.integer({ min: 0, max: most }).map((one) => one * MINUTE)
const numbers = fc.oneof(
  { weight: 3, arbitrary: fc.constant([0, 1, 2, 3]) },
  fc.array(fc.nat(7), { minLength: 1, maxLength: 6 }).map((some) => [...new Set(some)].sort()),
)
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ append: numbers, passMs: minutes(12) }) },
  { weight: 1, arbitrary: fc.record({ late: numbers, agoMs: minutes(50) }) },
  {
    weight: 8,
    arbitrary: fc.record({
      look: fc.tuple(
        minutes(100),
        fc.constantFrom(0, 5, 60, 61, 300).map((m) => m * MINUTE),
      ),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('upkeep', 'upkeep', 'hold', 'delete', 'clean') }) },
)

test('what is listed is what has samples in the span, however often it is asked, whatever is done meanwhile', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 60 }), fc.boolean(), async (steps, isLate) => {
      await using store = await open(isLate ? 60 * MINUTE : 0)
      let at = 100 * MINUTE
      let held: { readonly querier: Querier; readonly said: unknown } | undefined
      for (const one of steps) {
        if ('append' in one) append(store, (at += one.passMs + 10), one.append)
        else if ('late' in one) append(store, at - one.agoMs, one.late)
        else if ('look' in one) {
          const end = at + 10 * MINUTE - one.look[0]
          using querier = store.querier(unixMs(end - one.look[1]), unixMs(end))
          assert.deepEqual(listed(querier), found(querier))
        } else if (one.do === 'upkeep') await store.upkeep()
        else if (one.do === 'delete')
          await store.deleteSeries({ sets: [[matcher('n', '=~', '1|2')]], start: at - 40 * MINUTE, end: at - MINUTE })
        else if (one.do === 'clean') await store.cleanTombstones()
        else {
          // An older view beside newer ones.
          if (held !== undefined) assert.deepEqual(listed(held.querier), held.said)
          held?.querier[Symbol.dispose]()
          const querier = store.querier(unixMs(at - 70 * MINUTE), unixMs(at + MINUTE))
          held = { querier, said: found(querier) }
        }
      }
      held?.querier[Symbol.dispose]()
    }),
    { numRuns: 150 },
  )
})

const sourcesOf = (start: number, end: number, index: object, more: object = {}): Sources => {
  const view = { commit: 7, boundary: 0, index, ...more }
  return { blocks: [], ...more, view, start, end } as unknown as Sources
}

/** Lists what there is of ['a', 'b'], where 'b' came at minute 10. */
function counted() {
  const read: (readonly [number, number])[] = []
  const reads: Reads<string> = {
    key: 'names',
    within: (start, end) => {
      read.push([start / MINUTE, end / MINUTE])
      return end < 10 * MINUTE ? ['a'] : ['a', 'b']
    },
    countAround: () => 2,
    bytesOf: () => 100,
  }
  return { read, reads }
}

test('a list is read once for spans that move on with the clock, until its inner span is left', () => {
  const lists = new KeptLists()
  const { read, reads } = counted()
  const index = { arrived: 2, gone: 0 }
  const ask = (minute: number) => lists.list(sourcesOf((minute - 60) * MINUTE, minute * MINUTE, index), reads)
  const first = ask(100)
  for (let minute = 101; minute <= 115; minute++) assert.equal(ask(minute), first)
  assert.deepEqual(read, [[55, 100]])
  ask(116)
  assert.equal(read.length, 2)
  // Back in time, from then on with room at both ends.
  ask(110)
  const back = ask(109)
  for (let minute = 95; minute <= 120; minute++) assert.equal(ask(minute), back)
  assert.equal(read.length, 3)
})

test('a list is read again when a series came or left', () => {
  const lists = new KeptLists()
  const { read, reads } = counted()
  const index = { arrived: 2, gone: 0 }
  const ask = () => lists.list(sourcesOf(0, 60 * MINUTE, index), reads)
  assert.equal(ask(), ask())
  index.arrived = 3
  ask()
  index.gone = 1
  ask()
  assert.equal(ask(), ask())
  assert.equal(read.length, 3)
})

test('a list is read again for other blocks, another boundary, an earlier view, and beyond what blocks were looked at for', () => {
  const lists = new KeptLists()
  const { read, reads } = counted()
  const index = { arrived: 2, gone: 0 }
  const blocks = [{}, {}]
  const ask = (more: object, marginMs = 0) =>
    lists.list(sourcesOf(-marginMs, 60 * MINUTE + marginMs, index, { blocks, ...more }), reads)
  const isReadBy = (more: object, marginMs = 0) => {
    const before = read.length
    ask(more, marginMs)
    return read.length > before
  }
  assert.equal(isReadBy({}), true)
  assert.equal(isReadBy({ commit: 8 }, MINUTE), false)
  assert.equal(isReadBy({}, 16 * MINUTE), true)
  assert.equal(isReadBy({ blocks: [blocks[0], {}] }), true)
  assert.equal(isReadBy({ blocks: [blocks[0]] }), true)
  assert.equal(isReadBy({ boundary: 1, blocks: [blocks[0]] }), true)
  assert.equal(isReadBy({ boundary: 1, blocks: [blocks[0]], commit: 6 }), true)
})

test('a list of which more may come to be seen is tried more and more rarely', () => {
  const lists = new KeptLists()
  const { read, reads } = counted()
  const never = { ...reads, countAround: () => 3 }
  const index = { arrived: 3, gone: 0 }
  for (let i = 0; i < 1000; i++) lists.list(sourcesOf(0, 60 * MINUTE, index), never)
  assert.ok(read.length > 1000 && read.length < 1030, `${read.length} readings`)
})

test('what is asked for in vain, over and over in other words, takes no more room', () => {
  const lists = new KeptLists()
  const { reads } = counted()
  const index = { arrived: 3, gone: 0 }
  for (let i = 0; i < 2000; i++) {
    const key = `${i}`.padEnd(2000)
    lists.list(sourcesOf(0, 60 * MINUTE, index), { ...reads, key, countAround: () => 3 })
  }
  assert.ok(lists.sizeBytes > 3e6 && lists.sizeBytes <= 4 * 2 ** 20, `${lists.sizeBytes} bytes`)
})

test('no more is kept than fits, and what is too long for it is given all the same', () => {
  const lists = new KeptLists()
  const { read, reads } = counted()
  const index = { arrived: 2, gone: 0 }
  const ask = (key: string, bytes: number) =>
    lists.list(sourcesOf(0, 60 * MINUTE, index), { ...reads, key, bytesOf: () => bytes })
  assert.deepEqual(ask('long', 3e6), ['a', 'b'])
  for (const key of ['1', '2', '3', '4', '5']) ask(key, 1e6)
  assert.ok(lists.sizeBytes > 3e6 && lists.sizeBytes <= 4 * 2 ** 20, `${lists.sizeBytes} bytes`)
  assert.equal(read.length, 6)
  ask('5', 1e6)
  assert.equal(read.length, 6)
  ask('1', 1e6)
  assert.equal(read.length, 7)
})
