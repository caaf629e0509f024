/** What the store takes and gives: its options, its figures, and what it can do besides being a `Store`. */
import type { Clock, Log, Matcher } from '#core'
import type { CommitListener, Store, StoreStats } from '#storage'
import type { BlockMeta } from './block/block-meta.ts'
import type { DataDir } from './data-dir.ts'
import type { DeleteReport } from './deletion/delete-series.ts'
import type { Selection } from './deletion/deletions.ts'
import type { ReplayReport } from './log/wal.ts'
import type { StoreShare } from './shared/store-view.ts'
import type { SnapshotOptions } from './snapshot.ts'

export type TsdbOptions = {
  /** A path, then the directory is taken and given back; or a directory that was taken, then it stays its owner's. */
  readonly dir: string | DataDir
  readonly clock: Clock
  readonly log: Log
  /** Blocks whose samples are all older than the newest sample by this are deleted. Left out: nothing is, by age. */
  readonly retentionMs?: number
  /** Oldest blocks are deleted while blocks, log and checkpoint take more than this. Left out: nothing is, by size. */
  readonly retentionBytes?: number
  /** The span of a block; default 2 h. */
  readonly blockMs?: number
  /** A log segment is ended at this size, the names of its series not counted; default 64 MiB. */
  readonly walSegmentBytes?: number
  /** So much is logged between two checkpoints at least; default 8 MiB. See checkpoint/checkpoints.ts. */
  readonly checkpointBytes?: number
  /** `commit`: every commit also survives power loss, at the price of one forced write each. Default `none`. */
  readonly sync?: 'none' | 'commit'
  /** Samples further ahead of the clock are rejected as `no-instant`; default 1 h. `Infinity` for data of no present time. */
  readonly maxAheadMs?: number
  /**
   * Samples that come late are taken when they are not older than the store's newest one by more than this. Default 0: none.
   * Prometheus' `storage.tsdb.out_of_order_time_window`.
   */
  readonly outOfOrderWindowMs?: number
  /** How many late samples wait in memory before they are written into a block; default 1,000,000, and 256 MiB of them. */
  readonly maxLateSamples?: number
  /** Most series in the head; default 2,000,000. */
  readonly maxSeries?: number
  /** Bytes of unpacked frames and of indexes kept, each; default 24 MiB. */
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
  /** The copy of the head beside the log, for the next start; 0 while there is none. */
  readonly checkpointBytes: number
  readonly headSamples: number
  /** Memory of the head: samples, labels, lists. */
  readonly headBytes: number
  /** What has been read of blocks and is kept for the next reader, and what had to make room. */
  readonly cacheBytes: number
  readonly cacheEvictions: number
  /** Late samples that are not in a block yet; and how many of `blocks` hold late ones alone. */
  readonly lateSamples: number
  readonly lateBlocks: number
  /** Folders of blocks that were damaged and no longer serve. */
  readonly setAside: readonly string[]
  /** What was read from the log when opening. */
  readonly replay: ReplayReport
}

/** A block on disk: the span [start, end), and how much is in it. */
export type BlockInfo = Pick<BlockMeta, 'start' | 'end' | 'series' | 'samples' | 'merged'> & { readonly name: string }

export interface Tsdb extends Store {
  stats(): TsdbStats
  /** Those of late samples last. */
  blocks(): readonly BlockInfo[]
  /** Another window for late samples, from now on. */
  setOutOfOrderWindow(ms: number): void
  /** Writes all that the head holds into a block now. For tests, backups and the end of an import. */
  flush(): Promise<void>
  /** Runs upkeep now and waits for it: blocks that are due, merges, retention. */
  upkeep(): Promise<void>
  /**
   * Deletes what the matching series hold in the span now; selectors without a matcher match all. What is written later stays, whatever
   * its instant. Rejects with what the disk said: what was done until then holds, and doing it again does the rest.
   */
  deleteSeries(selection: Selection): Promise<DeleteReport>
  /** Writes blocks without what was deleted of them; returns how many. */
  cleanTombstones(): Promise<number>
  /**
   * Copies all there is at this moment into a data directory of its own under `snapshots`, blocks as hard links. Left out: a name of
   * the clock's instant. Rejects with what the disk said.
   */
  snapshot(options?: Partial<SnapshotOptions>): Promise<{ readonly name: string; readonly dir: string }>
  /** How many series match, about: no fewer than do now, but for those that are in blocks alone. Costs next to nothing. */
  readonly estimate: (matchers: readonly Matcher[]) => number
  /** For one other thread that reads this store by itself; see `StoreMirror`. */
  share(): StoreShare
  /** Reads every block whole, setting damaged ones aside; returns their names. */
  verify(): Promise<readonly string[]>
}
