/**
 * Compresses pages: zstd where this Node has it (22.15, 23.8 and later), gzip everywhere.
 *
 * In a thread of its own it works at once: the other way waits for a thread of libuv's pool, which the application may have filled with
 * its own work, and a page must not wait for that.
 */
import zlib from 'node:zlib'
import type { Encoding } from './accept.ts'

type Work = (body: Uint8Array, options: object, done: (error: Error | null, result: Buffer) => void) => void
type Zstd = { readonly zstdCompress?: Work; readonly zstdCompressSync?: (body: Uint8Array) => Buffer }

const zstd: Zstd = zlib
/** A page is text that repeats itself: the lightest level takes 2/5 of the time of the usual one and gives as much (`bench/agent/frames.ts`). */
const GZIP = { level: 1 }

/** The more wanted first. */
export const ENCODINGS: readonly Encoding[] =
  zstd.zstdCompress === undefined || zstd.zstdCompressSync === undefined ? ['gzip'] : ['zstd', 'gzip']

export function compress(body: Uint8Array, encoding: 'gzip' | 'zstd', atOnce: boolean): Promise<Uint8Array> {
  if (atOnce) {
    const sync = encoding === 'zstd' ? zstd.zstdCompressSync : undefined
    return Promise.resolve(sync === undefined ? zlib.gzipSync(body, GZIP) : sync(body))
  }
  return new Promise((resolve, reject) => {
    const done = (error: Error | null, result: Buffer): void => (error === null ? resolve(result) : reject(error))
    const work = encoding === 'zstd' ? zstd.zstdCompress : undefined
    if (work === undefined) zlib.gzip(body, GZIP, done)
    else work(body, {}, done)
  })
}
