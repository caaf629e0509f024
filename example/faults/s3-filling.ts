/** A bucket that fills: an export that writes into the wrong bucket, 8 MiB a second, 192 MiB at most. */

import { setTimeout as sleep } from 'node:timers/promises'
import type { Fault } from './fault.ts'

const OBJECT_BYTES = 4 * 1024 * 1024
const OBJECTS = 48
const EVERY_MS = 500

export const s3Filling: Fault = {
  name: 's3-filling',
  what: 'an export writes into the bucket of the models, 8 MiB a second',
  seen: 'the bucket fills steadily; after half a minute it holds 192 MiB more',
  async begin({ storage: { endpoint, ...credentials }, bucket }, signal) {
    // Loaded here alone: it takes a quarter of a second that every start of the demo would pay.
    const { DeleteObjectsCommand, PutObjectCommand, S3Client } = await import('@aws-sdk/client-s3')
    const client = new S3Client({ endpoint, region: 'us-east-1', forcePathStyle: true, credentials })
    const put = (Key: string, Body: Buffer) => client.send(new PutObjectCommand({ Bucket: bucket, Key, Body }))
    const filling = fill(put, signal)
    return async () => {
      const Objects = (await filling).map((Key) => ({ Key }))
      if (Objects.length > 0) await client.send(new DeleteObjectsCommand({ Bucket: bucket, Delete: { Objects } }))
      client.destroy()
    }
  },
}

async function fill(
  put: (key: string, body: Buffer) => Promise<unknown>,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const body = Buffer.alloc(OBJECT_BYTES, 'export ')
  const written: string[] = []
  for (let i = 0; i < OBJECTS && !signal.aborted; i++) {
    const key = `export/${String(i).padStart(4, '0')}.dump`
    try {
      await put(key, body)
      written.push(key)
    } catch {
      // The storage is away: the export tries its next file.
    }
    await sleep(EVERY_MS, undefined, { signal }).catch(() => {})
  }
  return written
}
