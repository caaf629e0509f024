/**
 * Reads the chunks of a Prometheus block: floats (XOR), native histograms, float histograms.
 *
 * What is damaged or of an encoding that is not known is `undefined`, and told why.
 *
 * Source: prometheus: tsdb/docs/format/chunks.md; tsdb/chunks/chunks.go.
 */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import {
  AssayError,
  crc32c,
  decodeHistogramChunk,
  decodeXorChunk,
  histogramFault,
  MAX_SCHEMA,
  messageOf,
  type NativeHistogram,
  reduceResolution,
  writeStale,
} from '#core'
import { DamagedError } from '../codec/bytes.ts'
import type { Columns } from '../columns/weave.ts'
import { FileWindow } from './file-window.ts'
import { GoReader } from './go-reader.ts'

const MAGIC = 0x85bd40dd
const HEADER_BYTES = 8
const MAX_CHUNK_BYTES = 256 * 1024 * 1024
/** Schemas up to here are exponential too, only finer than anybody writes yet. */
const MAX_RESERVED_SCHEMA = 52

const XOR = 1
const HISTOGRAM = 2
const FLOAT_HISTOGRAM = 3

export type OnDamage = (what: string) => void

export class ChunkFiles implements Disposable {
  readonly #paths: readonly string[]
  readonly #open = new Map<number, FileWindow>()

  constructor(dir: string) {
    this.#paths = readdirSync(dir)
      .filter((name) => /^\d{6,}$/.test(name))
      .sort((a, b) => Number(a) - Number(b))
      .map((name) => join(dir, name))
  }

  /** The samples of a chunk; `ref` as the index gives it: the file's place in its upper half, the byte in the lower. */
  read(ref: number, onDamage: OnDamage): Columns | undefined {
    const file = Math.floor(ref / 2 ** 32)
    const at = ref % 2 ** 32
    try {
      const source = this.#file(file)
      const head = new GoReader(source.bytes(at, 10))
      const length = head.uvarint()
      if (length > MAX_CHUNK_BYTES) throw new DamagedError(`it says it has ${length} bytes`)
      const bytes = source.bytes(at + head.at, 1 + length + 4)
      const body = bytes.subarray(0, 1 + length)
      if (bytes.length < 1 + length + 4 || crc32c(body) !== bytes.readUInt32BE(1 + length))
        throw new DamagedError('it does not fit its checksum')
      return decodeChunk(body[0]!, body.subarray(1), onDamage)
    } catch (error) {
      const isDamage = error instanceof DamagedError || (error instanceof AssayError && error.code === 'ASSAY_PROTO')
      if (!isDamage) throw error
      onDamage(`a chunk at byte ${at} of ${this.#paths[file] ?? `file ${file}`}: ${messageOf(error)}`)
      return undefined
    }
  }

  [Symbol.dispose](): void {
    for (const file of this.#open.values()) file[Symbol.dispose]()
    this.#open.clear()
  }

  #file(place: number): FileWindow {
    const known = this.#open.get(place)
    if (known !== undefined) return known
    const path = this.#paths[place]
    if (path === undefined) throw new DamagedError('there is no such file')
    const file = new FileWindow(path)
    this.#open.set(place, file)
    if (new GoReader(file.bytes(0, HEADER_BYTES)).be32() !== MAGIC)
      throw new DamagedError('the file does not begin as chunks do')
    return file
  }
}

function decodeChunk(encoding: number, data: Buffer, onDamage: OnDamage): Columns {
  if (encoding === XOR) {
    const { timestamps, values } = decodeXorChunk(data)
    return { timestamps, values, count: timestamps.length }
  }
  if (encoding !== HISTOGRAM && encoding !== FLOAT_HISTOGRAM)
    throw new DamagedError(`its encoding is ${encoding}; 1 to 3 are known`)
  const decoded = decodeHistogramChunk(data, encoding === HISTOGRAM)
  const count = decoded.timestamps.length
  const timestamps = new Float64Array(count)
  const values = new Float64Array(count)
  const histograms: (NativeHistogram | undefined)[] = []
  let kept = 0
  for (let i = 0; i < count; i++) {
    const given = decoded.histograms[i]
    if (given === undefined) writeStale(values, kept)
    else {
      const histogram = known(given)
      const fault = histogramFault(histogram)
      if (fault !== undefined) {
        onDamage(`a histogram: ${fault}`)
        continue
      }
      histograms[kept] = histogram
    }
    timestamps[kept++] = decoded.timestamps[i]!
  }
  histograms.length = kept
  return { timestamps, values, count: kept, histograms }
}

function known(histogram: NativeHistogram): NativeHistogram {
  const { schema } = histogram
  return schema > MAX_SCHEMA && schema <= MAX_RESERVED_SCHEMA ? reduceResolution(histogram, MAX_SCHEMA) : histogram
}
