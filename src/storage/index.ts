export { Batch, grown, isInstant, MAX_INSTANT, sameBits } from './batch.ts'
export type { CommitListener, Committed } from './commit-listener.ts'
export { compareLabels } from './compare-labels.ts'
export {
  commitAll,
  dump,
  dumpSeries,
  type StoreBox,
  type StoreCase,
  sampleHistogram,
  storeConformance,
} from './conformance.ts'
export {
  DEFAULT_EXEMPLARS,
  type Exemplar,
  type ExemplarListener,
  type ExemplarRejection,
  ExemplarStore,
  MAX_EXEMPLAR_CHARACTERS,
  type SeriesExemplars,
} from './exemplars.ts'
export { LATE_WINDOW_MS, lateConformance } from './late-conformance.ts'
export { type Latest, type LatestFn, latestIn, type Span } from './latest.ts'
export { type ListFn, type Listing, type ListWay, listBody } from './listing.ts'
export { type MemoryStoreOptions, memoryStore } from './memory-store.ts'
export { METRIC_TYPES, type Metadata, MetadataStore, type MetricType } from './metadata.ts'
export {
  answerOf,
  assertHints,
  playScript,
  type ScriptOptions,
  type ScriptSample,
  type ScriptStep,
  scriptSeries,
} from './model-script.ts'
export { Rejections } from './rejections.ts'
export {
  type Grouping,
  groupLabelsOf,
  ListedSeries,
  type SeriesGroups,
  type SeriesSet,
  selectSet,
} from './series-set.ts'
export { settleHint } from './settle-hint.ts'
export type {
  Appender,
  AppenderOptions,
  CommitReport,
  Querier,
  Rejected,
  Samples,
  Series,
  SeriesRef,
  Store,
  StoreStats,
} from './types.ts'
