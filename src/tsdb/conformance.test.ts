import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import fc from 'fast-check'
import { ManualClock, silentLog } from '#core'
import {
  LATE_WINDOW_MS,
  lateConformance,
  playScript,
  type ScriptSample,
  type ScriptStep,
  type StoreBox,
  sampleHistogram,
  storeConformance,
} from '#storage'
import { anyHistogram } from './codec/any-histogram.test-support.ts'
import { openTsdb, type Tsdb, type TsdbOptions } from './index.ts'

const root = await mkdtemp(join(tmpdir(), 'assay-tsdb-'))
after(() => rm(root, { recursive: true }))
let dirs = 0

type Settle = (store: Tsdb, open: () => Promise<Tsdb>) => Promise<Tsdb>

const WAYS: Readonly<Record<string, Settle>> = {
  'in the head': async (store) => store,
  'after a reopen': async (store, open) => {
    await store[Symbol.asyncDispose]()
    return open()
  },
  'from a block': async (store) => {
    await store.flush()
    return store
  },
  'from a block after a reopen': async (store, open) => {
    await store.flush()
    await store[Symbol.asyncDispose]()
    return open()
  },
}

/** Ways of samples that came late: in memory, in blocks of their own, merged into others; read again at a start. */
const LATE_WAYS: Readonly<Record<string, Settle>> = {
  ...WAYS,
  'merged into blocks': async (store) => {
    await store.flush()
    await store.upkeep()
    return store
  },
  'moved by upkeep as it is due': async (store) => {
    await store.upkeep()
    return store
  },
  // By what is there, so that a script does the same each time.
  'now so, now so': async (store, open) => {
    const { samples } = store.stats()
    if (samples % 3 === 0) await store.flush()
    if (samples % 5 < 3) await store.upkeep()
    if (samples % 2 === 0) return store
    await store[Symbol.asyncDispose]()
    return open()
  },
}

async function openBox(settle: Settle, more: Partial<TsdbOptions> = {}): Promise<StoreBox> {
  const dir = join(root, `${dirs++}`)
  const open = () =>
    openTsdb({
      dir,
      clock: new ManualClock(),
      log: silentLog,
      maxAheadMs: Infinity,
      // A block of 100 years: nothing is moved but by a test's own flush.
      blockMs: 100 * 365 * 86_400_000,
      ...more,
    })
  let store = await open()
  return {
    get store() {
      return store
    },
    settle: async () => {
      store = await settle(store, open)
    },
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  }
}

for (const [way, settle] of Object.entries(WAYS)) {
  storeConformance(test, `tsdb ${way}`, () => openBox(settle))
}

for (const [way, settle] of Object.entries(LATE_WAYS)) {
  for (const blockMs of [1e9, 300]) {
    lateConformance(test, `tsdb ${way}, blocks of ${blockMs} ms`, () =>
      openBox(settle, { blockMs, outOfOrderWindowMs: LATE_WINDOW_MS }),
    )
  }
}

const sampleAt = <When extends ScriptSample['when']>(when: fc.Arbitrary<When>) =>
  fc.record({
    series: fc.nat(11),
    when,
    value: fc.oneof(fc.constant('stale' as const), fc.double(), fc.integer({ min: 0, max: 3 }), {
      weight: 3,
      arbitrary: anyHistogram,
    }),
    startedMsAgo: fc.option(fc.constantFrom(1, 50, 50, 1e6), { nil: undefined }),
  })
const sample = sampleAt(fc.constantFrom('now', 'now', 'now', 'again', 'past'))
const name = fc.constantFrom('__name__', 'x', 'i', 'nope')
const plainMatcher = fc.record({
  name,
  op: fc.constantFrom('=', '!='),
  value: fc.constantFrom('', 'm0', 'm1', '1', '2', '7'),
})
const regexMatcher = fc.record({
  name,
  op: fc.constantFrom('=~', '!~'),
  value: fc.constantFrom('', '.*', '.+', 'm[01]', '1|2|', '1.?'),
})
const stepWith = (one: fc.Arbitrary<ScriptSample>): fc.Arbitrary<ScriptStep> =>
  fc.oneof(
    {
      weight: 10,
      arbitrary: fc.record({
        kind: fc.constant('batch'),
        passMs: fc.integer({ min: 1, max: 100 }),
        commit: fc.nat(9).map((n) => n > 0),
        samples: fc.array(one, { maxLength: 12 }),
      }),
    },
    { weight: 1, arbitrary: fc.constant<ScriptStep>({ kind: 'settle' }) },
    {
      weight: 4,
      arbitrary: fc.record({
        kind: fc.constant('query'),
        fromMs: fc.integer({ min: 0, max: 4000 }),
        toMs: fc.integer({ min: -10, max: 2000 }),
        matchers: fc.array(fc.oneof(plainMatcher, regexMatcher), { maxLength: 3 }),
      }),
    },
  )

for (const [way, settle] of Object.entries(WAYS)) {
  test(`tsdb ${way} answers any script as the simplest store does`, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(stepWith(sample), { minLength: 5, maxLength: 120, size: 'max' }), async (steps) => {
        await using box = await openBox(settle)
        await playScript(box, steps)
      }),
      { numRuns: 15 },
    )
  })
}

/** Histograms that grow and fall, so that hints say something. */
const smallHistogram = fc.nat(3).map((n) => sampleHistogram([n, 1]))
const lateSample = fc.oneof(
  sampleAt(fc.constantFrom<ScriptSample['when'][]>('now', 'now', 'again', 'past', 1, 20, 300, 2000)),
  fc.record({
    series: fc.nat(3),
    when: fc.oneof(fc.constant('now' as const), fc.nat(40), fc.nat(3000)),
    value: smallHistogram,
  }),
)

for (const [way, settle] of Object.entries(LATE_WAYS)) {
  test(`tsdb ${way} answers any script with late samples as the simplest store does`, async () => {
    const outOfOrderWindowMs = 1e9
    await fc.assert(
      fc.asyncProperty(
        fc.array(stepWith(lateSample), { minLength: 5, maxLength: 100, size: 'max' }),
        fc.constantFrom(1e9, 400),
        fc.constantFrom(1e6, 20),
        async (steps, blockMs, maxLateSamples) => {
          await using box = await openBox(settle, { outOfOrderWindowMs, blockMs, maxLateSamples })
          await playScript(box, steps, { outOfOrderWindowMs })
        },
      ),
      { numRuns: 15 },
    )
  })
}
