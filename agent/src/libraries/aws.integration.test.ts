/** The AWS SDK against a real S3-compatible server. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type * as S3Module from '@aws-sdk/client-s3'
import { type S3, S3_CREDENTIALS, startS3 } from '../../../example/parts/s3.ts'
import { freePorts, type TestPlace, testPlace } from '../../../test/collectors/workplace.ts'
import { Guard } from '../guard.ts'
import { instrumentHttpClient } from '../http/client.ts'
import { Store } from '../store/index.ts'
import { freshRequire } from '../test-support/fresh-require.ts'
import { pageOf } from '../test-support/page-of.ts'
import { samplesOf, valueAt } from '../test-support/parse-page.ts'
import { freePort } from '../test-support/service.ts'
import { awsPatch, MAX_BUCKETS } from './aws.ts'
import { onRequire } from './require-hook.ts'

const COUNT = 'rpc_client_call_duration_seconds_count'
let place: TestPlace
let server: S3

before(async () => {
  place = testPlace()
  const [port = 0] = await freePorts(1)
  server = await startS3({ place, dir: place.dir('s3'), port, bucket: 'models', signal: AbortSignal.timeout(60_000) })
})

after(async () => {
  await server?.[Symbol.asyncDispose]()
  place[Symbol.dispose]()
})

test('a call has the name of its operation and its bucket, and its error the code of the service; its requests are told beside it', async () => {
  const store = new Store()
  using guard = new Guard(store, () => {})
  instrumentHttpClient(store, guard)
  onRequire(guard, awsPatch(store, guard))
  const s3 = freshRequire<typeof S3Module>('@aws-sdk/client-s3', ['@aws-sdk', '@smithy'])
  const options = { endpoint: server.endpoint, region: 'us-east-1', forcePathStyle: true, credentials: S3_CREDENTIALS }
  const client = new s3.S3Client(options)
  await client.send(new s3.PutObjectCommand({ Bucket: 'models', Key: 'part', Body: 'x' }))
  const got = await client.send(new s3.GetObjectCommand({ Bucket: 'models', Key: 'part' }))
  assert.equal(await got.Body?.transformToString(), 'x')
  await client.send(new s3.ListObjectsV2Command({ Bucket: 'models' }))
  await new Promise((resolve, reject) =>
    client.send(new s3.HeadObjectCommand({ Bucket: 'models', Key: 'part' }), (error, data) =>
      error ? reject(error) : resolve(data),
    ),
  )
  await assert.rejects(client.send(new s3.GetObjectCommand({ Bucket: 'models', Key: 'missing' })), {
    name: 'NoSuchKey',
  })
  client.destroy()
  const nobody = new s3.S3Client({ ...options, endpoint: `http://127.0.0.1:${await freePort()}`, maxAttempts: 2 })
  await assert.rejects(nobody.send(new s3.ListBucketsCommand({})))
  nobody.destroy()

  const page = await pageOf(store)
  const labels = { rpc_system_name: 'aws-api', aws_s3_bucket: 'models' }
  assert.equal(valueAt(page, COUNT, { ...labels, rpc_method: 'S3/PutObject' }), 1)
  assert.equal(valueAt(page, COUNT, { ...labels, rpc_method: 'S3/ListObjectsV2' }), 1)
  assert.equal(valueAt(page, COUNT, { ...labels, rpc_method: 'S3/HeadObject' }), 1)
  assert.equal(valueAt(page, COUNT, { rpc_method: 'S3/GetObject', error_type: 'NoSuchKey' }), 1)
  assert.equal(samplesOf(page, COUNT, { rpc_method: 'S3/GetObject' }).length, 2)
  assert.equal(valueAt(page, COUNT, { rpc_method: 'S3/ListBuckets', error_type: 'ECONNREFUSED' }), 1)
  const requests = samplesOf(page, 'http_client_request_duration_seconds_count')
  const refused = requests.filter((sample) => sample.labels['error_type'] === 'ECONNREFUSED')
  assert.equal(refused[0]?.value, 2, 'two attempts of one call')
})

test('fakes of other versions go through as they are, and buckets are bounded', async () => {
  const store = new Store()
  using guard = new Guard(store, () => {})
  const patch = awsPatch(store, guard)
  patch({ id: '@smithy/core/client', parentFilename: '/app.js', exports: {} })
  patch({ id: '@smithy/smithy-client', parentFilename: '/app.js', exports: { Client: class {} } })
  class Client {
    send(command: unknown): unknown {
      return command === 'at once' ? command : Promise.resolve(command)
    }
  }
  patch({ id: '@smithy/smithy-client', parentFilename: '/app.js', exports: { Client } })
  class QueueClient extends Client {}
  class SendMessageCommand {
    readonly input: { readonly Bucket: string }
    constructor(bucket: string) {
      this.input = { Bucket: bucket }
    }
  }
  const client = new QueueClient()
  assert.equal(client.send('at once'), 'at once')
  assert.equal(await client.send(undefined), undefined)
  assert.equal((await client.send(Object.create(null))) !== undefined, true)
  const throwing = {
    get input(): never {
      throw new Error('not for you')
    },
  }
  assert.equal(await client.send(throwing), throwing)
  for (let i = 0; i < MAX_BUCKETS + 20; i++) await client.send(new SendMessageCommand(`bucket-${i}`))
  const page = await pageOf(store)
  assert.ok(samplesOf(page, COUNT, { rpc_method: 'Queue/SendMessage' }).length <= MAX_BUCKETS + 1)
  assert.equal(valueAt(page, COUNT, { aws_s3_bucket: '_other' }), 20)
  assert.equal(valueAt(page, 'assay_agent_hooks_stepped_aside', { part: 'aws' }), 1)
  assert.equal(valueAt(page, 'assay_agent_faults_total', { part: 'aws' }), 1)
})
