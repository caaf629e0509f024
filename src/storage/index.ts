export { METRIC_TYPES, type Metadata, MetadataStore, type MetricType } from './metadata.ts'
export type {
  Appender,
  CommitReport,
  Querier,
  Rejected,
  Samples,
  Series,
  SeriesRef,
  Store,
  StoreStats,
} from './types.ts'
