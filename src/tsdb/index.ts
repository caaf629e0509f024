export { type RestoreOptions, type RestoreReport, restoreBackup } from './backup/restore.ts'
export { type BackupFile, type BackupSource, openLocalBackup } from './backup/source.ts'
export { type BackupProgress, type BackupReport, writeBackup } from './backup/write-backup.ts'
export { DATA_FORMAT, type DataDir, openDataDir } from './data-dir.ts'
export { NotSharedError } from './head.ts'
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
export type { ReplayReport } from './wal.ts'
