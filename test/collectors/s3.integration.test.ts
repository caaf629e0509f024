/** The bucket collector against a real S3-compatible server. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { createCollector } from '#collectors'
import { ManualClock } from '#core'
import { type S3, S3_CREDENTIALS, startS3 } from '../../example/parts/s3.ts'
import { s3Client } from '../../src/collectors/s3/collector.ts'
import { Sweep } from '../../src/collectors/s3/sweep.ts'
import { collectorDeps, freePorts, lineValue, type TestPlace, testPlace } from './workplace.ts'

const signal = AbortSignal.timeout(120_000)
let place: TestPlace
let server: S3

before(async () => {
  place = testPlace()
  const [port = 0] = await freePorts(1)
  server = await startS3({ place, dir: place.dir('s3'), port, bucket: 'models', signal })
})

after(async () => {
  await server?.[Symbol.asyncDispose]()
  place[Symbol.dispose]()
})

const collectorOf = (name: string, more: { readonly endpoint?: string; readonly accessKeyId?: string } = {}) =>
  createCollector(
    {
      kind: 'bucket',
      part: 'models',
      endpoint: more.endpoint ?? server.endpoint,
      name,
      region: 'us-east-1',
      accessKeyId: { env: 'S3_KEY' },
      secretAccessKey: S3_CREDENTIALS.secretAccessKey,
      capacityBytes: 1e9,
    },
    collectorDeps({ S3_KEY: more.accessKeyId ?? S3_CREDENTIALS.accessKeyId }),
  )

test('bytes, objects and the capacity are told, over all pages of the listing', async () => {
  await using collector = await collectorOf('models')
  const empty = await collector.read(signal)
  assert.equal(lineValue(empty, 's3_bucket_objects{bucket="models"}'), 0)
  const put = new S3Client({
    endpoint: server.endpoint,
    region: 'us-east-1',
    forcePathStyle: true,
    credentials: S3_CREDENTIALS,
  })
  await Promise.all(
    Array.from({ length: 60 }, (_, i) =>
      put.send(new PutObjectCommand({ Bucket: 'models', Key: `part-${i}`, Body: 'x'.repeat(10) })),
    ),
  )
  put.destroy()
  const page = await collector.read(signal)
  assert.equal(lineValue(page, 's3_bucket_objects{bucket="models"}'), 60)
  assert.equal(lineValue(page, 's3_bucket_size_bytes{bucket="models"}'), 600)
  assert.equal(lineValue(page, 's3_bucket_capacity_bytes{bucket="models"}'), 1e9)
  assert.ok((lineValue(page, 's3_bucket_newest_object_timestamp_seconds{bucket="models"}') ?? 0) > 1.6e9)
  const client = await s3Client({
    endpoint: server.endpoint,
    region: 'us-east-1',
    bucket: 'models',
    keys: S3_CREDENTIALS,
    pageSize: 25,
  })
  const sweep = new Sweep()
  await sweep.advance(client.list, new ManualClock(), signal)
  client.close()
  assert.deepEqual([sweep.totals?.objects, sweep.totals?.pages], [60, 3])
})

test('each way of being refused has its sentence', async () => {
  const cases = [
    {
      collector: collectorOf('nowhere'),
      says: /^there is no bucket nowhere at 127\.0\.0\.1:\d+; create it, or check its name$/,
    },
    {
      collector: collectorOf('models', { accessKeyId: 'nobody' }),
      says: /^(the access key is not known|access to bucket models) at .*S3_KEY/,
    },
    {
      collector: collectorOf('models', { endpoint: 'http://127.0.0.1:1' }),
      says: /^connection refused at 127\.0\.0\.1:1;/,
    },
  ]
  for (const { collector, says } of cases) {
    await using asked = await collector
    await assert.rejects(asked.read(signal), (error: Error) => {
      assert.match(error.message, says)
      return true
    })
  }
})
