import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { compressSync, uncompressSync } from 'snappy'
import { isStaleAt, Labels, type MatchOp, sameHistogram, unixMs } from '#core'
import { memoryStore } from '#storage'
import { anyHistogram, histogramOf } from '../histograms.test-support.ts'
import { decodeChunk } from './chunks.ts'
import { decodeFrames, encodeFrame } from './frames.ts'
import {
  decodeChunkedFrame,
  decodeReadRequest,
  decodeReadResponse,
  encodeReadRequest,
  type ReadQuery,
  type ReadRequest,
} from './messages.ts'
import { type ReadAnswer, type RemoteReadDeps, remoteRead } from './remote-read.ts'

const never = new AbortController().signal

function world(external: Readonly<Record<string, string>> = {}) {
  const store = memoryStore()
  const deps: RemoteReadDeps = { store, externalLabels: () => external }
  using batch = store.appender()
  for (const job of ['b', 'a']) {
    const labels = Labels.of({ __name__: 'up', job })
    for (let i = 0; i < 300; i++) batch.append(undefined, labels, unixMs(i * 1000), i)
    batch.appendStale(undefined, labels, unixMs(300_000))
  }
  const h = Labels.of({ __name__: 'h', region: 'own' })
  batch.append(undefined, h, unixMs(500), 7)
  for (let i = 1; i < 5; i++) batch.appendHistogram(undefined, h, unixMs(i * 1000), histogramOf({ counts: [i, 2 * i] }))
  batch.commit()
  return { store, deps }
}

function ask(deps: RemoteReadDeps, request: ReadRequest, signal = never): Promise<ReadAnswer> {
  return remoteRead(deps, { headers: {}, body: compressSync(encodeReadRequest(request)) }, signal)
}

function query(matchers: readonly (readonly [string, MatchOp, string])[], start = 0, end = 1e9): ReadQuery {
  return { start, end, matchers: matchers.map(([name, op, value]) => ({ name, op, value })) }
}

async function samplesOf(answer: ReadAnswer) {
  assert.ok(Buffer.isBuffer(answer.body), 'whole')
  return decodeReadResponse(uncompressSync(answer.body) as Buffer)
}

async function framesOf(answer: ReadAnswer) {
  assert.ok(!Buffer.isBuffer(answer.body), 'streamed')
  return (await Array.fromAsync(decodeFrames(answer.body))).map((bytes) => decodeChunkedFrame(bytes))
}

/** All samples of a stream, told as text. */
function told(frames: Awaited<ReturnType<typeof framesOf>>): readonly string[] {
  return frames.flatMap(({ queryIndex, series }) =>
    series.flatMap(({ labels, chunks }) =>
      chunks.flatMap((chunk) => {
        const { timestamps, values, histograms } = decodeChunk(chunk)
        return [...timestamps].map((at, i) => {
          const value = histograms?.[i]?.positive.counts.join() ?? (isStaleAt(values, i) ? 'stale' : String(values[i]))
          return `${queryIndex} ${labels} ${at} ${value}`
        })
      }),
    ),
  )
}

test('samples of all queries come whole, ordered, with stale markers and histograms', async () => {
  const { deps } = world()
  const answer = await ask(deps, {
    queries: [query([['__name__', '=', 'up']], 299_000), query([['__name__', '=~', 'h|x']]), query([])],
    accepted: [],
  })
  assert.deepEqual(answer.headers, { 'content-type': 'application/x-protobuf', 'content-encoding': 'snappy' })
  const [ups, hs, none] = await samplesOf(answer)
  assert.deepEqual(
    ups!.map(({ labels }) => String(labels)),
    ['up{job="a"}', 'up{job="b"}'],
  )
  assert.deepEqual([...ups![0]!.timestamps], [299_000, 300_000])
  assert.equal(ups![0]!.values[0], 299)
  assert.ok(isStaleAt(ups![0]!.values, 1))
  assert.deepEqual([...hs![0]!.timestamps], [500])
  assert.deepEqual(
    hs![0]!.histograms.map((one) => one.kind === 'histogram' && [one.at, one.histogram.count, one.histogram.resetHint]),
    [
      [1000, 3, 'unknown'],
      [2000, 6, 'none'],
      [3000, 9, 'none'],
      [4000, 12, 'none'],
    ],
  )
  assert.deepEqual(none, [])
})

test('chunks are streamed in frames, a series after the other, and hold the same samples', async () => {
  const { deps } = world()
  const queries = [query([['job', '!=', '']]), query([['__name__', '=', 'h']])]
  const answer = await ask(
    { ...deps, limits: { samples: 1, frameBytes: 300 } },
    { queries, accepted: [undefined, 'streamedXorChunks', 'samples'] },
  )
  assert.equal(answer.headers['content-type'], 'application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse')
  const frames = await framesOf(answer)
  assert.ok(frames.length > 3, 'a small frame does not hold a whole series')
  const lines = told(frames)
  assert.equal(lines.length, 2 * 301 + 5)
  assert.equal(lines[0], '0 up{job="a"} 0 0')
  assert.equal(lines[300], '0 up{job="a"} 300000 stale')
  assert.equal(lines[301], '0 up{job="b"} 0 0')
  assert.deepEqual(lines.slice(-2), ['1 h{region="own"} 3000 3,6', '1 h{region="own"} 4000 4,8'])
})

const anySeries = fc.array(fc.oneof(fc.double(), anyHistogram, fc.constant('stale' as const)), { maxLength: 12 })

test('both ways give what the store holds, whatever is in it', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anySeries, { maxLength: 4 }), async (list) => {
      const store = memoryStore()
      using batch = store.appender()
      for (const [i, samples] of list.entries()) {
        const labels = Labels.of({ __name__: 'm', i: String(i) })
        for (const [k, sample] of samples.entries()) {
          const at = unixMs(k * 1000 + (k % 3))
          if (sample === 'stale') batch.appendStale(undefined, labels, at)
          else if (typeof sample === 'number') batch.append(undefined, labels, at, sample)
          else batch.appendHistogram(undefined, labels, at, sample)
        }
      }
      batch.commit()
      const deps = { store, externalLabels: () => ({}) }
      const queries = [query([['__name__', '=~', '.*']], -(2 ** 50), 2 ** 50)]
      const [whole] = await samplesOf(await ask(deps, { queries, accepted: ['samples'] }))
      const frames = await framesOf(await ask(deps, { queries, accepted: ['streamedXorChunks'] }))
      using querier = store.querier(unixMs(-(2 ** 50)), unixMs(2 ** 50))
      const all = querier.select([{ name: '__name__', op: '=~', value: '.*', test: () => true }])
      assert.deepEqual(
        whole!.map(({ labels }) => labels.key),
        all.map(({ labels }) => labels.key),
      )
      for (const [i, { labels, samples }] of all.entries()) {
        const { timestamps, count, histograms } = samples()
        const instants = [...timestamps.subarray(0, count)]
        const chunks = frames.flatMap(({ series }) => series.filter((one) => one.labels.equals(labels)))
        const decoded = chunks.flatMap((one) => one.chunks).map((chunk) => decodeChunk(chunk))
        assert.deepEqual(
          decoded.flatMap((one) => [...one.timestamps]),
          instants,
        )
        const { timestamps: floats, histograms: list } = whole![i]!
        assert.deepEqual(
          [...floats, ...list.map(({ at }) => at)].toSorted((a, b) => a - b),
          instants,
        )
        const fromChunks = decoded.flatMap((one) => one.histograms ?? [])
        const stored = (histograms ?? []).slice(0, count).filter((one) => one !== undefined)
        assert.equal(fromChunks.length, stored.length)
        for (const [k, one] of stored.entries()) assert.ok(sameHistogram(one, fromChunks[k]!))
      }
    }),
    { numRuns: 50 },
  )
})

test('external labels are added where a series lacks them, and asked for as missing', async () => {
  const { deps } = world({ region: 'eu', zone: 'z' })
  const ask1 = async (...matchers: Parameters<typeof query>[0]) => {
    const [result] = await samplesOf(await ask(deps, { queries: [query(matchers)], accepted: [] }))
    return result!.map(({ labels }) => String(labels))
  }
  assert.deepEqual(await ask1(['region', '=', 'eu'], ['job', '=', 'a']), ['up{job="a", region="eu", zone="z"}'])
  assert.deepEqual(await ask1(['region', '=', 'us']), [])
  assert.deepEqual(await ask1(['region', '=', 'own']), ['h{region="own", zone="z"}'])
  assert.deepEqual(await ask1(['region', '!=', 'eu'], ['__name__', '=', 'h']), ['h{region="own", zone="z"}'])
})

test('what is wrong with a request is told: the body, a matcher, the types, the limit', async () => {
  const { deps } = world()
  const text = (answer: ReadAnswer) => `${answer.status} ${answer.body}`
  const send = (body: Uint8Array) => remoteRead(deps, { headers: {}, body }, never)
  assert.match(text(await send(Buffer.from('nonsense'))), /^400 the body is not packed as a snappy block/)
  assert.match(text(await send(Buffer.from([0xff, 0xff, 0xff, 0xff, 0x0f]))), /^413 /)
  assert.match(text(await send(compressSync(Buffer.from([0x0a, 0x7f])))), /^400 .* at byte/)
  const one = query([['__name__', '=~', '(']])
  assert.match(text(await ask(deps, { queries: [one], accepted: [] })), /^400 /)
  assert.match(text(await ask(deps, { queries: [], accepted: [undefined] })), /^400 none of the response types/)
  const limited = { ...deps, limits: { samples: 100, frameBytes: 1000 } }
  const all = { queries: [query([['job', '=', 'a']])], accepted: [] }
  assert.equal(text(await ask(limited, all)), '400 exceeded sample limit (100)\n')
})

test('a stream ends with the reason of its abort, and lets go of the store when it is returned', async () => {
  const { deps, store } = world()
  let open = 0
  const counted = {
    ...deps,
    store: {
      querier: (...span: Parameters<typeof store.querier>) => {
        const querier = store.querier(...span)
        open++
        return Object.assign(Object.create(querier), {
          select: querier.select.bind(querier),
          [Symbol.dispose]: () => void open--,
        })
      },
    } as unknown as typeof store,
  }
  const request: ReadRequest = { queries: [query([['job', '!=', '']])], accepted: ['streamedXorChunks'] }
  const controller = new AbortController()
  const aborted = (await ask(counted, request, controller.signal)).body
  const returned = (await ask(counted, request)).body
  assert.ok(!Buffer.isBuffer(aborted) && !Buffer.isBuffer(returned))
  await aborted.next()
  await returned.next()
  assert.equal(open, 2)
  controller.abort(new Error('gone'))
  await assert.rejects(aborted.next(), /gone/)
  await returned.return()
  assert.equal(open, 0)
})

test('frames come apart again wherever the stream was cut, and a changed byte is seen', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 5 }),
      fc.nat(),
      fc.infiniteStream(fc.nat(40)),
      async (messages, place, cuts) => {
        const stream = Buffer.concat(messages.map((message) => encodeFrame(message)))
        const pieces: Buffer[] = []
        for (let at = 0; at < stream.length; ) {
          const to = at + cuts.next().value! + 1
          pieces.push(stream.subarray(at, to))
          at = to
        }
        const got = await Array.fromAsync(decodeFrames(pieces))
        assert.deepEqual(
          got.map((one) => [...one]),
          messages.map((one) => [...one]),
        )
        if (stream.length === 0) return
        const changed = Buffer.from(stream)
        changed[place % stream.length]! ^= 1
        await assert.rejects(Array.fromAsync(decodeFrames([changed])), /a frame of the stream makes no sense/)
      },
    ),
  )
  assert.deepEqual(
    [...encodeFrame(Buffer.from('123456789')).subarray(0, 5)],
    [9, 0xe3, 0x06, 0x92, 0x83],
    'crc32c of RFC 3720',
  )
})

test('decode ∘ encode of a request is the identity, and any bytes are a request or an error', () => {
  const text = fc.string({ unit: 'grapheme' })
  const request: fc.Arbitrary<ReadRequest> = fc.record(
    {
      queries: fc.array(
        fc.record(
          {
            start: fc.integer({ min: -(2 ** 50), max: 2 ** 50 }),
            end: fc.integer({ min: -(2 ** 50), max: 2 ** 50 }),
            matchers: fc.array(fc.record({ name: text, op: fc.constantFrom('=', '!=', '=~', '!~'), value: text }, {})),
            hints: fc.record({
              stepMs: fc.nat(),
              func: text,
              start: fc.nat(),
              end: fc.nat(),
              grouping: fc.array(text),
              by: fc.boolean(),
              rangeMs: fc.nat(),
            }),
          },
          { requiredKeys: ['start', 'end', 'matchers'] },
        ),
        { maxLength: 4 },
      ),
      accepted: fc.array(fc.constantFrom('samples' as const, 'streamedXorChunks' as const, undefined)),
    },
    {},
  )
  fc.assert(
    fc.property(request, (given) =>
      assert.deepEqual(decodeReadRequest(encodeReadRequest(given)), structuredClone(given)),
    ),
  )
  const decoders = [decodeReadRequest, decodeReadResponse, decodeChunkedFrame]
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), fc.constantFrom(...decoders), (bytes, decode) => {
      try {
        decode(bytes)
      } catch (thrown) {
        assert.match(String(thrown), /makes no sense at byte/)
      }
    }),
    { numRuns: 2000 },
  )
})
