export { type AnyBody, type BodyFn, bodiesOf, giveBack, type Writing } from './answer/bodies.ts'
export { PIECE_BYTES, type Piece } from './answer/json-bytes.ts'
export { type Body, caveatsJson, type Rendering, renderAnswer, TRUNCATED } from './answer/render-answer.ts'
export { renderLabelSets, renderTexts } from './answer/render-lists.ts'
export { type QueryTimes, renderStats } from './answer/render-stats.ts'
export { instantJson } from './answer/write-number.ts'
export { type Brand, type UnixMs, unixMs } from './brand.ts'
export { parseSize, type SizeText } from './bytes.ts'
export {
  BitReader,
  BitWriter,
  crc32c,
  decodeHistogramChunk,
  decodeXorChunk,
  encodeHistogramChunk,
  encodeXorChunk,
  type FloatColumns,
  type HistogramColumn,
  isIntegerChunk,
  sameLayout,
} from './chunkenc/index.ts'
export { ClassicHistogram } from './classic-histogram.ts'
export { type Clock, ManualClock, systemClock } from './clock.ts'
export { type DurationText, formatDuration, parseDuration, tryParseDuration } from './duration.ts'
export { editDistance } from './edit-distance.ts'
export { type EnvRef, redactUrl, resolveText, type Text } from './env.ts'
export { AssayError, messageOf } from './error.ts'
export { expandMatch } from './expand-groups.ts'
export { type FamilyType, formatSeries, PageWriter } from './exposition.ts'
export { FEATURES, type Feature, parseFeatures } from './features.ts'
export { fuzz, type Random, randomOf } from './fuzz.ts'
export {
  type BucketSpan,
  type Buckets,
  CUSTOM_SCHEMA,
  compactBuckets,
  emptyLike,
  histogramFault,
  MAX_BUCKETS,
  MAX_SCHEMA,
  MIN_SCHEMA,
  type NativeHistogram,
  NO_BOUNDS,
  NO_BUCKETS,
  RESET_HINTS,
  type ResetHint,
  sameHistogram,
  spansOf,
  tryBucketsOf,
} from './histogram.ts'
export {
  boundaryRule,
  bucketsOf,
  exponentialBound,
  type HistogramBucket,
  listedBucketAt,
  listedBuckets,
  listedCount,
  listedCountAt,
  negativeBucket,
  positiveBucket,
  zeroBucket,
} from './histogram-bounds.ts'
export { coarserBuckets, coarserIndex, reduceResolution } from './histogram-resolution.ts'
export { AnswerReader, type ReadState } from './http/answer-reader.ts'
export { BodyPool } from './http/body-pool.ts'
export {
  createHttpClient,
  type HttpAnswer,
  type HttpClient,
  type HttpClientDeps,
  type HttpRequest,
  type PlainGet,
} from './http/client.ts'
export {
  type HttpClientConfig,
  type JwtGrant,
  type OAuth2Config,
  type ProxyConfig,
  type SecretText,
  TLS_VERSIONS,
  type TlsConfig,
  type TlsVersion,
} from './http/config.ts'
export { JWT_ALGORITHMS, type JwtAlgorithm } from './http/jwt.ts'
export { AnswerCut, type PlainAnswer } from './http/kept-connections.ts'
export { PROXY_FORMS, tryProxyUrl } from './http/proxy.ts'
export { instantText } from './instant-text.ts'
export { byBytes, isLegacyLabel, isLegacyName, Labels, METRIC_NAME } from './labels.ts'
export { LineFile, type LineFileOptions } from './line-file.ts'
export { type Log, silentLog } from './log.ts'
export { MATCH_OPS, type Matcher, type MatchOp, matcher, matchesAll } from './matcher.ts'
export { bytesTag, fixed64Tag, ProtoReader, ProtoWriter, varintTag } from './proto.ts'
export { BucketFields, readLabel, writeBuckets, writeLabels } from './proto-metrics.ts'
export {
  type Asked,
  type Instant,
  type MatrixSeries,
  type QueryAnswer,
  type QueryFn,
  type QueryOrigin,
  type QueryStats,
  type Range,
  type VectorSample,
  vectorOf,
} from './query.ts'
export { compileGroups, compileRegex, replaceAllRegex, searchRegex, toRegExp } from './regex.ts'
export { isStaleAt, writeStale } from './stale.ts'
export { formatPlainValue, formatValue, tryParseValue } from './value.ts'
export { plainValue, sourceOf, sourceTexts, tryNumber, tryTruth, withSources } from './yaml-scalars.ts'
