import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Encoding, encodingFor } from './compress.ts'

const cases: readonly { header: string | undefined; encoding: Encoding | undefined; why: string }[] = [
  { header: undefined, encoding: undefined, why: 'nothing is asked for' },
  { header: 'gzip', encoding: 'gzip', why: 'what clients of Prometheus send' },
  { header: 'gzip, deflate, br, zstd', encoding: 'zstd', why: 'a browser takes both, and zstd costs less' },
  { header: 'zstd;q=0.5, gzip', encoding: 'gzip', why: 'the heavier one wins' },
  { header: 'x-gzip;q=0.1', encoding: 'gzip', why: 'its old name' },
  { header: 'gzip;q=0, zstd;q=0.000', encoding: undefined, why: 'a weight of zero refuses' },
  { header: 'identity, *;q=0.3', encoding: undefined, why: 'only what is named' },
  { header: 'GZIP ; Q=1', encoding: 'gzip', why: 'case does not count' },
]
for (const { header, encoding, why } of cases)
  test(`Accept-Encoding ${header}: ${why}`, () => assert.equal(encodingFor(header), encoding))
