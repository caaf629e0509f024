/**
 * A receiver that does not read remote write 2.0, which is configured: 1.0 is tried, and kept when it works.
 *
 * Source: Prometheus remote write specification 2.0, 2.x against 1.x compatibility; prometheus/compliance: remotewrite/sender,
 * fallback_test.go.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CUSTOM_SCHEMA, Labels } from '#core'
import { histogramOf } from '../histograms.test-support.ts'
import { type Answering, configOf, openSender, START } from './sender.test-support.ts'

const onlyV1: Answering = (_n, { post }) =>
  post.headers['content-type']?.includes('v2') === true ? { status: 415, text: '1.0 alone' } : { status: 204 }
const versions = (received: readonly { readonly post: { readonly headers: Readonly<Record<string, string>> } }[]) =>
  received.map(({ post }) => post.headers['x-prometheus-remote-write-version'])

test('on 415 the same samples are sent in 1.0 at once, with its headers, and 1.0 is kept', async () => {
  const { clock, write, received, seen, sender } = openSender(configOf({}, { maxSamplesPerSend: 1 }), onlyV1)
  write('c', [1, 2])
  await clock.advance(0)
  assert.deepEqual(versions(received), ['2.0.0', '0.1.0', '0.1.0'])
  assert.equal(received[1]?.post.headers['content-type'], 'application/x-protobuf')
  assert.deepEqual(seen(), ['c@0=1', 'c@0=1', 'c@1=2'])
  assert.deepEqual([sender.fellBack, sender.totals.samples, sender.totals.samplesFailed], [true, 2, 0])
})

test('a 2xx that does not say what was written stands for 415: nothing is lost to it', async () => {
  const { clock, write, received, sender } = openSender(configOf({}, { maxSamplesPerSend: 1 }), () => ({
    status: 200,
    headers: {},
  }))
  write('c', [1, 2])
  await clock.advance(0)
  assert.deepEqual(versions(received), ['2.0.0', '0.1.0', '0.1.0'])
  assert.equal(sender.totals.samplesFailed, 0)
})

test('a success is no reason to fall back, whatever it says was written', async () => {
  const { clock, write, received, sender } = openSender(configOf({}, { maxSamplesPerSend: 1 }), () => ({
    headers: { 'x-prometheus-remote-write-samples-written': '0' },
  }))
  write('c', [1, 2, 3])
  await clock.advance(0)
  assert.deepEqual(versions(received), ['2.0.0', '2.0.0', '2.0.0'])
  assert.deepEqual([sender.fellBack, sender.totals.samplesFailed], [false, 3])
})

test('a receiver that takes neither is not held to 1.0, and each batch is asked twice at most', async () => {
  const { clock, write, received, sender } = openSender(configOf({}, { maxSamplesPerSend: 1 }), () => ({
    status: 415,
    text: 'no',
  }))
  write('c', [1, 2])
  await clock.advance(60_000)
  assert.deepEqual(versions(received), ['2.0.0', '0.1.0', '2.0.0', '0.1.0'])
  assert.deepEqual([sender.fellBack, sender.totals.samplesFailed], [false, 2])
  assert.equal(sender.totals.lastError, '415: no')
})

test('1.0 carries native histograms and exemplars too; custom buckets have no place in it and are counted', async () => {
  const config = configOf({ sendNativeHistograms: false, sendExemplars: false }, { maxSamplesPerSend: 3 })
  const { clock, write, seen, sender, received } = openSender(config, onlyV1)
  const custom = histogramOf({ counts: [1], schema: CUSTOM_SCHEMA, customBounds: [1] })
  sender.exemplar(Labels.of({ __name__: 'c' }), { labels: Labels.of({ trace_id: 'x' }), value: 1, at: START })
  write('c', [1])
  write('h', [histogramOf({ counts: [1] }), custom])
  await clock.advance(0)
  assert.deepEqual(seen().slice(3), ['c@0=1', 'h@0=h1'])
  assert.equal(received[1]?.request.series[0]?.exemplars.length, 1)
  write('h', [custom], { from: 10 })
  await clock.advance(10_000)
  assert.equal(received.length, 2)
  assert.equal(sender.totals.dropped.histograms.get('nhcb_in_rw1_not_supported'), 2)
})

test('metadata follows by itself once 1.0 is spoken', async () => {
  const { clock, write, received, metadata } = openSender(configOf({}, { maxSamplesPerSend: 1 }), onlyV1)
  metadata.set('c', { type: 'counter', help: 'Help.', unit: '' })
  write('c', [1])
  await clock.advance(60_000)
  assert.deepEqual(received.at(-1)?.request.metadata, [{ family: 'c', type: 'counter', help: 'Help.', unit: '' }])
})

test('1.0 that was configured is never left', async () => {
  const { clock, write, received, sender } = openSender(configOf({ version: 'v1' }, { maxSamplesPerSend: 1 }), () => ({
    status: 415,
  }))
  write('c', [1, 2])
  await clock.advance(60_000)
  assert.deepEqual(versions(received), ['0.1.0', '0.1.0'])
  assert.equal(sender.totals.samplesFailed, 2)
})

test('with several lanes, each finds out for itself and no sample is lost or doubled', async () => {
  const config = configOf({}, { maxSamplesPerSend: 2, minShards: 4 })
  const { clock, write, received, sender } = openSender(config, onlyV1)
  for (let i = 0; i < 16; i++) write(`c${i}`, [1, 2, 3])
  await clock.advance(60_000)
  const taken = received.filter(({ post }) => !post.headers['content-type']?.includes('v2'))
  const samples = taken.flatMap(({ request: { series, timestamps } }) =>
    series.map(({ labels, from }) => `${labels}@${timestamps[from]}`),
  )
  assert.equal(samples.length, 48)
  assert.equal(new Set(samples).size, 48)
  assert.equal(sender.totals.samplesFailed, 0)
})
