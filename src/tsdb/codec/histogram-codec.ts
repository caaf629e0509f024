/**
 * Native histograms as bytes, one behind the other: those of a series' chunk, or of a commit.
 *
 * - Each is written against the one before it. Its layout (schema, zero bucket's width, which buckets, custom bounds) is written
 *   only where it differs; of the buckets only those whose count changed, after a bitmap that names them.
 * - Whole counts within ±2^51 are differences, exact; all others go by their bits. A sum always goes by its bits.
 * - What is read is what was written, by `Object.is` of every number, with the hint as it was given.
 * - Samples in between that are none (floats, stale markers) cost nothing where there are none.
 * - Damaged bytes are a `DamagedError`. Every bucket of every histogram takes at least a bit, but for a histogram that is as the one
 *   before, which shares its arrays: so what is read is bounded by the bytes that are there.
 * Drawn in docs/formats/block.md.
 */
import { type BucketSpan, type Buckets, type NativeHistogram, NO_BOUNDS, RESET_HINTS, spansOf } from '#core'
import { type ByteReader, type ByteWriter, DamagedError, wordsOf } from './bytes.ts'
import { decodeXor, encodeXor } from './value-codec.ts'

/** The first byte of a histogram: its hint in the two low bits, and what follows. */
const HINT = 3
const INTEGER = 4
const NEW_LAYOUT = 8
const BY_BITS = 16
const AS_BEFORE = 32
const AFTER_OTHERS = 64

/** Differences of such counts are exact and fit a zigzag varint. */
const WHOLE_LIMIT = 2 ** 51
/** Bounds what a series may cost: far beyond `MAX_BUCKETS` of both sides, as sums of histograms gather buckets. */
const MAX_ENCODED_BUCKETS = 2 ** 20

type Layout = Pick<NativeHistogram, 'schema' | 'zeroThreshold' | 'customBounds'> & {
  readonly positive: Int32Array
  readonly negative: Int32Array
}

/** True when the buckets are ones that can be read back: ascending indices, a count for each, not too many. */
export function isEncodable({ positive, negative }: NativeHistogram): boolean {
  return isAscending(positive) && isAscending(negative) && bucketsOf(positive, negative) <= MAX_ENCODED_BUCKETS
}

function isAscending({ indices, counts }: Buckets): boolean {
  for (let i = 1; i < indices.length; i++) if (indices[i]! <= indices[i - 1]!) return false
  return indices.length === counts.length
}

function bucketsOf(positive: Buckets, negative: Buckets): number {
  return positive.indices.length + negative.indices.length
}

/** Remembers what it wrote last, to write the next against it. */
export class HistogramEncoder {
  #before: NativeHistogram | undefined
  #wasWhole = true
  #next = 0

  /** The histogram written last. */
  get last(): NativeHistogram | undefined {
    return this.#before
  }

  /** Begins anew: what follows can be read alone. */
  reset(): void {
    this.#before = undefined
    this.#wasWhole = true
    this.#next = 0
  }

  /** Writes the histogram of sample `place`, counted from the first sample of the chunk; places ascend. */
  push(out: ByteWriter, place: number, histogram: NativeHistogram): void {
    const before = this.#before
    const sameLayout = before !== undefined && isSameLayout(before, histogram)
    const asBefore = sameLayout && isSameContent(before, histogram)
    const isWhole = asBefore ? this.#wasWhole : isWholeHistogram(histogram)
    const byBits = !(isWhole && this.#wasWhole)
    const skipped = place - this.#next
    out.u8(
      RESET_HINTS.indexOf(histogram.resetHint) |
        (histogram.isInteger ? INTEGER : 0) |
        (sameLayout ? 0 : NEW_LAYOUT) |
        (asBefore ? AS_BEFORE : byBits ? BY_BITS : 0) |
        (skipped > 0 ? AFTER_OTHERS : 0),
    )
    if (skipped > 0) out.varint(skipped)
    if (!sameLayout) writeLayout(out, histogram)
    if (!asBefore) {
      writeBits(out, histogram.sum, before?.sum ?? 0)
      const number = byBits ? writeBits : writeDifference
      number(out, histogram.zeroCount, before?.zeroCount ?? 0)
      number(out, histogram.count, before?.count ?? 0)
      writeChanged(out, histogram, sameLayout ? before : undefined, number)
    }
    this.#before = histogram
    this.#wasWhole = isWhole
    this.#next = place + 1
  }
}

/** Gives `count` histograms of a chunk of `size` samples to `use`, but those of samples from `limit` on. Throws `DamagedError`. */
export function decodeHistograms(
  source: ByteReader,
  { count, size, limit }: { readonly count: number; readonly size: number; readonly limit: number },
  use: (place: number, histogram: NativeHistogram) => void,
): void {
  let before: NativeHistogram | undefined
  let place = 0
  for (let i = 0; i < count; i++, place++) {
    const head = source.u8()
    if (head & AFTER_OTHERS) place += source.varint()
    if (place >= size) throw new DamagedError(`a histogram at ${place} of ${size}`)
    if (place >= limit) return
    before = decodeOne(source, head, before)
    use(place, before)
  }
}

function decodeOne(source: ByteReader, head: number, before: NativeHistogram | undefined): NativeHistogram {
  const hasLayout = (head & NEW_LAYOUT) !== 0
  if (head >= 128 || (before === undefined && !hasLayout) || (hasLayout && (head & AS_BEFORE) !== 0))
    throw new DamagedError(`a histogram that begins with ${head}`)
  const isInteger = (head & INTEGER) !== 0
  const resetHint = RESET_HINTS[head & HINT]!
  if (before !== undefined && (head & AS_BEFORE) !== 0) return { ...before, isInteger, resetHint }
  const layout = before === undefined || hasLayout ? readLayout(source) : undefined
  const number = (head & BY_BITS) === 0 ? readDifference : readBits
  const sum = readBits(source, before?.sum ?? 0)
  const zeroCount = number(source, before?.zeroCount ?? 0)
  const count = number(source, before?.count ?? 0)
  const positive = layout === undefined ? before!.positive : emptyBuckets(layout.positive)
  const negative = layout === undefined ? before!.negative : emptyBuckets(layout.negative)
  const changed = source.take((bucketsOf(positive, negative) + 7) >>> 3)
  return {
    schema: layout?.schema ?? before!.schema,
    zeroThreshold: layout?.zeroThreshold ?? before!.zeroThreshold,
    customBounds: layout?.customBounds ?? before!.customBounds,
    zeroCount,
    count,
    sum,
    positive: readChanged(source, { changed, from: 0, base: positive, number }),
    negative: readChanged(source, { changed, from: positive.indices.length, base: negative, number }),
    resetHint,
    isInteger,
  }
}

/** The bitmap of changed buckets, positive ones first, the lowest bit the first; then the changed counts. */
function writeChanged(
  out: ByteWriter,
  { positive, negative }: NativeHistogram,
  before: NativeHistogram | undefined,
  number: (out: ByteWriter, now: number, before: number) => void,
): void {
  const sides = [
    [positive.counts, before?.positive.counts],
    [negative.counts, before?.negative.counts],
  ] as const
  let byte = 0
  let bit = 0
  for (const [now, then] of sides) {
    for (let i = 0; i < now.length; i++) {
      if (!Object.is(now[i], then === undefined ? 0 : then[i])) byte |= 1 << bit
      if (++bit < 8) continue
      out.u8(byte)
      byte = bit = 0
    }
  }
  if (bit > 0) out.u8(byte)
  for (const [now, then] of sides) {
    for (let i = 0; i < now.length; i++) {
      const base = then === undefined ? 0 : then[i]!
      if (!Object.is(now[i], base)) number(out, now[i]!, base)
    }
  }
}

type Changed = {
  readonly changed: Uint8Array
  /** The bit of the side's first bucket. */
  readonly from: number
  readonly base: Buckets
  readonly number: (source: ByteReader, before: number) => number
}

function readChanged(source: ByteReader, { changed, from, base, number }: Changed): Buckets {
  let counts: Float64Array | undefined
  for (let i = 0; i < base.counts.length; i++) {
    const bit = from + i
    if ((changed[bit >>> 3]! & (1 << (bit & 7))) === 0) continue
    counts ??= base.counts.slice()
    counts[i] = number(source, base.counts[i]!)
  }
  return counts === undefined ? base : { indices: base.indices, counts }
}

function writeLayout(
  out: ByteWriter,
  { schema, zeroThreshold, customBounds, positive, negative }: NativeHistogram,
): void {
  out.zigzag(schema)
  writeBits(out, zeroThreshold, 0)
  out.varint(customBounds.length)
  out.doubles(customBounds, customBounds.length)
  for (const side of [positive, negative]) {
    const spans = spansOf(side)
    out.varint(spans.length)
    for (const { offset, length } of spans) {
      out.zigzag(offset)
      out.varint(length)
    }
  }
}

function readLayout(source: ByteReader): Layout {
  const schema = source.zigzag()
  const zeroThreshold = readBits(source, 0)
  const bounds = source.count(8)
  const customBounds = bounds === 0 ? NO_BOUNDS : new Float64Array(bounds)
  if (bounds > 0) source.doubles(customBounds, bounds)
  const positive = readIndices(source)
  return { schema, zeroThreshold, customBounds, positive, negative: readIndices(source) }
}

function readIndices(source: ByteReader): Int32Array {
  let total = 0
  const spans = Array.from({ length: source.count(2) }, (_, i): BucketSpan => {
    const offset = source.zigzag()
    const length = source.varint()
    if ((i > 0 && offset < 1) || length < 1) throw new DamagedError(`a run of ${length} buckets ${offset} further`)
    total += length
    return { offset, length }
  })
  // A bit for each bucket has to follow: asked before memory is taken.
  if (total > source.left * 8) throw new DamagedError(`${total} buckets cannot follow`)
  const indices = new Int32Array(total)
  let index = 0
  let at = 0
  for (const { offset, length } of spans) {
    index += offset
    if (index < -(2 ** 31) || index + length > 2 ** 31) throw new DamagedError(`a bucket of the index ${index}`)
    for (let k = 0; k < length; k++) indices[at++] = index++
  }
  return indices
}

function emptyBuckets(indices: Int32Array): Buckets {
  return { indices, counts: new Float64Array(indices.length) }
}

function isSameLayout(a: NativeHistogram, b: NativeHistogram): boolean {
  return (
    a.schema === b.schema &&
    Object.is(a.zeroThreshold, b.zeroThreshold) &&
    isSame(a.customBounds, b.customBounds) &&
    isSame(a.positive.indices, b.positive.indices) &&
    isSame(a.negative.indices, b.negative.indices)
  )
}

function isSameContent(a: NativeHistogram, b: NativeHistogram): boolean {
  return (
    Object.is(a.sum, b.sum) &&
    Object.is(a.count, b.count) &&
    Object.is(a.zeroCount, b.zeroCount) &&
    isSame(a.positive.counts, b.positive.counts) &&
    isSame(a.negative.counts, b.negative.counts)
  )
}

function isSame(a: Int32Array | Float64Array, b: Int32Array | Float64Array): boolean {
  if (a === b) return true
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (!Object.is(a[i], b[i])) return false
  return true
}

function isWholeHistogram({ zeroCount, count, positive, negative }: NativeHistogram): boolean {
  if (!isWhole(zeroCount) || !isWhole(count)) return false
  for (let i = 0; i < positive.counts.length; i++) if (!isWhole(positive.counts[i]!)) return false
  for (let i = 0; i < negative.counts.length; i++) if (!isWhole(negative.counts[i]!)) return false
  return true
}

function isWhole(value: number): boolean {
  return value >= -WHOLE_LIMIT && value <= WHOLE_LIMIT && Math.floor(value) === value && !Object.is(value, -0)
}

function writeDifference(out: ByteWriter, now: number, before: number): void {
  out.zigzag(now - before)
}

function readDifference(source: ByteReader, before: number): number {
  return before + source.zigzag()
}

const one = new Float64Array(1)
const oneWords = wordsOf(one)
const other = new Float64Array(1)
const otherWords = wordsOf(other)

function writeBits(out: ByteWriter, now: number, before: number): void {
  // A NaN becomes the one ordinary NaN: a sum's payload would make a stale marker of the histogram for whom it is sent on to.
  one[0] = Number.isNaN(now) ? Number.NaN : now
  other[0] = Number.isNaN(before) ? Number.NaN : before
  oneWords[0]! ^= otherWords[0]!
  oneWords[1]! ^= otherWords[1]!
  encodeXor(out, oneWords, 0, 1)
}

function readBits(source: ByteReader, before: number): number {
  decodeXor(source, oneWords, 0, 1)
  other[0] = Number.isNaN(before) ? Number.NaN : before
  oneWords[0]! ^= otherWords[0]!
  oneWords[1]! ^= otherWords[1]!
  return one[0]!
}
