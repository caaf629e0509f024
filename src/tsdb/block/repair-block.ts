/**
 * Keeps what is whole of a damaged block: reads it chunk by chunk, writes a new block of every chunk whose checksum holds, and says
 * what was lost.
 *
 * - The index stands twice, in its own file and behind the frames: of each of its parts the copy that holds is taken. In blocks of
 *   formats 1 to 3 it stands once, and they need it whole.
 * - A frame's damage costs the chunks in it, some 230 of one window. A directory without a copy that holds costs its window.
 * - What was deleted stays deleted: when tombstones cannot be read, nothing is kept, as nobody can say what may be served.
 * - The damaged folder stays, with `repaired.json` in it: what was kept, what was lost. Without it the repair is tried again.
 */
import { access, open, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { AssayError } from '#core'
import { DamagedError } from '../codec/bytes.ts'
import type { SeriesColumns } from '../columns/series-columns.ts'
import { writeDurably } from '../data-dir.ts'
import { readBlockTombstones } from '../deletion/block-tombstones.ts'
import { columnsWithout } from '../deletion/without-deleted.ts'
import { Block, type LostPiece } from './block.ts'
import { decodeIndex } from './block-index-file.ts'
import {
  BLOCK_FORMAT,
  type BlockMeta,
  type BlockPlace,
  CHUNKS_FILE,
  CHUNKS_MAGIC_BYTES,
  generationOf,
  INDEX_FILE,
  META_FILE,
  parseMeta,
} from './block-meta.ts'
import { type BlockSpan, writeBlock } from './block-writer.ts'
import { ByteCache } from './byte-cache.ts'

export const REPAIR_FILE = 'repaired.json'
const CACHE_BYTES = 16 * 1024 * 1024
/** Spans that a report lists; more are joined to the last one. */
const MAX_SPANS = 100

export type RepairReport = {
  /** The new block's place; `undefined` when nothing was whole. */
  readonly kept: BlockSpan | undefined
  readonly keptSamples: number
  /** `undefined`: nobody knows, as meta.json is damaged too. */
  readonly lostSamples: number | undefined
  /** Series of which a chunk was lost; where a directory was, all that it had are lost uncounted. */
  readonly lostSeries: number
  /** First and last instant of what was lost, ascending, not touching. */
  readonly lostSpans: readonly { readonly from: number; readonly to: number }[]
  /** Why nothing could be kept. */
  readonly reason?: string
}

/** What a folder's name says of its block, without `corrupt-`. */
export function placeOf(name: string): BlockPlace | undefined {
  const found = /^(late-)?(-?\d+)_(-?\d+)(\.\d+)?$/.exec(name)
  if (found === null) return undefined
  const late = found[1] === undefined ? undefined : ('only' as const)
  return { start: Number(found[2]), end: Number(found[3]), late, generation: generationOf(name) }
}

/**
 * Writes what is whole of `damaged` (a folder's path) into a block of `place` beside it. Rejects with what the disk said or the
 * signal's reason, then it can be tried again; damage is no failure but part of the report.
 */
export async function repairBlock(
  damaged: string,
  { dir, name, place }: { readonly dir: string; readonly name: string; readonly place: BlockPlace },
  signal: AbortSignal,
): Promise<RepairReport> {
  const lost = new Lost()
  let block: Block | undefined
  try {
    const tombstones = await readBlockTombstones(damaged)
    const found = await salvage(damaged, name)
    block = found.block
    const { meta } = block
    let samples = 0
    const counted = function* (source: Iterable<SeriesColumns>): Generator<SeriesColumns, void, undefined> {
      for (const series of source) {
        samples += series.count
        yield series
      }
    }
    const isMixed = place.late === undefined && (meta.late !== undefined || !tombstones.isEmpty)
    const span = { ...place, merged: meta.merged, late: isMixed ? ('some' as const) : place.late }
    const whole = columnsWithout(counted(block.all((piece) => lost.add(piece))), tombstones)
    const written = await writeBlock(dir, span, whole, signal)
    return {
      kept: written === undefined ? undefined : span,
      keptSamples: written?.samples ?? 0,
      lostSamples: found.isMetaWhole ? meta.samples - samples : undefined,
      lostSeries: lost.series.size,
      lostSpans: lost.spans(),
    }
  } catch (error) {
    if (!(error instanceof DamagedError || (error instanceof AssayError && error.code === 'ASSAY_TSDB_CORRUPT'))) {
      throw error
    }
    const reason = error.message
    return {
      kept: undefined,
      keptSamples: 0,
      lostSamples: undefined,
      lostSeries: 0,
      lostSpans: [{ from: place.start, to: place.end - 1 }],
      reason,
    }
  } finally {
    block?.release()
  }
}

/** Says in the folder what became of it: no start repairs it again. To be called when what was kept serves. */
export async function markRepaired(damaged: string, report: RepairReport): Promise<void> {
  await writeDurably(join(damaged, REPAIR_FILE), `${JSON.stringify(report, undefined, 2)}\n`)
}

/** Opens what can be read. Throws `DamagedError`. */
async function salvage(dir: string, name: string): Promise<{ readonly block: Block; readonly isMetaWhole: boolean }> {
  await access(join(dir, CHUNKS_FILE)).catch(() => {
    throw new DamagedError(`${CHUNKS_FILE} is not there`)
  })
  const meta = await metaOf(dir)
  const index = await readFile(join(dir, INDEX_FILE)).catch(() => undefined)
  const own = new DamagedError('neither copy of the index is whole')
  const caches = { indexes: new ByteCache<never>(CACHE_BYTES), frames: new ByteCache<never>(CACHE_BYTES) }
  if (meta !== undefined && meta.format < BLOCK_FORMAT) {
    if (index === undefined || crc32(index) !== meta.indexCrc) throw own
    return { block: Block.salvage(dir, meta, undefined, caches), isMetaWhole: true }
  }
  const place = placeOf(name)
  if (place === undefined) throw own
  const { start, end } = place
  const copies = [index, ...(await copiesOf(dir, meta?.indexBytes ?? index?.length))].filter(
    (copy): copy is Buffer => copy !== undefined,
  )
  const image = wholeIndex(copies, start)
  if (image === undefined) throw own
  const decoded = decodeIndex(image, { start, dataStart: CHUNKS_MAGIC_BYTES })
  const last = decoded.windowCount - 1
  const found: BlockMeta = meta ?? {
    format: BLOCK_FORMAT,
    start,
    end,
    minTime: decoded.window(0).minTime,
    maxTime: decoded.window(last).maxTime,
    series: decoded.seriesCount,
    samples: 0,
    indexBytes: image.length,
    chunksBytes: 0,
    indexCrc: 0,
    merged: 1,
    // Nobody knows whether late ones were merged in: then hints of resets say nothing where they might not hold.
    late: place.late ?? 'some',
  }
  return {
    block: Block.salvage(dir, { ...found, indexBytes: image.length }, image, caches),
    isMetaWhole: meta !== undefined,
  }
}

async function metaOf(dir: string): Promise<BlockMeta | undefined> {
  try {
    return parseMeta(await readFile(join(dir, META_FILE), 'utf8'), dir)
  } catch (error) {
    if (error instanceof AssayError && error.code === 'ASSAY_DATA_NEWER') throw error
    return undefined
  }
}

/** The copy behind the frames, where the file has all its bytes. */
async function copiesOf(dir: string, size: number | undefined): Promise<readonly Buffer[]> {
  if (size === undefined) return []
  try {
    await using handle = await open(join(dir, CHUNKS_FILE))
    const { size: fileSize } = await handle.stat()
    const copy = Buffer.alloc(size)
    const { bytesRead } = await handle.read(copy, 0, size, fileSize - size)
    return bytesRead === size ? [copy] : []
  } catch {
    return []
  }
}

/** The core of the first copy that has a whole one, and each directory of the first copy that has it whole. */
function wholeIndex(copies: readonly Buffer[], start: number): Buffer | undefined {
  for (const copy of copies) {
    try {
      const index = decodeIndex(copy, { start, dataStart: CHUNKS_MAGIC_BYTES })
      const image = Buffer.from(copy)
      for (let i = 0; i < index.windowCount; i++) {
        const { offset, bytes, crc } = index.window(i)
        const whole = copies.find((one) => crc32(one.subarray(offset, offset + bytes)) === crc)
        whole?.copy(image, offset, offset, offset + bytes)
      }
      return image
    } catch {
      // The next one may be whole.
    }
  }
  return undefined
}

/** Gathers what was lost. */
class Lost {
  readonly series = new Set<number>()
  readonly #spans: { from: number; to: number }[] = []

  add({ series, low, high }: LostPiece): void {
    if (series !== undefined) this.series.add(series)
    const known = this.#spans.find(({ from, to }) => from <= high && to >= low)
    if (known !== undefined) {
      known.from = Math.min(known.from, low)
      known.to = Math.max(known.to, high)
    } else this.#spans.push({ from: low, to: high })
  }

  spans(): readonly { readonly from: number; readonly to: number }[] {
    const joined: { from: number; to: number }[] = []
    for (const span of this.#spans.toSorted((a, b) => a.from - b.from)) {
      const last = joined.at(-1)
      if (last !== undefined && (span.from <= last.to || joined.length >= MAX_SPANS))
        last.to = Math.max(last.to, span.to)
      else joined.push({ ...span })
    }
    return joined
  }
}
