/**
 * A bucket of S3-compatible storage as a collector: is it there, how fast does it answer, how full is it.
 *
 * - Path-style addresses, which every implementation takes. Without keys requests go unsigned; the machine's own
 *   credentials are never looked for, because that search leaves the machine.
 */
import { AssayError, type Clock } from '#core'
import type { BucketSpec, Collector, CollectorDeps } from '../types.ts'
import { urlOf, whereIs } from '../where.ts'
import { bucketPage } from './page.ts'
import { type BucketPlace, bucketSentence, statusOf } from './sentence.ts'
import { type ListPage, Sweep } from './sweep.ts'

/** What is needed of a client. */
export interface BucketClient {
  head(signal: AbortSignal): Promise<void>
  readonly list: ListPage
  close(): void
}

/** Throws `ASSAY_ENV_MISSING`, `ASSAY_COLLECTOR_URL`. */
export async function bucketCollector(spec: BucketSpec, { resolve, clock }: CollectorDeps): Promise<Collector> {
  const whereEndpoint = whereIs(spec.endpoint, 'endpoint', spec.part)
  const url = urlOf(resolve(spec.endpoint), ['http', 'https'], whereEndpoint)
  const keys =
    spec.accessKeyId === undefined || spec.secretAccessKey === undefined
      ? undefined
      : { accessKeyId: resolve(spec.accessKeyId), secretAccessKey: resolve(spec.secretAccessKey) }
  const client = await s3Client({ endpoint: url.origin, region: spec.region, bucket: spec.name, keys })
  const whereKeys = [
    ...new Set([whereIs(spec.accessKeyId, 'keys', spec.part), whereIs(spec.secretAccessKey, 'keys', spec.part)]),
  ].join(' and ')
  return new BucketCollector(spec, {
    place: { bucket: spec.name, host: url.host, whereEndpoint, whereKeys },
    origin: url.origin,
    client,
    clock,
  })
}

export type BucketParts = {
  readonly place: BucketPlace
  readonly origin: string
  readonly client: BucketClient
  readonly clock: Clock
}

export class BucketCollector implements Collector {
  readonly spec: BucketSpec
  readonly address: string
  readonly #parts: BucketParts
  readonly #sweep = new Sweep()

  constructor(spec: BucketSpec, parts: BucketParts) {
    this.spec = spec
    this.address = `${parts.origin}/${spec.name}`
    this.#parts = parts
  }

  async read(signal: AbortSignal): Promise<string> {
    const { client, clock, place } = this.#parts
    try {
      const started = clock.monotonicMs()
      await client.head(signal)
      const headSeconds = (clock.monotonicMs() - started) / 1000
      await this.#sweep.advance(client.list, clock, signal)
      const { totals, progress } = this.#sweep
      return bucketPage({
        bucket: this.spec.name,
        headSeconds,
        totals,
        progress,
        capacityBytes: this.spec.capacityBytes,
      })
    } catch (cause) {
      if (signal.aborted) throw signal.reason
      // A place in the listing that the server no longer knows would fail for ever.
      if (statusOf(cause) === 400) this.#sweep.restart()
      throw new AssayError('ASSAY_COLLECTOR_BUCKET', bucketSentence(cause, place), { cause })
    }
  }

  caveats(): readonly string[] {
    const { totals, progress } = this.#sweep
    return totals === undefined && progress !== undefined
      ? [
          `${this.spec.name} is being counted for the first time: ${progress} objects so far; size and number come when it is done`,
        ]
      : []
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#parts.client.close()
  }
}

type ClientOptions = {
  readonly endpoint: string
  readonly region: string
  readonly bucket: string
  readonly keys: { readonly accessKeyId: string; readonly secretAccessKey: string } | undefined
  readonly pageSize?: number
}

/** Objects a page; the most that S3 gives. */
const PAGE_SIZE = 1000

export async function s3Client({
  endpoint,
  region,
  bucket,
  keys,
  pageSize = PAGE_SIZE,
}: ClientOptions): Promise<BucketClient> {
  const { HeadBucketCommand, ListObjectsV2Command, S3Client } = await import('@aws-sdk/client-s3')
  const client = new S3Client({
    endpoint,
    region,
    forcePathStyle: true,
    maxAttempts: 1, // the next read is the retry
    ...(keys === undefined
      ? { credentials: { accessKeyId: '', secretAccessKey: '' }, signer: { sign: async (request) => request } }
      : { credentials: keys }),
  })
  return {
    async head(abortSignal) {
      await client.send(new HeadBucketCommand({ Bucket: bucket }), { abortSignal })
    },
    async list(from, abortSignal) {
      const page = await client.send(
        new ListObjectsV2Command({ Bucket: bucket, ContinuationToken: from, MaxKeys: pageSize }),
        { abortSignal },
      )
      const objects = page.Contents ?? []
      return {
        sizes: objects.map((one) => one.Size ?? 0),
        newest: objects.reduce<number | undefined>((last, one) => {
          const at = one.LastModified?.getTime()
          return at === undefined || Number.isNaN(at) ? last : Math.max(last ?? 0, at)
        }, undefined),
        next: page.IsTruncated === true ? page.NextContinuationToken : undefined,
      }
    },
    close: () => client.destroy(),
  }
}
