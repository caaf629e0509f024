/**
 * The durable store: head, write-ahead log and blocks, and the upkeep that moves samples from one to the other.
 *
 * - A commit is checked, written ahead with one system call, applied: what was acknowledged survives `kill -9`.
 * - When the head spans one and a half blocks its oldest block is written, then the head and the log are shortened. First the head
 *   refuses older samples, then the block is written, then it serves, then the samples leave the head: at every moment a sample is
 *   in exactly one place for a new reader, and a reader that is open keeps what it began with.
 * - Upkeep runs in one chain, a frame or a stride at a time; commits and queries run in between.
 * - What fails in upkeep (a full disk) is logged and tried again at the next turn; nothing is deleted before its copy is durable.
 */
import { basename } from 'node:path'
import { AssayError, type Clock, type Labels, type Log, messageOf, type UnixMs, unixMs } from '#core'
import type { Appender, Batch, CommitListener, CommitReport, Querier, Rejections, Store, StoreStats } from '#storage'
import { type Accepted, emptyAccepted } from './accepted.ts'
import type { BlockCaches } from './block.ts'
import { BlockStore, isCorrupt } from './block-store.ts'
import { ByteCache } from './byte-cache.ts'
import { ByteWriter } from './bytes.ts'
import { type DataDir, openDataDir } from './data-dir.ts'
import { Head } from './head.ts'
import { TsdbQuerier } from './querier.ts'
import { replayInto } from './replay.ts'
import { TsdbAppender } from './tsdb-appender.ts'
import { DEFAULT_BLOCK_MS, Upkeep } from './upkeep.ts'
import { type ReplayReport, Wal } from './wal.ts'
import { beginRecord, endRecord, type NamedSeries, writeNamedSeries, writeSamples } from './wal-record.ts'

export type TsdbOptions = {
  /** A path, then the directory is taken and given back; or a directory that was taken, then it stays its owner's. */
  readonly dir: string | DataDir
  readonly clock: Clock
  readonly log: Log
  /** Blocks whose samples are all older than the newest sample by this are deleted. Left out: nothing is, by age. */
  readonly retentionMs?: number
  /** Oldest blocks are deleted while blocks and log take more than this. Left out: nothing is, by size. */
  readonly retentionBytes?: number
  /** The span of a block; default 2 h. */
  readonly blockMs?: number
  /** A log segment is ended at this size; default 64 MiB. */
  readonly walSegmentBytes?: number
  /** `commit`: every commit also survives power loss, at the price of one forced write each. Default `none`. */
  readonly sync?: 'none' | 'commit'
  /** Samples further ahead of the clock are rejected as `no-instant`; default 1 h. `Infinity` for data of no present time. */
  readonly maxAheadMs?: number
  /** Most series in the head; default 2,000,000. */
  readonly maxSeries?: number
  /** Bytes of unpacked frames and of indexes kept, each; default 64 MiB. */
  readonly cacheBytes?: number
  /** How often upkeep looks around without being woken; default 60 s. */
  readonly upkeepIntervalMs?: number
  /** Told of every commit, for those who pass samples on. */
  readonly onCommit?: CommitListener
  /** In tests: stands in for the system's write to the log. */
  readonly write?: (fd: number, bytes: Uint8Array) => number
}

export type TsdbStats = StoreStats & {
  readonly blocks: number
  readonly blockBytes: number
  readonly walBytes: number
  readonly headSamples: number
  /** Folders of blocks that were damaged and no longer serve. */
  readonly setAside: readonly string[]
  /** What was read from the log when opening. */
  readonly replay: ReplayReport
}

export interface Tsdb extends Store {
  stats(): TsdbStats
  /** Writes all that the head holds into a block now. For tests, backups and the end of an import. */
  flush(): Promise<void>
  /** Runs upkeep now and waits for it: blocks that are due, merges, retention. */
  upkeep(): Promise<void>
  /** Reads every block whole, setting damaged ones aside; returns their names. */
  verify(): Promise<readonly string[]>
}

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
  const cacheBytes = options.cacheBytes ?? 64 * 1024 * 1024
  const caches: BlockCaches = { indexes: new ByteCache(cacheBytes), frames: new ByteCache(cacheBytes) }
  const blocks = owned.use(await BlockStore.open(dir.blocksDir, caches, options.log))
  const head = new Head(options.maxSeries ?? 2_000_000)
  head.raiseBoundary(blocks.end)
  const wal = owned.adopt(
    new Wal({
      dir: dir.walDir,
      segmentBytes: options.walSegmentBytes ?? 64 * 1024 * 1024,
      sync: options.sync ?? 'none',
      ...(options.write === undefined ? {} : { write: options.write }),
    }),
    (log) => log.close(),
  )
  const replay = await wal.replay(() => replayInto(head))
  if (replay.tornBytes > 0 || replay.damagedBytes > 0) {
    options.log.warn({ ...replay }, 'the write-ahead log was repaired; damaged bytes were skipped')
  }
  return new TsdbStore(options, { head, wal, blocks, replay }, owned.move())
}

type Parts = {
  readonly head: Head
  readonly wal: Wal
  readonly blocks: BlockStore
  readonly replay: ReplayReport
}

class TsdbStore implements Tsdb {
  readonly #head: Head
  readonly #wal: Wal
  readonly #blocks: BlockStore
  readonly #replay: ReplayReport
  readonly #upkeep: Upkeep
  readonly #owned: AsyncDisposableStack
  readonly #accepted: Accepted = emptyAccepted()
  readonly #record = new ByteWriter(64 * 1024)
  #numbers: Float64Array = new Float64Array(0)
  /** The segment whose series are being numbered, and the next number there. */
  #segment = 0
  #nextNumber = 0
  #lastCount = 64
  readonly #blockMs: number
  /** A series that has been silent for longer than a block's span begins anew: its last histogram is not searched for further back. */
  readonly #before = (labels: Labels) => this.#blocks.lastHistogram(labels, this.#head.boundary - this.#blockMs)
  readonly #clock: Clock
  readonly #maxAheadMs: number
  readonly #onCommit: CommitListener | undefined
  #walSpan = -Infinity
  #closed = false

  constructor(options: TsdbOptions, { head, wal, blocks, replay }: Parts, owned: AsyncDisposableStack) {
    this.#head = head
    this.#wal = wal
    this.#blocks = blocks
    this.#replay = replay
    this.#owned = owned
    this.#clock = options.clock
    this.#maxAheadMs = options.maxAheadMs ?? 3600_000
    this.#onCommit = options.onCommit
    this.#blockMs = options.blockMs ?? DEFAULT_BLOCK_MS
    this.#upkeep = new Upkeep({ head, wal, blocks, clock: options.clock, log: options.log }, options)
  }

  appender(): Appender {
    this.#mustBeOpen()
    return new TsdbAppender({
      head: this.#head,
      // Batches of one store are mostly alike; a page of some targets' samples is the bound, so that a large one leaves no mark.
      expected: Math.min(4096, this.#lastCount),
      latest: this.#clock.now() + this.#maxAheadMs,
      commit: (batch, slots, rejections) => this.#commit(batch, slots, rejections),
    })
  }

  querier(start: UnixMs, end: UnixMs): Querier {
    this.#mustBeOpen()
    const view = this.#head.openView(start, end)
    const blocks = this.#blocks.blocks.filter((block) => block.meta.start <= end && block.meta.end > start)
    for (const block of blocks) block.retain()
    return new TsdbQuerier({
      head: this.#head,
      view,
      blocks,
      start,
      end,
      onCorrupt: (error) => this.#blocks.putAside(error.dir, error.message),
      onClose: () => {
        this.#head.closeView(view)
        for (const block of blocks) block.release()
        this.#upkeep.readerLeft()
      },
    })
  }

  stats(): TsdbStats {
    const blocks = this.#blocks.blocks
    const walBytes = this.#wal.sizeBytes
    const first = Math.min(blocks[0]?.meta.minTime ?? Infinity, this.#head.minTime)
    const last = Math.max(blocks.at(-1)?.meta.maxTime ?? -Infinity, this.#head.maxTime)
    return {
      series: this.#head.seriesCount,
      samples: blocks.reduce((sum, block) => sum + block.meta.samples, this.#head.sampleCount),
      sizeBytes: this.#blocks.sizeBytes + walBytes,
      minTime: Number.isFinite(first) ? unixMs(first) : undefined,
      maxTime: Number.isFinite(last) ? unixMs(last) : undefined,
      blocks: blocks.length,
      blockBytes: this.#blocks.sizeBytes,
      walBytes,
      headSamples: this.#head.sampleCount,
      setAside: this.#blocks.setAside,
      replay: this.#replay,
    }
  }

  async flush(): Promise<void> {
    this.#mustBeOpen()
    await this.#upkeep.flushAll()
  }

  async upkeep(): Promise<void> {
    this.#mustBeOpen()
    await this.#upkeep.run()
  }

  async verify(): Promise<readonly string[]> {
    this.#mustBeOpen()
    const damaged: string[] = []
    for (const block of this.#blocks.blocks) {
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
    await this.#owned.disposeAsync()
  }

  #commit(batch: Batch, slots: Uint32Array, rejections: Rejections): CommitReport {
    this.#mustBeOpen()
    const accepted = this.#accepted
    this.#lastCount = batch.count + 1
    if (accepted.slots.length < batch.count) {
      accepted.slots = new Uint32Array(batch.timestamps.length)
      accepted.timestamps = new Float64Array(batch.timestamps.length)
      accepted.values = new Float64Array(batch.timestamps.length)
      this.#numbers = new Float64Array(batch.timestamps.length)
    }
    this.#head.check(batch, slots, { into: accepted, rejections, before: this.#before })
    if (accepted.count > 0) {
      this.#log(accepted)
      this.#head.apply(accepted)
      this.#onCommit?.({ ...accepted, labels: (i) => this.#head.labelsOf(accepted.slots[i]!) })
      this.#upkeep.wakeWhenDue()
    }
    return { appended: accepted.count, rejected: rejections.list() }
  }

  /** Writes ahead what was accepted. Throws `ASSAY_STORE_WRITE`; then the log and the head are as before. */
  #log({ slots, timestamps, values, histograms, starts, count, maxTime }: Accepted): void {
    const { walSegment, walNumber } = this.#head.columns
    // A segment ends where a block will, so that it can be deleted with that block and is not read again at a start.
    const span = Math.floor(maxTime / this.#blockMs)
    if (span > this.#walSpan) this.#wal.cut()
    this.#walSpan = Math.max(span, this.#walSpan)
    const segment = this.#wal.segment()
    if (segment !== this.#segment) {
      this.#segment = segment
      this.#nextNumber = 0
    }
    const named: NamedSeries[] = []
    const namedSlots: number[] = []
    for (let i = 0; i < count; i++) {
      const slot = slots[i]!
      if (walSegment[slot] !== segment) {
        walSegment[slot] = segment
        walNumber[slot] = this.#nextNumber++
        named.push({ number: walNumber[slot]!, labels: this.#head.labelsOf(slot) })
        namedSlots.push(slot)
      }
      this.#numbers[i] = walNumber[slot]!
    }
    const record = this.#record
    record.reset()
    beginRecord(record)
    writeNamedSeries(record, named)
    writeSamples(record, 0, { numbers: this.#numbers, timestamps, values, histograms, starts, count })
    endRecord(record, 0)
    try {
      this.#wal.append(record.view(), maxTime)
    } catch (error) {
      // The names did not reach the log either: they have to be written with the next attempt.
      for (const slot of namedSlots) walSegment[slot] = 0
      throw error
    }
  }

  #mustBeOpen(): void {
    if (this.#closed) throw new AssayError('ASSAY_STORE_CLOSED', 'the store is closed; nothing was read or written')
  }
}
