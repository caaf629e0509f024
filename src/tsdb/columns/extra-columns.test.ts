import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { NativeHistogram } from '#core'
import { anyHistogram } from '../codec/any-histogram.test-support.ts'
import { ByteReader, ByteWriter, DamagedError } from '../codec/bytes.ts'
import { ExtraColumns, ExtrasWriter, readExtras, writeExtras } from './extra-columns.ts'

const anySample = fc.record(
  { histogram: fc.option(anyHistogram, { nil: undefined }), startAt: fc.constantFrom(0, 0, 5, 1.7e12) },
  { noNullPrototype: true },
)
const anySamples = fc.array(anySample, { minLength: 1, maxLength: 40 })

type Sample = { readonly histogram: NativeHistogram | undefined; readonly startAt: number }

function columnsOf(samples: readonly Sample[]): ExtraColumns {
  const columns = new ExtraColumns(samples.length)
  for (const [i, { histogram, startAt }] of samples.entries()) {
    if (histogram !== undefined) columns.setHistogram(i, histogram)
    if (startAt !== 0) columns.startsColumn()[i] = startAt
  }
  return columns
}

const listed = ({ histograms, starts }: ExtraColumns, count: number): Sample[] =>
  Array.from({ length: count }, (_, i) => ({ histogram: histograms?.[i], startAt: starts?.[i] ?? 0 }))

test('a section is read as it was written, from any entry on, up to any limit, and not written when it is empty', () => {
  fc.assert(
    fc.property(anySamples, fc.nat(10), fc.nat(50), (samples, before, limit) => {
      const plain = { histogram: undefined, startAt: 0 }
      const out = new ByteWriter(1)
      const all = [...new Array<Sample>(before).fill(plain), ...samples]
      const isWritten = writeExtras(out, columnsOf(all), before, samples.length)
      const isEmpty = samples.every(({ histogram, startAt }) => histogram === undefined && startAt === 0)
      assert.equal(isWritten, !isEmpty)
      if (isEmpty) {
        assert.equal(out.length, 0)
        return
      }
      const columns = new ExtraColumns(samples.length + 2)
      readExtras(new ByteReader(out.view()), { size: samples.length, limit }, { columns, to: 1 })
      const expected = samples.map((one, i) => (i < limit ? one : plain))
      assert.deepEqual(listed(columns, samples.length + 2), [plain, ...expected, plain])
    }),
  )
})

test('what is being gathered can be read at any time, and is what will be written', () => {
  fc.assert(
    fc.property(anySamples, fc.nat(50), (samples, limit) => {
      const writer = new ExtrasWriter()
      for (const [place, { histogram, startAt }] of samples.entries()) writer.push(place, histogram, startAt)
      const columns = new ExtraColumns(samples.length)
      writer.readInto(columns, 0, limit)
      const plain = { histogram: undefined, startAt: 0 }
      assert.deepEqual(
        listed(columns, samples.length),
        samples.map((one, i) => (i < limit ? one : plain)),
      )
      assert.equal(writer.lastAt(samples.length - 1), samples.at(-1)?.histogram)
    }),
  )
})

test('keeping a part moves it to the front and leaves nothing behind it', () => {
  fc.assert(
    fc.property(anySamples, fc.nat(40), fc.nat(40), fc.nat(40), (samples, a, b, c) => {
      const [from, start, end] = [a, b, c].map((n) => n % (samples.length + 1)).sort((x, y) => x - y) as [
        number,
        number,
        number,
      ]
      const columns = columnsOf(samples)
      columns.keep({ from, to: samples.length, start, end })
      const rest = new Array<Sample>(samples.length - from - (end - start)).fill({ histogram: undefined, startAt: 0 })
      assert.deepEqual(listed(columns, samples.length), [
        ...samples.slice(0, from),
        ...samples.slice(start, end),
        ...rest,
      ])
    }),
  )
})

test('columns that say nothing are not handed out', () => {
  const columns = new ExtraColumns(3)
  assert.deepEqual(columns.take(3), {})
  columns.startsColumn()[2] = 5
  assert.deepEqual(columns.take(2), {})
  assert.deepEqual(columns.take(3), { starts: Float64Array.of(0, 0, 5) })
})

test('nonsense is an error or other samples, within the columns', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.boolean(), (given, looksRight) => {
      const bytes = looksRight ? Uint8Array.of(2, 3, 8, ...given) : given
      const columns = new ExtraColumns(12)
      try {
        readExtras(new ByteReader(bytes), { size: 10 }, { columns, to: 1 })
      } catch (error) {
        assert.ok(error instanceof DamagedError, `${error}`)
      }
      assert.ok((columns.histograms?.length ?? 12) === 12)
      assert.deepEqual([columns.histograms?.[0], columns.histograms?.[11]], [undefined, undefined])
      assert.deepEqual([columns.starts?.[0] ?? 0, columns.starts?.[11] ?? 0], [0, 0])
    }),
    { numRuns: 2000 },
  )
})
