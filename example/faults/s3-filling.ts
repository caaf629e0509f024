/** A bucket that fills: an export that writes into the wrong bucket, 8 MiB a second, 192 MiB at most. */

import { setTimeout as sleep } from 'node:timers/promises'
import { DeleteObjectsCommand, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3'
import type { Fault } from './fault.ts'

const OBJECT_BYTES = 4 * 1024 * 1024
const OBJECTS = 48
const EVERY_MS = 500

export const s3Filling: Fault = {
  name: 's3-filling',
  what: 'an export writes into the bucket of the models, 8 MiB a second',
  seen: 'the bucket fills steadily; after half a minute it holds 192 MiB more',
  async begin({ storage, bucket }, signal) {
    const filling = fill(storage, bucket, signal)
    return async () => {
      const written = await filling
      if (written.length === 0) return
      await storage.send(
        new DeleteObjectsCommand({ Bucket: bucket, Delete: { Objects: written.map((Key) => ({ Key })) } }),
      )
    }
  },
}

async function fill(storage: S3Client, Bucket: string, signal: AbortSignal): Promise<readonly string[]> {
  const Body = Buffer.alloc(OBJECT_BYTES, 'export ')
  const written: string[] = []
  for (let i = 0; i < OBJECTS && !signal.aborted; i++) {
    const Key = `export/${String(i).padStart(4, '0')}.dump`
    try {
      await storage.send(new PutObjectCommand({ Bucket, Key, Body }))
      written.push(Key)
    } catch {
      // The storage is away: the export tries its next file.
    }
    await sleep(EVERY_MS, undefined, { signal }).catch(() => {})
  }
  return written
}
