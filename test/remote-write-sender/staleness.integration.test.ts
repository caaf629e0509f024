/**
 * Every way a series ends, and the marker that tells a receiver so: 2.0 demands one wherever an end can be seen. Prometheus' compliance
 * suite for senders, against the real `assay serve`.
 *
 * Source: Prometheus remote write specification 2.0, "Samples and Histogram Samples"; prometheus/compliance: remotewrite/sender,
 * cases/staleness.go.
 */
import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { histogramOf } from '../../src/remote/histograms.test-support.ts'
import { encodeFamilies } from '../../src/scrape/encode-families.test-support.ts'
import {
  labelOf,
  openSenderWorld,
  PROTOBUF,
  type SenderWorld,
  STALE_BITS,
  TEXT,
  VERSIONS,
  type Version,
} from './world.ts'

const page = (...lines: string[]) => [...lines, '# EOF', ''].join('\n')
/** The first three scrapes have it. */
const early = (there: string, gone: string | undefined) => (n: number) => (n < 3 ? there : gone)
const old = Date.now() - 60_000
const RULES = `
groups:
  - name: own
    interval: 1s
    rules:
      - { record: recorded, expr: source_of_rule * 2, labels: { job: rule } }
`

describe('every way a series ends', () => {
  let world: SenderWorld
  before(async () => {
    world = await openSenderWorld({
      files: { 'rules.yml': RULES },
      config: 'rule_files: [rules.yml]\n',
      jobs: [
        { name: 'gone', page: early(page('stale 1', 'stays 1'), page('stays 1')) },
        { name: 'fails', page: early(page('stale 1'), undefined) },
        { name: 'garbage', page: early(page('stale 1'), '1234notvali}{ 444') },
        { name: 'empty', page: early(page('stale 1'), page()) },
        { name: 'relabelled', page: early(page('stale{v="1"} 1'), page('stale{v="2"} 1')) },
        { name: 'timed', page: (n) => (n < 3 ? `stale 1 ${old + n * 1000}\n` : 'stays 1\n'), contentType: TEXT },
        {
          name: 'tracked',
          page: (n) => (n < 3 ? `stale 1 ${old + n * 1000}\n` : 'stays 1\n'),
          contentType: TEXT,
          settings: 'track_timestamps_staleness: true',
        },
        {
          name: 'native',
          page: (n) =>
            encodeFamilies(
              n < 3
                ? [{ name: 'stale', type: 'histogram', metrics: [{ native: histogramOf({ counts: [n + 1] }) }] }]
                : [],
            ),
          contentType: PROTOBUF,
          settings: 'scrape_native_histograms: true',
        },
        { name: 'ruled', page: early(page('source_of_rule 21'), page('stays 1')) },
        { name: 'removed', page: page('stale 1') },
        { name: 'nan', page: page('never_stale NaN') },
      ],
      receivers: VERSIONS.map((version) => ({
        name: version,
        version,
        settings: 'send_native_histograms: true',
      })),
    })
  })
  after(() => world[Symbol.asyncDispose]())

  const ends = async (version: Version, name: string, job: string) => {
    const received = world.received(version)
    const isStale = (bits: bigint | undefined) => bits === STALE_BITS
    await world.until(
      () => received.of(name, job).some(({ samples }) => isStale(samples[0]?.bits)),
      `the end of ${name} of ${job}`,
    )
    const series = received.of(name, job)
    const at = series.findIndex(({ samples }) => isStale(samples[0]?.bits))
    assert.ok(at > 0, 'it was there before')
    return series
  }

  for (const version of VERSIONS) {
    for (const [job, why] of [
      ['gone', 'the page has it no more'],
      ['fails', 'the target answers 500'],
      ['garbage', 'the page cannot be read'],
      ['empty', 'the page is empty'],
      ['tracked', 'one with timestamps of its own, where that is asked for'],
      ['native', 'a native histogram'],
    ] as const) {
      test(`${version}, MUST: cases/Staleness: ${why}`, async () => {
        const series = await ends(version, 'stale', job)
        const markers = series.filter(({ samples }) => samples[0]?.bits === STALE_BITS)
        assert.equal(markers.length, 1, 'once')
        assert.equal(series.indexOf(markers[0]!), series.length - 1, 'and nothing behind it')
      })
    }

    test(`${version}, MUST: the labels of a series change: the old one ends, the new one goes on`, async () => {
      const series = await ends(version, 'stale', 'relabelled')
      const [marker] = series.filter(({ samples }) => samples[0]?.bits === STALE_BITS)
      assert.equal(labelOf(marker!.labels, 'v'), '1')
      assert.ok(series.some(({ labels }) => labelOf(labels, 'v') === '2'))
    })

    test(`${version}, MUST: the result of a recording rule`, async () => {
      const series = await ends(version, 'recorded', 'rule')
      assert.equal(series[0]?.samples[0]?.value, 42)
    })

    test(`${version}, MUST: a timestamp of its own: no end is told, and NaN is none`, async () => {
      const received = world.received(version)
      await world.until(() => received.of('stays', 'timed').length > 1, 'two pages without it')
      for (const [name, job] of [
        ['stale', 'timed'],
        ['never_stale', 'nan'],
      ] as const) {
        const found = received.of(name, job)
        assert.ok(found.length > 0)
        assert.ok(found.every(({ samples }) => samples[0]?.bits !== STALE_BITS))
      }
    })
  }

  test('v1 and v2, MUST: a target that discovery no longer names, and up of it with it', async () => {
    const file = join(world.directory, 'prometheus.yml')
    const config = await readFile(file, 'utf8')
    await writeFile(
      file,
      config
        .split('\n')
        .filter((line) => !line.includes('job_name: removed'))
        .join('\n'),
    )
    world.served.child.kill('SIGHUP')
    for (const version of VERSIONS)
      for (const name of ['stale', 'up', 'scrape_duration_seconds']) await ends(version, name, 'removed')
  })
})
