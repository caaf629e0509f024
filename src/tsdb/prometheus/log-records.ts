/**
 * The records of a Prometheus log, from its pages: `wal/` with a checkpoint, and `wbl/`.
 *
 * - A record is there when all its pieces are, with their checksums; the rest of a page with damage is passed over and told.
 * - Segments follow each other by number, behind those that the newest checkpoint stands for.
 *
 * Source: prometheus: tsdb/docs/format/wal.md, tsdb/wlog/wlog.go and reader.go.
 */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { zstdDecompressSync } from 'node:zlib'
import { uncompressSync } from 'snappy'
import { crc32c, messageOf } from '#core'
import { hasCode } from '../data-dir.ts'
import type { OnDamage } from './chunk-files.ts'
import { FileWindow } from './file-window.ts'

const PAGE_BYTES = 32 * 1024
const PIECE_HEADER_BYTES = 7
const MAX_RECORD_BYTES = 512 * 1024 * 1024

const TYPE_MASK = 0x07
const SNAPPY = 0x08
const ZSTD = 0x10
const [PAGE_END, FULL, FIRST, , LAST] = [0, 1, 2, 3, 4]

/** The log's files, oldest first. */
export function logFiles(dir: string): readonly string[] {
  const names = namesIn(dir)
  const checkpoints = names.filter((name) => /^checkpoint\.\d+$/.test(name))
  const numberOf = (name: string) => Number(name.replace('checkpoint.', ''))
  const newest = checkpoints.reduce<string | undefined>(
    (best, name) => (best === undefined || numberOf(name) > numberOf(best) ? name : best),
    undefined,
  )
  const segments = (folder: string, all: readonly string[], after: number) =>
    all
      .filter((name) => /^\d+$/.test(name) && Number(name) > after)
      .sort((a, b) => Number(a) - Number(b))
      .map((name) => join(folder, name))
  if (newest === undefined) return segments(dir, names, -1)
  const folder = join(dir, newest)
  return [...segments(folder, namesIn(folder), -1), ...segments(dir, names, numberOf(newest))]
}

/** Records of one file; each is valid until the next is asked for. */
export function* recordsOf(path: string, onDamage: OnDamage): Generator<Buffer, void, undefined> {
  using file = new FileWindow(path)
  let pieces: Buffer[] = []
  let flags = 0
  for (let page = 0; page < file.sizeBytes; page += PAGE_BYTES) {
    const bytes = Buffer.from(file.bytes(page, Math.min(PAGE_BYTES, file.sizeBytes - page)))
    for (let at = 0; at + PIECE_HEADER_BYTES <= bytes.length; ) {
      const type = bytes[at]! & TYPE_MASK
      if (type === PAGE_END) break
      const length = bytes.readUInt16BE(at + 1)
      const data = bytes.subarray(at + PIECE_HEADER_BYTES, at + PIECE_HEADER_BYTES + length)
      if (data.length < length || type > LAST! || crc32c(data) !== bytes.readUInt32BE(at + 3)) {
        onDamage(`${path} at byte ${page + at}: a record is cut or changed; the rest of its page is passed over`)
        pieces = []
        break
      }
      if (type === FULL || type === FIRST) {
        pieces = []
        flags = bytes[at]!
      }
      // The beginning was lost with a page before.
      else if (pieces.length === 0) {
        at += PIECE_HEADER_BYTES + length
        continue
      }
      pieces.push(data)
      if (type === FULL || type === LAST) {
        const record = unpacked(pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces), flags, onDamage, path)
        pieces = []
        if (record !== undefined) yield record
      }
      at += PIECE_HEADER_BYTES + length
    }
  }
}

function unpacked(data: Buffer, flags: number, onDamage: OnDamage, path: string): Buffer | undefined {
  try {
    if (flags & SNAPPY) return Buffer.from(uncompressSync(data, { asBuffer: true }))
    if (flags & ZSTD) return zstdDecompressSync(data, { maxOutputLength: MAX_RECORD_BYTES })
    return data
  } catch (error) {
    onDamage(`${path}: a record cannot be unpacked (${messageOf(error)})`)
    return undefined
  }
}

function namesIn(dir: string): readonly string[] {
  try {
    return readdirSync(dir)
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return []
    throw error
  }
}
