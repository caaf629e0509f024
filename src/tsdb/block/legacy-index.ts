/**
 * The index of blocks of format 1 to 3, read into what format 4 has: one window with all chunks, each with a column of instants of its
 * own. Drawn in docs/formats/block.md.
 *
 * Such blocks are written no more; a merge makes format 4 of them.
 */
import { byBytes } from '#core'
import { ByteReader, DamagedError } from '../codec/bytes.ts'
import { BlockIndex } from './block-index.ts'
import { PLAIN_FORMAT } from './block-meta.ts'
import { WindowDirectory } from './window-directory.ts'

/** `raw`: the file, unpacked. Throws `DamagedError`. */
export function readLegacyIndex(
  raw: Uint8Array,
  { format, start, dataStart }: { readonly format: number; readonly start: number; readonly dataStart: number },
): { readonly index: BlockIndex; readonly directory: WindowDirectory } {
  const source = new ByteReader(raw)
  const texts = Array.from({ length: source.count(1) }, () => source.text())
  let offset = dataStart
  const frames = Array.from({ length: source.count(6) }, () => {
    const frame = { offset, bytes: source.varint(), rawBytes: source.varint(), crc: source.u32() }
    offset += frame.bytes
    return frame
  })
  const seriesCount = source.count(2)
  const labelStart = starts(source, seriesCount)
  const flat = Array.from({ length: labelStart[seriesCount]! * 2 }, () => {
    const text = texts[source.varint()]
    if (text === undefined) throw new DamagedError('no such symbol')
    return text
  })
  const chunkStart = starts(source, seriesCount)
  const chunks = chunkStart[seriesCount]!
  const [frame, instantsAt, at, count, first, last] = Array.from({ length: 6 }, () => readColumn(source, chunks))
  for (let i = 0; i < chunks; i++) {
    first![i]! += start
    last![i]! += first![i]!
  }
  const extras = format === PLAIN_FORMAT ? new Uint8Array(0) : readListed(source, chunks)
  if (!source.done) throw new DamagedError(`bytes are left over at ${source.offset}`)
  const series = new Uint32Array(chunks)
  for (let s = 0; s < seriesCount; s++) series.fill(s, chunkStart[s]!, chunkStart[s + 1]!)

  const window = { minTime: -Infinity, maxTime: Infinity, chunks, offset: 0, bytes: 0, rawBytes: 0, crc: 0 }
  const index = BlockIndex.make({ ...tableOf(flat), labelStart, frames, windows: [window] })
  const directory = WindowDirectory.make(
    { series, frame: frame!, at: at!, column: Uint32Array.from(series.keys()), extras },
    { frame: frame!, at: instantsAt!, count: count!, first: first!, last: last! },
    index,
  )
  return { index, directory }
}

/** Symbols and pairs, sorted, of the names and values of all series one behind the other. */
function tableOf(flat: readonly string[]) {
  const symbols = [...new Set(flat)].sort(byBytes)
  const number = new Map(symbols.map((text, i) => [text, i]))
  const symbolStart = new Uint32Array(symbols.length + 1)
  for (const [i, text] of symbols.entries()) symbolStart[i + 1] = symbolStart[i]! + Buffer.byteLength(text)
  const keyOf = (i: number) => number.get(flat[i]!)! * symbols.length + number.get(flat[i + 1]!)!
  const keys = new Set<number>()
  for (let i = 0; i < flat.length; i += 2) keys.add(keyOf(i))
  const pairs = Float64Array.from(keys).sort()
  const pairOf = new Map<number, number>()
  for (const [i, key] of pairs.entries()) pairOf.set(key, i)
  return {
    symbolBytes: Buffer.from(symbols.join('')),
    symbolStart,
    pairName: Uint32Array.from(pairs, (key) => Math.floor(key / symbols.length)),
    pairValue: Uint32Array.from(pairs, (key) => key % symbols.length),
    labelPairs: Uint32Array.from({ length: flat.length / 2 }, (_, i) => pairOf.get(keyOf(i * 2))!),
  }
}

function starts(source: ByteReader, count: number): Uint32Array {
  const out = new Uint32Array(count + 1)
  for (let i = 0; i < count; i++) out[i + 1] = out[i]! + source.varint()
  // Every entry takes a byte at least, so a sum beyond what is left is damage, found before memory is taken for it.
  if (out[count]! > source.left) throw new DamagedError(`${out[count]} entries cannot follow`)
  return out
}

function readColumn(source: ByteReader, count: number): Float64Array {
  const out = new Float64Array(count)
  let value = 0
  for (let i = 0; i < count; i++) out[i] = value += source.zigzag()
  return out
}

function readListed(source: ByteReader, chunks: number): Uint8Array {
  const out = new Uint8Array(chunks)
  let chunk = 0
  for (let left = source.count(1); left > 0; left--) {
    chunk += source.varint()
    if (chunk >= chunks) throw new DamagedError(`no chunk ${chunk}`)
    out[chunk++] = 1
  }
  return out
}
