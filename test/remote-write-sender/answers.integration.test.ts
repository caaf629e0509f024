/**
 * What the sender makes of each answer: retries, backoff, partial writes, fallback, receivers that are broken or gone. Prometheus'
 * compliance suite for senders, against the real `assay serve`: one process sends to a receiver for each case.
 *
 * Longer than 400 lines because all cases share the one process, which sends to all of them at once.
 *
 * Source: prometheus/compliance: remotewrite/sender (retry, backoff, response, fallback, error_handling, protocol) and
 * cases/retries.go, cases/protocol_v2.go.
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { freePort } from '../support/peer-process.ts'
import {
  type Level,
  openSenderWorld,
  type Received,
  type ReceiverOf,
  type SenderWorld,
  type SentRequest,
  VERSIONS,
  type Version,
  writtenOf,
} from './world.ts'

type AnswerCase = Omit<ReceiverOf, 'name' | 'version'> & {
  readonly name: string
  readonly level: Level
  readonly versions?: readonly Version[]
  /** As many requests are waited for; 0: none can come. */
  readonly requests: number
  readonly check?: (seen: Seen) => void | Promise<void>
}
type Seen = {
  readonly requests: readonly SentRequest[]
  readonly received: Received
  readonly version: Version
  readonly metric: (name: string) => Promise<number | undefined>
  readonly until: (holds: () => boolean | Promise<boolean>) => Promise<void>
  readonly output: () => string
}

const OWN = 'prometheus_remote_storage_'
const is = (status: number) => (n: number) => (n === 0 ? { status, body: `status ${status}` } : undefined)
const same = (a: SentRequest | undefined, b: SentRequest | undefined) =>
  a !== undefined && b !== undefined && Buffer.compare(a.body, b.body) === 0
const samplesOf = (request: SentRequest | undefined) =>
  request?.message.series.reduce((sum, { samples }) => sum + samples.length, 0) ?? 0
/** No sample of the first request came again. */
const neverAgain = ({ requests }: Seen) => {
  const keys = (one: SentRequest) =>
    one.message.series.flatMap(({ labels, samples }) => samples.map(({ at }) => JSON.stringify([labels, at])))
  const lost = new Set(keys(requests[0]!))
  assert.ok(lost.size > 0)
  for (const one of requests.slice(1)) for (const key of keys(one)) assert.ok(!lost.has(key), key)
}

const RETRIES: readonly AnswerCase[] = [
  ...[400, 401, 403, 404, 405, 409, 410, 413, 422, 451].map(
    (status): AnswerCase => ({
      name: `retry/no_retry_on_${status}`,
      level: 'MUST',
      answers: is(status),
      requests: 3,
      async check(seen) {
        neverAgain(seen)
        assert.equal(await seen.metric(`${OWN}samples_failed_total`), samplesOf(seen.requests[0]))
        assert.equal(await seen.metric(`${OWN}samples_retried_total`), 0)
      },
    }),
  ),
  ...[500, 501, 502, 503, 504, 507, 599].map(
    (status): AnswerCase => ({
      name: `retry/retry_on_${status}`,
      level: 'MUST',
      answers: is(status),
      requests: 3,
      async check({ requests, metric }) {
        assert.ok(same(requests[0], requests[1]), 'byte by byte the same request')
        assert.ok(!same(requests[1], requests[2]))
        assert.equal(await metric(`${OWN}samples_failed_total`), 0)
        assert.equal(await metric(`${OWN}samples_retried_total`), samplesOf(requests[0]))
      },
    }),
  ),
  {
    name: 'protocol/no_retry_on_4xx, one after another',
    level: 'MUST',
    answers: (n) => ([400, 401, 404][n] === undefined ? undefined : { status: [400, 401, 404][n]! }),
    requests: 4,
    check({ requests }) {
      for (let i = 1; i < 4; i++) assert.ok(!same(requests[i - 1], requests[i]))
    },
  },
  {
    name: 'protocol/retry_on_500, between successes',
    level: 'MUST',
    // With another number of shards what waits would be put together anew.
    queue: 'max_shards: 1',
    answers: (n) => ([500, 0, 503, 0, 502][n] ? { status: [500, 0, 503, 0, 502][n]! } : undefined),
    requests: 7,
    check({ requests }) {
      assert.deepEqual(
        [0, 1, 2, 3, 4, 5].map((i) => same(requests[i], requests[i + 1])),
        [true, false, true, false, true, false],
      )
    },
  },
  {
    name: 'retry/may_retry_on_429, backoff/retry_after_header_respected',
    level: 'MAY',
    answers: (n) => (n === 0 ? { status: 429, headers: { 'Retry-After': '1' } } : undefined),
    requests: 2,
    check({ requests }) {
      assert.ok(same(requests[0], requests[1]))
      assert.ok(requests[1]!.atMs - requests[0]!.atMs > 700)
    },
  },
  {
    name: 'retry_on_http_429 is false where nothing else is asked for',
    level: 'MAY',
    queue: 'retry_on_http_429: false',
    answers: is(429),
    requests: 2,
    check: neverAgain,
  },
  {
    name: 'backoff/retry_after in seconds, on 503',
    level: 'MAY',
    answers: (n) => (n === 0 ? { status: 503, headers: { 'Retry-After': '1' } } : undefined),
    requests: 2,
    check: ({ requests }) => assert.ok(requests[1]!.atMs - requests[0]!.atMs > 700),
  },
  {
    name: 'backoff/retry_after as a date',
    level: 'MAY',
    answers: (n) =>
      n === 0 ? { status: 503, headers: { 'Retry-After': new Date(Date.now() + 3000).toUTCString() } } : undefined,
    requests: 2,
    // A date has no milliseconds.
    check: ({ requests }) => assert.ok(requests[1]!.atMs - requests[0]!.atMs > 1500),
  },
  {
    name: 'backoff/exponential_backoff_on_errors, backoff_required, backoff_with_jitter',
    level: 'MUST',
    queue: 'min_backoff: 80ms, max_backoff: 10s',
    answers: (n) => (n < 4 ? { status: 503 } : undefined),
    requests: 5,
    check({ requests }) {
      // Between half of the step and all of it: 600 to 1,200 ms in all. (That each is longer than the one before, and the jitter, are
      // tested with a clock turned by hand; here the first arrival may be late.)
      for (let i = 1; i < 5; i++) assert.ok(same(requests[i - 1], requests[i]))
      assert.ok(requests[4]!.atMs - requests[0]!.atMs > 400)
    },
  },
  {
    name: 'backoff/backoff_max_delay',
    level: 'SHOULD',
    queue: 'min_backoff: 10ms, max_backoff: 20ms',
    answers: (n) => (n < 20 ? { status: 502 } : undefined),
    requests: 21,
    check({ requests }) {
      assert.ok(requests[20]!.atMs - requests[0]!.atMs < 20_000, 'unbounded, the last wait alone were hours')
    },
  },
]

const RESPONSES: readonly AnswerCase[] = [
  ...[200, 202, 204].map(
    (status): AnswerCase => ({
      name: `response/handle_${status}, ignore_response_body_on_success`,
      level: 'MUST',
      answers: (_n, request) => ({
        status,
        headers: writtenOf(request),
        ...(status === 204 ? {} : { body: 'error: this is to be ignored' }),
      }),
      requests: 3,
      async check({ requests, metric }) {
        assert.ok(!same(requests[0], requests[1]))
        assert.equal(await metric(`${OWN}samples_failed_total`), 0)
      },
    }),
  ),
  {
    name: 'response/handle_partial_write_response, process_written_count_headers',
    level: 'SHOULD',
    versions: ['v2'],
    answers: (n) =>
      n === 0
        ? {
            status: 400,
            body: 'Rejected some samples',
            headers: {
              'X-Prometheus-Remote-Write-Samples-Written': '2',
              'X-Prometheus-Remote-Write-Histograms-Written': '0',
              'X-Prometheus-Remote-Write-Exemplars-Written': '0',
            },
          }
        : undefined,
    requests: 2,
    async check(seen) {
      neverAgain(seen)
      assert.equal(await seen.metric(`${OWN}samples_failed_total`), samplesOf(seen.requests[0]) - 2)
    },
  },
  {
    name: 'response/a 2xx that has not written all is told by the metrics',
    level: 'MAY',
    versions: ['v2'],
    answers: (n) => (n === 0 ? { headers: { 'X-Prometheus-Remote-Write-Samples-Written': '1' } } : undefined),
    requests: 2,
    async check(seen) {
      neverAgain(seen)
      assert.equal(await seen.metric(`${OWN}samples_failed_total`), samplesOf(seen.requests[0]) - 1)
      assert.match(seen.output(), /204, but not all was written: missing are \d+ samples, 0 histograms, 0 exemplars/)
    },
  },
  {
    name: 'response/handle_missing_written_headers: nothing was written',
    level: 'SHOULD',
    answers: is(400),
    requests: 2,
    check: async ({ metric, requests }) =>
      assert.equal(await metric(`${OWN}samples_failed_total`), samplesOf(requests[0])),
  },
  {
    name: 'response/headers of 2.0 in an answer to 1.0 mean nothing',
    level: 'MUST',
    versions: ['v1'],
    answers: () => ({ headers: { 'X-Prometheus-Remote-Write-Samples-Written': '0' } }),
    requests: 2,
    check: async ({ metric }) => assert.equal(await metric(`${OWN}samples_failed_total`), 0),
  },
  {
    name: 'response/log_error_messages_verbatim',
    level: 'MUST',
    answers: (n) => (n === 0 ? { status: 400, body: "Error: Invalid label name '__invalid__'" } : undefined),
    requests: 2,
    check: ({ output }) => assert.ok(output().includes("400: Error: Invalid label name '__invalid__'")),
  },
  {
    name: 'response/handle_large_error_body, error_handling/handle_large_error_response',
    level: 'SHOULD',
    answers: (n) => (n === 0 ? { status: 400, body: 'y'.repeat(4 * 2 ** 20) } : undefined),
    requests: 2,
    check({ output }) {
      const longest = /y+/g[Symbol.match](output())?.reduce((most, one) => Math.max(most, one.length), 0)
      assert.equal(longest, 1024, 'the beginning of it is in the log')
    },
  },
]

const refusesV2 = (_n: number, { version }: SentRequest) =>
  version === 'v2' ? { status: 415, body: 'RW 2.0 is not supported, please use RW 1.0' } : undefined

const FALLBACK: readonly AnswerCase[] = [
  {
    name: 'fallback/fallback_on_415, retry_with_different_version, fallback_header_changes, accept_success, persistent_fallback_choice',
    level: 'SHOULD',
    versions: ['v2'],
    answers: refusesV2,
    requests: 4,
    async check({ requests, metric }) {
      assert.deepEqual(
        requests.slice(0, 4).map(({ headers }) => headers['x-prometheus-remote-write-version']),
        ['2.0.0', '0.1.0', '0.1.0', '0.1.0'],
      )
      assert.equal(requests[1]?.headers['content-type'], 'application/x-protobuf')
      const told = ({ message }: SentRequest) =>
        message.series.map(({ labels, samples }) => [labels, samples.map(({ at, value }) => [at, value])])
      assert.deepEqual(told(requests[1]!), told(requests[0]!))
      assert.equal(await metric(`${OWN}samples_failed_total`), 0)
      assert.equal(await metric('assay_remote_write_fell_back'), 1)
    },
  },
  {
    name: 'error_handling/detect_broken_receiver, handle_empty_response, handle_partial_write: a 2xx without headers stands for 415',
    level: 'SHOULD',
    versions: ['v2'],
    answers: () => ({ status: 200, body: 'partial' }),
    requests: 3,
    check: ({ requests }) =>
      assert.deepEqual(
        requests.slice(0, 3).map(({ version }) => version),
        ['v2', 'v1', 'v1'],
      ),
  },
  {
    name: 'fallback/NoFallbackOn2xx',
    level: 'MUST',
    versions: ['v2'],
    answers: () => ({ headers: { 'X-Prometheus-Remote-Write-Samples-Written': '1' } }),
    requests: 4,
    check: ({ requests }) => assert.ok(requests.every(({ version }) => version === 'v2')),
  },
  {
    name: 'fallback/a 4xx but 415 is no reason to change the version',
    level: 'MUST',
    versions: ['v2'],
    answers: () => ({ status: 400 }),
    requests: 3,
    check: ({ requests }) => assert.ok(requests.every(({ version }) => version === 'v2')),
  },
]

const BROKEN: readonly AnswerCase[] = [
  {
    name: 'error_handling/connection_reset: the connection is closed without an answer',
    level: 'SHOULD',
    answers: (n) => (n === 0 ? { instead: (response) => response.socket?.destroy() } : undefined),
    requests: 2,
    check: ({ requests }) => assert.ok(same(requests[0], requests[1])),
  },
  {
    name: 'error_handling/malformed_response_body: what comes is not HTTP',
    level: 'SHOULD',
    answers: (n) =>
      n === 0 ? { instead: (response) => response.socket?.end('Not valid response headers\r\n\r\n') } : undefined,
    requests: 2,
    check: ({ requests }) => assert.ok(same(requests[0], requests[1])),
  },
  {
    name: 'error_handling/request_timeout',
    level: 'SHOULD',
    settings: 'remote_timeout: 400ms',
    answers: (n) => (n === 0 ? { instead: () => undefined } : undefined),
    requests: 2,
    check({ requests, output }) {
      assert.ok(same(requests[0], requests[1]))
      assert.match(output(), /no answer within 400 ms/)
    },
  },
  {
    name: 'error_handling/partial_write: the body of the answer is cut off',
    level: 'SHOULD',
    answers: (n, request) =>
      n === 0
        ? {
            instead(response) {
              response.writeHead(200, { ...writtenOf(request), 'content-length': '1000' }).write('part')
              setTimeout(() => response.socket?.destroy(), 20)
            },
          }
        : undefined,
    requests: 2,
    check: ({ requests }) => assert.ok(!same(requests[0], requests[1]), 'its status was the answer'),
  },
  {
    name: 'error_handling/garbage: a flood of headers',
    level: 'SHOULD',
    answers: (n) =>
      n === 0
        ? {
            instead: (response) =>
              response.socket?.end(`HTTP/1.1 204 No Content\r\n${'X-A: yyyyyyyy\r\n'.repeat(9000)}\r\n`),
          }
        : undefined,
    requests: 2,
    check: ({ requests }) => assert.ok(same(requests[0], requests[1])),
  },
  {
    name: 'error_handling/garbage: a body that never ends, behind a status',
    level: 'SHOULD',
    settings: 'remote_timeout: 5s',
    answers: (n, request) =>
      n === 0
        ? {
            instead(response) {
              response.writeHead(200, writtenOf(request))
              const more = () => {
                while (!response.destroyed && response.write('y'.repeat(65_536)));
              }
              response.on('drain', more)
              more()
            },
          }
        : undefined,
    requests: 3,
    check: ({ requests }) => assert.ok(!same(requests[0], requests[1])),
  },
  {
    name: 'error_handling/garbage: headers of 2.0 that are no numbers are none',
    level: 'SHOULD',
    versions: ['v1'],
    answers: () => ({
      status: 204,
      headers: { 'X-Prometheus-Remote-Write-Samples-Written': '-1e9', 'Retry-After': 'when pigs fly' },
    }),
    requests: 2,
    check: async ({ metric }) => assert.equal(await metric(`${OWN}samples_failed_total`), 0),
  },
  {
    name: 'error_handling/garbage: a Retry-After that is none is none',
    level: 'MAY',
    answers: (n) => (n === 0 ? { status: 503, headers: { 'Retry-After': 'when pigs fly' } } : undefined),
    requests: 2,
    check: ({ requests }) => assert.ok(same(requests[0], requests[1])),
  },
  {
    name: 'error_handling/handle_invalid_status_code: 999 is treated as a 5xx (RFC 9110, 15)',
    level: 'SHOULD',
    answers: is(999),
    requests: 2,
    check: ({ requests }) => assert.ok(same(requests[0], requests[1])),
  },
  {
    name: 'error_handling/sender_continues_after_errors',
    level: 'MUST',
    queue: 'min_backoff: 10ms, max_backoff: 10ms',
    answers: () => ({ status: 500, body: 'Internal server error' }),
    requests: 30,
    check: ({ requests }) => assert.ok(requests.every((one) => same(one, requests[0]))),
  },
  {
    name: 'redirects/307 and 308 are followed on the host, with the body',
    level: 'SHOULD',
    answers: (n) => (n === 0 ? { status: 307, headers: { location: '?again=1' } } : undefined),
    requests: 2,
    check: ({ requests }) => assert.ok(same(requests[0], requests[1])),
  },
  ...[301, 302, 303].map(
    (status): AnswerCase => ({
      name: `redirects/${status} would lose the body and is final`,
      level: 'SHOULD',
      answers: (n) => (n === 0 ? { status, headers: { location: '?again=1' } } : undefined),
      requests: 2,
      check: neverAgain,
    }),
  ),
]

/** Where nobody answers: what waits is kept and tried again, and the process lives on. */
const NOWHERE: readonly (Pick<AnswerCase, 'name' | 'level'> & {
  readonly url: (port: number, host: string) => string
})[] = [
  { name: 'error_handling/connection_refused', level: 'SHOULD', url: (port) => `http://127.0.0.1:${port}/w` },
  { name: 'error_handling/dns_resolution_failure', level: 'SHOULD', url: () => 'http://nonexistent.invalid:9999/w' },
  { name: 'error_handling/tls_handshake_failure', level: 'SHOULD', url: (port) => `https://127.0.0.1:${port}/w` },
]

const CASES = [...RETRIES, ...RESPONSES, ...FALLBACK, ...BROKEN].flatMap((one, i) =>
  (one.versions ?? VERSIONS).map((version) => ({ ...one, version, receiver: `r${i}${version}` })),
)

describe('what the sender makes of each answer', () => {
  let world: SenderWorld
  before(async () => {
    const port = await freePort()
    world = await openSenderWorld({
      // Two requests a second from each: a sample that is not sent again is soon followed by the next one.
      interval: '500ms',
      // Some receivers never take anything: the end need not wait for them.
      args: ['--storage.remote.flush-deadline=100ms'],
      jobs: [{ name: 'tick', page: (n) => `# TYPE test_metric gauge\ntest_metric ${n}\n# EOF\n` }],
      receivers: [
        ...CASES.map(({ receiver, version, ...rest }) => ({ ...rest, name: receiver, version })),
        ...NOWHERE.map(({ url }, i) => ({ name: `nowhere${i}`, version: 'v2' as const, url: url(port, '') })),
      ],
    })
  })
  after(() => world[Symbol.asyncDispose]())

  for (const { name, level, version, receiver, requests: wanted, check } of CASES) {
    test(`${version}, ${level}: ${name}`, async () => {
      const received = world.received(receiver)
      const { requests } = received
      await world.until(() => requests.length >= wanted, `${name}: ${requests.length} requests`)
      await check?.({
        requests: requests.slice(0, Math.max(wanted, 2)),
        received,
        version,
        metric: (metric) => world.metric(metric, receiver),
        until: (holds) => world.until(holds, name),
        output: world.served.output,
      })
    })
  }

  for (const [i, { name, level }] of NOWHERE.entries()) {
    test(`${level}: ${name}`, async () => {
      const metric = (one: string) => world.metric(OWN + one, `nowhere${i}`)
      await world.until(async () => ((await metric('samples_retried_total')) ?? 0) > 10, name)
      await world.until(async () => ((await metric('samples_pending')) ?? 0) > 0, name)
      assert.equal(await metric('samples_failed_total'), 0)
      assert.equal((await fetch(`${world.served.url}/-/healthy`)).status, 200)
    })
  }
})
