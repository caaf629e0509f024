/**
 * The durable store: head, late samples, write-ahead log and blocks, and the upkeep that moves samples from one to the other.
 *
 * - A commit is checked, written ahead with one system call, applied: what was acknowledged survives `kill -9`.
 * - When the head spans one and a half blocks its oldest block is written, then the head and the log are shortened. First the head
 *   refuses older samples, then the block is written, then it serves, then the samples leave the head: at every moment a sample is
 *   in exactly one place for a new reader, and a reader that is open keeps what it began with.
 * - What comes late, before its series' last sample or before what the head takes, is taken within a window, by default of no length. It
 *   is checked against all that is there and waits apart (late-store.ts); readers weave it in. In the log it is marked as late, so that
 *   a start can tell it from what lies in blocks already.
 * - Upkeep runs in one chain, a frame or a stride at a time; commits and queries run in between.
 * - What fails in upkeep (a full disk) is logged and tried again at the next turn; nothing is deleted before its copy is durable.
 *
 * A little beyond 400 lines because it is the one place where head, log, blocks and upkeep meet: each method hands on to one of them.
 */
import { basename } from 'node:path'
import { AssayError, type Clock, type Labels, type Matcher, messageOf, type UnixMs, unixMs } from '#core'
import {
  type Appender,
  type AppenderOptions,
  type Batch,
  type CommitListener,
  type CommitReport,
  MAX_INSTANT,
  type Querier,
  type Rejections,
} from '#storage'
import type { Accepted } from './accepted.ts'
import type { Block } from './block/block.ts'
import type { BlockCaches } from './block/block-files.ts'
import { BlockStore, isCorrupt } from './block/block-store.ts'
import { ByteCache } from './block/byte-cache.ts'
import { Checkpoints, loadCheckpoint } from './checkpoint/checkpoints.ts'
import { columnsOfPart } from './columns/weave.ts'
import { type DataDir, openDataDir } from './data-dir.ts'
import type { DeleteReport } from './deletion/delete-series.ts'
import { Deletions, type Selection } from './deletion/deletions.ts'
import { unsettleNext } from './deletion/unsettle-next.ts'
import { partWithout } from './deletion/without-deleted.ts'
import { Head } from './head.ts'
import { checkLate, type LateDeps } from './late/check-late.ts'
import { LateStore } from './late/late-store.ts'
import { CommitLog } from './log/commit-log.ts'
import { Replay } from './log/replay.ts'
import { type ReplayReport, Wal } from './log/wal.ts'
import { TsdbQuerier } from './read/querier.ts'
import { shareStore } from './shared/store-share.ts'
import type { StoreShare } from './shared/store-view.ts'
import { removeUnfinished, type SnapshotOptions, snapshotName, writeSnapshot } from './snapshot.ts'
import { BatchRoom, TsdbAppender } from './tsdb-appender.ts'
import type { BlockInfo, Tsdb, TsdbOptions, TsdbStats } from './types.ts'
import { DEFAULT_BLOCK_MS, Upkeep } from './upkeep.ts'

/**
 * Opens the store of a directory and reads its log. Rejects as `openDataDir` does, and with `ASSAY_DATA_NEWER` for blocks of a
 * later version, `ASSAY_STORE_OPEN` for what the system refuses. A torn log and damaged blocks are repaired, logged and told in `stats()`.
 */
export async function openTsdb(options: TsdbOptions): Promise<Tsdb> {
  try {
    return await open(options)
  } catch (cause) {
    if (cause instanceof AssayError) throw cause
    throw new AssayError('ASSAY_STORE_OPEN', `the store could not be opened: ${messageOf(cause)}`, { cause })
  }
}

async function open(options: TsdbOptions): Promise<Tsdb> {
  await using owned = new AsyncDisposableStack()
  const dir = typeof options.dir === 'string' ? owned.use(await openDataDir(options.dir)) : options.dir
  const cacheBytes = options.cacheBytes ?? 24 * 1024 * 1024
  const caches: BlockCaches = { indexes: new ByteCache(cacheBytes), frames: new ByteCache(cacheBytes) }
  const blocks = owned.use(await BlockStore.open(dir.blocksDir, caches, options.log))
  const wal = owned.adopt(
    new Wal({
      dir: dir.walDir,
      segmentBytes: options.walSegmentBytes ?? 64 * 1024 * 1024,
      sync: options.sync ?? 'none',
      ...(options.write === undefined ? {} : { write: options.write }),
    }),
    (log) => log.close(),
  )
  const late = new LateStore({ samples: options.maxLateSamples })
  const deletions = await Deletions.open(dir.deletionsFile)
  await removeUnfinished(dir.snapshotsDir)
  const { log, maxSeries = 2_000_000 } = options
  const loaded = await loadCheckpoint(dir.walDir, { wal, deletions, log, maxSeries })
  const head = loaded?.head ?? new Head(maxSeries)
  head.raiseBoundary(blocks.end)
  const known = knownIn({ head, blocks, late, deletions })
  const replaying = new Replay({ head, late, known, deletions })
  const replay = await wal.replay(
    (number) => replaying.segment(number, number === loaded?.cover.segment ? loaded.slots : []),
    loaded?.cover,
  )
  // Since the checkpoint a block was written of what it holds.
  if (loaded !== undefined && loaded.cover.boundary < head.boundary)
    await head.truncate(head.maxTime - (options.blockMs ?? DEFAULT_BLOCK_MS) / 2, () => Promise.resolve())
  // Of an instant that came late the first sample stays, also where what was behind it in its series is gone: nothing there is in order.
  const lastLate = blocks.late.reduce((last, { meta }) => Math.max(last, meta.maxTime), late.maxTime)
  if (lastLate > -Infinity) head.refuseBefore(lastLate + 1)
  // In this order: a number that a deletion speaks of is not given again.
  wal.beginAfter(deletions.through)
  await deletions.forgetLog(wal.first)
  if (replay.tornBytes > 0 || replay.damagedBytes > 0) {
    options.log.warn({ ...replay }, 'the write-ahead log was repaired; damaged bytes were skipped')
  }
  const deps = { walDir: dir.walDir, head, wal, deletions, minBytes: options.checkpointBytes }
  const checkpoints = new Checkpoints(deps, loaded?.bytes)
  return new TsdbStore(options, { dir, head, late, wal, blocks, deletions, replay, checkpoints }, owned.move())
}

/** All samples of a series between two instants, wherever they lie. */
function knownIn({
  head,
  blocks,
  late,
  deletions,
}: Pick<Parts, 'head' | 'blocks' | 'late' | 'deletions'>): LateDeps['known'] {
  return (slot, low, high) => {
    const labels = head.labelsOf(slot)
    // What lies before the boundary may still be in the head's memory, without the tombstones that its block got since.
    const whole = head.partOf(slot, Math.max(low, head.boundary), high)
    const inHead = whole === undefined ? undefined : partWithout(whole, deletions.head)
    return [
      ...(inHead === undefined ? [] : [columnsOfPart(inHead)]),
      ...blocks.find(labels, low, high),
      ...late.find(labels, low, high).map(columnsOfPart),
    ]
  }
}

type Parts = {
  readonly dir: DataDir
  readonly deletions: Deletions
  readonly head: Head
  readonly late: LateStore
  readonly wal: Wal
  readonly blocks: BlockStore
  readonly replay: ReplayReport
  readonly checkpoints: Checkpoints
}

/** Of a selection that the head has nothing of, though blocks may. */
const UNKNOWN_SERIES = 500

/** Of a batch whose memory is kept for the next: 32 bytes each. */
const MAX_KEPT_SAMPLES = 16 * 1024

class TsdbStore implements Tsdb {
  readonly #dir: DataDir
  readonly #deletions: Deletions
  readonly #head: Head
  readonly #late: LateStore
  readonly #lateDeps: LateDeps
  #windowMs: number
  readonly #wal: Wal
  readonly #blocks: BlockStore
  readonly #replay: ReplayReport
  readonly #checkpoints: Checkpoints
  readonly #upkeep: Upkeep
  readonly #owned: AsyncDisposableStack
  readonly #log: CommitLog
  readonly #rooms: BatchRoom[] = []
  readonly #blockMs: number
  /** A series that has been silent for longer than a block's span begins anew: its last histogram is not searched for further back. */
  readonly #before = (labels: Labels) => this.#blocks.lastHistogram(labels, this.#head.boundary - this.#blockMs)
  readonly #clock: Clock
  readonly #maxAheadMs: number
  readonly #onCommit: CommitListener | undefined
  #closed = false

  constructor(
    options: TsdbOptions,
    { dir, deletions, head, late, wal, blocks, replay, checkpoints }: Parts,
    owned: AsyncDisposableStack,
  ) {
    this.#dir = dir
    this.#deletions = deletions
    this.#head = head
    this.#late = late
    this.#lateDeps = { labelsOf: (slot) => head.labelsOf(slot), known: knownIn({ head, blocks, late, deletions }) }
    this.#windowMs = options.outOfOrderWindowMs ?? 0
    this.#wal = wal
    this.#blocks = blocks
    this.#replay = replay
    this.#owned = owned
    this.#clock = options.clock
    this.#maxAheadMs = options.maxAheadMs ?? 3600_000
    this.#onCommit = options.onCommit
    this.#blockMs = options.blockMs ?? DEFAULT_BLOCK_MS
    this.#log = new CommitLog({ head, wal, blockMs: this.#blockMs })
    this.#checkpoints = checkpoints
    const { clock, log } = options
    this.#upkeep = new Upkeep({ head, late, wal, blocks, deletions, checkpoints, clock, log }, options)
  }

  appender(options: AppenderOptions = {}): Appender {
    this.#mustBeOpen()
    return new TsdbAppender({
      head: this.#head,
      room: this.#rooms.pop() ?? new BatchRoom(),
      giveBack: (room) => {
        // A large batch leaves no mark, nor do many at once.
        if (room.batch.refs.length <= MAX_KEPT_SAMPLES && this.#rooms.length < 4) this.#rooms.push(room)
      },
      latest: this.#clock.now() + this.#maxAheadMs,
      commit: (batch, slots, rejections) => this.#commit(batch, slots, rejections, options.keepOrder ?? false),
    })
  }

  querier(start: UnixMs, end: UnixMs): Querier {
    this.#mustBeOpen()
    const view = this.#head.openView(start, end)
    const reaches = (block: Block) => block.meta.start <= end && block.meta.end > start
    const blocks = this.#blocks.blocks.filter(reaches)
    const lateBlocks = this.#blocks.late.filter(reaches)
    for (const block of blocks) block.retain()
    for (const block of lateBlocks) block.retain()
    return new TsdbQuerier({
      head: this.#head.reader,
      view,
      deleted: this.#deletions.head,
      blocks,
      lateBlocks,
      late: this.#late.view(),
      start,
      end,
      onCorrupt: (error) => this.#blocks.putAside(error.dir, error.message),
      onClose: () => {
        this.#head.closeView(view)
        for (const block of blocks) block.release()
        for (const block of lateBlocks) block.release()
        this.#upkeep.readerLeft()
      },
    })
  }

  readonly estimate = (matchers: readonly Matcher[]): number => {
    const found = this.#head.estimate(matchers)
    return found === 0 && this.#blocks.all.length > 0 ? UNKNOWN_SERIES : found
  }

  share(): StoreShare {
    this.#mustBeOpen()
    return shareStore({
      head: this.#head,
      blocks: () => this.#blocks.all,
      hasMore: (matchers) => this.#deletions.head.matches(matchers) || this.#late.matches(matchers),
      close: (view) => {
        this.#head.closeView(view)
        this.#upkeep.readerLeft()
      },
    })
  }

  stats(): TsdbStats {
    const blocks = this.#blocks.all
    const walBytes = this.#wal.sizeBytes
    const checkpointBytes = this.#checkpoints.sizeBytes
    const late = this.#late
    const first = blocks.reduce((t, { meta }) => Math.min(t, meta.minTime), Math.min(this.#head.minTime, late.minTime))
    const last = Math.max(this.#newest(), late.maxTime)
    return {
      series: this.#head.seriesCount,
      samples: blocks.reduce((sum, block) => sum + block.meta.samples, this.#head.sampleCount + late.samples),
      sizeBytes: this.#blocks.sizeBytes + walBytes + checkpointBytes,
      minTime: Number.isFinite(first) ? unixMs(first) : undefined,
      maxTime: Number.isFinite(last) ? unixMs(last) : undefined,
      blocks: blocks.length,
      blockBytes: this.#blocks.sizeBytes,
      walBytes,
      checkpointBytes,
      headSamples: this.#head.sampleCount,
      headBytes: this.#head.sizeBytes,
      cacheBytes: this.#blocks.cache.bytes,
      cacheEvictions: this.#blocks.cache.evicted,
      lateSamples: late.samples,
      lateBlocks: this.#blocks.late.length,
      setAside: this.#blocks.setAside,
      replay: this.#replay,
    }
  }

  blocks(): readonly BlockInfo[] {
    return this.#blocks.all.map(({ dir, meta }) => ({ ...meta, name: basename(dir) }))
  }

  setOutOfOrderWindow(ms: number): void {
    this.#windowMs = ms
  }

  async flush(): Promise<void> {
    this.#mustBeOpen()
    await this.#upkeep.flushAll()
  }

  async upkeep(): Promise<void> {
    this.#mustBeOpen()
    await this.#upkeep.run()
  }

  async deleteSeries({ sets, start, end }: Selection): Promise<DeleteReport> {
    this.#mustBeOpen()
    const bounded = (at: number) => Math.min(MAX_INSTANT, Math.max(-MAX_INSTANT, at))
    return await this.#upkeep.deleteSeries({ sets, start: Math.ceil(bounded(start)), end: Math.floor(bounded(end)) })
  }

  async cleanTombstones(): Promise<number> {
    this.#mustBeOpen()
    return await this.#upkeep.cleanTombstones()
  }

  async snapshot(options: Partial<SnapshotOptions> = {}): Promise<{ readonly name: string; readonly dir: string }> {
    this.#mustBeOpen()
    const name = options.name ?? snapshotName(this.#clock.now())
    const { path, snapshotsDir } = this.#dir
    const deps = { head: this.#head, late: this.#late, blocks: this.#blocks, deletions: this.#deletions }
    const dir = await this.#upkeep.alone((signal) =>
      writeSnapshot({ ...deps, path, snapshotsDir }, { ...options, name }, signal),
    )
    return { name, dir }
  }

  async verify(): Promise<readonly string[]> {
    this.#mustBeOpen()
    const damaged: string[] = []
    for (const block of this.#blocks.all) {
      block.retain()
      try {
        await block.verify()
      } catch (error) {
        if (!isCorrupt(error)) throw error
        this.#blocks.putAside(error.dir, error.message)
        damaged.push(basename(block.dir))
      } finally {
        block.release()
      }
    }
    return damaged
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await this.#upkeep[Symbol.asyncDispose]()
    // Without one the next start takes longer: nothing that closing could fail for.
    await this.#checkpoints.writeLast().catch(() => undefined)
    await this.#owned.disposeAsync()
  }

  #commit(batch: Batch, slots: Uint32Array, rejections: Rejections, keepOrder: boolean): CommitReport {
    this.#mustBeOpen()
    const entries: number[] | undefined = this.#windowMs > 0 && !keepOrder ? [] : undefined
    const accepted = this.#head.check(batch, slots, { rejections, before: this.#before, late: entries })
    const late =
      entries !== undefined && entries.length > 0
        ? this.#checkLate(batch, slots, { entries, inOrder: accepted }, rejections)
        : undefined
    unsettleNext(accepted, this.#head, this.#deletions.head)
    const lateCount = late?.count ?? 0
    if (accepted.count + lateCount > 0) {
      this.#log.write(accepted, late)
      const labelsIn = ({ slots: of }: Accepted) => ({
        labels: (i: number) => this.#head.labelsOf(of[i]!),
        ref: (i: number) => this.#head.refOf(of[i]!),
      })
      if (accepted.count > 0) {
        this.#head.apply(accepted)
        this.#onCommit?.({ ...accepted, ...labelsIn(accepted) })
      }
      if (late !== undefined && lateCount > 0) {
        this.#late.apply(late, this.#lateDeps.labelsOf)
        this.#onCommit?.({ ...late, ...labelsIn(late) })
      }
      this.#upkeep.wakeWhenDue()
    }
    return { appended: accepted.count + lateCount, rejected: rejections.list() }
  }

  #checkLate(
    batch: Batch,
    slots: Uint32Array,
    { entries, inOrder }: { readonly entries: readonly number[]; readonly inOrder: Accepted },
    rejections: Rejections,
  ): Accepted | undefined {
    const takenFrom = this.#newest() - this.#windowMs
    const late = checkLate({ batch, slots, entries, inOrder, takenFrom }, this.#lateDeps, rejections)
    if (late.count === 0) return undefined
    if (this.#late.isFull) {
      throw new AssayError(
        'ASSAY_STORE_WRITE',
        `${this.#late.samples} late samples wait to be written into a block; nothing of the batch was kept, send it again in a moment`,
      )
    }
    return late
  }

  /** The newest instant of all that was taken, or -Infinity. */
  #newest(): number {
    return Math.max(this.#head.maxTime, this.#blocks.maxTime)
  }

  #mustBeOpen(): void {
    if (this.#closed) throw new AssayError('ASSAY_STORE_CLOSED', 'the store is closed; nothing was read or written')
  }
}
