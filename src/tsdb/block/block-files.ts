/**
 * The files of one block, read and checked piece by piece: its index, the directories of its windows, its frames.
 *
 * What was unpacked lies in caches that all blocks share. Damage is an error (`ASSAY_TSDB_CORRUPT`), never a wrong number.
 */
import { closeSync, openSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { crc32, zstdDecompressSync } from 'node:zlib'
import { AssayError } from '#core'
import { Frame } from '../codec/frame.ts'
import { corrupt } from './block-error.ts'
import type { BlockIndex } from './block-index.ts'
import { decodeDirectory, decodeIndex } from './block-index-file.ts'
import { type BlockMeta, CHUNKS_FILE, CHUNKS_MAGIC_BYTES, INDEX_FILE, indexMagic, PACKED_FORMAT } from './block-meta.ts'
import type { ByteCache } from './byte-cache.ts'
import { readLegacyIndex } from './legacy-index.ts'
import type { WindowDirectory } from './window-directory.ts'

export type BlockCaches = {
  readonly indexes: ByteCache<BlockIndex | WindowDirectory>
  readonly frames: ByteCache<Frame>
}

/** No frame unpacks to more; what claims to is damage. */
const MAX_RAW_BYTES = 64 * 1024 * 1024
const MAX_INDEX_BYTES = 2 ** 31

export class BlockFiles {
  readonly dir: string
  readonly meta: BlockMeta
  readonly #fd: number
  readonly #caches: BlockCaches
  /** The index file, where it was put together of what held (repair-block.ts). */
  readonly #image: Buffer | undefined

  /** Opens the chunks file; `close` gives it back. */
  constructor(dir: string, meta: BlockMeta, caches: BlockCaches, image?: Buffer) {
    this.dir = dir
    this.meta = meta
    this.#fd = openSync(join(dir, CHUNKS_FILE), 'r')
    this.#caches = caches
    this.#image = image
  }

  /** Formats 1 to 3. */
  get isLegacy(): boolean {
    return this.meta.format < PACKED_FORMAT
  }

  close(): void {
    closeSync(this.#fd)
    this.#caches.indexes.delete(this.dir)
    this.#caches.indexes.deletePrefix(`${this.dir}:`)
    this.#caches.frames.deletePrefix(`${this.dir}:`)
  }

  /** Throws `ASSAY_TSDB_CORRUPT`, as all that follow. */
  index(): BlockIndex {
    const known = this.#caches.indexes.get(this.dir)
    if (known !== undefined) return known as BlockIndex
    try {
      const file = this.#indexBytes(0, this.meta.indexBytes)
      if (this.#image === undefined && crc32(file) !== this.meta.indexCrc)
        throw corrupt(this.dir, `${INDEX_FILE} does not fit its checksum`)
      if (this.isLegacy) return this.#readLegacy(file).index
      const index = decodeIndex(file, { start: this.meta.start, dataStart: CHUNKS_MAGIC_BYTES })
      this.#caches.indexes.set(this.dir, index, index.sizeBytes)
      return index
    } catch (cause) {
      throw cause instanceof AssayError ? cause : corrupt(this.dir, `${INDEX_FILE} cannot be read`, cause)
    }
  }

  directory(index: BlockIndex, window: number): WindowDirectory {
    const key = `${this.dir}:${window}`
    const known = this.#caches.indexes.get(key)
    if (known !== undefined) return known as WindowDirectory
    try {
      if (this.isLegacy) return this.#readLegacy(this.#indexBytes(0, this.meta.indexBytes)).directory
      const entry = index.window(window)
      const packed = this.#indexBytes(entry.offset, entry.bytes)
      const directory = decodeDirectory(packed, entry, index, this.meta.start)
      this.#caches.indexes.set(key, directory, directory.sizeBytes)
      return directory
    } catch (cause) {
      throw cause instanceof AssayError
        ? cause
        : corrupt(this.dir, `a directory of ${INDEX_FILE} cannot be read`, cause)
    }
  }

  #readLegacy(file: Buffer): { readonly index: BlockIndex; readonly directory: WindowDirectory } {
    const { format, start } = this.meta
    const magic = indexMagic(format)
    if (!file.subarray(0, magic.length).equals(magic)) throw new Error(`it begins with ${file.toString('hex', 0, 8)}`)
    const raw = zstdDecompressSync(file.subarray(magic.length), { maxOutputLength: MAX_INDEX_BYTES })
    const read = readLegacyIndex(raw, { format, start, dataStart: CHUNKS_MAGIC_BYTES })
    this.#caches.indexes.set(this.dir, read.index, read.index.sizeBytes)
    this.#caches.indexes.set(`${this.dir}:0`, read.directory, read.directory.sizeBytes)
    return read
  }

  #indexBytes(from: number, size: number): Buffer {
    if (this.#image !== undefined) return this.#image.subarray(from, from + size)
    const bytes = Buffer.allocUnsafe(size)
    const fd = openSync(join(this.dir, INDEX_FILE), 'r')
    try {
      readAll(fd, bytes, from)
    } finally {
      closeSync(fd)
    }
    return bytes
  }

  /** Unpacked. */
  frame(index: BlockIndex, number: number): Frame {
    const key = `${this.dir}:${number}`
    const known = this.#caches.frames.get(key)
    if (known !== undefined) return known
    const bytes = this.packedFrame(index, number)
    try {
      const raw = zstdDecompressSync(bytes, { maxOutputLength: MAX_RAW_BYTES })
      if (raw.length !== index.frame(number).rawBytes) {
        throw corrupt(this.dir, `frame ${number} has an unexpected length`)
      }
      const frame = new Frame(raw)
      this.#caches.frames.set(key, frame, frame.sizeBytes)
      return frame
    } catch (cause) {
      throw cause instanceof AssayError ? cause : corrupt(this.dir, `frame ${number} cannot be read`, cause)
    }
  }

  /** A frame as it lies in the file, checked. */
  packedFrame(index: BlockIndex, number: number): Buffer {
    const frame = index.frame(number)
    try {
      const bytes = Buffer.allocUnsafe(frame.bytes)
      readAll(this.#fd, bytes, frame.offset)
      if (crc32(bytes) !== frame.crc) throw corrupt(this.dir, `frame ${number} at byte ${frame.offset} was changed`)
      return bytes
    } catch (cause) {
      throw cause instanceof AssayError ? cause : corrupt(this.dir, `frame ${number} cannot be read`, cause)
    }
  }
}

/** Fills `into` from `position` on. Throws when the file ends before. */
function readAll(fd: number, into: Buffer, position: number): void {
  for (let done = 0; done < into.length; ) {
    const read = readSync(fd, into, done, into.length - done, position + done)
    if (read === 0) throw new Error(`the file ends at ${position + done}`)
    done += read
  }
}
