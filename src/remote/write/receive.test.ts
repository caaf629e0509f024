import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AssayError, Labels, matcher, unixMs } from '#core'
import { memoryStore, type Store } from '#storage'
import { histogramOf } from '../histograms.test-support.ts'
import { MAX_AHEAD_MS } from '../refusals.ts'
import { encodeWriteV1 } from './encode-v1.ts'
import { NOW, openBench, requestV2, V1_HEADERS, V2_HEADERS, writtenOf } from './requests.test-support.ts'
import { WRITE_LIMITS } from './write-limits.ts'

const at = (offset: number, value: number, startAt = 0) => ({ at: NOW + offset, value, startAt })

function read(store: Store, name: string) {
  using querier = store.querier(unixMs(NOW - 1e9), unixMs(NOW + 1e9))
  const samples = querier.select([matcher('__name__', '=', name)])[0]?.samples()
  if (samples === undefined) return undefined
  const { timestamps, values, count, starts, histograms } = samples
  return { timestamps: [...timestamps.slice(0, count)], values: [...values.slice(0, count)], starts, histograms }
}

test('samples, start timestamps, histograms and metadata reach their stores', async () => {
  const { store, metadata, receiver, send } = openBench()
  const histogram = histogramOf({ counts: [1, 2], sum: 3 })
  const answer = await send(
    requestV2([
      {
        labels: ['__name__', 'c'],
        samples: [at(0, 1, NOW - 60_000), at(1000, 2)],
        metadata: { type: 1, help: 'C.', unit: '' },
      },
      { labels: ['__name__', 'h'], histograms: [{ at: NOW, histogram, startAt: NOW - 5 }] },
    ]),
  )
  assert.equal(answer.status, 204)
  assert.deepEqual(writtenOf(answer), [2, 1, 0])
  assert.deepEqual([...read(store, 'c')!.starts!], [NOW - 60_000, 0])
  assert.equal(read(store, 'h')?.histograms?.[0]?.count, 3)
  assert.equal(metadata.get('c')?.type, 'counter')
  const { samples, histograms, withoutMetadata } = receiver.counts
  assert.deepEqual([samples, histograms, withoutMetadata], [2, 1, 1])
})

test('of a partial write the rest is taken, floats and histograms are counted apart, and the message names the first', async () => {
  const { store, receiver, send } = openBench()
  const h = histogramOf({ counts: [1] })
  await send(requestV2([{ labels: ['__name__', 'h'], histograms: [{ at: NOW, histogram: h }] }]))
  const answer = await send(
    requestV2([
      {
        labels: ['__name__', 'h'],
        histograms: [
          { at: NOW - 1, histogram: h },
          { at: NOW + 1, histogram: h },
        ],
      },
      { labels: ['__name__', 'c'], samples: [at(0, 1), at(-1, 1), at(1, 1)] },
      { labels: ['x', '1'], samples: [at(0, 1)] },
    ]),
  )
  assert.equal(answer.status, 400)
  assert.deepEqual(writtenOf(answer), [2, 1, 0])
  assert.match(
    answer.body,
    /^not taken: 2 out of order samples \(first: h at 2023-11-14T.*\); 1 for a series without __name__: \{x="1"\}; taken: 2 samples, 1 histograms\n$/,
  )
  assert.equal(store.stats().samples, 4)
  assert.deepEqual([...receiver.counts.rejected].filter(([, count]) => count > 0).sort(), [
    ['invalid-labels', 1],
    ['out-of-order', 2],
  ])
})

test('the same request again is written again: senders repeat what they do not know the fate of', async () => {
  const { send } = openBench()
  const request = requestV2(['c', 'd'].map((name) => ({ labels: ['__name__', name], samples: [at(0, 1)] })))
  await send(request)
  const again = await send(request)
  assert.equal(again.status, 204)
  assert.deepEqual(writtenOf(again), [2, 0, 0])
})

test('samples more than ten minutes ahead are refused, so that a wrong clock blocks no series', async () => {
  const { store, send } = openBench()
  const answer = await send(
    requestV2([{ labels: ['__name__', 'c'], samples: [at(MAX_AHEAD_MS, 1), at(MAX_AHEAD_MS + 1, 1)] }]),
  )
  assert.equal(answer.status, 400)
  assert.match(answer.body, /1 samples whose timestamp is too far in the future/)
  assert.deepEqual(read(store, 'c')?.timestamps, [NOW + MAX_AHEAD_MS])
})

test('exemplars go to their store; one that is refused is told in a 400 of 2.0, and fails nothing of 1.0', async () => {
  const seen: string[] = []
  const exemplars = {
    append(series: Labels, { labels, at: when }: { readonly labels: Labels; readonly at: number }) {
      seen.push(`${series} ${labels} ${when - NOW}`)
      return when < NOW ? 'out-of-order' : undefined
    },
  }
  const { receiver, send } = openBench({ exemplars })
  const offsets = [0, -1, MAX_AHEAD_MS + 1]
  const answer = await send(
    requestV2([
      {
        labels: ['__name__', 'c'],
        samples: [at(0, 1)],
        exemplars: offsets.map((offset) => ({ labels: ['t', 'x'], value: 1, at: NOW + offset })),
      },
    ]),
  )
  assert.equal(answer.status, 400)
  assert.match(
    answer.body,
    /^not taken: 1 exemplars \(out of order exemplar\); 1 exemplars \(samples whose timestamp is too far/,
  )
  assert.match(answer.body, /; taken: 1 samples, 0 histograms$/m)
  assert.deepEqual(writtenOf(answer), [1, 0, 1])
  assert.deepEqual(seen, ['c {t="x"} 0', 'c {t="x"} -1'])
  assert.equal(receiver.counts.exemplars, 1)

  const old = encodeWriteV1({
    series: [
      {
        labels: Labels.of({ __name__: 'd' }),
        from: 0,
        to: 1,
        histograms: [],
        exemplars: offsets.map((offset) => ({ labels: Labels.of({ t: 'x' }), value: 1, at: NOW + offset })),
      },
    ],
    timestamps: Float64Array.of(NOW),
    values: Float64Array.of(1),
    metadata: [],
  })
  assert.equal((await send(old, V1_HEADERS)).status, 204)
})

test('a store that refuses as a whole is a 503 with nothing written: sending again can help', async () => {
  const real = memoryStore()
  const full: Store = {
    ...real,
    appender: () => {
      const appender = real.appender()
      return {
        append: (...args) => appender.append(...args),
        appendHistogram: (...args) => appender.appendHistogram(...args),
        appendStale: (...args) => appender.appendStale(...args),
        appendKnown: (...args) => appender.appendKnown(...args),
        appendStaleKnown: (...args) => appender.appendStaleKnown(...args),
        labelsOf: (...args) => appender.labelsOf(...args),
        commit: () => {
          throw new AssayError('ASSAY_STORE_WRITE', 'no space left on the device')
        },
        [Symbol.dispose]: () => appender[Symbol.dispose](),
      }
    },
  }
  const answer = await openBench({ store: full }).send(
    requestV2([{ labels: ['__name__', 'c'], samples: [at(0, 1)] }, { labels: ['bad', '1'] }]),
  )
  assert.equal(answer.status, 503)
  assert.deepEqual(writtenOf(answer), [0, 0, 0])
  assert.equal(answer.body, 'no space left on the device\n')
})

test('bodies that are none are refused with what is wrong, and an empty message is an empty success', async () => {
  const { send, sendBody } = openBench()
  const cases: readonly (readonly [Buffer, number, RegExp])[] = [
    [Buffer.alloc(0), 400, /not packed as a snappy block/],
    [Buffer.from('nonsense that is no snappy'), 400, /not packed as a snappy block/],
    [Buffer.from([0xff, 0xff, 0xff, 0xff, 0x0f, 1, 2, 3]), 413, /unpacks to \d+ bytes, more than/],
    [Buffer.from([0x05, 0x00]), 400, /not packed as a snappy block/],
  ]
  for (const [body, status, why] of cases) {
    const answer = await sendBody(body)
    assert.equal(answer.status, status)
    assert.match(answer.body, why)
    assert.deepEqual(writtenOf(answer), [0, 0, 0])
  }
  assert.equal((await sendBody(Buffer.from([0]))).status, 204)
  const cut = await send(Buffer.from([0x2a, 0x7f]))
  assert.equal(cut.status, 400)
  assert.match(cut.body, /^the body is no remote write 2.0 message: the message makes no sense at byte 2: /)
})

test('the content type chooses the message, and what it says otherwise is told', async () => {
  const { send } = openBench()
  const one = requestV2([{ labels: ['__name__', 'c'], samples: [at(0, 1)] }])
  const status = async (type: string) => (await send(one, { ...V2_HEADERS, 'content-type': type })).status
  assert.equal(await status('Application/x-protobuf; Proto="io.prometheus.write.v2.Request"; charset=utf-8'), 204)
  assert.equal(await status('application/x-protobuf;proto=prometheus.WriteRequest'), 204)
  assert.equal(await status(''), 204)
  for (const wrong of [
    'application/x-protobuf;proto=io.prometheus.write.v3.Request',
    'application/x-protobuf;proto',
    'text/plain',
  ])
    assert.equal(await status(wrong), 415)
  assert.equal(
    (await send(one, { 'content-type': V1_HEADERS['content-type'] })).status,
    204,
    'snappy without being said',
  )
})

test('type and unit become labels where that is asked for', async () => {
  const { store, send } = openBench({ typeAndUnitLabels: true })
  await send(
    requestV2([{ labels: ['__name__', 'c'], samples: [at(0, 1)], metadata: { type: 1, help: '', unit: 's' } }]),
  )
  using querier = store.querier(unixMs(NOW - 1), unixMs(NOW + 1))
  assert.deepEqual(querier.series([matcher('__name__', '=', 'c')]).map(String), ['c{__type__="counter", __unit__="s"}'])
})

test('what is over a limit costs its sender the request or the series, and is counted by its reason', async () => {
  const limits = { ...WRITE_LIMITS, samples: 3, series: 2, labelsPerSeries: 2, labelNameBytes: 10, labelValueBytes: 9 }
  const { store, receiver, send } = openBench({ writeLimits: { ...limits, unpackedBytes: 1000 } })
  const one = (...more: string[]) => ({ labels: ['__name__', 'c', ...more], samples: [at(0, 1)] })
  const whole = async (series: Parameters<typeof requestV2>[0]) => {
    const { status, body } = await send(requestV2(series))
    return `${status} ${body}`
  }
  assert.match(
    await whole([{ ...one(), samples: [0, 1, 2, 3].map((i) => at(i, i)) }]),
    /^413 .*than 3 samples; .*-sample-limit/,
  )
  assert.match(await whole([one(), one('a', '1'), one('a', '2')]), /^413 .*more than 2 series; .*-series-limit/)
  assert.match(await whole([one('a', 'x'.repeat(1000))]), /^413 .*unpacks to .*-unpacked-size-limit/)
  assert.match(receiver.refuseBody().body, /^the body has more than 33554432 bytes; .*-body-size-limit/)
  assert.equal(store.stats().series, 0)
  const cases: readonly (readonly [labels: string[], why: RegExp])[] = [
    [['a', '1', 'b', '2'], /1 for label_limit exceeded \(number of labels: 3, limit: 2, --storage.*-label-limit\)/],
    [['elevenbytes', '1'], /label_name_length_limit exceeded \(label name: elevenbytes, length: 11, limit: 10, /],
    [['a', 'aaaaaaaaaä'], /label_value_length_limit exceeded \(label name: a, value: "a+ä", length: 11, limit: 9, /],
  ]
  for (const [labels, why] of cases) {
    const answer = await whole([one(...labels), one()])
    assert.match(answer, /^400 not taken: 1 for label_/)
    assert.match(answer, why)
    assert.match(answer, /; taken: 1 samples, 0 histograms\n$/)
  }
  assert.equal(store.stats().series, 1)
  const counted = (counts: ReadonlyMap<string, number>) => [...counts].filter(([, count]) => count > 0)
  assert.deepEqual(counted(receiver.counts.refused), [
    ['body-size', 1],
    ['unpacked-size', 1],
    ['samples', 1],
    ['series', 1],
  ])
  assert.deepEqual(counted(receiver.counts.rejected), [
    ['label-limit', 1],
    ['label-name-length-limit', 1],
    ['label-value-length-limit', 1],
  ])
})
