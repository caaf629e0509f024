/**
 * The store against the simplest one over everything that can happen to it: writes of every kind, questions, deletions, upkeep, copies,
 * starts; and the end of the process or a refusal of the disk at any change of a file on the way.
 *
 * More of it: `ASSAY_LAW_RUNS=1000`, `ASSAY_LAW_STRIDE=1`; again from a seed that a failure printed: `ASSAY_LAW_SEED=...`.
 */
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import fc from 'fast-check'
import { type ScriptSample, sampleHistogram } from '#storage'
import { anyHistogram } from './codec/any-histogram.test-support.ts'
import { type Fault, FaultDisk } from './fault-disk.test-support.ts'
import type { LawBatch } from './law-model.test-support.ts'
import { type LawOptions, type LawStep, LawWorld, WORKS } from './law-world.test-support.ts'

const RUNS = Number(process.env['ASSAY_LAW_RUNS'] ?? 15)
/** Of the changes of the disk that a step makes every so-manyeth is struck, from a random one on. */
const STRIDE = Number(process.env['ASSAY_LAW_STRIDE'] ?? 16)
const seed = process.env['ASSAY_LAW_SEED'] === undefined ? {} : { seed: Number(process.env['ASSAY_LAW_SEED']) }
// In memory where there is such a disk: thousands of stores are opened, and what power loss takes is no matter here.
const root = await mkdtemp(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'assay-law-'))
let disk: FaultDisk
before(async () => {
  disk = await FaultDisk.install()
})
after(async () => {
  disk[Symbol.dispose]()
  await rm(root, { recursive: true })
})

let worlds = 0
const openWorld = (options: LawOptions) => LawWorld.open(join(root, `${worlds++}`), disk, options)

const PLAIN: LawOptions = {
  blockMs: 400,
  outOfOrderWindowMs: 0,
  maxLateSamples: 1e6,
  walSegmentBytes: 2000,
  checkpointBytes: 500,
  retentionMs: undefined,
}
const LATE: LawOptions = { ...PLAIN, outOfOrderWindowMs: 1e9, maxLateSamples: 20 }

const histogram = fc.oneof(
  anyHistogram,
  fc.nat(3).map((n) => sampleHistogram([n, 1])),
)
const sample = fc.record({
  series: fc.nat(7),
  when: fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom<ScriptSample['when'][]>('now', 'now', 'now', 'again', 'past') },
    { weight: 3, arbitrary: fc.constantFrom<ScriptSample['when'][]>(1, 20, 300, 2000) },
  ),
  value: fc.oneof(fc.constant('stale' as const), fc.double(), fc.integer({ min: 0, max: 3 }), histogram),
  startedMsAgo: fc.option(fc.constantFrom(1, 50, 1e6), { nil: undefined }),
  isKnown: fc.boolean(),
})
const batch: fc.Arbitrary<LawBatch> = fc.record({
  passMs: fc.integer({ min: 1, max: 100 }),
  commit: fc.nat(14).map((n) => n > 0),
  samples: fc.array(sample, { maxLength: 12 }),
})
const fault: fc.Arbitrary<Fault | undefined> = fc.option(
  fc.record({
    kind: fc.constantFrom('crash' as const, 'crash' as const, 'refuse' as const),
    at: fc.oneof(fc.nat(6), fc.nat(60)),
    tear: fc.double({ min: 0, max: 1, noNaN: true }),
    times: fc.constantFrom(1, 3, 1000),
  }),
  { nil: undefined },
)
const matchers = fc.array(
  fc.record({
    name: fc.constantFrom('__name__', 'x', 'i', 'nope'),
    op: fc.constantFrom('=', '!=', '=~', '!~'),
    value: fc.constantFrom('', 'm0', 'm1', '1', '2', '.+', 'm[01]', '1|2|'),
  }),
  { maxLength: 2 },
)
const span = { fromMs: fc.integer({ min: 0, max: 4000 }), toMs: fc.integer({ min: -10, max: 2000 }) }
const step: fc.Arbitrary<LawStep> = fc.oneof(
  { weight: 12, arbitrary: fc.record({ do: fc.constant('batch' as const), batch }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('batch' as const), batch, fault }) },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('query' as const), kind: fc.constant('query' as const), ...span, matchers }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('delete' as const), ...span, matchers, fault }) },
  {
    weight: 7,
    arbitrary: fc.record({ do: fc.constantFrom(...WORKS), meanwhile: fc.array(batch, { maxLength: 4 }), fault }),
  },
)

for (const [what, options] of [
  [
    'in order',
    fc
      .record({ retentionMs: fc.constantFrom(undefined, undefined, 1500), blockMs: fc.constantFrom(150, 400, 1e6) })
      .map((some) => ({ ...PLAIN, ...some })),
  ],
  [
    'late ones too',
    fc
      .record({ retentionMs: fc.constantFrom(undefined, undefined, 1500), blockMs: fc.constantFrom(150, 400, 1e6) })
      .map((some) => ({ ...LATE, ...some })),
  ],
] as const) {
  test(`whatever is done, and wherever it breaks off, the store holds what was acknowledged and nothing that was deleted: ${what}`, async () => {
    let failedAt = Infinity
    await fc.assert(
      fc.asyncProperty(options, fc.array(step, { minLength: 5, maxLength: 60, size: 'max' }), async (given, steps) => {
        // Finding the smallest failing script may take long: after a minute what was found is told.
        if (performance.now() - failedAt > 60_000) return
        const world = await openWorld(given)
        try {
          for (const one of steps) await world.play(one)
          await world.end()
        } catch (error) {
          failedAt = Math.min(failedAt, performance.now())
          throw error
        } finally {
          await world[Symbol.asyncDispose]()
        }
      }),
      { numRuns: RUNS, ...seed },
    )
  })
}

/** A second's worth of everything: floats, histograms, markers, late ones. */
const some = (k: number): LawBatch => ({
  passMs: 100,
  commit: true,
  samples: Array.from({ length: 8 }, (_, series) => ({
    series,
    when: k % 3 === 2 && series < 3 ? 150 + 7 * k : ('now' as const),
    value:
      series < 5 ? k * 8 + series : series === 5 && k % 4 === 3 ? ('stale' as const) : sampleHistogram([k, 1, series]),
    startedMsAgo: series === 1 ? k * 50 : undefined,
    isKnown: k % 2 === 0,
  })),
})
const plainly = (work: (typeof WORKS)[number], meanwhile: readonly LawBatch[] = []): LawStep => ({
  do: work,
  meanwhile,
})
const oneSeries = {
  do: 'delete' as const,
  fromMs: 900,
  toMs: 0,
  matchers: [{ name: 'i', op: '=' as const, value: '3' }],
}
const everything = { do: 'delete' as const, fromMs: 5000, toMs: -100, matchers: [] }
const batches = (from: number, to: number): readonly LawStep[] =>
  Array.from({ length: to - from }, (_, k) => ({ do: 'batch' as const, batch: some(from + k) }))

/** Each with what was done before, and the step that is struck at every change it makes. */
const STRUCK: readonly { readonly why: string; readonly before: readonly LawStep[]; readonly step: LawStep }[] = [
  { why: 'a first commit', before: [], step: { do: 'batch', batch: some(1) } },
  { why: 'a commit that begins a segment', before: batches(0, 4), step: { do: 'batch', batch: some(4) } },
  { why: 'blocks out of the head', before: batches(0, 9), step: plainly('upkeep', [some(9), some(10)]) },
  { why: 'all of the head into a block', before: batches(0, 9), step: plainly('flush', [some(9), some(10)]) },
  {
    why: 'merging blocks and late samples',
    before: [...batches(0, 14), plainly('flush'), ...batches(14, 17), plainly('flush')],
    step: plainly('upkeep'),
  },
  {
    why: 'deleting from head and blocks',
    before: [...batches(0, 9), plainly('upkeep'), ...batches(9, 12)],
    step: oneSeries,
  },
  {
    why: 'deleting once more',
    before: [...batches(0, 9), plainly('upkeep'), oneSeries, ...batches(9, 12)],
    step: { ...oneSeries, matchers: [] },
  },
  {
    why: 'writing blocks without what was deleted',
    before: [...batches(0, 9), plainly('upkeep'), oneSeries],
    step: plainly('clean'),
  },
  {
    why: 'taking away blocks of which all was deleted',
    before: [...batches(0, 9), plainly('flush'), everything],
    step: plainly('clean'),
  },
  {
    why: 'merging blocks of which all was deleted',
    before: [...batches(0, 14), plainly('upkeep'), everything, ...batches(14, 20)],
    step: plainly('upkeep'),
  },
  {
    why: 'a snapshot',
    before: [...batches(0, 9), plainly('upkeep'), oneSeries, ...batches(9, 12)],
    step: plainly('snapshot', [some(12)]),
  },
  {
    why: 'a backup',
    before: [...batches(0, 9), plainly('upkeep'), oneSeries, ...batches(9, 12)],
    step: plainly('backup'),
  },
  {
    why: 'a second backup',
    before: [...batches(0, 9), plainly('backup'), plainly('upkeep'), ...batches(9, 12)],
    step: plainly('backup'),
  },
  { why: 'a backup into an archive', before: [...batches(0, 9), plainly('upkeep')], step: plainly('archive') },
  {
    why: 'restoring',
    before: [...batches(0, 9), plainly('upkeep'), oneSeries, plainly('backup')],
    step: plainly('restore'),
  },
  {
    why: 'restoring from an archive',
    before: [...batches(0, 9), plainly('upkeep'), plainly('archive')],
    step: plainly('restore'),
  },
  { why: 'ending', before: batches(0, 9), step: plainly('close') },
  {
    why: 'starting',
    before: [...batches(0, 9), plainly('upkeep'), oneSeries, ...batches(9, 12)],
    step: plainly('reopen'),
  },
]

for (const { why, before: earlier, step: struck } of STRUCK) {
  test(`at every change of the disk where the process may end or be refused something: ${why}`, async () => {
    await using prepared = await openWorld(LATE)
    for (const one of earlier) await prepared.play(one)
    // A disk that refuses one change alone, and one that refuses what would take it back as well.
    for (const [kind, times] of [
      ['crash', 1],
      ['refuse', 1],
      ['refuse', 4],
    ] as const) {
      let goesOn = true
      for (let at = Math.floor(Math.random() * STRIDE); goesOn; at += STRIDE) {
        assert.ok(at < 400, 'it ends')
        await using world = await prepared.fork(join(root, `${worlds++}`))
        try {
          const tear = ((at * 5) % 4) / 3
          goesOn = await world.play({ ...struck, fault: { kind, at, tear, times } } as LawStep)
          for (const one of batches(20, 22)) await world.play(one)
          await world.play(plainly('upkeep'))
          await world.end()
        } catch (cause) {
          throw new Error(`${kind} ${times} at change ${at}: ${(cause as Error).message}`, { cause })
        }
      }
    }
  })
}
