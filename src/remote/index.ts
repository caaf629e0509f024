export { embeddedEngine } from './engine/embedded-engine.ts'
export {
  EngineClient,
  type EngineClientConfig,
  type EngineClientDeps,
  type Forwarded,
  type Question,
} from './engine/engine-client.ts'
export { type PassOnOptions, PassOnStore } from './engine/pass-on-store.ts'
export { type ReadingOptions, remoteReading, selectorOf } from './engine/remote-reading.ts'
export type { Lookup, MetricsEngine } from './engine/types.ts'
export { DeltaToCumulative } from './otlp/delta-to-cumulative.ts'
export { MAX_OTLP_BODY_BYTES, noOtlp, type OtlpCounts, type OtlpDeps, receiveOtlp } from './otlp/receive.ts'
export type { OtlpAnswer } from './otlp/response.ts'
export {
  DEFAULT_OTLP_SETTINGS,
  type OtlpSettings,
  TRANSLATION_STRATEGIES,
  type TranslationStrategy,
} from './otlp/settings.ts'
export { type Chunk, type ChunkEncoding, type ChunkSamples, decodeChunk } from './read/chunks.ts'
export { decodeFrames, encodeFrame } from './read/frames.ts'
export {
  type ChunkedFrame,
  type ChunkedSeries,
  decodeChunkedFrame,
  decodeReadResponse,
  encodeReadRequest,
  type MatcherMessage,
  type ReadHints,
  type ReadQuery,
  type ReadRequest,
  type ReadSeries,
  type ResponseType,
} from './read/messages.ts'
export {
  MAX_READ_BODY_BYTES,
  READ_LIMITS,
  type ReadAnswer,
  type RemoteReadDeps,
  remoteRead,
} from './read/remote-read.ts'
export type { RemoteRequest } from './request.ts'
export type { QueueConfig, RemoteWriteConfig } from './write/config.ts'
export { encodeWriteV1 } from './write/encode-v1.ts'
export { KnownSeries } from './write/known-series.ts'
export {
  type ReceiverDeps,
  type RefuseReason,
  type RemoteAnswer,
  type WriteCounts,
  WriteReceiver,
} from './write/receive.ts'
export { createRemoteWriter, type RemoteWriter, type RemoteWriterDeps } from './write/remote-writer.ts'
export type { ExemplarSink, RejectReason } from './write/take.ts'
export {
  FAULT_REASONS,
  type HistogramSample,
  type WriteExemplar,
  type WriteRequest,
  type WriteSeries,
} from './write/types.ts'
export { WRITE_LIMITS, type WriteLimits } from './write/write-limits.ts'
