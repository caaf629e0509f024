/** 3D models in S3-compatible storage, the one bucket that shop and mes share. */
import { GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { setting } from './settings.ts'

/** Larger uploads are refused before they are read. */
export const MAX_MODEL_BYTES = 4 * 1024 * 1024

export interface Models extends Disposable {
  put(key: string, body: Uint8Array): Promise<void>
  /** `undefined` when there is no such model. Rejects when the storage cannot be asked. */
  get(key: string): Promise<Uint8Array | undefined>
}

export function openModels(): Models {
  const Bucket = setting('S3_BUCKET')
  const client = new S3Client({
    endpoint: setting('S3_ENDPOINT'),
    region: 'us-east-1',
    forcePathStyle: true,
    maxAttempts: 2,
    credentials: { accessKeyId: setting('S3_ACCESS_KEY_ID'), secretAccessKey: setting('S3_SECRET_ACCESS_KEY') },
  })
  return {
    async put(Key, Body) {
      await client.send(new PutObjectCommand({ Bucket, Key, Body, ContentType: 'model/stl' }))
    },
    async get(Key) {
      try {
        const { Body } = await client.send(new GetObjectCommand({ Bucket, Key }))
        return await Body?.transformToByteArray()
      } catch (err) {
        if (err instanceof Error && err.name === 'NoSuchKey') return undefined
        throw err
      }
    },
    [Symbol.dispose]: () => client.destroy(),
  }
}
