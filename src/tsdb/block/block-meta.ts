/**
 * What a block says about itself in `meta.json`, and how its folder is named.
 *
 * - A block holds the samples of [start, end); the folder's name is that span, and a number where it took another one's place.
 * - Blocks do not overlap, but for those of late samples alone: `late-...`.
 * - `meta.json` is the last file written: a folder without it is an interrupted one.
 */
import { crc32 } from 'node:zlib'
import { AssayError } from '#core'

/** What is written. Formats 1 to 3 are read: 2 knows histograms and start timestamps, 3 says of late samples. */
export const BLOCK_FORMAT = 4
/** From here on values are bit-packed, and directories stand by windows. */
export const PACKED_FORMAT = 4
/** Has no list of chunks with extras. */
export const PLAIN_FORMAT = 1
export const META_FILE = 'meta.json'
export const INDEX_FILE = 'index.bin'
export const CHUNKS_FILE = 'chunks.bin'
export const CHUNKS_MAGIC_BYTES = 8

/** The first bytes of a chunks file: up to format 3 they stayed the same. */
export function chunksMagic(format: number): Buffer {
  return Buffer.from([...Buffer.from('ASYCHK\x00', 'latin1'), format < PACKED_FORMAT ? 1 : format])
}

/** The first bytes of an index of that format. */
export function indexMagic(format: number): Buffer {
  return Buffer.from([...Buffer.from('ASYIDX\x00', 'latin1'), format])
}

export type BlockMeta = {
  readonly format: number
  /** The span, start inclusive, end exclusive. */
  readonly start: number
  readonly end: number
  /** The first and the last sample in it. */
  readonly minTime: number
  readonly maxTime: number
  readonly series: number
  readonly samples: number
  readonly indexBytes: number
  readonly chunksBytes: number
  /** CRC-32 of the whole index file. */
  readonly indexCrc: number
  /** How many blocks were merged into this one; 1 for a block written from the head. */
  readonly merged: number
  /** `only`: late samples alone, and other blocks may overlap. `some`: late ones were merged in. Absent: none. */
  readonly late?: Late
}

export const LATE = ['only', 'some'] as const
export type Late = (typeof LATE)[number]

export type BlockPlace = {
  readonly start: number
  readonly end: number
  readonly late?: Late | undefined
  /** Grows where a block takes the place of one of its span, and from one block of late samples to the next. Absent: 0. */
  readonly generation?: number
}

export function blockName({ start, end, late, generation = 0 }: BlockPlace): string {
  return `${late === 'only' ? 'late-' : ''}${start}_${end}${generation === 0 ? '' : `.${generation}`}`
}

/** Folders of finished blocks; others are ours too but are left-overs (`tmp-...`) or set aside (`corrupt-...`). */
export function isBlockName(name: string): boolean {
  return /^(late-)?-?\d+_-?\d+(\.\d+)?$/.test(name)
}

/** The number behind a folder's name; 0 when there is none. */
export function generationOf(name: string): number {
  return Number(/\.(\d+)$/.exec(name)?.[1] ?? 0)
}

/** Throws `ASSAY_TSDB_CORRUPT` when it is none, `ASSAY_DATA_NEWER` when a later version wrote it. */
export function parseMeta(text: string, place: string): BlockMeta {
  const corrupt = (what: string, cause?: unknown) =>
    new AssayError('ASSAY_TSDB_CORRUPT', `${place}/${META_FILE} ${what}`, { cause })
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw corrupt('is not JSON', cause)
  }
  if (typeof value !== 'object' || value === null) throw corrupt('is not an object')
  const fields: Record<string, unknown> = { ...value }
  const number = (name: keyof BlockMeta): number => {
    const field = fields[name]
    if (typeof field !== 'number' || !Number.isSafeInteger(field)) throw corrupt(`has no whole number as ${name}`)
    return field
  }
  // First of all, for any format: one flipped bit must not make a block of ours a later version's, which would keep the store closed.
  const { crc, ...members } = fields
  if (crc !== crc32(JSON.stringify(members))) throw corrupt('does not fit its checksum')
  const format = number('format')
  if (format > BLOCK_FORMAT) {
    throw new AssayError(
      'ASSAY_DATA_NEWER',
      `${place} was written by a later assay (block format ${format}, this one knows up to ${BLOCK_FORMAT}); start that version`,
    )
  }
  const late = fields['late']
  if (late !== undefined && late !== 'only' && late !== 'some') throw corrupt('says something unknown of late samples')
  return {
    format,
    start: number('start'),
    end: number('end'),
    minTime: number('minTime'),
    maxTime: number('maxTime'),
    series: number('series'),
    samples: number('samples'),
    indexBytes: number('indexBytes'),
    chunksBytes: number('chunksBytes'),
    indexCrc: number('indexCrc'),
    merged: number('merged'),
    ...(late === undefined ? {} : { late }),
  }
}

/** The text of `meta.json`: the members, and a CRC-32 over them as compact JSON. In every format. */
export function formatMeta(meta: BlockMeta): string {
  return `${JSON.stringify({ ...meta, crc: crc32(JSON.stringify(meta)) }, undefined, 2)}\n`
}
