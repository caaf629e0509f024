/**
 * Prometheus' compliance suite for receivers, each case at a receiver of its own. (One after another at a running server:
 * test/remote-write-receiver.integration.test.ts.)
 *
 * Source: prometheus/compliance: remotewrite/receiver.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compressSync } from 'snappy'
import { Labels } from '#core'
import { encodeWriteV1 } from './encode-v1.ts'
import { RECEIVER_CASES } from './receiver-cases.test-support.ts'
import { NOW, openBench, requestV2, V1_HEADERS, V2_HEADERS, writtenOf } from './requests.test-support.ts'

for (const { name, series, succeeds, written } of RECEIVER_CASES) {
  test(`compliance of a receiver: ${name}`, async () => {
    const answer = await openBench().send(requestV2(series))
    assert.equal(answer.status, succeeds ? 204 : 400, answer.body)
    assert.deepEqual(writtenOf(answer), written)
    if (succeeds) assert.equal(answer.body, '')
    else assert.match(answer.body, /^not taken: \d+ /)
  })
}

const one = requestV2([{ labels: ['__name__', 'up'], samples: [{ at: NOW, value: 1 }] }])

for (const type of ['application/json', 'image/png']) {
  test(`compliance of a receiver: BadContentTypes/${type} is 415`, async () => {
    assert.equal((await openBench().send(one, { ...V2_HEADERS, 'content-type': type })).status, 415)
  })
}
for (const encoding of ['gzip', 'deflate']) {
  test(`compliance of a receiver: BadContentEncodings/${encoding} is 415`, async () => {
    assert.equal((await openBench().send(one, { ...V2_HEADERS, 'content-encoding': encoding })).status, 415)
  })
}

test('compliance of a receiver: CorruptRequestBody is 400', async () => {
  const body = Buffer.from(compressSync(one))
  body[0] = 0x30
  assert.equal((await openBench().sendBody(body)).status, 400)
})

test('compliance of a receiver: RW1BasicCompatibility', async () => {
  const { store, send } = openBench()
  const request = {
    series: ['up', 'http_requests_total'].map((name, i) => ({
      labels: Labels.of({ __name__: name }),
      from: i,
      to: i + 1,
      histograms: [],
      exemplars: [],
    })),
    timestamps: Float64Array.of(NOW, NOW),
    values: Float64Array.of(1, 100),
    metadata: [],
  }
  const answer = await send(encodeWriteV1(request), V1_HEADERS)
  assert.equal(answer.status, 204)
  assert.deepEqual(answer.headers, {}, 'a 1.0 sender is told nothing it does not know')
  assert.equal(store.stats().samples, 2)
})

test('compliance of a receiver: RW1ErrorHandling', async () => {
  const body = Buffer.from(compressSync(one))
  body[0] = 0xff
  assert.equal((await openBench().sendBody(body, V1_HEADERS)).status, 400)
})
