/**
 * How samples travel: headers, batches, lanes, order, and the end of the process. Prometheus' compliance suite for senders, against the
 * real `assay serve`.
 *
 * Source: prometheus/compliance: remotewrite/sender (protocol, batching, rw1_compat, edge_cases) and cases/headers.go,
 * cases/ordering.go, cases/protocol_v2.go, cases/timestamps.go.
 */
import assert from 'node:assert/strict'
import type { ServerResponse } from 'node:http'
import { after, before, describe, test } from 'node:test'
import { uncompressSync } from 'snappy'
import { MESSAGES, openSenderWorld, type SenderWorld, type SentRequest, VERSIONS, writtenOf } from './world.ts'

const SERIES = 12_000
const large = `${Array.from({ length: SERIES }, (_, i) => `load{label="${i}"} 1`).join('\n')}\n# EOF\n`
const middling = `${Array.from({ length: 1000 }, (_, i) => `test{i="${i}"} 1`).join('\n')}\n# EOF\n`

/** Requests under way at once, by receiver; answers come after a while that is no two times the same. */
const underWay = new Map<string, { now: number; most: number; count: number }>()
const slowly = (name: string) => (n: number, request: SentRequest) => {
  const state = underWay.get(name) ?? { now: 0, most: 0, count: 0 }
  underWay.set(name, state)
  state.now++
  state.most = Math.max(state.most, state.now)
  return {
    instead(response: ServerResponse) {
      setTimeout(
        () => {
          state.now--
          state.count++
          response.writeHead(204, writtenOf(request)).end()
        },
        20 + ((n * 7919) % 280),
      )
    },
  }
}

describe('how samples travel', () => {
  let world: SenderWorld
  const start = Date.now()
  before(async () => {
    world = await openSenderWorld({
      args: ['--storage.remote.flush-deadline=100ms'],
      jobs: [
        { name: 'test', page: (n) => `test_metric ${n}\n# EOF\n` },
        { name: 'large', page: large, settings: 'scrape_interval: 3s' },
        { name: 'middling', page: middling },
      ],
      receivers: [
        ...VERSIONS.map((version) => ({
          name: `plain-${version}`,
          version,
          jobs: 'test',
          settings: 'headers: { X-Scope-OrgID: shop, X-Own: "1" }',
        })),
        { name: 'defaults', version: 'v2', jobs: 'test', queue: 'batch_send_deadline: 5s' },
        { name: 'large', version: 'v2', jobs: 'large', queue: 'capacity: 20000' },
        { name: 'small', version: 'v1', jobs: 'middling', queue: 'max_samples_per_send: 100, batch_send_deadline: 1h' },
        {
          name: 'one-lane',
          version: 'v2',
          jobs: 'middling',
          queue: 'max_shards: 1, max_samples_per_send: 500, capacity: 100000',
          answers: slowly('one-lane'),
        },
        {
          name: 'lanes',
          version: 'v1',
          jobs: 'middling',
          queue: 'min_shards: 6, max_shards: 6, max_samples_per_send: 100, capacity: 100000',
          answers: slowly('lanes'),
        },
      ],
    })
  })
  after(() => world[Symbol.asyncDispose]())

  for (const version of VERSIONS) {
    const requests = async (count = 1) => {
      const { requests: all } = world.received(`plain-${version}`)
      await world.until(() => all.length >= count, `${count} requests`)
      return all
    }
    test(`${version}, MUST: protocol/post_method, body, snappy_block_format, protobuf_parseable`, async () => {
      const [request] = await requests()
      assert.equal(request?.method, 'POST')
      assert.ok(request.body.length > 0)
      assert.notDeepEqual(
        request.body.subarray(0, 10),
        Buffer.from([0xff, 6, 0, 0, 0x73, 0x4e, 0x61, 0x50, 0x70, 0x59]),
      )
      const bytes = Buffer.from(uncompressSync(request.body, { asBuffer: true }))
      for (const word of ['timeseries:', 'samples:', 'labels:', 'metadata:']) assert.ok(!bytes.includes(word), word)
    })

    test(`${version}, MUST: cases/Headers, protocol/content_type, content_encoding, version_header, user_agent`, async () => {
      for (const { headers } of await requests()) {
        assert.equal(headers['content-encoding'], 'snappy')
        assert.equal(
          headers['content-type'],
          version === 'v1' ? 'application/x-protobuf' : `application/x-protobuf;proto=${MESSAGES.v2}`,
        )
        assert.equal(headers['x-prometheus-remote-write-version'], version === 'v1' ? '0.1.0' : '2.0.0')
        assert.match(headers['user-agent'] ?? '', /^[A-Za-z0-9_-]+\/[\d.]+/)
        assert.deepEqual([headers['x-scope-orgid'], headers['x-own']], ['shop', '1'])
      }
    })

    test(`${version}, MUST: cases/Timestamp: within the test, and never back`, async () => {
      await requests(4)
      let last = start
      for (const { samples } of world.received(`plain-${version}`).of('test_metric')) {
        assert.ok(samples[0]!.at >= last && samples[0]!.at <= Date.now())
        last = samples[0]!.at
      }
    })
  }

  test('v2, RECOMMENDED: batching/multiple_series_per_request, time_based_flush: what comes within the deadline goes together', async () => {
    const { requests } = world.received('defaults')
    await world.until(() => requests.length >= 2, 'two requests')
    const [first] = requests
    // A scrape a second, five seconds a batch; each sample is a series of its own, as the suite counts them.
    assert.ok(first!.message.series.length > 10)
    assert.ok(first!.message.series.every(({ samples }) => samples.length === 1))
    assert.ok(requests[1]!.atMs - first!.atMs > 3000)
  })

  test('v2, RECOMMENDED: batching/batch_size_reasonable, edge_cases/many_timeseries, RobustnessUnderLoad', async () => {
    const received = world.received('large')
    const sizesOf = () => received.requests.map(({ message }) => message.series.length)
    // Where the machine is busy the deadline may come before a batch is full.
    const full = () => sizesOf().filter((size) => size === 2000).length
    await world.until(() => received.of('load').length >= SERIES && full() >= 6, 'six full batches')
    const sizes = sizesOf()
    assert.ok(
      sizes.every((size) => size >= 1 && size <= 2000),
      `${sizes}`,
    )
  })

  test('v1, SHOULD: batching/size_based_flush: a full batch waits for no deadline', async () => {
    const { requests } = world.received('small')
    await world.until(() => requests.length >= 12, 'twelve requests')
    assert.ok(requests.every(({ message }) => message.series.length === 100))
  })

  test('v2, MUST: cases/Ordering: one lane has one request under way, and no sample overtakes another', async () => {
    const received = world.received('one-lane')
    await world.until(() => received.requests.length >= 8, 'eight requests')
    assert.equal(underWay.get('one-lane')?.most, 1)
    assertInOrder(received.requests)
  })

  test('v1, MAY: batching/ConcurrentRequests: lanes send in parallel, each series in its own order', async () => {
    const received = world.received('lanes')
    await world.until(() => received.requests.length >= 60, 'sixty requests')
    assert.ok((underWay.get('lanes')?.most ?? 0) > 1)
    assertInOrder(received.requests)
    // A lane begins a request when the one before is answered, so that a series never has two under way.
    assert.ok((underWay.get('lanes')?.most ?? 0) <= 6)
  })
})

for (const version of VERSIONS) {
  test(`${version}, SHOULD: graceful shutdown: what still waits is sent before the process ends`, async () => {
    await using world = await openSenderWorld({
      jobs: [{ name: 'test', page: (n) => `test_metric ${n}\n# EOF\n` }],
      receivers: [{ name: 'far', version, queue: 'batch_send_deadline: 1h' }],
    })
    await world.until(() => world.scrapes('test') >= 3, 'three scrapes')
    await world.until(
      async () => ((await world.metric('prometheus_remote_storage_samples_pending', 'far')) ?? 0) >= 18,
      '18',
    )
    assert.equal(world.received('far').requests.length, 0)
    assert.equal(await world.served.stop(), 0)
    const values = world
      .received('far')
      .of('test_metric')
      .map(({ samples }) => samples[0]?.value)
    assert.deepEqual(values.slice(0, 3), [0, 1, 2])
  })
}

/** How long the end took while the receiver took nothing. */
async function endMs(...args: readonly string[]): Promise<number> {
  await using world = await openSenderWorld({
    args,
    jobs: [{ name: 'test', page: 'test_metric 1\n# EOF\n' }],
    receivers: [{ name: 'far', version: 'v2', answers: () => ({ status: 503 }) }],
  })
  const { requests } = world.received('far')
  await world.until(() => requests.length > 2, 'three requests')
  const before = performance.now()
  assert.equal(await world.served.stop(), 0)
  return performance.now() - before
}

test('SHOULD: graceful shutdown: a receiver that takes nothing is waited for as long as the deadline says, where memory alone holds what waits', async () => {
  const tookMs = await endMs('--storage.remote.flush-deadline=1s', '--remote-write-spool-size=0')
  assert.ok(tookMs > 900 && tookMs < 15_000, `${tookMs} ms`)
})

test('SHOULD: graceful shutdown: nobody waits for a receiver that takes nothing when what waits is on disk', async () => {
  const tookMs = await endMs('--storage.remote.flush-deadline=1m')
  assert.ok(tookMs < 15_000, `${tookMs} ms`)
})

function assertInOrder(requests: readonly SentRequest[]): void {
  const last = new Map<string, number>()
  for (const { message } of requests)
    for (const { labels, samples } of message.series) {
      const key = JSON.stringify(labels)
      const at = samples[0]!.at
      assert.ok((last.get(key) ?? 0) < at, key)
      last.set(key, at)
    }
}
