import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { isStaleAt, Labels, type ResetHint, writeStale } from '#core'
import { sampleHistogram } from '#storage'
import { mergeSeries } from '../block/merge.ts'
import { joinParts, mergeLate } from '../late/merge-late.ts'
import type { Part } from './part.ts'
import type { SeriesColumns } from './series-columns.ts'
import { type Columns, columnsOfPart, weave } from './weave.ts'

type Sample = { readonly at: number; readonly value: number; readonly hint: ResetHint | undefined }

const anySamples = fc
  .uniqueArray(
    fc.record({
      at: fc.nat(40),
      value: fc.nat(9),
      hint: fc.constantFrom<(ResetHint | undefined)[]>(undefined, undefined, 'none', 'reset', 'gauge'),
    }),
    { selector: ({ at }) => at, maxLength: 15 },
  )
  .map((samples) => samples.toSorted((a, b) => a.at - b.at))

/** A value of 0 is a stale marker; with a hint it is a histogram of that count. */
function columnsOf(samples: readonly Sample[]): Columns {
  const values = Float64Array.from(samples, ({ value, hint }) => (hint === undefined ? value : 0))
  for (const [i, { value, hint }] of samples.entries()) if (hint === undefined && value === 0) writeStale(values, i)
  return {
    timestamps: Float64Array.from(samples, ({ at }) => at),
    values,
    count: samples.length,
    histograms: samples.map(({ value, hint }) =>
      hint === undefined ? undefined : sampleHistogram([value], { resetHint: hint }),
    ),
    starts: Float64Array.from(samples, ({ at }) => (at % 3 === 0 ? at + 1 : 0)),
  }
}

function listed({ timestamps, values, histograms, starts, count }: Columns): readonly unknown[] {
  return Array.from({ length: count }, (_, i) => [
    timestamps[i],
    isStaleAt(values, i) ? 'stale' : (histograms?.[i]?.count ?? values[i]),
    starts?.[i] ?? 0,
  ])
}

const hints = ({ histograms = [] }: Columns) => histograms.map((one) => one?.resetHint)

test('woven columns are the union by instant, the first one winning, and hints hold between neighbours of one column', () => {
  fc.assert(
    fc.property(anySamples, anySamples, (first, second) => {
      const extra = second.filter(({ at }) => !first.some((one) => one.at === at))
      const union = [...first, ...extra].toSorted((a, b) => a.at - b.at)
      const woven = weave(columnsOf(first), columnsOf(second))
      assert.deepEqual(listed(woven), listed(columnsOf(union)))
      for (const [i, sample] of union.entries()) {
        const isSwitch = i > 0 && first.includes(union[i - 1]!) !== first.includes(sample)
        const expected = isSwitch && sample.hint !== 'gauge' && sample.hint !== undefined ? 'unknown' : sample.hint
        assert.equal(woven.histograms?.[i]?.resetHint, expected)
      }
    }),
  )
})

const series = (name: string, samples: readonly Sample[]): SeriesColumns => ({
  labels: Labels.of({ __name__: name }),
  ...columnsOf(samples),
})

const partOf = ({ labels, ...columns }: SeriesColumns): Part => ({
  labels,
  maxCount: columns.count,
  read({ timestamps, values, extras }, to) {
    timestamps.set(columns.timestamps, to)
    values.set(columns.values, to)
    for (const [i, one] of (columns.histograms ?? []).entries())
      if (one !== undefined) extras?.setHistogram(to + i, one)
    extras?.startsColumn().set(columns.starts!, to)
    return columns.count
  },
})

test('late samples merged into a block are the union by instant, however the block cuts its series', () => {
  const names = ['a', 'b', 'c']
  const anyBlock = fc.tuple(anySamples, anySamples, anySamples)
  fc.assert(
    fc.property(anyBlock, anyBlock, anyBlock, fc.integer({ min: 1, max: 6 }), (block, late, later, size) => {
      const cut = names.flatMap((name, n) =>
        Array.from({ length: Math.ceil(block[n]!.length / size) }, (_, i) =>
          series(name, block[n]!.slice(i * size, (i + 1) * size)),
        ),
      )
      const parts = [late, later].map((all) =>
        names.flatMap((name, n) => (all[n]!.length === 0 ? [] : [partOf(series(name, all[n]!))])),
      )
      const found = new Map<string, unknown[]>()
      for (const one of mergeLate(cut.values(), joinParts(parts))) {
        const known = found.get(one.labels.name) ?? []
        known.push(...listed(one))
        found.set(one.labels.name, known)
      }
      for (const [n, name] of names.entries()) {
        const byInstant = new Map([later, late, block].flatMap((all) => all[n]!.map((sample) => [sample.at, sample])))
        const union = [...byInstant.values()].toSorted((a, b) => a.at - b.at)
        assert.deepEqual(found.get(name) ?? [], listed(columnsOf(union)), name)
      }
      assert.deepEqual([...found.keys()], [...found.keys()].toSorted())
    }),
  )
})

test('behind a block with late samples the next one begins without a hint, and only there', () => {
  const none = (at: number): Sample => ({ at, value: at, hint: 'none' })
  const first = [series('a', [none(1), none(2)])]
  const second = [series('a', [none(11), none(12)]), series('b', [none(11)])]
  for (const isMixed of [false, true]) {
    const sources = [
      { series: first.values(), isMixed },
      { series: second.values(), isMixed: false },
    ]
    const merged = [...mergeSeries(sources)].map(hints)
    assert.deepEqual(merged, [['none', 'none'], [isMixed ? 'unknown' : 'none', 'none'], ['none']])
  }
})

test('a late sample that begins a block gives no hint, as what was before it lies elsewhere', () => {
  const late = partOf(series('a', [{ at: 1, value: 5, hint: 'none' }]))
  const [merged] = mergeLate([series('a', [{ at: 2, value: 6, hint: 'none' }])].values(), joinParts([[late]]))
  assert.deepEqual(hints(merged!), ['unknown', 'unknown'])
  assert.deepEqual(hints(columnsOfPart(late)), ['none'])
})
