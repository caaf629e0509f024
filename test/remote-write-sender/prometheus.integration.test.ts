/**
 * A real Prometheus and we send the same: both scrape the pages of the compliance cases and write to receivers of both versions; every
 * series that comes from one comes from the other, with the same labels, value and metadata.
 *
 * Looked at are the series of the pages, and of those that a scrape makes itself the ones that do not measure time.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { peersMissing, startPrometheus } from '../support/prometheus3.ts'
import type { Served } from '../support/serve.ts'
import { DESCRIBED_CASES, HISTOGRAM_CASES, LABEL_CASES, SAMPLE_CASES } from './payload-cases.ts'
import type { RawMetadata, RawSeries } from './raw-message.ts'
import { labelOf, openSenderWorld, type Received, STALE_BITS, VERSIONS } from './world.ts'

/** What Prometheus 3.5 knows no key for, and what it is known to say differently: by the beginning of a name, or a setting. */
const LEFT_OUT: readonly string[] = [
  // Came with 3.8.
  'scrape_native_histograms',
  // It leaves a value that equals 0 out of its message, and -0 arrives as 0.
  'edge_cases/special_float_combinations',
  // Start timestamps came with 3.11.
  'samples/start_timestamp',
  // A page that has `up` as well: Prometheus sends the same sample twice.
  'combined/real_world_scenario',
  // It counts the line that has a label twice, docs/reference/scraping.md.
  'cases/RepeatedLabels',
  // More than an hour behind the newest sample is too old for its head, although the series is new.
  'edge_cases/zero_timestamp',
]
const CASES = [...SAMPLE_CASES, ...LABEL_CASES, ...HISTOGRAM_CASES, ...DESCRIBED_CASES].filter(
  ({ name, settings = '' }) => !LEFT_OUT.some((word) => name.startsWith(word) || settings.includes(word)),
)
const jobs = CASES.map((one, i) => ({ ...one, name: `case-${i}` }))
const receivers = VERSIONS.map((version) => ({
  name: version,
  version,
  queue: 'capacity: 20000',
  settings: 'send_native_histograms: true, metadata_config: { send_interval: 1s }',
}))

test('a real Prometheus and we send the same', { skip: await peersMissing() }, async (t) => {
  await using ours = await openSenderWorld({ jobs, receivers, args: ['--storage.remote.flush-deadline=1s'] })
  await using theirs = await openSenderWorld({ jobs, receivers, start: prometheus })
  let compared = 0
  for (const version of VERSIONS) {
    for (const [i, { name, versions = VERSIONS, isDown, arrived }] of CASES.entries()) {
      if (!versions.includes(version)) continue
      const job = `case-${i}`
      const told = async (world: typeof ours) => {
        const received = world.received(version)
        const upIs = isDown === true ? 0 : 1
        const complete = () =>
          received.of('up', job).filter(({ samples }) => samples[0]?.value === upIs).length >= 2 &&
          (arrived?.(received, job) ?? true)
        await world.until(complete, `${version} ${name}`)
        return contents(received, job, upIs)
      }
      await t.test(`${version}: ${name}`, async () => {
        const [expected, found] = [await told(theirs), await told(ours)]
        assert.deepEqual([...found.series], [...expected.series])
        // Metadata is kept by family here, so that it may be known although this page does not tell it.
        if (version === 'v2')
          for (const [key, metadata] of expected.metadata)
            if (metadata.type !== 0) assert.deepEqual(found.metadata.get(key), metadata, key)
        compared += found.series.size
      })
    }
  }
  t.diagnostic(`${compared} series and exemplars were the same`)
  assert.ok(compared > 2000)
})

async function prometheus(config: string): Promise<Served> {
  const peer = await startPrometheus({
    config,
    features: ['exemplar-storage', 'native-histograms', 'metadata-wal-records'],
    args: ['--storage.remote.flush-deadline=1s'],
  })
  return {
    url: peer.url,
    child: peer.process.child,
    output: peer.process.output,
    stop: (signal) => peer.process.stop(signal),
    [Symbol.asyncDispose]: () => peer[Symbol.asyncDispose](),
  }
}

/**
 * Each series and each exemplar of a job with its last value as text, in order; the target's address, which differs, is left out.
 * What a scrape brought that a busy machine let fail counts for nothing.
 */
function contents(received: Received, job: string, upIs: number) {
  const failed = new Set(
    received.of('up', job).flatMap(({ samples }) => (samples[0]?.value === upIs ? [] : samples.map(({ at }) => at))),
  )
  const series = new Map<string, string>()
  const metadata = new Map<string, RawMetadata>()
  for (const one of received.series()) {
    if (labelOf(one.labels, 'job') !== job || one.samples.some(({ at }) => failed.has(at))) continue
    const key = JSON.stringify(one.labels.filter(([name]) => name !== 'instance' && name !== 'job'))
    if (/"(?:scrape_duration_seconds|scrape_series_added)"/.test(key)) continue
    for (const { labels, value } of one.exemplars) series.set(`${key} ${JSON.stringify(labels)}`, String(value))
    const text = textOf(one)
    if (text !== undefined) series.set(key, text)
    // What a scrape makes itself is told with words of one's own.
    if (one.metadata !== undefined && !/"__name__","(?:up|scrape_[a-z_]+)"/.test(key)) metadata.set(key, one.metadata)
  }
  return { series: new Map([...series].toSorted(([a], [b]) => (a < b ? -1 : 1))), metadata }
}

function textOf({ samples, histograms }: RawSeries): string | undefined {
  const [histogram] = histograms
  if (histogram !== undefined) {
    const { at: _at, startAt: _startAt, ...rest } = histogram
    return JSON.stringify(rest)
  }
  const [sample] = samples
  if (sample === undefined) return undefined
  // An ordinary NaN has other bits in Go than here; a stale marker has its own.
  return Number.isNaN(sample.value) && sample.bits !== STALE_BITS ? 'NaN' : sample.bits.toString(16)
}
