import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import fc from 'fast-check'
import { ManualClock, silentLog } from '#core'
import { playScript, type ScriptStep, type StoreBox, storeConformance } from '#storage'
import { anyHistogram } from './any-histogram.test-support.ts'
import { openTsdb, type Tsdb } from './index.ts'

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

async function openBox(settle: Settle): Promise<StoreBox> {
  const dir = join(root, `${dirs++}`)
  // A block of 100 years: nothing is moved but by a test's own flush.
  const open = () =>
    openTsdb({ dir, clock: new ManualClock(), log: silentLog, maxAheadMs: Infinity, blockMs: 100 * 365 * 86_400_000 })
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

const sample = fc.record({
  series: fc.nat(11),
  when: fc.constantFrom('now', 'now', 'now', 'again', 'past'),
  value: fc.oneof(fc.constant('stale' as const), fc.double(), fc.integer({ min: 0, max: 3 }), {
    weight: 3,
    arbitrary: anyHistogram,
  }),
  startedMsAgo: fc.option(fc.constantFrom(1, 50, 50, 1e6), { nil: undefined }),
})
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
const step: fc.Arbitrary<ScriptStep> = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({
      kind: fc.constant('batch'),
      passMs: fc.integer({ min: 1, max: 100 }),
      commit: fc.nat(9).map((n) => n > 0),
      samples: fc.array(sample, { maxLength: 12 }),
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
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 120, size: 'max' }), async (steps) => {
        await using box = await openBox(settle)
        await playScript(box, steps)
      }),
      { numRuns: 15 },
    )
  })
}
