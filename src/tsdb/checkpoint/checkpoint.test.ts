/** With a checkpoint a store opens as without one, whatever became of the checkpoint and whenever the process died. */
import assert from 'node:assert/strict'
import { cpSync } from 'node:fs'
import { cp, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import fc from 'fast-check'
import { Labels, type Log, ManualClock, matcher, silentLog, unixMs } from '#core'
import { dump, sampleHistogram } from '#storage'
import { openTsdb, type Tsdb, type TsdbOptions } from '../index.ts'
import { CHECKPOINT_FILE } from './checkpoints.ts'

const root = await mkdtemp(join(tmpdir(), 'assay-checkpoint-'))
after(() => rm(root, { recursive: true }))
let dirs = 0
const newDir = () => join(root, `${dirs++}`)

const open = (dir: string, more: Partial<TsdbOptions> = {}) =>
  openTsdb({
    dir,
    clock: new ManualClock(),
    log: silentLog,
    maxAheadMs: Infinity,
    blockMs: 200_000,
    outOfOrderWindowMs: 1e9,
    checkpointBytes: 1,
    ...more,
  })
const everything = [matcher('__name__', '=~', '.+')]
const labelsOf = (i: number) => Labels.of({ __name__: `m${i % 3}`, i: `${i}`, long: 'é'.repeat(i) })

type Step =
  | { readonly do: 'commit'; readonly series: readonly number[]; readonly step: number; readonly lateBy: number }
  | { readonly do: 'upkeep' | 'upkeep-beside' | 'delete' | 'reopen' }

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('commit' as const),
      series: fc.uniqueArray(fc.nat(9), { minLength: 1 }),
      step: fc.integer({ min: 1, max: 20_000 }),
      lateBy: fc.oneof(
        { weight: 4, arbitrary: fc.constant(0) },
        { weight: 1, arbitrary: fc.integer({ min: 1, max: 90_000 }) },
      ),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('upkeep' as const, 'upkeep-beside' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('delete' as const, 'reopen' as const) }) },
)

/** Does what the steps say, and gives what a copy of the files of that moment opens with. */
class World {
  readonly #dir = newDir()
  #store: Tsdb | undefined
  #at = 1_000_000
  #value = 0

  async do(one: Step): Promise<void> {
    const store = (this.#store ??= await open(this.#dir))
    if (one.do === 'commit') this.#commit(store, one)
    else if (one.do === 'upkeep') await store.upkeep()
    else if (one.do === 'delete')
      await store.deleteSeries({ sets: [[matcher('__name__', '=', 'm1')]], start: -1e9, end: this.#at - 30_000 })
    else if (one.do === 'reopen') await this.close()
    else {
      // Commits while the checkpoint is being written: of some series it holds more than of others.
      const done = store.upkeep()
      let isDone = false
      void done.then(() => void (isDone = true))
      for (let i = 0; !isDone && i < 50; i++) {
        this.#commit(store, { series: [i % 10], step: 10, lateBy: 0 })
        await new Promise((resolve) => setImmediate(resolve))
      }
      await done
    }
  }

  #commit(store: Tsdb, { series, step, lateBy }: { series: readonly number[]; step: number; lateBy: number }): void {
    this.#at += step
    using batch = store.appender()
    for (const i of series) {
      const value = this.#value++
      const at = unixMs(this.#at - lateBy)
      if (i === 7) batch.appendHistogram(undefined, labelsOf(i), at, sampleHistogram([value, 1]), value % 5)
      else batch.append(undefined, labelsOf(i), at, i === 3 ? 1 : value / 10, i === 8 ? 5 : 0)
    }
    batch.commit()
  }

  /** What is there, live, as a copy opens, and as it opens without the checkpoint. */
  async views(): Promise<{ live: unknown; opened: unknown; whole: unknown; hasCheckpoint: boolean }> {
    const store = (this.#store ??= await open(this.#dir))
    const live = dump(store, everything)
    const copy = copyNow(this.#dir)
    const without = newDir()
    await cp(copy, without, { recursive: true })
    const hasCheckpoint = (await readdir(join(copy, 'wal'))).includes(CHECKPOINT_FILE)
    await rm(join(without, 'wal', CHECKPOINT_FILE), { force: true })
    return { live, opened: await contentOf(copy), whole: await contentOf(without), hasCheckpoint }
  }

  async close(): Promise<void> {
    await this.#store?.[Symbol.asyncDispose]()
    this.#store = undefined
  }
}

const withoutHints = (content: unknown) =>
  JSON.parse(JSON.stringify(content), (key, value) => (key === 'resetHint' ? '' : value))

/** The files as they are in this very turn, as if the process died now. */
function copyNow(dir: string): string {
  for (;;) {
    const copy = newDir()
    try {
      cpSync(dir, copy, { recursive: true, filter: (name) => !/\/lock|\.tmp/.test(name) })
      return copy
    } catch (error) {
      // What upkeep writes beside us was renamed meanwhile.
      if (!String(error).includes('ENOENT')) throw error
    }
  }
}

async function contentOf(dir: string, more: Partial<TsdbOptions> = {}): Promise<unknown> {
  await using store = await open(dir, more)
  return dump(store, everything)
}

test('whatever was done before, a start with a checkpoint finds what one without it finds, and what was there', async () => {
  let used = 0
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
      const world = new World()
      try {
        for (const one of steps) await world.do(one)
        const { live, opened, whole, hasCheckpoint } = await world.views()
        if (hasCheckpoint) used++
        assert.deepEqual(opened, whole)
        // A start takes the hints of the log as they are; behind what was deleted a reader is told that it does not know.
        assert.deepEqual(withoutHints(opened), withoutHints(live))
      } finally {
        await world.close()
      }
    }),
    { numRuns: 40 },
  )
  assert.ok(used > 10, `${used} of 40 had a checkpoint`)
})

/** A store that died with a checkpoint and a few commits behind it. */
async function died(): Promise<{ dir: string; content: unknown }> {
  const dir = newDir()
  const store = await open(dir)
  const commit = (at: number) => {
    using batch = store.appender()
    for (let i = 0; i < 10; i++) batch.append(undefined, labelsOf(i), unixMs(at), at + i)
    batch.commit()
  }
  for (let at = 0; at < 100_000; at += 1000) commit(at)
  await store.upkeep()
  for (let at = 100_000; at < 110_000; at += 1000) commit(at)
  const content = dump(store, everything)
  const copy = copyNow(dir)
  await store[Symbol.asyncDispose]()
  return { dir: copy, content }
}

/** Counts what was said about checkpoints. */
function listening(): { log: Log; said: () => number } {
  let said = 0
  const log = { ...silentLog, warn: () => void said++, info: () => void said++ }
  return { log, said: () => said }
}

test('what a checkpoint covers is not read from the log', async () => {
  const { dir, content } = await died()
  const [first] = (await readdir(join(dir, 'wal'))).filter((name) => name.endsWith('.wal'))
  const file = join(dir, 'wal', first!)
  const log = await readFile(file)
  // In the first record: a start that read it would take it for damaged.
  log[30]! ^= 1
  await writeFile(file, log)
  assert.deepEqual(await contentOf(dir), content)
})

test('a checkpoint that is cut or has a flipped bit anywhere is left aside, or is still right', async () => {
  const { dir, content } = await died()
  const bytes = await readFile(join(dir, 'wal', CHECKPOINT_FILE))
  await fc.assert(
    fc.asyncProperty(fc.nat(bytes.length - 1), fc.nat(8), async (at, bit) => {
      const copy = newDir()
      await cp(dir, copy, { recursive: true })
      const file = join(copy, 'wal', CHECKPOINT_FILE)
      if (bit === 8) await truncate(file, at)
      else {
        const changed = Buffer.from(bytes)
        changed[at]! ^= 1 << bit
        await writeFile(file, changed)
      }
      const { log, said } = listening()
      assert.deepEqual(await contentOf(copy, { log }), content)
      assert.ok(said() > 0, 'it is told')
    }),
    { numRuns: 60 },
  )
})

test('a checkpoint of another log is not used', async () => {
  const one = await died()
  const other = newDir()
  {
    await using store = await open(other, { checkpointBytes: Infinity })
    using batch = store.appender()
    batch.append(undefined, labelsOf(1), unixMs(5), 42)
    batch.commit()
  }
  await cp(join(one.dir, 'wal', CHECKPOINT_FILE), join(other, 'wal', CHECKPOINT_FILE))
  const { log, said } = listening()
  assert.deepEqual(await contentOf(other, { log }), [[labelsOf(1).toString(), [5, 0, 0x40450000]]])
  assert.equal(said(), 1)
})

test('one that the end of the store stops is written once more, so that the next start has it', async () => {
  const dir = newDir()
  const store = await open(dir, { blockMs: 1e12 })
  using batch = store.appender()
  for (let i = 0; i < 20_000; i++) batch.append(undefined, Labels.of({ __name__: 'm', i: `${i}` }), unixMs(1000), i)
  batch.commit()
  const upkeep = store.upkeep()
  while (!(await readdir(join(dir, 'wal'))).includes(`${CHECKPOINT_FILE}.tmp`)) if (!(await isPending(upkeep))) break
  await store[Symbol.asyncDispose]()
  assert.deepEqual((await readdir(join(dir, 'wal'))).includes(CHECKPOINT_FILE), true)
  await using again = await open(dir)
  assert.equal(again.stats().samples, 20_000)
})

function isPending(work: Promise<unknown>): Promise<boolean> {
  return Promise.race([work.then(() => false), new Promise<boolean>((resolve) => setImmediate(resolve, true))])
}
