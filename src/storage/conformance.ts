/**
 * What every `Store` must do, as cases. The runner is handed in, so that nothing of a test library ships.
 *
 * A case writes, settles, reads. Settling is what an implementation wants to prove besides: nothing, a block being written, a
 * close and a reopen. Time moves on from case phase to phase, so that a store may refuse what lies before a block.
 *
 * Beyond 400 lines because it is one list: the whole contract of a store, to be read and run as one.
 */
import assert from 'node:assert/strict'
import {
  CUSTOM_SCHEMA,
  isStaleAt,
  Labels,
  type Matcher,
  matcher,
  type NativeHistogram,
  NO_BUCKETS,
  type ResetHint,
  unixMs,
} from '#core'
import { ListedSeries, type SeriesSet, selectSet } from './series-set.ts'
import type { CommitReport, Querier, Samples, Series, SeriesRef, Store } from './types.ts'

export type StoreCase = (name: string, run: () => Promise<void>) => unknown

/** A store that may become another object of the same content by `settle`. */
export interface StoreBox extends AsyncDisposable {
  readonly store: Store
  settle(): Promise<void>
}

export function storeConformance(test: StoreCase, name: string, open: () => Promise<StoreBox>): void {
  for (const [title, run] of CASES) {
    test(`${name}: ${title}`, async () => {
      await using box = await open()
      await run(box)
    })
  }
}

type Sample = readonly [labels: Labels, at: number, value: number | 'stale']

const of = (text: string): Labels =>
  Labels.fromPairs(text.split(',').map((pair, i): [string, string] => (i === 0 ? ['__name__', pair] : split(pair))))
const split = (pair: string): [string, string] => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]
const eq = (name: string, value: string): Matcher => matcher(name, '=', value)
const named = (name: string): Matcher => eq('__name__', name)

/** Commits samples as one batch. */
export function commitAll(store: Store, samples: readonly Sample[]): CommitReport {
  using batch = store.appender()
  for (const [labels, at, value] of samples) {
    if (value === 'stale') batch.appendStale(undefined, labels, unixMs(at))
    else batch.append(undefined, labels, unixMs(at), value)
  }
  return batch.commit()
}

/** A series in full, for comparison: labels, then instant and bits of each value. `withoutHints`: but for those of gauges. */
export function dumpSeries(
  series: Series,
  { withoutHints = false }: { readonly withoutHints?: boolean } = {},
): readonly unknown[] {
  const { timestamps, values, count, histograms, starts } = series.samples()
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length * 2)
  return [
    series.labels.toString(),
    ...Array.from({ length: count }, (_, i) => {
      const sample: unknown[] = [timestamps[i], words[2 * i], words[2 * i + 1]]
      const histogram = histograms?.[i]
      if (histogram !== undefined)
        sample.push(
          withoutHints && histogram.resetHint !== 'gauge' ? { ...histogram, resetHint: 'unknown' } : histogram,
        )
      if (starts !== undefined && starts[i] !== 0) sample.push(starts[i])
      return sample
    }),
  ]
}

/** What is said of the newest sample until some moment is what reading all says. `samples`, which were read, are read again in the end. */
function assertNewest(set: SeriesSet, series: number, { timestamps, count }: Samples): void {
  if (set.readNewest === undefined) return
  const instants = [...timestamps.subarray(0, count)]
  const [first, middle, last] = [instants[0]!, instants[count >> 1]!, instants[count - 1]!]
  for (const at of [first - 1, first, middle - 1, middle, middle + 1, last - 1, last, last + 1]) {
    const one: Samples = set.readNewest(series, at)
    const newest: unknown = one.count === 0 ? undefined : entryAt(one, one.count - 1)
    const all = set.read(series)
    const place = instants.findLastIndex((instant) => instant <= at)
    assert.deepEqual(newest, place < 0 ? undefined : entryAt(all, place))
  }
  set.read(series)
}

function entryAt({ timestamps, values, histograms }: Samples, i: number): unknown {
  const histogram = histograms?.[i]
  return [timestamps[i], histogram === undefined ? [...wordsOf(values, i)] : histogram.count]
}

/** The bits of a value: a stale marker is another than any NaN. */
function wordsOf(values: Float64Array, i: number): Uint32Array {
  return new Uint32Array(values.slice(i, i + 1).buffer)
}

/** A set says what `select` says, of labels, samples and groups. */
export function assertSet(querier: Querier, matchers: readonly Matcher[]): void {
  const selected = querier.select(matchers)
  const set = selectSet(querier, matchers)
  const read: unknown[] = []
  const live: number[] = []
  for (let i = 0; i < set.count; i++) {
    const samples = set.read(i)
    if (samples.count === 0) continue
    live.push(i)
    assertNewest(set, i, samples)
    read.push(dumpSeries({ labels: set.labels(i), samples: () => samples }))
    // The columns are the reader's: what is written there is nobody else's.
    samples.values.fill(-1)
  }
  assert.deepEqual(
    read,
    selected.map((one) => dumpSeries(one)),
  )
  const twin = new ListedSeries(selected)
  for (const grouping of [
    { without: false, names: ['job', '__name__'] },
    { without: true, names: ['instance'] },
    { without: false, names: [] },
  ]) {
    const [ours, theirs] = [set.groups(grouping), twin.groups(grouping)]
    assert.deepEqual(
      live.map((i) => ours.labels[ours.of[i]!]!.flat),
      selected.map((_, i) => theirs.labels[theirs.of[i]!]!.flat),
    )
  }
}

export function dump(store: Store, matchers: readonly Matcher[], start = -1e12, end = 1e12): readonly unknown[] {
  using querier = store.querier(unixMs(start), unixMs(end))
  assertSet(querier, matchers)
  return querier.select(matchers).map((one) => dumpSeries(one))
}

const instants = (series: Series | undefined): readonly number[] => {
  if (series === undefined) return []
  const { timestamps, count } = series.samples()
  return [...timestamps.subarray(0, count)]
}
const numbers = (series: Series | undefined): readonly number[] => {
  if (series === undefined) return []
  const { values, count } = series.samples()
  return [...values.subarray(0, count)]
}
const whole = (store: Store): Querier => store.querier(unixMs(-1e12), unixMs(1e12))
const reasons = (report: CommitReport) => report.rejected.map(({ reason, count }) => [reason, count])

const CASES: readonly (readonly [string, (box: StoreBox) => Promise<void>])[] = [
  [
    'a known reference stands for its series, without labels',
    async (box) => {
      using first = box.store.appender()
      const ref = first.append(undefined, of('up,job=api'), unixMs(1), 1)
      first.commit()
      using second = box.store.appender()
      assert.equal(second.labelsOf(ref)?.toString(), of('up,job=api').toString())
      assert.equal(second.appendKnown(ref, unixMs(2), Number.NaN), true)
      assert.equal(second.appendKnown(ref, unixMs(3), 3, 1), true)
      assert.equal(second.appendStaleKnown(ref, unixMs(4)), true)
      assert.deepEqual(second.commit(), { appended: 3, rejected: [] })
      await box.settle()
      using querier = whole(box.store)
      const [series] = querier.select([named('up')])
      assert.deepEqual(instants(series), [1, 2, 3, 4])
      const { values, starts } = series!.samples()
      assert.deepEqual([isStaleAt(values, 1), isStaleAt(values, 3)], [false, true])
      assert.equal(starts?.[2], 1)
    },
  ],
  [
    'the samples of a series can be asked for without the series',
    async (box) => {
      commitAll(box.store, [[of('up'), 1, 1]])
      await box.settle()
      using querier = whole(box.store)
      const [{ samples }] = querier.select([named('up')]) as [Series]
      assert.equal(samples().count, 1)
    },
  ],
  [
    'a reference that was never given is not known',
    async (box) => {
      using batch = box.store.appender()
      for (const ref of [0, 77, 2 ** 40] as SeriesRef[]) {
        assert.equal(batch.appendKnown(ref, unixMs(1), 1), false)
        assert.equal(batch.appendStaleKnown(ref, unixMs(1)), false)
        assert.equal(batch.labelsOf(ref), undefined)
      }
      assert.deepEqual(batch.commit(), { appended: 0, rejected: [] })
    },
  ],
  [
    'what a known reference cannot take is told by the commit',
    async (box) => {
      using first = box.store.appender()
      const ref = first.append(undefined, of('up'), unixMs(5), 1)
      first.commit()
      using second = box.store.appender()
      assert.equal(second.appendKnown(ref, unixMs(5), 2), true)
      assert.equal(second.appendKnown(ref, unixMs(2 ** 51), 2), true)
      assert.deepEqual(reasons(second.commit()).toSorted(), [
        ['duplicate', 1],
        ['no-instant', 1],
      ])
    },
  ],
  [
    'a batch is visible after its commit and not before',
    async (box) => {
      using batch = box.store.appender()
      batch.append(undefined, of('up'), unixMs(1), 1)
      assert.deepEqual(dump(box.store, [named('up')]), [])
      assert.deepEqual(batch.commit(), { appended: 1, rejected: [] })
      await box.settle()
      using querier = whole(box.store)
      assert.deepEqual(numbers(querier.select([named('up')])[0]), [1])
    },
  ],
  [
    'a batch that is disposed without commit leaves nothing, and its reference still works',
    async (box) => {
      let ref: SeriesRef
      {
        using batch = box.store.appender()
        ref = batch.append(undefined, of('up'), unixMs(1), 1)
      }
      assert.deepEqual(dump(box.store, [named('up')]), [])
      using next = box.store.appender()
      next.append(ref, of('up'), unixMs(2), 2)
      next.commit()
      await box.settle()
      using querier = whole(box.store)
      assert.deepEqual(instants(querier.select([named('up')])[0]), [2])
    },
  ],
  [
    'an appender is not reusable',
    async ({ store }) => {
      const batch = store.appender()
      batch.commit()
      assert.throws(() => batch.append(undefined, of('up'), unixMs(1), 1), TypeError)
      assert.throws(() => batch.commit(), TypeError)
      batch[Symbol.dispose]()
    },
  ],
  [
    'an empty commit is fine',
    async (box) => {
      assert.deepEqual(commitAll(box.store, []), { appended: 0, rejected: [] })
      await box.settle()
      assert.deepEqual(dump(box.store, []), [])
    },
  ],
  [
    'references go from batch to batch and stand for the same series as its labels',
    async (box) => {
      let ref: SeriesRef | undefined
      for (let at = 1; at <= 5; at++) {
        using batch = box.store.appender()
        ref = batch.append(at === 3 ? undefined : ref, of('a,x=1'), unixMs(at), at)
        batch.commit()
      }
      await box.settle()
      using batch = box.store.appender()
      batch.append(undefined, of('a,x=1'), unixMs(6), 6)
      batch.commit()
      using querier = whole(box.store)
      assert.deepEqual(instants(querier.select([named('a')])[0]), [1, 2, 3, 4, 5, 6])
    },
  ],
  [
    'what is out of order is rejected with its first example, and the rest goes in',
    async (box) => {
      commitAll(box.store, [[of('a'), 10, 1]])
      const report = commitAll(box.store, [
        [of('b'), 11, 1],
        [of('a'), 9, 1],
        [of('a'), 8, 1],
        [of('a'), 11, 2],
      ])
      assert.equal(report.appended, 2)
      assert.deepEqual(reasons(report), [['out-of-order', 2]])
      assert.equal(report.rejected[0]?.at, 9)
      assert.equal(report.rejected[0]?.labels.toString(), 'a')
      await box.settle()
      using querier = whole(box.store)
      assert.deepEqual(instants(querier.select([named('a')])[0]), [10, 11])
    },
  ],
  [
    'order is judged within a batch and, between batches, by their commits',
    async (box) => {
      assert.deepEqual(
        reasons(
          commitAll(box.store, [
            [of('a'), 5, 1],
            [of('a'), 4, 1],
          ]),
        ),
        [['out-of-order', 1]],
      )
      using early = box.store.appender()
      early.append(undefined, of('a'), unixMs(6), 6)
      commitAll(box.store, [[of('a'), 7, 7]])
      assert.deepEqual(reasons(early.commit()), [['out-of-order', 1]])
      await box.settle()
      using querier = whole(box.store)
      assert.deepEqual(numbers(querier.select([named('a')])[0]), [1, 7])
    },
  ],
  [
    'a repeated sample is taken silently when its bits are equal and rejected when they are not',
    async ({ store }) => {
      commitAll(store, [
        [of('a'), 1, 0],
        [of('n'), 1, Number.NaN],
      ])
      assert.deepEqual(
        commitAll(store, [
          [of('a'), 1, 0],
          [of('n'), 1, Number.NaN],
        ]),
        { appended: 0, rejected: [] },
      )
      assert.deepEqual(reasons(commitAll(store, [[of('a'), 1, -0]])), [['duplicate', 1]])
      assert.deepEqual(reasons(commitAll(store, [[of('n'), 1, 'stale']])), [['duplicate', 1]])
      const within = commitAll(store, [
        [of('a'), 2, 5],
        [of('a'), 2, 5],
        [of('a'), 2, 6],
      ])
      assert.equal(within.appended, 1)
      assert.deepEqual(reasons(within), [['duplicate', 1]])
    },
  ],
  [
    'an instant that is none is rejected and named',
    async ({ store }) => {
      using batch = store.appender()
      for (const at of [Number.NaN, 1.5, Infinity, 2 ** 51]) {
        batch.append(undefined, of('a'), at as ReturnType<typeof unixMs>, 1)
      }
      batch.append(undefined, of('a'), unixMs(1), 1)
      const report = batch.commit()
      assert.equal(report.appended, 1)
      assert.deepEqual(reasons(report), [['no-instant', 4]])
    },
  ],
  [
    'a stale marker is its bits, and a NaN that was appended is not one',
    async (box) => {
      commitAll(box.store, [
        [of('a'), 1, 5],
        [of('a'), 2, Number.NaN],
        [of('a'), 3, 'stale'],
      ])
      await box.settle()
      using querier = whole(box.store)
      const samples = querier.select([named('a')])[0]!.samples()
      assert.equal(samples.count, 3)
      assert.deepEqual(
        [0, 1, 2].map((i) => isStaleAt(samples.values, i)),
        [false, false, true],
      )
      assert.ok(Number.isNaN(samples.values[1]))
    },
  ],
  [
    'a NaN of any payload becomes the one ordinary NaN',
    async (box) => {
      const payloads = new Float64Array(new Uint32Array([2, 0x7ff00000, 7, 0xfff12345]).buffer)
      commitAll(box.store, [
        [of('a'), 1, payloads[0]!],
        [of('a'), 2, payloads[1]!],
      ])
      await box.settle()
      const [, ...samples] = dump(box.store, [named('a')])[0] as readonly unknown[]
      assert.deepEqual(samples, [
        [1, 0, 0x7ff80000],
        [2, 0, 0x7ff80000],
      ])
    },
  ],
  [
    'a stale marker for a series that is not there is dropped',
    async (box) => {
      assert.deepEqual(commitAll(box.store, [[of('gone'), 1, 'stale']]), { appended: 0, rejected: [] })
      await box.settle()
      assert.deepEqual(dump(box.store, []), [])
    },
  ],
  [
    'zero with a sign, infinities and the ends of the number range come back bit by bit',
    async (box) => {
      const all = [-0, 0, Infinity, -Infinity, 5e-324, -5e-324, Number.MAX_VALUE, -Number.MAX_VALUE, 2 ** 53, 0.1 + 0.2]
      commitAll(
        box.store,
        all.map((value, i): Sample => [of('a'), i, value]),
      )
      await box.settle()
      using querier = whole(box.store)
      const read = numbers(querier.select([named('a')])[0])
      assert.ok(
        read.length === all.length && read.every((value, i) => Object.is(value, all[i])),
        `read ${read.join(' ')}`,
      )
    },
  ],
  [
    'both bounds of a querier are inclusive, and a series without a sample between them is not selected',
    async (box) => {
      commitAll(box.store, [
        [of('a'), 10, 1],
        [of('b'), 10, 1],
        [of('a'), 20, 2],
        [of('a'), 30, 3],
        [of('b'), 30, 3],
      ])
      await box.settle()
      const cases: readonly (readonly [number, number, readonly number[], readonly number[]])[] = [
        [10, 30, [10, 20, 30], [10, 30]],
        [10, 10, [10], [10]],
        [11, 29, [20], []],
        [20, 20, [20], []],
        [31, 40, [], []],
        [0, 9, [], []],
        [30, 10, [], []],
      ]
      for (const [start, end, a, b] of cases) {
        using querier = box.store.querier(unixMs(start), unixMs(end))
        const found = new Map(querier.select([]).map((series) => [series.labels.name, instants(series)]))
        assert.deepEqual([found.get('a') ?? [], found.get('b') ?? []], [a, b], `${start}..${end}`)
        assert.equal(found.size, (a.length > 0 ? 1 : 0) + (b.length > 0 ? 1 : 0), `${start}..${end}`)
        assert.deepEqual(
          querier.series([]).map((labels) => labels.name),
          [...found.keys()],
        )
        assert.deepEqual(querier.labelValues('__name__', []), [...found.keys()])
      }
    },
  ],
  [
    'matchers of every kind select what they say, an absent label counting as empty',
    async (box) => {
      const all = ['m,env=dev', 'm,env=prod', 'm,env=prod,zone=a', 'm', 'n,env=prod']
      commitAll(
        box.store,
        all.map((text): Sample => [of(text), 1, 1]),
      )
      await box.settle()
      const cases: readonly (readonly [why: string, Matcher[], readonly string[]])[] = [
        ['equal', [named('m'), eq('env', 'prod')], ['m,env=prod', 'm,env=prod,zone=a']],
        ['equal to nothing', [named('m'), eq('env', '')], ['m']],
        ['equal to nothing, alone', [eq('env', '')], ['m']],
        ['not equal takes the absent too', [named('m'), matcher('env', '!=', 'prod')], ['m', 'm,env=dev']],
        ['not empty', [named('m'), matcher('zone', '!=', '')], ['m,env=prod,zone=a']],
        [
          'expression',
          [matcher('env', '=~', 'd.v|p.*')],
          ['m,env=dev', 'm,env=prod', 'm,env=prod,zone=a', 'n,env=prod'],
        ],
        ['anchored', [matcher('env', '=~', 'pro')], []],
        ['matching empty', [named('m'), matcher('env', '=~', 'prod|')], ['m', 'm,env=prod', 'm,env=prod,zone=a']],
        ['any', [named('m'), matcher('env', '=~', '.*')], ['m', 'm,env=dev', 'm,env=prod', 'm,env=prod,zone=a']],
        ['some', [named('m'), matcher('env', '=~', '.+')], ['m,env=dev', 'm,env=prod', 'm,env=prod,zone=a']],
        ['not an expression', [named('m'), matcher('env', '!~', 'p.*')], ['m', 'm,env=dev']],
        ['negative alone', [matcher('__name__', '!=', 'm')], ['n,env=prod']],
        [
          'two on one label',
          [matcher('env', '=~', 'd.*|p.*'), matcher('env', '!=', 'dev'), named('n')],
          ['n,env=prod'],
        ],
        ['unknown name', [eq('nope', 'x')], []],
        ['unknown value', [named('nope')], []],
        ['unknown name, negative', [named('n'), matcher('nope', '!=', 'x')], ['n,env=prod']],
      ]
      using querier = whole(box.store)
      for (const [why, matchers, expected] of cases) {
        const found = querier.select(matchers).map(({ labels }) => labels.toString())
        const wanted = expected.map((text) => of(text).toString())
        assert.deepEqual(found.toSorted(), wanted.toSorted(), why)
        assert.deepEqual(
          querier.series(matchers).map((labels) => labels.toString()),
          found,
          why,
        )
      }
    },
  ],
  [
    'answers are ordered by labels, by UTF-8 bytes and not by JavaScript units',
    async (box) => {
      const all = ['m,x=\u{1f600}', 'm,x=\ufb00', 'm,x=b', 'm,x=a', 'm,a=z', 'm', 'l,z=1', 'm,x=a,y=1', 'm,X=1']
      commitAll(
        box.store,
        all.map((text): Sample => [of(text), 1, 1]),
      )
      await box.settle()
      using querier = whole(box.store)
      const expected = ['m,X=1', 'l,z=1', 'm', 'm,a=z', 'm,x=a', 'm,x=a,y=1', 'm,x=b', 'm,x=\ufb00', 'm,x=\u{1f600}']
      assert.deepEqual(
        querier.select([]).map(({ labels }) => labels.toString()),
        expected.map((text) => of(text).toString()),
      )
      assert.deepEqual(querier.labelNames([]), ['X', '__name__', 'a', 'x', 'y', 'z'])
      assert.deepEqual(querier.labelValues('x', []), ['a', 'b', '\ufb00', '\u{1f600}'])
      assert.deepEqual(querier.labelNames([named('l')]), ['__name__', 'z'])
      assert.deepEqual(querier.labelValues('x', [matcher('y', '=', '1')]), ['a'])
      assert.deepEqual(querier.labelValues('nope', []), [])
    },
  ],
  [
    'any text comes back as a label, and near ones are not mixed up',
    async (box) => {
      const values = ['é', 'e\u0301', '\u0000', 'a\nb', '"quoted"', '\\', ' ', '雪', '\u{10ffff}', 'x'.repeat(5000)]
      commitAll(
        box.store,
        values.map((value, i): Sample => [Labels.of({ __name__: 'm', 'ключ.x': value }), 1, i]),
      )
      await box.settle()
      using querier = whole(box.store)
      for (const [i, value] of values.entries()) {
        const found = querier.select([eq('ключ.x', value)])
        assert.equal(found.length, 1, JSON.stringify(value))
        assert.deepEqual(numbers(found[0]), [i])
        assert.equal(found[0]?.labels.get('ключ.x'), value)
      }
    },
  ],
  [
    'an open querier sees what was committed when it was opened, also after more came, and nothing else',
    async (box) => {
      const all: Sample[] = Array.from({ length: 100 }, (_, i) => [of('a'), i, i])
      commitAll(box.store, all)
      using before = whole(box.store)
      const selected = before.select([named('a')])
      for (let at = 100; at < 300; at++) {
        commitAll(box.store, [
          [of('a'), at, at],
          [of('b'), at, at],
        ])
      }
      using later = whole(box.store)
      commitAll(box.store, [[of('a'), 300, 300]])
      assert.equal(instants(selected[0]).length, 100)
      assert.equal(instants(before.select([named('a')])[0]).at(-1), 99)
      assert.deepEqual(before.select([named('b')]), [])
      assert.deepEqual(before.labelValues('__name__', []), ['a'])
      assert.equal(instants(later.select([named('a')])[0]).at(-1), 299)
      using now = whole(box.store)
      assert.equal(instants(now.select([named('a')])[0]).at(-1), 300)
    },
  ],
  [
    'the columns of a reader are its own',
    async (box) => {
      commitAll(box.store, [[of('a'), 1, 1]])
      await box.settle()
      using querier = whole(box.store)
      const [series] = querier.select([named('a')])
      series!.samples().values.fill(9)
      assert.deepEqual(numbers(series), [1])
    },
  ],
  [
    'instants before 1970, far apart and a millisecond apart are kept',
    async (box) => {
      const all = [-5e11, -1, 0, 1, 2, 5e11, 5e11 + 1]
      commitAll(
        box.store,
        all.map((at): Sample => [of('a'), at, at]),
      )
      await box.settle()
      using querier = whole(box.store)
      assert.deepEqual(instants(querier.select([named('a')])[0]), all)
    },
  ],
  [
    'many series and many samples come back, each its own',
    async (box) => {
      for (let round = 0; round < 3; round++) {
        const batch: Sample[] = []
        for (let i = 0; i < 10_000; i++) batch.push([of(`m,i=${i},j=${i % 10}`), round * 1000, i * 3 + round])
        assert.equal(commitAll(box.store, batch).appended, 10_000)
      }
      await box.settle()
      using querier = whole(box.store)
      const tenth = querier.select([named('m'), eq('j', '7')])
      assert.equal(tenth.length, 1000)
      for (const series of tenth) {
        const i = Number(series.labels.get('i'))
        assert.deepEqual(numbers(series), [i * 3, i * 3 + 1, i * 3 + 2])
      }
      assert.equal(querier.labelValues('i', []).length, 10_000)
      assert.equal(querier.select([matcher('i', '=~', '99.*')]).length, 111)
    },
  ],
  [
    'a long series comes back whole and in any part',
    async (box) => {
      const count = 5000
      commitAll(
        box.store,
        Array.from({ length: count }, (_, i): Sample => [of('a'), i * 15_000 + (i % 7), Math.sin(i)]),
      )
      await box.settle()
      for (const [from, to] of [
        [0, count - 1],
        [31, 33],
        [100, 2000],
        [4999, 4999],
        [511, 512],
      ] as const) {
        using querier = box.store.querier(unixMs(from * 15_000 + (from % 7)), unixMs(to * 15_000 + (to % 7)))
        const read = numbers(querier.select([named('a')])[0])
        assert.equal(read.length, to - from + 1)
        assert.ok(read.every((value, i) => value === Math.sin(from + i)))
      }
    },
  ],
  [
    'stats tell how much there is and from when to when',
    async (box) => {
      assert.equal(box.store.stats().minTime, undefined)
      commitAll(box.store, [
        [of('a'), 10, 1],
        [of('b'), 20, 1],
      ])
      await box.settle()
      const { samples, minTime, maxTime, sizeBytes } = box.store.stats()
      assert.deepEqual([samples, minTime, maxTime], [2, 10, 20])
      assert.ok(sizeBytes > 0)
    },
  ],
  [
    'native histograms and start timestamps come back with their samples, mixed with floats and stale markers',
    async (box) => {
      {
        using batch = box.store.appender()
        const ref = batch.appendHistogram(undefined, of('h'), unixMs(1), sampleHistogram([1, 2]), 0)
        batch.appendHistogram(ref, of('h'), unixMs(2), sampleHistogram([1, 3]), 1)
        batch.append(ref, of('h'), unixMs(3), 7, 2)
        batch.appendHistogram(ref, of('h'), unixMs(4), sampleHistogram([0, 3], { customBounds: [1.5] }))
        batch.appendStale(ref, of('h'), unixMs(5))
        batch.append(undefined, of('plain'), unixMs(5), 1)
        assert.deepEqual(batch.commit(), { appended: 6, rejected: [] })
      }
      await box.settle()
      {
        using batch = box.store.appender()
        batch.appendHistogram(undefined, of('h'), unixMs(6), sampleHistogram([5, 5]), 3)
        assert.deepEqual(batch.commit(), { appended: 1, rejected: [] })
      }
      using querier = whole(box.store)
      const samples = querier.select([named('h')])[0]!.samples()
      assert.equal(samples.count, 6)
      assert.deepEqual(
        Array.from({ length: 6 }, (_, i) => samples.histograms?.[i]?.positive.counts.join()),
        ['1,2', '1,3', undefined, '0,3', undefined, '5,5'],
      )
      assert.deepEqual([...samples.histograms![3]!.customBounds], [1.5])
      assert.deepEqual([...samples.starts!.subarray(0, 6)], [0, 1, 2, 0, 0, 3])
      assert.equal(samples.values[2], 7)
      assert.equal(samples.values[0], 0)
      assert.ok(isStaleAt(samples.values, 4))
      const plain = querier.select([named('plain')])[0]!.samples()
      assert.deepEqual([plain.histograms, plain.starts], [undefined, undefined])
    },
  ],
  [
    'hints of counter resets are settled against the sample before, also across what was settled',
    async (box) => {
      const steps: readonly (readonly [counts: readonly number[], given: ResetHint, hint: ResetHint])[] = [
        [[1, 2], 'unknown', 'unknown'],
        [[1, 3], 'unknown', 'none'],
        [[1, 2], 'none', 'reset'],
        [[2, 2], 'reset', 'reset'],
        [[9, 9], 'gauge', 'gauge'],
        [[9, 9], 'unknown', 'unknown'],
      ]
      for (const [i, [counts, given]] of steps.entries()) {
        using batch = box.store.appender()
        batch.appendHistogram(undefined, of('h'), unixMs(i + 1), sampleHistogram(counts, { resetHint: given }))
        batch.commit()
        if (i % 2 === 0) await box.settle()
      }
      using querier = whole(box.store)
      const { histograms } = querier.select([named('h')])[0]!.samples()
      assert.deepEqual(
        histograms?.map((one) => one?.resetHint),
        steps.map(([, , hint]) => hint),
      )
    },
  ],
  [
    'a start timestamp that is no instant is not known',
    async (box) => {
      {
        using batch = box.store.appender()
        for (const [i, startAt] of [Number.NaN, 0.5, Infinity, -5, 2 ** 51].entries()) {
          batch.append(undefined, of('a'), unixMs(i), i, startAt)
        }
        assert.deepEqual(batch.commit(), { appended: 5, rejected: [] })
      }
      await box.settle()
      using querier = whole(box.store)
      const { starts, count } = querier.select([named('a')])[0]!.samples()
      assert.deepEqual([...starts!.subarray(0, count)], [0, 0, 0, -5, 0])
    },
  ],
  [
    'a long series of histograms comes back whole and in any part, with its columns only where they say something',
    async (box) => {
      const count = 1500
      const sums: number[] = []
      for (let i = 0; i < count; i++) {
        using batch = box.store.appender()
        const startAt = 1 + Math.floor(i / 400) * 400
        // Floats in between, and a bucket more now and then.
        if (i % 500 === 499) batch.append(undefined, of('h'), unixMs(i), i, startAt)
        else
          batch.appendHistogram(
            undefined,
            of('h'),
            unixMs(i),
            sampleHistogram([i, 2 * i, ...(i < 700 ? [] : [i])]),
            startAt,
          )
        sums.push(i % 500 === 499 ? 0 : (i < 700 ? 3 : 4) * i * 1.5)
        batch.commit()
      }
      await box.settle()
      for (const [from, to] of [
        [0, count - 1],
        [31, 33],
        [100, 1100],
        [499, 499],
        [699, 700],
      ] as const) {
        using querier = box.store.querier(unixMs(from), unixMs(to))
        const samples = querier.select([named('h')])[0]!.samples()
        assert.equal(samples.count, to - from + 1)
        assert.equal(samples.histograms === undefined, from === 499)
        for (let k = 0; k < samples.count; k++) {
          const i = from + k
          assert.equal(samples.histograms?.[k]?.sum ?? 0, sums[i], `${i}`)
          assert.equal(samples.histograms?.[k] === undefined, i % 500 === 499, `${i}`)
          assert.equal(samples.starts?.[k], 1 + Math.floor(i / 400) * 400, `${i}`)
        }
      }
    },
  ],
  [
    'an open querier sees the histograms that were there when it was opened',
    async (box) => {
      const write = (at: number) => {
        using batch = box.store.appender()
        batch.appendHistogram(undefined, of('h'), unixMs(at), sampleHistogram([at]), 1)
        batch.commit()
      }
      for (let at = 1; at <= 40; at++) write(at)
      using before = whole(box.store)
      const [selected] = before.select([named('h')])
      for (let at = 41; at <= 200; at++) write(at)
      const { histograms, starts, count } = selected!.samples()
      assert.equal(count, 40)
      assert.deepEqual(
        Array.from({ length: count }, (_, i) => histograms?.[i]?.count),
        Array.from({ length: 40 }, (_, i) => i + 1),
      )
      assert.deepEqual([...starts!.subarray(0, count)], new Array(40).fill(1))
    },
  ],
  [
    'a repeated histogram is taken silently when it is the same and rejected when it is not',
    async ({ store }) => {
      const write = (counts: readonly number[]) => {
        using batch = store.appender()
        batch.appendHistogram(undefined, of('h'), unixMs(1), sampleHistogram(counts))
        return batch.commit()
      }
      assert.deepEqual(write([1, 2]), { appended: 1, rejected: [] })
      assert.deepEqual(write([1, 2]), { appended: 0, rejected: [] })
      const refused = write([2, 1])
      assert.deepEqual(reasons(refused), [['duplicate', 1]])
      assert.equal(refused.rejected[0]?.histograms, 1)
      assert.deepEqual(reasons(commitAll(store, [[of('h'), 1, 0]])), [['duplicate', 1]])
    },
  ],
]

/** A histogram with positive buckets 0, 1, ... of these counts. */
export function sampleHistogram(
  counts: readonly number[],
  {
    customBounds = [],
    resetHint = 'unknown',
  }: { readonly customBounds?: readonly number[]; readonly resetHint?: ResetHint } = {},
): NativeHistogram {
  const count = counts.reduce((sum, one) => sum + one, 0)
  return {
    schema: customBounds.length > 0 ? CUSTOM_SCHEMA : 0,
    zeroThreshold: 0,
    zeroCount: 0,
    count,
    sum: count * 1.5,
    positive: { indices: Int32Array.from(counts, (_, i) => i), counts: Float64Array.from(counts) },
    negative: NO_BUCKETS,
    customBounds: Float64Array.from(customBounds),
    resetHint,
    isInteger: true,
  }
}
