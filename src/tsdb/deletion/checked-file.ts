/**
 * A small file of which a flipped byte must not cost anything: its content stands there twice, each copy with its checksum.
 *
 *   8 bytes magic | u32 length, u32 CRC-32, zstd of the content | the same once more
 *
 * It is written aside and renamed: after a crash there is the old one or the new one.
 */
import { readFile, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { constants, crc32, zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { ByteWriter, DamagedError } from '../codec/bytes.ts'
import { hasCode, syncDir, writeDurably } from '../data-dir.ts'

const LEVEL = { params: { [constants.ZSTD_c_compressionLevel]: 3 } }
const HEADER_BYTES = 8
/** What claims to unpack to more is damage. */
const MAX_CONTENT_BYTES = 2 ** 31 - 1

/**
 * Rejects with what the disk said. `onThere`: called when the next start will find the new file, though power loss may still take it; what
 * rejects before leaves the file as it was.
 */
export async function writeChecked(
  file: string,
  magic: Buffer,
  content: Uint8Array,
  onThere?: () => void,
): Promise<void> {
  const packed = zstdCompressSync(content, LEVEL)
  const out = new ByteWriter(magic.length + 2 * (HEADER_BYTES + packed.length))
  out.bytes(magic)
  for (let copy = 0; copy < 2; copy++) {
    out.u32(packed.length)
    out.u32(crc32(packed))
    out.bytes(packed)
  }
  try {
    await writeDurably(file, out.view())
  } catch (error) {
    await rm(`${file}.tmp`, { force: true }).catch(() => undefined)
    throw error
  }
  onThere?.()
  await syncDir(dirname(file))
}

/** The content of the first copy that holds; `undefined` when there is no such file. Rejects with `DamagedError` when none holds. */
export async function readChecked(file: string, magic: Buffer): Promise<Buffer | undefined> {
  const bytes = await readFile(file).catch((error: unknown) => {
    if (hasCode(error, 'ENOENT')) return undefined
    throw error
  })
  if (bytes === undefined) return undefined
  const size = (bytes.length - magic.length) / 2
  // Where the second copy begins follows from the file's length too: the first one's may be what was flipped.
  for (const at of [magic.length, magic.length + size]) {
    const content = Number.isInteger(at) ? copyAt(bytes, at) : undefined
    if (content !== undefined) return content
  }
  throw new DamagedError('neither of its two copies fits its checksum')
}

function copyAt(bytes: Buffer, at: number): Buffer | undefined {
  if (at + HEADER_BYTES > bytes.length) return undefined
  const length = bytes.readUInt32LE(at)
  const packed = bytes.subarray(at + HEADER_BYTES, at + HEADER_BYTES + length)
  if (packed.length !== length || crc32(packed) !== bytes.readUInt32LE(at + 4)) return undefined
  try {
    return zstdDecompressSync(packed, { maxOutputLength: MAX_CONTENT_BYTES })
  } catch {
    return undefined
  }
}
