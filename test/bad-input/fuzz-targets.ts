/**
 * What is fuzzed: each target takes one random input and throws when it was taken wrongly. The test and `scripts/fuzz.ts` run
 * this one list.
 *
 * - A refusal is an `AssayError` or an answer with a status; anything else that is thrown is a fault, and so is `BUG:`.
 * - A target opens what it needs anew for each batch of inputs, so that a fault depends on its seed and not on what came before.
 */
import assert from 'node:assert/strict'
import { compressSync } from 'snappy'
import { AnswerReader, AssayError, BodyPool, FEATURES, ManualClock, METRIC_NAME, type Random, unixMs } from '#core'
import { createEngine, formatExpr, type ParseError, parse, prettyExpr, QueryError } from '#promql'
import {
  DEFAULT_OTLP_SETTINGS,
  DeltaToCumulative,
  decodeChunk,
  decodeChunkedFrame,
  decodeFrames,
  decodeReadResponse,
  noOtlp,
  receiveOtlp,
  remoteRead,
  WriteReceiver,
} from '#remote'
import { type ExpositionFormat, parseExposition } from '#scrape'
import { MetadataStore, memoryStore } from '#storage'
import { live } from '../../src/scrape/known-life.test-support.ts'
import { openWorld, targetStatus } from '../../src/server/server.test-support.ts'
import { SPAN_MS, START_MS } from '../prometheus/data-set.ts'
import { QueryGenerator } from '../prometheus/query-generator.ts'
import { print } from '../prometheus/query-tree.ts'
import { Random as QueryRandom } from '../prometheus/random.ts'
import * as good from './good-input.ts'

/** Takes one input. Throws for a fault. */
export type Target = (random: Random) => Promise<void>

/** Opens a target; what it opened goes with `owned`. */
type Open = (owned: AsyncDisposableStack) => Promise<Target>

export const TARGETS: Readonly<Record<string, Open>> = {
  promql,
  text: exposition('text', [Buffer.from(good.TEXT_PAGE)]),
  openmetrics: exposition('openmetrics', [Buffer.from(good.OPENMETRICS_PAGE)]),
  protobuf: exposition('protobuf', [good.PROTOBUF_PAGE]),
  'remote-write': remoteWrite,
  'remote-read': read,
  'http-answer': httpAnswer,
  'known-page': async () => async (random) => void (await live(random)),
  snappy,
  'otlp-proto': otlp('application/x-protobuf', good.OTLP_PROTO),
  'otlp-json': otlp('application/json', good.OTLP_JSON),
  query,
}

/** Lets an expected refusal pass. */
function refused(thrown: unknown): void {
  if (!(thrown instanceof AssayError)) throw thrown
  assert.ok(!thrown.message.startsWith('BUG:'), thrown.message)
}

/** Parsed, printed, and evaluated within small limits over series of every kind. */
async function promql(): Promise<Target> {
  const corpus = good.expressions()
  const words = corpus.flatMap((text) => text.match(/\w+|"[^"]*"|[^\s\w]/g) ?? [])
  const store = good.oddStore()
  const features = new Set(FEATURES)
  const engine = createEngine({
    store: (start, end) => store.querier(unixMs(start), unixMs(end)),
    features,
    limits: { maxSamples: 20_000 },
  })
  return async (random) => {
    const { int, pick, damage } = random
    const generator = new QueryGenerator(new QueryRandom(int(2 ** 31)), features)
    const text = pick([
      () => damage(Buffer.from(pick(corpus))).toString(),
      () => damage(Buffer.from(print(generator.question().tree))).toString(),
      () => print(generator.question().tree),
      () => Array.from({ length: int(12) + 1 }, () => pick(words)).join(pick(['', ' '])),
      () => Buffer.from(Array.from({ length: int(40) }, () => int(256))).toString(),
    ])()
    try {
      const expr = parse(text, features)
      formatExpr(expr)
      prettyExpr(expr)
    } catch (thrown) {
      refused(thrown)
      assert.equal((thrown as ParseError).code, 'ASSAY_PROMQL_PARSE', String(thrown))
      return
    }
    const start = unixMs(pick([START_MS + int(SPAN_MS), START_MS + SPAN_MS, 0, -8.64e15, 8.64e15]))
    const when = pick([
      { at: start },
      { start, end: unixMs(start + int(20) * 60_000), stepMs: pick([1, 1000, 15_000, 61_001, 1e15]) },
    ])
    try {
      const answer = await engine.query(text, when)
      for (const note of [...answer.warnings, ...answer.infos]) assert.equal(typeof note, 'string')
    } catch (thrown) {
      refused(thrown)
      assert.ok(thrown instanceof QueryError || (thrown as AssayError).code === 'ASSAY_PROMQL_PARSE', String(thrown))
    }
  }
}

/** A page is read whole or refused, and every series of it has a name. */
function exposition(format: ExpositionFormat, pages: readonly Buffer[]): Open {
  return async () =>
    async ({ damage, pick }) => {
      const flag = () => pick([true, false])
      const options = {
        startTimes: flag(),
        convertClassic: flag(),
        keepClassic: flag(),
        nativeHistograms: flag(),
        typeAndUnitLabels: flag(),
      }
      try {
        const page = parseExposition(damage(pick(pages)), { format, maxSamples: 1000, ...options })
        for (let i = 0; i < page.count; i++) assert.notEqual(page.labels(i).get(METRIC_NAME), '')
      } catch (thrown) {
        refused(thrown)
        assert.match((thrown as AssayError).code, /^ASSAY_(PROTO|SCRAPE_)/)
      }
    }
}

const BODY = 'a 1\nb{c="d"} 2\n'.repeat(20)
const ANSWERS = [
  `HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: ${BODY.length}\r\n\r\n${BODY}`,
  `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n64\r\n${BODY.slice(0, 100)}\r\n1\r\na\r\n0\r\n\r\n`,
  `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\n${BODY}`,
].map((text) => Buffer.from(text))

/** An answer is read the same in whatever pieces it comes, and never beyond its limit. */
async function httpAnswer(): Promise<Target> {
  const limit = 300
  const pool = new BodyPool()
  const read = (pieces: readonly Buffer[]) => {
    const reader = new AnswerReader(pool)
    reader.begin(limit)
    for (const piece of pieces) reader.push(piece, piece.length)
    const state = reader.end()
    assert.ok(reader.size < limit)
    const { body, release } = reader.takeBody()
    const text = state === 'done' ? body.toString('latin1') : ''
    release()
    return { state, text, head: reader.head }
  }
  return async ({ damage, int, pick }) => {
    const bytes = damage(pick(ANSWERS))
    const places = Array.from({ length: int(6) }, () => int(bytes.length + 1)).sort((a, b) => a - b)
    const pieces = [0, ...places].map((from, i) => bytes.subarray(from, places[i] ?? bytes.length))
    assert.deepEqual(read(pieces), read([bytes]))
  }
}

const V1 = { 'content-type': 'application/x-protobuf', 'content-encoding': 'snappy' }
const V2 = {
  'content-type': 'application/x-protobuf;proto=io.prometheus.write.v2.Request',
  'content-encoding': 'snappy',
  'x-prometheus-remote-write-version': '2.0.0',
}

/** A receiver of its own for one input: a store that fills would make what follows depend on what was. */
function receiver() {
  return { clock: new ManualClock(good.NOW), store: memoryStore(), metadata: new MetadataStore() }
}

async function remoteWrite(): Promise<Target> {
  return async ({ damage, pick }) => {
    const [headers, message] = pick([
      [V1, good.WRITE_V1],
      [V2, good.WRITE_V2],
      [V1, good.WRITE_V2],
      [V2, good.WRITE_V1],
    ] as const)
    const body = Buffer.from(compressSync(damage(message)))
    const { status, body: said } = await new WriteReceiver(receiver()).receive({ headers, body })
    checkAnswer(status, said)
  }
}

/** Damage behind the packing: lengths that lie, copies from nowhere. */
async function snappy(): Promise<Target> {
  const packed = [good.WRITE_V1, good.WRITE_V2].map((message) => Buffer.from(compressSync(message)))
  // Long copies unfold to much more than they take.
  packed.push(Buffer.from(compressSync(Buffer.alloc(1_000_000, 'a'))))
  return async ({ damage, pick }) => {
    const request = { headers: pick([V1, V2]), body: damage(pick(packed)) }
    const { status, body: said } = await new WriteReceiver(receiver()).receive(request)
    checkAnswer(status, said)
    const answer = await remoteRead({ store: memoryStore(), externalLabels: () => ({}) }, request, never)
    assert.ok(answer.status < 500)
  }
}

const never = new AbortController().signal

function checkAnswer(status: number, said: string): void {
  assert.ok(status < 500, `${status} ${said}`)
  assert.ok(status < 300 || said.length > 0, 'a refusal has words')
  assert.ok(!said.includes('BUG:') && said.length < 10_000, said)
}

/** The request of an asker, and the answers that an asker reads. */
async function read(): Promise<Target> {
  const store = good.oddStore()
  const deps = { store, externalLabels: () => ({ region: 'eu' }), limits: { samples: 5000, frameBytes: 4096 } }
  const asked = async (message: Uint8Array) => {
    const { status, body } = await remoteRead(deps, { headers: {}, body: Buffer.from(compressSync(message)) }, never)
    assert.ok(status < 500, `${status}`)
    return Buffer.isBuffer(body) ? body : Buffer.concat(await Array.fromAsync(body))
  }
  const frames = await asked(good.READ_REQUEST)
  return async ({ damage, pick }) => {
    const how = pick(['request', 'frames', 'frame', 'response'] as const)
    if (how === 'request') {
      await asked(damage(good.READ_REQUEST))
      return
    }
    try {
      if (how === 'response') decodeReadResponse(damage(pick([good.WRITE_V1, good.READ_REQUEST])))
      else {
        const source = how === 'frames' ? damage(frames.subarray(0, 20_000)) : frames.subarray(0, 20_000)
        for await (const message of decodeFrames([source])) {
          const { series } = decodeChunkedFrame(how === 'frame' ? damage(message) : message)
          for (const { chunks } of series) for (const chunk of chunks) decodeChunk(chunk)
        }
      }
    } catch (thrown) {
      refused(thrown)
    }
  }
}

function otlp(contentType: string, bodies: readonly Buffer[]): Open {
  return async () =>
    async ({ damage, pick }) => {
      const flag = () => pick([true, false])
      const own = receiver()
      const deps = {
        ...own,
        settings: () => DEFAULT_OTLP_SETTINGS,
        lookbackMs: 300_000,
        typeAndUnitLabels: flag(),
        takesDeltas: flag(),
        zeroAtStart: flag(),
        ...(flag() ? { deltas: new DeltaToCumulative(own.clock) } : {}),
      }
      const body = damage(pick(bodies))
      const answer = await receiveOtlp(deps, { headers: { 'content-type': contentType }, body }, noOtlp())
      assert.ok(answer.status < 500, `${answer.status} ${answer.body}`)
      assert.ok(!String(answer.body).includes('BUG:'), String(answer.body))
    }
}

const PATHS = [
  ...['query', 'query_range', 'query_exemplars', 'format_query', 'parse_query', 'labels', 'series', 'metadata'],
  ...['label/job/values', 'targets', 'targets/metadata', 'rules', 'alerts', 'status/tsdb', '../../federate'],
  ...['features', 'targets/relabel_steps', 'status/self_metrics', 'status/tsdb/blocks', '../../version'],
]
const PARAMETERS =
  'query time start end step timeout limit match[] metric type match_target state stats lookback_delta metric_name_pattern labels scrapePool'.split(
    ' ',
  )
const VALUES = [
  ...['up', '{job=~".*"}', '{__name__="up"}', 'rate(up[1m])', 'topk(1, up)', '"text"', 'up[5m]', ''],
  ...['1', '-1', '0', '1e308', 'NaN', 'Inf', '5m', '1x', '9e99', '0.0000001', '2026-01-02T03:04:05Z', 'all'],
  ...['-292273086-05-16T16:47:06Z', '292277025-08-18T07:12:54.999999999Z', '9223372036854775807', '1ms', '1y'],
]

/** Questions over HTTP: whatever the parameters, an answer or a refusal. */
async function query(owned: AsyncDisposableStack): Promise<Target> {
  const store = good.oddStore()
  const { query: ask } = createEngine({
    store: (start, end) => store.querier(unixMs(start), unixMs(end)),
    limits: { maxSamples: 20_000 },
  })
  const world = owned.use(await openWorld({ query: ask, deps: { store } }))
  world.targets.push(targetStatus('shop'))
  return async ({ damage, int, pick }) => {
    const params = new URLSearchParams()
    for (let i = int(6); i > 0; i--) {
      const value = pick(VALUES)
      params.append(pick(PARAMETERS), pick([() => value, () => damage(Buffer.from(value)).toString()])())
    }
    const path = `/api/v1/${pick(PATHS)}`
    const { status, text, json } = pick([true, false])
      ? await world.get(path, { method: 'POST', body: params })
      : await world.get(`${path}?${params}`)
    // A timeout of nothing has passed at once, as in Prometheus.
    assert.ok(
      status < 500 || json?.errorType === 'timeout' || text.includes('query timed out'),
      `${status} ${path}?${params} ${text}`,
    )
    if (json !== undefined) assert.equal(json.status, status === 200 ? 'success' : 'error')
  }
}
