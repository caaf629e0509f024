/**
 * What the store does beside commits and queries: blocks out of the head, a shorter log, merged blocks, retention.
 *
 * - One piece of work at a time, in one chain; a call that comes while it runs is answered by the next round.
 * - A step that fails is logged and tried again at the next round. Nothing is deleted before its copy is durable.
 * - Order when a block leaves the head: refuse older samples, write, serve, shorten. So a sample is never in no place.
 */
import { AssayError, type Clock, type Log, messageOf } from '#core'
import type { Block } from './block/block.ts'
import { type BlockStore, isCorrupt } from './block/block-store.ts'
import { writeBlock } from './block/block-writer.ts'
import { planMerge } from './block/compaction-plan.ts'
import { mergeBlocks } from './block/merge-blocks.ts'
import type { Checkpoints } from './checkpoint/checkpoints.ts'
import { columnsOf } from './columns/part.ts'
import { cleanTombstones, isWorthCleaning } from './deletion/clean-tombstones.ts'
import { type DeleteReport, deleteSeries } from './deletion/delete-series.ts'
import type { Deletions, Selection } from './deletion/deletions.ts'
import { partsWithout } from './deletion/without-deleted.ts'
import type { Head } from './head.ts'
import type { LateStore } from './late/late-store.ts'
import { LateUpkeep } from './late/late-upkeep.ts'
import type { Wal } from './log/wal.ts'
import { retentionHorizon } from './retention-horizon.ts'

export type UpkeepDeps = {
  readonly head: Head
  readonly wal: Wal
  readonly blocks: BlockStore
  readonly late: LateStore
  readonly deletions: Deletions
  readonly checkpoints: Checkpoints
  readonly clock: Clock
  readonly log: Log
}

export type UpkeepOptions = {
  readonly blockMs?: number
  readonly retentionMs?: number
  readonly retentionBytes?: number
  readonly upkeepIntervalMs?: number
}

const HOUR_MS = 3600_000
export const DEFAULT_BLOCK_MS: number = 2 * HOUR_MS
const MAX_MERGED_MS = 31 * 24 * HOUR_MS

export class Upkeep implements AsyncDisposable {
  readonly #deps: UpkeepDeps
  readonly #blockMs: number
  readonly #maxMergedMs: number
  readonly #late: LateUpkeep
  readonly #options: UpkeepOptions
  readonly #stop = new AbortController()
  readonly #ticking: Promise<void>
  #chain: Promise<void> = Promise.resolve()
  #isWoken = false
  /** Something of the last round failed: commits wake no other one before the clock does, as it would fail as well. */
  #hasFailed = false
  /** Samples that are in a block still lie in the head, for a reader that is open. */
  #truncateIsDue = false

  constructor(deps: UpkeepDeps, options: UpkeepOptions) {
    this.#deps = deps
    this.#options = options
    this.#blockMs = options.blockMs ?? DEFAULT_BLOCK_MS
    // A block leaves as a whole: longer ones would keep a tenth of the retention too much.
    this.#maxMergedMs = Math.min(MAX_MERGED_MS, (options.retentionMs ?? Infinity) / 10)
    this.#late = new LateUpkeep(
      deps,
      { blockMs: this.#blockMs, maxMergedMs: this.#maxMergedMs, horizon: () => this.#horizon() },
      this.#stop.signal,
    )
    this.#ticking = this.#tick()
  }

  /** Called after each commit: cheap, and starts a round when a block is due. What failed waits for the clock. */
  wakeWhenDue(): void {
    const { head, late, blocks, checkpoints } = this.#deps
    if (this.#isWoken || this.#hasFailed) return
    if (head.maxTime - head.minTime > this.#blockMs * 1.5 || late.isDue || blocks.needsRepair || checkpoints.isDue)
      this.#wake()
  }

  /** Called when a reader closed: what it held back may go now. */
  readerLeft(): void {
    if (this.#truncateIsDue && !this.#isWoken && !this.#deps.head.isNeededBefore(this.#deps.head.boundary)) this.#wake()
  }

  /** One round now, after what is running. Never rejects: what fails is logged. */
  run(): Promise<void> {
    return this.#enqueue(() => this.#round())
  }

  /** Writes everything in the head into one block, and what came late into another. Rejects with what the disk said. */
  async flushAll(): Promise<void> {
    let failure: unknown
    await this.#enqueue(async () => {
      const { head, late } = this.#deps
      try {
        if (head.maxTime >= head.minTime) await this.#flush(head.minTime, head.maxTime + 1)
        if (late.samples > 0) await this.#late.shorten(Infinity)
        await this.#truncate()
      } catch (error) {
        failure = error
      }
    })
    if (failure !== undefined) throw failure
  }

  /** Runs `work` while nothing else here does. Rejects as it does, and with `ASSAY_STORE_CLOSED` when the store is being closed. */
  async alone<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const done = Promise.withResolvers<T>()
    // Nobody waits for it when the chain was closed before.
    done.promise.catch(() => undefined)
    let ran = false
    await this.#enqueue(async () => {
      ran = true
      await work(this.#stop.signal).then(done.resolve, done.reject)
    })
    if (!ran) throw new AssayError('ASSAY_STORE_CLOSED', 'the store is being closed; nothing was changed')
    return await done.promise
  }

  /** Deletes samples of the span; see deletion/delete-series.ts. */
  deleteSeries(selection: Selection): Promise<DeleteReport> {
    const { head, blocks, deletions } = this.#deps
    const freezeLate = () => this.#late.freezeAll()
    const writeLate = () => this.#late.writeFrozen()
    return this.alone(() => deleteSeries({ head, blocks, deletions, freezeLate, writeLate, pause }, selection))
  }

  /** Writes blocks with tombstones anew, without what is under them; returns how many. */
  cleanTombstones(): Promise<number> {
    return this.alone((signal) => cleanTombstones(this.#deps.blocks, () => true, signal))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    await this.#ticking
    await this.#chain
  }

  async #tick(): Promise<void> {
    const { clock } = this.#deps
    for await (const _ of clock.ticks(this.#options.upkeepIntervalMs ?? 60_000, this.#stop.signal)) await this.run()
  }

  #wake(): void {
    this.#isWoken = true
    void this.#enqueue(async () => {
      this.#isWoken = false
      await this.#round()
    })
  }

  /** The chain never rejects: each piece of work takes care of its own failures. */
  #enqueue(work: () => Promise<void>): Promise<void> {
    this.#chain = this.#chain.then(() => (this.#stop.signal.aborted ? undefined : work()))
    return this.#chain
  }

  async #round(): Promise<void> {
    const steps = [
      ['delete blocks that are no longer needed', async () => this.#deps.blocks.giveUpAll()],
      ['keep what is whole of damaged blocks', () => this.#repair()],
      ['shorten the head', () => this.#truncate()],
      ['write blocks', () => this.#flushDue()],
      ['write blocks of late samples', () => this.#late.writeDue()],
      ['merge late samples', () => this.#late.mergeDue()],
      ['merge blocks', () => this.#mergeDue()],
      ['write blocks without what was deleted', () => this.#cleanDue()],
      ['apply retention', () => this.#retain()],
      ['forget deletions', () => this.#forgetDeletions()],
      ['write a checkpoint', () => this.#deps.checkpoints.writeDue(this.#stop.signal)],
      ['sync the log', () => this.#deps.wal.sync()],
    ] as const
    this.#hasFailed = false
    for (const [what, step] of steps) {
      if (this.#stop.signal.aborted) return
      try {
        await step()
      } catch (error) {
        if (this.#stop.signal.aborted) return
        this.#hasFailed = true
        if (isCorrupt(error)) this.#deps.blocks.putAside(error.dir, error.message)
        this.#deps.log.error({ err: messageOf(error) }, `could not ${what}; the store goes on and tries again`)
      }
    }
  }

  async #flushDue(): Promise<void> {
    const { head } = this.#deps
    // While a reader holds older samples the head's first instant is not exact: the next block can wait for it.
    while (!this.#truncateIsDue && head.maxTime - this.#spanStart() > this.#blockMs * 1.5) {
      const start = this.#spanStart()
      await this.#flush(Math.max(start, head.boundary), start + this.#blockMs)
      await this.#truncate()
    }
  }

  #spanStart(): number {
    return Math.floor(this.#deps.head.minTime / this.#blockMs) * this.#blockMs
  }

  /** Moves [start, end) from the head into a block. */
  async #flush(start: number, end: number): Promise<void> {
    const { head, blocks, deletions } = this.#deps
    head.refuseBefore(end)
    const view = head.frozenView(start, end)
    const parts = head.reader.select(view, [], start, end - 1)
    await pause()
    const span = { start, end, merged: 1 }
    const left = partsWithout(parts, deletions.head)
    const onServing = () => head.raiseBoundary(end)
    const write = (dir: string) => writeBlock(dir, span, columnsOf(left), this.#stop.signal)
    if ((await blocks.write(span, write, { onServing })) === undefined) onServing()
    this.#truncateIsDue = true
    await this.#late.shorten(end)
  }

  async #truncate(): Promise<void> {
    const { head, checkpoints } = this.#deps
    if (!this.#truncateIsDue || head.isNeededBefore(head.boundary)) return
    await head.truncate(head.maxTime - this.#blockMs / 2, pause)
    this.#truncateIsDue = false
    checkpoints.outdate()
  }

  async #repair(): Promise<void> {
    if (this.#deps.blocks.needsRepair) await this.#deps.blocks.repairDamaged(this.#stop.signal)
  }

  async #mergeDue(): Promise<void> {
    const { blocks } = this.#deps
    for (;;) {
      const plan = planMerge(
        blocks.blocks.map((block) => ({ start: block.meta.start, end: block.meta.end, block })),
        { blockMs: this.#blockMs, maxSpanMs: this.#maxMergedMs, settledUntil: blocks.end },
      )
      if (plan === undefined) return
      await this.#merge(plan.map(({ block }) => block))
    }
  }

  async #merge(sources: readonly Block[]): Promise<void> {
    const { blocks } = this.#deps
    const span = {
      start: sources[0]!.meta.start,
      end: sources.at(-1)!.meta.end,
      merged: sources.reduce((sum, block) => sum + block.meta.merged, 0),
      late: sources.some(({ meta }) => meta.late !== undefined) ? ('some' as const) : undefined,
    }
    for (const block of sources) block.retain()
    try {
      const write = (dir: string) => mergeBlocks(dir, span, sources, this.#stop.signal)
      const meta = await blocks.write(span, write, { replaced: sources })
      // All of it was deleted.
      if (meta === undefined) for (const block of sources) blocks.drop(block)
    } finally {
      for (const block of sources) block.release()
    }
  }

  async #cleanDue(): Promise<void> {
    const isDue = (block: Block) => isWorthCleaning(block, this.#blockMs)
    await cleanTombstones(this.#deps.blocks, isDue, this.#stop.signal)
  }

  /** Those whose samples are no longer in the head, or in the log. */
  async #forgetDeletions(): Promise<void> {
    const { head, wal, deletions } = this.#deps
    if (!this.#truncateIsDue) deletions.forgetHead(head.boundary)
    await deletions.forgetLog(wal.first)
  }

  /** What ends at or before this is past its retention. */
  #horizon(): number {
    const { head, blocks } = this.#deps
    const { retentionMs } = this.#options
    if (retentionMs === undefined) return -Infinity
    // What a reader holds in memory is in a block already: then the head's first instant says nothing.
    const from = this.#truncateIsDue ? head.maxTime : head.minTime
    const spans = blocks.all.map(({ meta }) => ({ from: meta.minTime, to: meta.maxTime }))
    return retentionHorizon(head.maxTime >= from ? [...spans, { from, to: head.maxTime }] : spans, retentionMs)
  }

  async #retain(): Promise<void> {
    const { blocks, wal, checkpoints, log } = this.#deps
    const { retentionBytes = Infinity } = this.#options
    const horizon = this.#horizon()
    for (;;) {
      const [first, ...others] = blocks.all
      if (first === undefined) return
      const oldest = others.reduce((least, block) => (block.meta.end < least.meta.end ? block : least), first)
      const isOld = oldest.meta.end <= horizon
      const sizeBytes = blocks.sizeBytes + wal.sizeBytes + checkpoints.sizeBytes
      if (!isOld && sizeBytes <= retentionBytes) return
      log.info({ block: oldest.dir, reason: isOld ? 'age' : 'size' }, 'a block is past its retention and deleted')
      blocks.drop(oldest)
    }
  }
}

/** Lets commits and queries run. */
function pause(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
