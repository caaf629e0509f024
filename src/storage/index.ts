export { Batch, grown, isInstant, MAX_INSTANT, sameBits } from './batch.ts'
export { compareLabels } from './compare-labels.ts'
export { type MemoryStoreOptions, memoryStore } from './memory-store.ts'
export { METRIC_TYPES, type Metadata, MetadataStore, type MetricType } from './metadata.ts'
export { Rejections } from './rejections.ts'
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
