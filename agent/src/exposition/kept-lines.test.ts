import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { BytesOut } from './bytes-out.ts'
import { AS_TEXT, areAsLong, KeptLines } from './kept-lines.ts'

const text = ({ bytes, at }: BytesOut): string => Buffer.from(bytes.subarray(0, at)).toString()
const edges = Array.from({ length: 16 }, (_, i) => [10 ** i - 1, 10 ** i, 10 ** i + 1]).flat()
const numbers = fc.oneof(
  fc.maxSafeNat(),
  fc.nat(2_000),
  fc.constantFrom(...edges, 2 ** 31 - 1, 2 ** 31, 2 ** 32, 2 ** 53 - 1, 2 ** 53, -0, 0.5, -1, Number.NaN, Infinity),
)

test('two numbers are as long when both are whole and have as many digits', () => {
  const isWhole = (value: number): boolean => Number.isSafeInteger(value) && value > 0
  fc.assert(
    fc.property(numbers, numbers, (one, other) => {
      assert.equal(areAsLong(one, other), isWhole(one) && isWhole(other) && `${one}`.length === `${other}`.length)
    }),
    { numRuns: 5_000 },
  )
})

test('lines that are kept are those of the page before, with their numbers changed', () => {
  const line = fc.record({ name: fc.string({ unit: 'grapheme-ascii', maxLength: 40 }), before: numbers, now: numbers })
  fc.assert(
    fc.property(fc.array(line, { maxLength: 1_500, size: 'max' }), (lines) => {
      const before = new BytesOut()
      const ends: number[] = []
      for (const { name, before: value } of lines) {
        before.text(`${name} ${value}\n`)
        ends.push(before.at)
      }
      const out = new BytesOut()
      const kept = new KeptLines(AS_TEXT)
      kept.begin(out, before)
      for (const [i, { name, before: was, now }] of lines.entries()) {
        if (Object.is(was, now) || areAsLong(was, now)) {
          const to = kept.keep(ends[i - 1] ?? 0, ends[i]!)
          if (!Object.is(was, now)) kept.renumber(now)
          assert.ok(to > 0)
        } else {
          kept.settle()
          out.text(`${name} ${now}\n`)
        }
      }
      kept.settle()
      assert.equal(text(out), lines.map(({ name, now }) => `${name} ${now}\n`).join(''))
    }),
    { numRuns: 100 },
  )
})

test('numbers are written over those as long where they stand, and what cannot be is told', () => {
  const change = fc.oneof(
    fc.record({ before: numbers, now: numbers }),
    fc.tuple(numbers, fc.nat(200)).map(([before, more]) => ({ before, now: before + more })),
  )
  const line = fc.tuple(fc.string({ unit: 'grapheme-ascii', maxLength: 40 }), change)
  fc.assert(
    fc.property(fc.array(line, { maxLength: 300, size: 'max' }), (given) => {
      const out = new BytesOut()
      const ends = given.map(([name, { before }]) => {
        out.text(`${name} ${before}\n`)
        return out.at
      })
      const now = Float64Array.from(given, (one) => one[1].now)
      const before = Float64Array.from(given, (one) => one[1].before)
      const series = Int32Array.from(given.flatMap((_, i) => [i, 0, 0]))
      const lines = { count: given.length, series, ends: Int32Array.from(ends), now, before }
      const told = new Set<number>()
      for (let i = 0; i < given.length; i++) {
        i = AS_TEXT.rewrite(out, lines, i)
        if (i < given.length) told.add(i)
      }
      for (const [i, [name, { before: was, now: is }]] of given.entries()) {
        assert.equal(told.has(i), !Object.is(was, is) && !areAsLong(was, is) ? true : Number.isNaN(is))
        const from = ends[i - 1] ?? 0
        const shown = Buffer.from(out.bytes.subarray(from, ends[i])).toString()
        if (told.has(i)) assert.ok(shown.startsWith(`${name} `) && shown.endsWith('\n'))
        else assert.equal(shown, `${name} ${is}\n`)
        assert.ok(Object.is(before[i], told.has(i) ? was : is), 'noted when it is written, and only then')
      }
    }),
    { numRuns: 300 },
  )
})
