/**
 * Archives as `tar` writes and reads them (POSIX ustar): plain files only.
 *
 * Sizes beyond 8 GiB are written in base 256, as GNU tar does. Names have at most 100 bytes here: those of a data directory are short.
 *
 * Source: POSIX.1-2017, pax, "ustar Interchange Format".
 */
import { AssayError } from '#core'

const BLOCK = 512
const MAX_OCTAL = 8 ** 11 - 1

export function tarHeader(name: string, sizeBytes: number, at: number): Buffer {
  const header = Buffer.alloc(BLOCK)
  if (Buffer.byteLength(name) > 100) throw new TypeError(`BUG: the name ${name} is too long for the archive`)
  header.write(name, 0)
  header.write('0000600\0', 100)
  header.write('0000000\0', 108)
  header.write('0000000\0', 116)
  if (sizeBytes <= MAX_OCTAL) header.write(`${sizeBytes.toString(8).padStart(11, '0')}\0`, 124)
  else {
    header[124] = 0x80
    header.writeBigUInt64BE(BigInt(sizeBytes), 128)
  }
  header.write(
    `${Math.floor(at / 1000)
      .toString(8)
      .padStart(11, '0')}\0`,
    136,
  )
  header.write('0', 156)
  header.write('ustar\0', 257)
  header.write('00', 263)
  header.write(`${checksumOf(header).toString(8).padStart(6, '0')}\0 `, 148)
  return header
}

/** What follows a file's bytes, up to the next header. */
export function tarPadding(sizeBytes: number): Buffer {
  return Buffer.alloc((BLOCK - (sizeBytes % BLOCK)) % BLOCK)
}

export const TAR_END: Buffer = Buffer.alloc(2 * BLOCK)

export type TarEntry = {
  readonly name: string
  readonly sizeBytes: number
  readonly content: AsyncIterable<Uint8Array>
}

/**
 * Entries one after the other; each has to be read to its end before the next. Rejects with `ASSAY_BACKUP` for what is cut or none.
 */
export async function* readTar(source: AsyncIterable<Uint8Array>, place: string): AsyncGenerator<TarEntry> {
  const bytes = new ByteQueue(source, place)
  for (;;) {
    const header = await bytes.exactly(BLOCK)
    if (header.every((byte) => byte === 0)) {
      // Two of them are the end: so a cut shows wherever it is.
      await bytes.exactly(BLOCK)
      return
    }
    if (header.toString('latin1', 257, 262) !== 'ustar' || readOctal(header, 148, 8) !== checksumOf(header))
      throw new AssayError('ASSAY_BACKUP', `${place} is no archive of assay's, or it is damaged; take another backup`)
    const sizeBytes = header[124] === 0x80 ? Number(header.readBigUInt64BE(128)) : readOctal(header, 124, 12)
    yield { name: textAt(header, 0, 100), sizeBytes, content: bytes.upTo(sizeBytes) }
    await bytes.exactly(tarPadding(sizeBytes).length)
  }
}

class ByteQueue {
  readonly #source: AsyncIterator<Uint8Array>
  readonly #place: string
  #rest: Buffer = Buffer.alloc(0)

  constructor(source: AsyncIterable<Uint8Array>, place: string) {
    this.#source = source[Symbol.asyncIterator]()
    this.#place = place
  }

  async exactly(size: number): Promise<Buffer> {
    const parts: Buffer[] = []
    for await (const part of this.upTo(size)) parts.push(part)
    return Buffer.concat(parts)
  }

  async *upTo(size: number): AsyncGenerator<Buffer> {
    for (let left = size; left > 0; ) {
      if (this.#rest.length === 0) {
        const step = await this.#source.next()
        if (step.done === true)
          throw new AssayError('ASSAY_BACKUP', `${this.#place} is cut: it was interrupted; take another backup`)
        this.#rest = Buffer.from(step.value.buffer, step.value.byteOffset, step.value.byteLength)
      }
      const part = this.#rest.subarray(0, left)
      this.#rest = this.#rest.subarray(part.length)
      left -= part.length
      yield part
    }
  }
}

/** Of the header with blanks in place of its checksum. */
function checksumOf(header: Buffer): number {
  let sum = 0
  for (let i = 0; i < BLOCK; i++) sum += i >= 148 && i < 156 ? 0x20 : header[i]!
  return sum
}

function readOctal(header: Buffer, at: number, length: number): number {
  return Number.parseInt(textAt(header, at, length).trim() || '0', 8)
}

function textAt(header: Buffer, at: number, length: number): string {
  const end = header.indexOf(0, at)
  return header.toString('utf8', at, end < 0 || end > at + length ? at + length : end)
}
