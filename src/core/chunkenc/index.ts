/** Prometheus' chunk encodings: what its remote read streams, and what its blocks hold. */
export { BitReader, BitWriter } from './bit-stream.ts'
export { crc32c } from './crc32c.ts'
export {
  decodeHistogramChunk,
  encodeHistogramChunk,
  type HistogramColumn,
  isIntegerChunk,
  sameLayout,
} from './histogram-chunk.ts'
export { decodeXorChunk, encodeXorChunk, type FloatColumns } from './xor-chunk.ts'
