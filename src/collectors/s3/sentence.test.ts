import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bucketPage } from './page.ts'
import { bucketSentence } from './sentence.ts'

const PLACE = {
  bucket: 'models',
  host: '127.0.0.1:4568',
  whereEndpoint: 'S3_ENDPOINT',
  whereKeys: 'S3_KEY and S3_SECRET',
}

test('causes are told by name, status and network code, with what to check', () => {
  const failure = (name: string, status?: number) =>
    Object.assign(new Error('x'), { name, $metadata: { httpStatusCode: status } })
  const cases = [
    [failure('NotFound', 404), 'there is no bucket models at 127.0.0.1:4568; create it, or check its name'],
    [failure('InvalidAccessKeyId', 403), 'the access key is not known at 127.0.0.1:4568; check S3_KEY and S3_SECRET'],
    [failure('SignatureDoesNotMatch', 403), 'the secret key is refused at 127.0.0.1:4568; check S3_KEY and S3_SECRET'],
    [
      failure('403', 403),
      'access to bucket models at 127.0.0.1:4568 is denied; check S3_KEY and S3_SECRET, and that they may list it (s3:ListBucket)',
    ],
    [failure('InternalError', 500), '127.0.0.1:4568 answers 500; the storage itself has a problem'],
    [
      Object.assign(new Error('x'), { code: 'ECONNREFUSED' }),
      'connection refused at 127.0.0.1:4568; is it running, and is this its port? The endpoint comes from S3_ENDPOINT',
    ],
  ] as const
  for (const [thrown, says] of cases) assert.equal(bucketSentence(thrown, PLACE), says)
})

test('totals that are not known yet leave no number on the page', () => {
  const page = bucketPage({
    bucket: 'models',
    headSeconds: 0.01,
    totals: undefined,
    progress: 5000,
    capacityBytes: undefined,
  })
  assert.doesNotMatch(page, /s3_bucket_size_bytes|s3_bucket_objects\{|capacity/)
  assert.match(page, /^s3_bucket_sweep_progress_objects\{bucket="models"\} 5000$/m)
})
