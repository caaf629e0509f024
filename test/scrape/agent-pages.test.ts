/**
 * The law between the two packages: what the agent writes, the scraper reads, to the bit, in all three formats.
 *
 * - Labels of any characters; values of any bits but the NaN that marks a gauge without a value.
 * - Exemplars of counters and buckets with any labels, at most 128 characters, are read with their values and times.
 * - A summary's quantiles are there when they are known.
 * - A histogram's buckets are compared with what was observed, counted one by one: classic ones by their bounds, native ones by each
 *   observation lying in exactly one bucket.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { bucketsOf, type NativeHistogram } from '#core'
import { type ExpositionFormat, parseExposition } from '#scrape'
import { renderStore, StorePages } from '../../agent/src/exposition/page.ts'
import { observe, Store, SUMMARY, set, unsetAt } from '../../agent/src/store/index.ts'
import { formatLabels } from '../../agent/src/store/label-text.ts'

const FORMATS = ['text', 'openmetrics', 'protobuf'] as const
const BOUNDS = [0.001, 0.5, 1, 2500]
const SHARES = [0, 0.5, 0.999, 1]

const text = fc.string({ unit: 'binary', minLength: 1, maxLength: 10 }).filter((one) => one.isWellFormed())
const value = fc.oneof(
  fc.double(),
  fc.constantFrom(-0, 0, Infinity, -Infinity, Number.NaN, 4.9e-324, 1.7976931348623157e308, 2 ** 53, 0.1 + 0.2),
)
const seconds = fc.oneof(
  fc.double({ min: 0, max: 10, noNaN: true }),
  fc.constantFrom(0, 1, 0.5, 2500, 2501, 1e-40, 1e9, ...[1, 2, 3, 4, 5, 6, 7].map((i) => 2 ** (i / 8))),
)
const given = {
  series: fc.uniqueArray(fc.tuple(text, value), { selector: ([label]) => label, minLength: 1, maxLength: 10 }),
  seconds: fc.array(seconds, { maxLength: 60 }),
}

type Given = { readonly series: readonly (readonly [string, number])[]; readonly seconds: readonly number[] }

function storeOf({ series, seconds: observed }: Given): Store {
  const store = new Store()
  const counter = store.family({ name: 'a_total', help: 'one\n"two" \\', kind: 'counter' })
  const gauge = store.family({ name: 'g', help: 'ä☃', kind: 'gauge' })
  for (const [label, number] of series) {
    set(counter.series([['l', label]]), number)
    set(gauge.series([['other', label]]), number)
  }
  const summary = store.family({ name: 's_seconds', help: 's', kind: 'summary', bounds: SHARES })
  for (const [i, [label, number]] of series.entries()) {
    const { values, words, at } = summary.series([['l', label]])
    values.set([number, i, ...SHARES.map((share) => (isKnown(i, share) ? number * share : 0))], at)
    for (const [k, share] of SHARES.entries()) if (!isKnown(i, share)) unsetAt(words, at + SUMMARY.quantiles + k)
  }
  for (const native of [false, true]) {
    const name = native ? 'n_seconds' : 'h_seconds'
    const slot = store.family({ name, help: 'h', kind: 'histogram', bounds: BOUNDS, native }).series([['r', '/']])
    for (const one of observed) observe(slot, one)
  }
  return store
}

/** Some quantiles are not known, as while the event loop stands still. */
function isKnown(series: number, share: number): boolean {
  return (series + SHARES.indexOf(share)) % 3 > 0
}

type Sample = readonly [labels: Readonly<Record<string, string>>, value: number]

function read(store: Store, format: ExpositionFormat): { samples: Sample[]; natives: NativeHistogram[] } {
  const body = new StorePages(store.shared).whole(format as (typeof FORMATS)[number])
  const page = parseExposition(body, { format, nativeHistograms: true, keepClassic: true })
  const samples: Sample[] = []
  for (let i = 0; i < page.count; i++)
    if (!page.histograms.has(i)) samples.push([page.labels(i).toJSON(), page.values[i]!])
  return { samples, natives: [...page.histograms.values()] }
}

/** By the sample that has them: labels, value, milliseconds. */
function exemplarsOf(store: Store, format: ExpositionFormat): string[] {
  const body = new StorePages(store.shared).whole(format as (typeof FORMATS)[number])
  const page = parseExposition(body, { format })
  const lines = Array.from(page.exemplars, ([sample, all]) =>
    all.map(({ labels, value: seen, at }) => {
      const { __name__: name, le = '', l } = page.labels(sample).toJSON() as Record<string, string>
      return JSON.stringify([name, le, l, Object.entries(labels.toJSON()).sort(), seen, at])
    }),
  )
  return lines.flat().sort()
}

/** What the page should say, made without the agent's writers. */
function expected({ series, seconds: observed }: Given): Sample[] {
  const samples: Sample[] = []
  for (const [label, number] of series) samples.push([{ __name__: 'a_total', l: label }, number])
  for (const [label, number] of series) samples.push([{ __name__: 'g', other: label }, number])
  for (const [i, [label, number]] of series.entries()) {
    for (const share of SHARES.filter((one) => isKnown(i, one))) {
      const quantile = Number.isInteger(share) ? `${share}.0` : `${share}`
      samples.push([{ __name__: 's_seconds', l: label, quantile }, number * share])
    }
    samples.push([{ __name__: 's_seconds_sum', l: label }, number], [{ __name__: 's_seconds_count', l: label }, i])
  }
  const sum = observed.reduce((all, one) => all + one, 0)
  for (const name of ['h_seconds', 'n_seconds']) {
    for (const bound of [...BOUNDS, Infinity]) {
      const le = bound === Infinity ? '+Inf' : Number.isInteger(bound) ? `${bound}.0` : `${bound}`
      const count = observed.filter((one) => one <= bound).length
      samples.push([{ __name__: `${name}_bucket`, le, r: '/' }, count])
    }
    samples.push([{ __name__: `${name}_sum`, r: '/' }, sum], [{ __name__: `${name}_count`, r: '/' }, observed.length])
  }
  return samples
}

/** By its bits, every NaN the same. */
function shown(samples: readonly Sample[]): string[] {
  const lines = samples.map(([labels, number]) => {
    const all = JSON.stringify(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)))
    return `${all} ${Object.is(number, -0) ? '-0' : number}`
  })
  return lines.sort()
}

test('a page of the agent reads back the same in text, OpenMetrics and protobuf', () => {
  fc.assert(
    fc.property(fc.record(given), (all) => {
      const store = storeOf(all)
      const wanted = shown(expected(all))
      for (const format of FORMATS) assert.deepEqual(shown(read(store, format).samples), wanted, format)
    }),
  )
})

test('each observation is in exactly one bucket of the native histogram', () => {
  fc.assert(
    fc.property(fc.record(given), (all) => {
      const [native] = read(storeOf(all), 'protobuf').natives
      assert.ok(native !== undefined)
      assert.equal(native.count, all.seconds.length)
      assert.equal(
        native.sum,
        all.seconds.reduce((sum, one) => sum + one, 0),
      )
      const buckets = [...bucketsOf(native)]
      assert.equal(
        buckets.reduce((sum, { count }) => sum + count, 0),
        all.seconds.length,
      )
      for (const bucket of buckets) {
        const inside = all.seconds.filter(
          (one) =>
            (bucket.lowerInclusive ? one >= bucket.lower : one > bucket.lower) &&
            (bucket.upperInclusive ? one <= bucket.upper : one < bucket.upper),
        )
        assert.equal(bucket.count, inside.length, `(${bucket.lower}, ${bucket.upper}] of schema ${native.schema}`)
      }
    }),
  )
})

test('series that were removed are on no page, and a page made again and again follows what is recorded', () => {
  const label = fc.constantFrom('a', 'b', 'c', 'd')
  const step = fc.record({ act: fc.constantFrom('set', 'remove', 'read'), label, value })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const store = new Store()
      const pages = new StorePages(store.shared)
      const family = store.family({ name: 'g', help: 'h', kind: 'gauge' })
      const model = new Map<string, number>()
      for (const { act, label: l, value: number } of [...steps, { act: 'read', label: 'a', value: 0 }]) {
        if (act === 'set') {
          set(family.series([['l', l]]), number)
          model.set(l, number)
        } else if (act === 'remove') {
          if (model.delete(l)) family.remove(family.series([['l', l]]))
        } else {
          const wanted = shown([...model].map(([one, is]) => [{ __name__: 'g', l: one }, is]))
          for (const format of FORMATS) {
            const page = parseExposition(pages.whole(format), { format })
            const samples = Array.from(
              { length: page.count },
              (_, i): Sample => [page.labels(i).toJSON(), page.values[i]!],
            )
            assert.deepEqual(shown(samples), wanted, format)
          }
        }
      }
    }),
  )
})

test('exemplars are read as they were given, in OpenMetrics and protobuf alone', () => {
  const name = fc.stringMatching(/^[a-z]{1,8}$/)
  const labels = fc.dictionary(name, text, { maxKeys: 4 })
  const finite = fc.double({ noNaN: true, noDefaultInfinity: true })
  const exemplar = fc.record({ series: fc.nat(3), bucket: fc.nat(4), labels, value: finite, ms: fc.nat(2 ** 41) })
  fc.assert(
    fc.property(fc.array(exemplar, { maxLength: 30 }), (all) => {
      const store = new Store()
      const counter = store.family({ name: 'a_total', help: '', kind: 'counter', exemplars: true })
      const histogram = store.family({ name: 'h', help: '', kind: 'histogram', bounds: BOUNDS, exemplars: true })
      const wanted = new Map<string, (format: string) => string>()
      for (const { series, bucket, labels: given, value: seen, ms } of all) {
        const l = String(series)
        const [family, at] = series % 2 === 0 ? [counter, 0] : [histogram, bucket]
        const shownLabels = formatLabels(Object.keys(given), Object.values(given))
        family.exemplify(family.series([['l', l]]).at, at, { value: seen, at: ms / 1_000, labels: shownLabels })
        const bound = BOUNDS[at] ?? Infinity
        const le = bound === Infinity ? '+Inf' : Number.isInteger(bound) ? `${bound}.0` : `${bound}`
        const of = family === counter ? ['a_total', '', l] : ['h_bucket', le, l]
        // Seconds with a fraction are read as Prometheus reads them: cut to milliseconds.
        const atOf = (format: string): number => (format === 'openmetrics' ? Math.trunc((ms / 1_000) * 1_000) : ms)
        wanted.set(of.join(), (format) => JSON.stringify([...of, Object.entries(given).sort(), seen, atOf(format)]))
      }
      for (const format of FORMATS) {
        const expectedLines = format === 'text' ? [] : Array.from(wanted.values(), (one) => one(format)).sort()
        assert.deepEqual(exemplarsOf(store, format), expectedLines, format)
      }
    }),
  )
})

test('a store without series is an empty page in every format', () => {
  const store = new Store()
  store.family({ name: 'a_total', help: 'none', kind: 'counter' })
  for (const format of FORMATS) {
    assert.deepEqual(read(store, format), { samples: [], natives: [] })
    assert.equal(renderStore(store, format).length, 0)
  }
})
