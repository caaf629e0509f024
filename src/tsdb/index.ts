export { DATA_FORMAT, type DataDir, openDataDir } from './data-dir.ts'
export { openTsdb, type Tsdb, type TsdbOptions, type TsdbStats } from './tsdb.ts'
export type { ReplayReport } from './wal.ts'
