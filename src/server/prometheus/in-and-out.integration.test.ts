import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { test } from 'node:test'
import { compressSync } from 'snappy'
import { Labels } from '#core'
import { encodeWriteV1 } from '#remote'
import { NOW, openWorld, write } from '../server.test-support.ts'

test('remote write takes samples, stale markers and metadata', async () => {
  await using world = await openWorld()
  const metadata = [{ family: 'up', type: 'gauge', help: 'h', unit: '' }] as const
  /** The samples of `up`, from NOW on a millisecond apart. */
  const send = (values: readonly number[], headers: Record<string, string> = {}) => {
    const labels = Labels.of({ __name__: 'up', job: 'x' })
    const message = encodeWriteV1({
      series: [{ labels, from: 0, to: values.length, histograms: [], exemplars: [] }],
      timestamps: Float64Array.from(values, (_, i) => NOW + i),
      values: Float64Array.from(values),
      metadata,
    })
    return world.get('/api/v1/write', {
      method: 'POST',
      headers: { 'content-type': 'application/x-protobuf', 'content-encoding': 'snappy', ...headers },
      body: Buffer.from(compressSync(message)),
    })
  }
  assert.equal((await send([1, 2])).status, 204)
  assert.equal(world.store.stats().samples, 2)
  assert.equal(world.metadata.get('up')?.help, 'h')
  // The first is out of order now, the second equal, the third new: it is taken all the same.
  const answer = await send([9, 2, 3])
  assert.equal(answer.status, 400)
  assert.match(
    answer.text,
    /^not taken: 1 out of order samples \(first: up\{job="x"\} at 2026.*; taken: 2 samples, 0 histograms\n$/,
  )
  assert.equal(world.store.stats().samples, 3)
  assert.equal((await send([1, 2], { 'content-type': 'application/json' })).status, 415)
  assert.equal((await send([1, 2], { 'content-encoding': 'gzip' })).status, 415)
})

test('remote write refuses what is no snappy block, and one that would unpack to gigabytes', async () => {
  await using world = await openWorld()
  const send = (body: Buffer) =>
    world.get('/api/v1/write', { method: 'POST', body, headers: { 'content-type': 'application/x-protobuf' } })
  assert.equal((await send(Buffer.from('nonsense that is no snappy'))).status, 400)
  assert.equal((await send(Buffer.alloc(0))).status, 400)
  assert.equal((await send(Buffer.from([0xff, 0xff, 0xff, 0xff, 0x0f, 1, 2, 3]))).status, 413)
  assert.equal((await send(Buffer.from(compressSync(Buffer.from([0x0a, 0x7f]))))).status, 400)
})

test('a write that never sends its body keeps no more than its place, and gives it back', async () => {
  await using world = await openWorld()
  const stuck = Array.from({ length: 4 }, () => connect(world.server.port, '127.0.0.1'))
  const head = `POST /api/v1/write HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-protobuf\r\nContent-Length: 100\r\n\r\n`
  for (const socket of stuck) socket.write(head)
  const send = () =>
    world.get('/api/v1/write', {
      method: 'POST',
      body: Buffer.from('x'),
      headers: { 'content-type': 'application/x-protobuf' },
    })
  const waiting = send()
  assert.equal((await world.get('/-/ready')).status, 200)
  for (const socket of stuck) socket.destroy()
  assert.equal((await waiting).status, 400)
})

test('federation writes the latest samples, without the stale and the old', async () => {
  await using world = await openWorld()
  world.plan = { ...world.plan, externalLabels: { region: 'eu', job: 'never' } }
  write(world, { __name__: 'b', job: 'x', path: 'a"b\n' }, [
    [NOW - 2000, 1],
    [NOW - 1000, 2.5],
  ])
  write(world, { __name__: 'a', job: 'x', instance: 'i' }, [[NOW - 1000, 1e6]])
  write(world, { __name__: 'a', job: 'gone' }, [
    [NOW - 2000, 1],
    [NOW - 1000, null],
  ])
  write(world, { __name__: 'a', job: 'old' }, [[NOW - 300_000, 1]])
  const answer = await world.get('/federate?match[]=a&match[]={job="x"}')
  assert.equal(
    answer.text,
    [
      '# TYPE a untyped',
      `a{instance="i",job="x",region="eu"} 1000000 ${NOW - 1000}`,
      '# TYPE b untyped',
      `b{job="x",path="a\\"b\\n",instance="",region="eu"} 2.5 ${NOW - 1000}`,
      '',
    ].join('\n'),
  )
  assert.match(answer.headers.get('content-type') ?? '', /^text\/plain; version=0.0.4/)
  assert.equal((await world.get('/federate')).text, '', 'nothing is asked for')
})
