/**
 * The samples of a series as Prometheus' chunks, and back.
 *
 * A chunk holds floats, integer histograms or float histograms: a run of one kind is cut after `SAMPLES_PER_CHUNK`, and
 * histograms also where their layout changes or where a counter was, or may have been, reset: chunks tell that of their first one alone.
 */
import {
  AssayError,
  decodeHistogramChunk,
  decodeXorChunk,
  encodeHistogramChunk,
  encodeXorChunk,
  isIntegerChunk,
  type NativeHistogram,
  sameLayout,
  writeStale,
} from '#core'
import type { Samples } from '#storage'

/** As many as Prometheus aims at. */
const SAMPLES_PER_CHUNK = 120

/** `prometheus.Chunk.Encoding`, numbered in this order. */
export const CHUNK_ENCODINGS = ['unknown', 'xor', 'histogram', 'floatHistogram'] as const
export type ChunkEncoding = (typeof CHUNK_ENCODINGS)[number]

/** Instants in Unix milliseconds, both inclusive. */
export type Chunk = {
  readonly minTime: number
  readonly maxTime: number
  readonly encoding: ChunkEncoding
  readonly data: Uint8Array
}

/** As `Samples`, of one chunk: all floats, or all histograms but for stale markers, which come last. */
export type ChunkSamples = {
  readonly timestamps: Float64Array
  readonly values: Float64Array
  readonly histograms?: readonly NativeHistogram[]
}

export function* chunksOf({ timestamps, values, count, histograms }: Samples): Generator<Chunk, void, undefined> {
  let from = 0
  while (from < count) {
    const first = histograms?.[from]
    let to = from + 1
    if (first === undefined) {
      while (to < count && to - from < SAMPLES_PER_CHUNK && histograms?.[to] === undefined) to++
      yield chunk(encodeXorChunk({ timestamps, values }, from, to), 'xor')
    } else {
      while (to < count && to - from < SAMPLES_PER_CHUNK && goesOn(histograms![to - 1]!, histograms![to])) to++
      const run = histograms!.slice(from, to) as NativeHistogram[]
      const data = encodeHistogramChunk({ timestamps: timestamps.subarray(from, to), histograms: run })
      yield chunk(data, isIntegerChunk(first) ? 'histogram' : 'floatHistogram')
    }
    from = to

    function chunk(data: Buffer, encoding: ChunkEncoding): Chunk {
      return { minTime: timestamps[from]!, maxTime: timestamps[to - 1]!, encoding, data }
    }
  }
}

/** Throws `ASSAY_PROTO` where the bits make no sense, and for an encoding that is not known. */
export function decodeChunk({ encoding, data }: Pick<Chunk, 'encoding' | 'data'>): ChunkSamples {
  switch (encoding) {
    case 'xor':
      return decodeXorChunk(data)
    case 'histogram':
    case 'floatHistogram': {
      const { timestamps, histograms } = decodeHistogramChunk(data, encoding === 'histogram')
      const values = new Float64Array(timestamps.length)
      for (let i = histograms.length; i < values.length; i++) writeStale(values, i)
      return { timestamps, values, histograms }
    }
    case 'unknown':
      throw new AssayError(
        'ASSAY_PROTO',
        'the chunk has an encoding that is not known; XOR, histogram and float histogram are',
      )
    default:
      return encoding satisfies never
  }
}

function goesOn(before: NativeHistogram, next: NativeHistogram | undefined): boolean {
  if (next === undefined || (before.resetHint === 'gauge') !== (next.resetHint === 'gauge')) return false
  return (next.resetHint === 'gauge' || next.resetHint === 'none') && sameLayout(before, next)
}
