/**
 * The store under `kill -9`: a child does to it all that can be done, and tells of each step before and after it. When it was killed all
 * that it was told is acknowledged is there, nothing that was deleted is, and of what was under way a batch is whole or absent.
 *
 * The moments are random. More of them: `ASSAY_KILLS=1000`; the steps of a failed run again: `ASSAY_KILL_SEED=...`.
 */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { ManualClock, matcher, matchesAll, silentLog } from '#core'
import { sampleHistogram } from '#storage'
import { openTsdb, restoreBackup } from './index.ts'
import { type Entry, LawModel } from './law-model.test-support.ts'

const KILLS = Number(process.env['ASSAY_KILLS'] ?? 40)
const SEED = Number(process.env['ASSAY_KILL_SEED'] ?? Math.floor(Math.random() * 1e9))
/** Each store dies this often, and then another one begins: so that it stays small. */
const LIVES = 20
// What a process handed over survives it on any disk: one in memory forces nothing.
const root = await mkdtemp(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'assay-kill-'))
after(() => rm(root, { recursive: true }))
const child = fileURLToPath(new URL('./testdata/killed-child.ts', import.meta.url))
const never = new AbortController().signal
const options = { outOfOrderWindowMs: 1e9, retentionMs: undefined }

type Told = {
  readonly series: number
  readonly at: number
  readonly value?: number
  readonly histogram?: readonly number[]
  readonly startAt: number
}
type Step =
  | { readonly do: 'append'; readonly n: number; readonly entries: readonly Told[] }
  | { readonly do: 'end'; readonly series: number; readonly at: number }
  | { readonly do: 'delete'; readonly i: string; readonly start: number; readonly end: number }
  | { readonly do: 'restore'; readonly name: string }
  | { readonly do: 'upkeep' | 'snapshot' | 'backup' }
type Done = {
  readonly appended?: number
  readonly snapshot?: string
  readonly backup?: boolean
  readonly restored?: string
}

const open = (dir: string) =>
  openTsdb({
    dir,
    clock: new ManualClock(),
    log: silentLog,
    maxAheadMs: Infinity,
    blockMs: 100_000,
    checkpointBytes: 3000,
    outOfOrderWindowMs: 1e9,
  })

const entriesOf = (told: readonly Told[]): readonly Entry[] =>
  told.map(({ value, histogram, ...rest }) => ({
    ...rest,
    value: value ?? sampleHistogram(histogram!),
    isKnown: false,
  }))
const marker = ({ series, at }: Step & { do: 'end' }): Entry => ({
  series,
  at,
  value: 'stale',
  startAt: 0,
  isKnown: false,
})
const setOf = ({ i }: Step & { do: 'delete' }) => (i === '' ? [] : [matcher('i', '=', i)])

/** One store with its backup, and what has to be in them. */
class Life {
  readonly folder: string
  readonly #model = new LawModel(options)
  readonly #snapshots = new Map<string, LawModel>()
  readonly #restored = new Map<string, LawModel | undefined>()
  #backup: LawModel | undefined
  #pending: Step | undefined
  #next = 0

  constructor(folder: string) {
    this.folder = folder
  }

  /** Runs the child until it did so many steps, and kills it a moment later. */
  async run(seed: number, steps: number, delayMs: number): Promise<void> {
    const running = spawn(
      process.execPath,
      ['--conditions=assay-src', child, this.folder, String(seed), String(this.#next)],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    )
    const exited = once(running, 'exit')
    let did = 0
    for await (const line of createInterface({ input: running.stdout })) {
      const [, word, json = '{}'] = /^(\w+) (.*)$/.exec(line) ?? []
      if (word === 'will') this.#pending = JSON.parse(json)
      else {
        this.#took(this.#pending!, JSON.parse(json))
        this.#pending = undefined
        // Lines that are in the pipe when the process dies still count: they were acknowledged.
        if (++did === steps) setTimeout(() => running.kill('SIGKILL'), delayMs)
      }
    }
    const [code, signal] = await exited
    assert.deepEqual([code, signal], [null, 'SIGKILL'])
  }

  #took(step: Step, { appended, snapshot, backup, restored }: Done): void {
    if (step.do === 'append') {
      assert.equal(appended, step.entries.length)
      assert.equal(this.#model.take(entriesOf(step.entries)), appended)
      this.#next = step.n + 1
    } else if (step.do === 'end') {
      if (appended === 1) assert.equal(this.#model.take([marker(step)]), 1)
    } else if (step.do === 'delete') this.#model.delete(setOf(step), step.start, step.end)
    else if (snapshot !== undefined) this.#snapshots.set(snapshot, new LawModel(options, this.#model))
    else if (restored !== undefined) this.#restored.set(restored, this.#backup)
    else if (backup === true) this.#backup = new LawModel(options, this.#model)
  }

  /** What is there after the death. */
  async check(): Promise<void> {
    const step = this.#pending
    this.#pending = undefined
    const data = join(this.folder, 'data')
    await using store = await open(data)
    if (step?.do === 'append' && this.#model.hasMoreThanThis(store)) {
      this.#model.take(entriesOf(step.entries))
      this.#next = step.n + 1
    }
    if (step?.do === 'end' && this.#model.hasMoreThanThis(store)) this.#model.take([marker(step)])
    this.#model.settle(
      store,
      (labels, at) => step?.do === 'delete' && at >= step.start && at <= step.end && matchesAll(setOf(step), labels),
      `killed at ${JSON.stringify(step)}`,
    )
    assert.deepEqual(store.stats().setAside, [])
    assert.equal(store.stats().replay.damagedBytes, 0)
    assert.deepEqual(await store.verify(), [])
    for (const name of await readdir(join(data, 'snapshots')).catch(() => [])) {
      await this.#assertHolds(join(data, 'snapshots', name), [this.#snapshots.get(name) ?? this.#model], 'a snapshot')
      await rm(join(data, 'snapshots', name), { recursive: true })
    }
    await this.#checkBackup(step)
  }

  /** A backup that was under way is the one before or the new one; what was being restored is whole, or told to be half. */
  async #checkBackup(pending: Step | undefined): Promise<void> {
    const held = [
      ...(this.#backup === undefined ? [] : [this.#backup]),
      ...(pending?.do === 'backup' ? [this.#model] : []),
    ]
    for (const name of (await readdir(this.folder)).filter((one) => one.startsWith('back-'))) {
      const dir = join(this.folder, name)
      const isHalf = pending?.do === 'restore' && pending.name === name
      const models = this.#restored.has(name) ? [this.#restored.get(name)!] : held
      if ((await readdir(dir)).length > 0)
        await this.#assertHolds(dir, models, 'what was restored').catch((error: { code?: string }) => {
          if (error.code !== 'ASSAY_DATA_FOREIGN' || !isHalf) throw error
        })
      await rm(dir, { recursive: true })
    }
    this.#restored.clear()
    const back = join(this.folder, 'checked')
    const from = join(this.folder, 'backup')
    const isThere = await restoreBackup({ from, dir: back, log: silentLog }, never).then(
      () => true,
      (error: { code?: string }) => {
        assert.equal(error.code, 'ASSAY_BACKUP')
        return false
      },
    )
    assert.ok(isThere || this.#backup === undefined, 'a backup that was acknowledged can be restored')
    if (!isThere) return
    this.#backup = await this.#assertHolds(back, held, 'the backup')
    await rm(back, { recursive: true })
  }

  /** Which of them a directory holds. */
  async #assertHolds(dir: string, models: readonly LawModel[], what: string): Promise<LawModel> {
    await using store = await open(dir)
    for (const [i, model] of models.entries()) {
      try {
        const held = new LawModel(options, model)
        held.settle(store, () => false, what)
        return held
      } catch (error) {
        if (i === models.length - 1) throw error
      }
    }
    throw new Error(`${what} is there, and nobody made it`)
  }
}

test(`after ${KILLS} kills at random moments all that was acknowledged is there, and nothing that was deleted (seed ${SEED})`, async (t) => {
  let state = (SEED % 2_147_483_646) + 1
  const random = (below: number) => {
    state = (state * 48_271) % 2_147_483_647
    return state % below
  }
  for (let kill = 0, life = new Life(join(root, '0')); kill < KILLS; kill++) {
    if (kill > 0 && kill % LIVES === 0) {
      await rm(life.folder, { recursive: true })
      life = new Life(join(root, String(kill)))
    }
    try {
      await life.run(random(1e9), 1 + random(30), random(12))
      await life.check()
    } catch (cause) {
      throw new Error(`kill ${kill} of seed ${SEED}: ${(cause as Error).message}`, { cause })
    }
    if (kill % 100 === 99) t.diagnostic(`${kill + 1} kills`)
  }
})
