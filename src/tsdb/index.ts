/**
 * The real store. `tsdb.ts` is where its parts meet:
 *
 * - `codec/` numbers as bytes; `columns/` samples as columns, and putting them together
 * - `head/` the newest samples, in shared memory; `log/` what is written ahead; `checkpoint/` the head on disk; `late/` what came late
 * - `block/` what does not change any more, written, read, merged and repaired; `deletion/` what is hidden of all that
 * - `read/` a view over everything; `shared/` the same in another thread
 * - `backup/`, `prometheus/` (blocks and log of a Prometheus, for import)
 */
export { type RestoreOptions, type RestoreReport, restoreBackup } from './backup/restore.ts'
export { type BackupFile, type BackupSource, openLocalBackup } from './backup/source.ts'
export { type BackupProgress, type BackupReport, writeBackup } from './backup/write-backup.ts'
export { DATA_FORMAT, type DataDir, openDataDir } from './data-dir.ts'
export { NotSharedError } from './head.ts'
export type { ReplayReport } from './log/wal.ts'
export { type KeptMetadata, keepMetadata, type MetadataFileOptions } from './metadata-file.ts'
export {
  type ImportOptions,
  type ImportProgress,
  type ImportReport,
  importPrometheus,
} from './prometheus/import.ts'
export { type AdoptedView, StoreMirror } from './shared/store-mirror.ts'
export type { LentView, StoreShare, StoreView } from './shared/store-view.ts'
export { openTsdb } from './tsdb.ts'
export type { BlockInfo, Tsdb, TsdbOptions, TsdbStats } from './types.ts'
