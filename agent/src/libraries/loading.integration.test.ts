/** Libraries are met however an application loads them, without a loader hook. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const AGENT = fileURLToPath(new URL('../index.ts', import.meta.url))
const FOLDER = fileURLToPath(new URL('../..', import.meta.url))

const LOOK = `
  const patched = (method) => typeof method === 'function' && Symbol.for('assay.patched') in method
  console.log(JSON.stringify({
    pg: patched(pg.Client.prototype.query),
    pool: patched(pg.Pool.prototype.connect),
    aws: patched(Object.getPrototypeOf(S3Client.prototype).send),
    ioredis: patched(Redis.prototype.sendCommand),
  }))`

const CASES = {
  module: `import pg from 'pg'; import { Redis } from 'ioredis'; import { S3Client } from '@aws-sdk/client-s3'; import 'amqplib'; import 'redis'; ${LOOK}`,
  commonjs: `const pg = require('pg'); const { Redis } = require('ioredis'); const { S3Client } = require('@aws-sdk/client-s3'); require('amqplib'); require('redis'); ${LOOK}`,
}

for (const [kind, source] of Object.entries(CASES)) {
  test(`an application of kind ${kind} has its libraries wrapped, and nothing is said`, async () => {
    const { stdout, stderr } = await promisify(execFile)(
      process.execPath,
      [
        '--conditions=assay-src',
        '--disable-warning=ExperimentalWarning',
        '--import',
        AGENT,
        `--input-type=${kind}`,
        '-e',
        source,
      ],
      { cwd: FOLDER, timeout: 20_000 },
    )
    assert.deepEqual(JSON.parse(stdout), { pg: true, pool: true, aws: true, ioredis: true })
    assert.equal(stderr, '')
  })
}
