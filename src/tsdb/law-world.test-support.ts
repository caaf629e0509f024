/**
 * A store, its backup and what was restored of it, in one folder, and what has to be in each; steps that change them, each of which may be
 * struck by a fault of the disk or the end of the process.
 *
 * After each step the store is held to the model. What a step leaves open is only this: a batch that was not acknowledged is there whole or
 * not at all, of a deletion that was not acknowledged any part may be done, and what is past its retention may be gone.
 */
import assert from 'node:assert/strict'
import { mkdir, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { ManualClock, type MatchOp, matcher, matchesAll, silentLog } from '#core'
import type { ScriptStep } from '#storage'
import { copyTree, type Fault, type FaultDisk } from './fault-disk.test-support.ts'
import { openDataDir, openLocalBackup, openTsdb, restoreBackup, type Tsdb, writeBackup } from './index.ts'
import {
  abandonEntries,
  commitEntries,
  commitMarker,
  type Entry,
  type LawBatch,
  LawModel,
  type Refs,
} from './law-model.test-support.ts'

export type LawOptions = {
  readonly blockMs: number
  readonly outOfOrderWindowMs: number
  readonly maxLateSamples: number
  readonly walSegmentBytes: number
  readonly checkpointBytes: number
  readonly retentionMs: number | undefined
}

export const WORKS = [
  'upkeep',
  'flush',
  'clean',
  'snapshot',
  'backup',
  'archive',
  'restore',
  'reopen',
  'close',
] as const
type Work = (typeof WORKS)[number]

export type LawStep =
  | { readonly do: 'batch'; readonly batch: LawBatch; readonly fault?: Fault | undefined }
  | (ScriptStep & { readonly kind: 'query'; readonly do: 'query' })
  | {
      readonly do: 'delete'
      readonly fromMs: number
      readonly toMs: number
      readonly matchers: readonly { readonly name: string; readonly op: MatchOp; readonly value: string }[]
      readonly fault?: Fault | undefined
    }
  | {
      readonly do: Work
      /** Committed while it goes on. */
      readonly meanwhile: readonly LawBatch[]
      readonly fault?: Fault | undefined
    }

type Opened = AsyncDisposable & { readonly store: Tsdb; readonly backUp: (target: string) => Promise<unknown> }

const never = new AbortController().signal
const nothing = () => false

export class LawWorld implements AsyncDisposable {
  readonly #disk: FaultDisk
  readonly #options: LawOptions
  readonly #root: string
  #folders = 0
  #here: string
  #opened!: Opened
  #model: LawModel
  /** What the backup has to hold, by its name. */
  readonly #backups = new Map<string, LawModel>()
  readonly #refs: Refs = new Map()
  /** The batch that is being committed. */
  #unsure: readonly Entry[] | undefined

  private constructor(root: string, disk: FaultDisk, options: LawOptions) {
    this.#root = root
    this.#disk = disk
    this.#options = options
    this.#here = join(root, '0')
    this.#model = new LawModel(options)
  }

  static async open(root: string, disk: FaultDisk, options: LawOptions): Promise<LawWorld> {
    const world = new LawWorld(root, disk, options)
    await mkdir(world.#here, { recursive: true })
    world.#opened = await world.#open('data')
    return world
  }

  /** Another world that is as this one is now, as a start finds it. */
  async fork(root: string): Promise<LawWorld> {
    const world = new LawWorld(root, this.#disk, this.#options)
    copyTree(this.#here, world.#here)
    world.#model = new LawModel(this.#options, this.#model)
    for (const [name, held] of this.#backups) world.#backups.set(name, held)
    world.#opened = await world.#open('data')
    return world
  }

  /** Returns whether it came to the step's fault: a step has as many changes of the disk as there are faults that it comes to. */
  async play(step: LawStep): Promise<boolean> {
    const name = JSON.stringify(step, (key, value) => (key === 'samples' || key === 'meanwhile' ? value.length : value))
    if (step.do === 'query') {
      this.#model.assertAnswers(this.#store, step)
      return false
    }
    const struck =
      step.do === 'batch'
        ? await this.#batch(step.batch, step.fault)
        : step.do === 'delete'
          ? await this.#delete(step)
          : await this.#work(step)
    this.#settle(name)
    assert.deepEqual(this.#store.stats().setAside, [], name)
    assert.equal(this.#store.stats().replay.damagedBytes, 0, name)
    return struck
  }

  /** Opens it once more and reads all of it, blocks by every byte. */
  async end(): Promise<void> {
    assert.deepEqual(await this.#store.verify(), [])
    await this.#reopen()
    this.#settle('after the last start')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disk.disarm()
    await this.#opened[Symbol.asyncDispose]()
  }

  get #store(): Tsdb {
    return this.#opened.store
  }

  #settle(when: string, mayMiss: Parameters<LawModel['settle']>[1] = nothing): void {
    this.#model.settle(this.#store, mayMiss, when)
  }

  async #batch(batch: LawBatch, fault: Fault | undefined): Promise<boolean> {
    this.#settle('before a batch')
    const entries = this.#model.resolve(batch)
    if (!batch.commit) {
      abandonEntries(this.#store, entries, this.#refs)
      return false
    }
    return await this.#struckBy(fault, async () => this.#commit(entries))
  }

  /** What was acknowledged is taken over, unless the process died before. */
  #commit(entries: readonly Entry[]): void {
    this.#unsure = entries.filter(({ value }) => value !== 'stale')
    const { appended, taken } = commitEntries(this.#store, entries, this.#refs)
    if (this.#disk.crashed) return
    assert.equal(appended, this.#model.take(taken), 'samples taken')
    for (const entry of entries) {
      if (entry.value !== 'stale') continue
      this.#unsure = [entry]
      const isTaken = commitMarker(this.#store, entry, this.#refs)
      if (this.#disk.crashed) return
      if (isTaken) assert.equal(this.#model.take([entry]), 1, 'a marker taken')
    }
    this.#unsure = undefined
  }

  async #delete({ fromMs, toMs, matchers, fault }: LawStep & { readonly do: 'delete' }): Promise<boolean> {
    const sets = matchers.map(({ name, op, value }) => matcher(name, op, value))
    const [start, end] = [this.#model.now - fromMs, this.#model.now - toMs]
    const struck = await this.#struckBy(fault, () => this.#store.deleteSeries({ sets: [sets], start, end }))
    if (!struck) this.#model.delete(sets, start, end)
    else this.#settle('after a deletion', (labels, at) => at >= start && at <= end && matchesAll(sets, labels))
    return struck
  }

  async #work(step: LawStep & { readonly do: Work }): Promise<boolean> {
    const work = step.do
    switch (work) {
      case 'backup':
      case 'archive':
        return await this.#backUp(work === 'archive' ? 'backup.tar' : 'backup', step.fault)
      case 'restore':
        return await this.#restore(step.fault)
      case 'snapshot':
        return await this.#snapshot(step)
      case 'reopen':
      case 'close': {
        const isReopened = work === 'reopen'
        const struck = await this.#struckBy(step.fault, () => (isReopened ? this.#reopen() : this.#close()))
        if (struck ? step.fault?.kind === 'refuse' : !isReopened) await this.#reopen()
        return struck
      }
      default:
        return await this.#struckBy(step.fault, () => this.#during(step.meanwhile, this.#upkeep(work)))
    }
  }

  #upkeep(work: 'upkeep' | 'flush' | 'clean'): Promise<unknown> {
    return work === 'upkeep'
      ? this.#store.upkeep()
      : work === 'flush'
        ? this.#store.flush()
        : this.#store.cleanTombstones()
  }

  async #during(batches: readonly LawBatch[], work: Promise<unknown>): Promise<void> {
    let goesOn = true
    const done = work.finally(() => {
      goesOn = false
    })
    // Told of below.
    done.catch(() => undefined)
    for (const batch of batches) {
      await setImmediate()
      if (!goesOn || this.#disk.crashed || this.#options.retentionMs !== undefined) break
      const entries = this.#model.resolve(batch)
      try {
        this.#commit(entries)
      } catch (error) {
        if (!this.#disk.struck) throw error
        this.#unsure = undefined
      }
    }
    await done
  }

  async #snapshot({ meanwhile, fault }: LawStep & { readonly do: Work }): Promise<boolean> {
    let dir: string | undefined
    const struck = await this.#struckBy(fault, async () => {
      const copy = this.#store.snapshot()
      if (fault === undefined && meanwhile.length === 0) dir = (await copy).dir
      else await this.#during(meanwhile, copy)
    })
    const snapshots = join(this.#here, 'data', 'snapshots')
    if (dir !== undefined) await this.#assertHolds(dir, this.#model, 'a snapshot')
    for (const name of await readdir(snapshots).catch(() => [])) await rm(join(snapshots, name), { recursive: true })
    return struck
  }

  async #backUp(name: string, fault: Fault | undefined): Promise<boolean> {
    const copy = new LawModel(this.#options, this.#model)
    const struck = await this.#struckBy(fault, () => this.#opened.backUp(join(this.#here, name)))
    const target = join(this.#here, name)
    const before = this.#backups.get(name)
    if (!struck) this.#backups.set(name, copy)
    const into = join(this.#here, 'checked')
    const whole = await restoreBackup({ from: target, dir: into, log: silentLog }, never).then(
      () => true,
      (error: { readonly code?: string }) => {
        assert.equal(error.code, 'ASSAY_BACKUP')
        return false
      },
    )
    assert.equal(whole, struck ? whole || before !== undefined : true, 'the backup, or the one before, can be restored')
    if (!whole) {
      await rm(into, { recursive: true, force: true })
      return struck
    }
    // Struck at its end it may be the new one already.
    if (struck) {
      try {
        await this.#assertHolds(into, copy, 'a backup')
        this.#backups.set(name, copy)
      } catch (error) {
        if (before === undefined) throw error
        await this.#assertHolds(into, before, 'the backup before')
      }
    } else await this.#assertHolds(into, copy, 'a backup')
    await rm(into, { recursive: true, force: true })
    return struck
  }

  /** Restores a backup, and goes on with what came back. */
  async #restore(fault: Fault | undefined): Promise<boolean> {
    const [name, held] = [...this.#backups].at(-1) ?? []
    if (name === undefined || held === undefined) return false
    const run = () =>
      restoreBackup({ from: join(this.#here, name), dir: join(this.#here, 'back'), log: silentLog }, never)
    const struck = await this.#struckBy(fault, run)
    const back = () => join(this.#here, 'back')
    if (struck) {
      // Before it began, or all of it was taken back: then there is nothing to be opened.
      const isThere = (await readdir(back()).catch(() => [])).length > 0
      const isWhole =
        isThere &&
        (await this.#assertHolds(back(), held, 'what was restored').then(
          () => true,
          (error: Error & { readonly code?: string }) => {
            if (error.code === 'ASSAY_DATA_FOREIGN') return false
            throw error
          },
        ))
      if (isWhole) await rm(back(), { recursive: true })
      await run()
    }
    await this.#opened[Symbol.asyncDispose]()
    await rm(join(this.#here, 'data'), { recursive: true })
    await rename(back(), join(this.#here, 'data'))
    const { now } = this.#model
    this.#model = new LawModel(this.#options, held)
    this.#model.now = now
    this.#refs.clear()
    this.#opened = await this.#open('data')
    return struck
  }

  async #assertHolds(dir: string, model: LawModel, what: string): Promise<void> {
    const copy = new LawModel(this.#options, model)
    await using opened = await this.#openAt(dir)
    copy.now = this.#model.now
    copy.settle(opened.store, nothing, what)
  }

  /**
   * Runs `work` with a fault of the disk on its way. Where the process ends by it the world is what was on the disk then. Returns whether
   * it came to the fault.
   */
  async #struckBy(fault: Fault | undefined, work: () => Promise<unknown>): Promise<boolean> {
    this.#unsure = undefined
    if (fault === undefined) {
      await work()
      return false
    }
    const next = join(this.#root, String(++this.#folders))
    this.#disk.arm(this.#here, next, fault)
    const failure = await work().then(
      () => undefined,
      (error: unknown) => error,
    )
    if (!this.#disk.disarm()) {
      if (failure !== undefined) throw failure
      return false
    }
    if (fault.kind === 'refuse') {
      if (failure !== undefined) assert.match(String(failure), /EIO|ASSAY_/, 'what the disk said')
      return true
    }
    // The folder of the one that died is no longer anybody's.
    await this.#close().catch(() => undefined)
    this.#refs.clear()
    const old = this.#here
    this.#here = next
    this.#opened = await this.#open('data')
    await rm(old, { recursive: true })
    // It is there whole, or not at all.
    if (this.#unsure !== undefined && this.#model.hasMoreThanThis(this.#store)) this.#model.take(this.#unsure)
    return true
  }

  async #close(): Promise<void> {
    await this.#opened[Symbol.asyncDispose]()
  }

  async #reopen(): Promise<void> {
    await this.#close()
    this.#refs.clear()
    this.#opened = await this.#open('data')
  }

  #open(name: string): Promise<Opened> {
    return this.#openAt(join(this.#here, name))
  }

  async #openAt(dir: string): Promise<Opened> {
    const { retentionMs, ...options } = this.#options
    await using owned = new AsyncDisposableStack()
    const directory = owned.use(await openDataDir(dir))
    const store = owned.use(
      await openTsdb({
        ...options,
        ...(retentionMs === undefined ? {} : { retentionMs }),
        dir: directory,
        clock: new ManualClock(),
        log: silentLog,
        maxAheadMs: Infinity,
      }),
    )
    const all = owned.move()
    return {
      store,
      backUp: async (target) => {
        await using source = await openLocalBackup({ store, directory, at: 0, copyState: async () => undefined })
        await writeBackup(source, target, {}, never)
      },
      [Symbol.asyncDispose]: () => all.disposeAsync(),
    }
  }
}
