/**
 * What a target's page becomes on the wire, in both versions of remote write: Prometheus' compliance suite for senders, against the
 * real `assay serve`. One process scrapes the page of every case and sends to one receiver of each version.
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { DESCRIBED_CASES, HISTOGRAM_CASES, LABEL_CASES, type PayloadCase, SAMPLE_CASES } from './payload-cases.ts'
import type { RawSeries } from './raw-message.ts'
import { labelOf, openSenderWorld, type SenderWorld, VERSIONS } from './world.ts'

const CASES: readonly PayloadCase[] = [...SAMPLE_CASES, ...LABEL_CASES, ...HISTOGRAM_CASES, ...DESCRIBED_CASES]
const jobOf = (i: number) => `case-${i}`

describe('what a page becomes', () => {
  let world: SenderWorld
  before(async () => {
    world = await openSenderWorld({
      jobs: CASES.map((one, i) => ({ ...one, name: jobOf(i) })),
      receivers: VERSIONS.map((version) => ({
        name: version,
        version,
        queue: 'capacity: 20000',
        settings: 'metadata_config: { send_interval: 1s }',
      })),
    })
  })
  after(() => world[Symbol.asyncDispose]())

  for (const [
    i,
    { name, level, versions = VERSIONS, isDown = false, arrived = upIs(isDown ? 0 : 1), check },
  ] of CASES.entries()) {
    for (const version of versions) {
      test(`${version}, ${level}: ${name}`, async () => {
        const received = world.received(version)
        await world.until(() => arrived(received, jobOf(i)), name)
        check(received, jobOf(i), version)
      })
    }
  }

  test('v2, MUST: symbols/empty_string_at_index_zero, string_deduplication', () => {
    for (const { message } of world.received('v2').requests) {
      const { symbols } = message
      assert.equal(symbols[0], '')
      assert.equal(new Set(symbols).size, symbols.length, 'each text stands once')
    }
  })

  test('v2, MUST: labels/labels_refs_valid_indices, labels_refs_even_length; exemplars and metadata as well', () => {
    for (const { message } of world.received('v2').requests)
      for (const { refs, labels } of message.series) {
        assert.ok(refs.every((ref) => ref < message.symbols.length))
        assert.ok(labels.every(([, value]) => value !== undefined))
      }
  })

  test('v2, RECOMMENDED: symbols/symbol_table_efficiency: no text that nothing refers to', () => {
    for (const { message } of world.received('v2').requests) {
      const used = new Set(message.series.flatMap(({ refs }) => refs))
      for (let ref = 1; ref < message.symbols.length; ref++) assert.ok(used.has(ref), `${message.symbols[ref]}`)
    }
  })

  for (const version of VERSIONS) {
    const all = () => world.received(version).series()
    test(`${version}, MUST: labels/label_lexicographic_ordering, no_duplicate_label_names, label_names_not_empty`, () => {
      for (const { labels } of all()) {
        const names = labels.map(([name]) => Buffer.from(name))
        for (let i = 1; i < names.length; i++) assert.ok(Buffer.compare(names[i - 1]!, names[i]!) < 0, `${names}`)
        assert.ok(labels.every(([name, value]) => name !== '' && value !== ''))
      }
    })

    test(`${version}, MUST: labels/metric_name_label_present, reserved_label_prefix`, () => {
      for (const { labels } of all()) {
        assert.notEqual(labelOf(labels, '__name__') ?? '', '')
        assert.deepEqual(
          labels.filter(([name]) => name.startsWith('__')).map(([name]) => name),
          ['__name__'],
        )
      }
    })

    test(`${version}, MUST: samples/timestamp, histogram_no_mixed_with_samples: one sample or histogram in each series`, () => {
      for (const { samples, histograms } of all()) assert.equal(samples.length + histograms.length, 1)
    })

    test(`${version}, MUST: ordering: within a series the older sample comes first`, () => {
      const last = new Map<string, number>()
      for (const one of all()) {
        const key = JSON.stringify(one.labels)
        const at = instantOf(one)
        assert.ok(at > (last.get(key) ?? Number.NEGATIVE_INFINITY), key)
        last.set(key, at)
      }
    })
  }

  test('v1, MUST: rw1_compat/rw1_no_start_timestamp, rw1_symbol_table_not_used', () => {
    for (const { message } of world.received('v1').requests) {
      assert.deepEqual(message.symbols, [])
      assert.ok(message.series.every(({ samples }) => samples.every(({ startAt }) => startAt === 0)))
    }
  })
})

/** A busy machine may miss a scrape; the one that is waited for has not. */
function upIs(value: number): NonNullable<PayloadCase['arrived']> {
  return (received, job) => received.of('up', job).some(({ samples }) => samples[0]?.value === value)
}

function instantOf({ samples, histograms }: RawSeries): number {
  return samples[0]?.at ?? histograms[0]?.at ?? Number.NaN
}
