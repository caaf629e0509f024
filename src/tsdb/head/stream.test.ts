import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { writeStale } from '#core'
import { wordsOf } from '../codec/bytes.ts'
import { cutSeries, firstAtOf } from './cut-series.ts'
import { pushSample } from './push-sample.ts'
import { Records } from './records.ts'
import { Slabs } from './slabs.ts'
import type { HeadMemory } from './stream.ts'
import { maxCountOf, type Span, StreamReader } from './stream-reader.ts'

const SLOT = 3

type Given = { readonly timestamps: Float64Array; readonly values: Float64Array }

function written({ timestamps, values }: Given): { readonly memory: HeadMemory; readonly reader: StreamReader } {
  const memory = { records: new Records(), slabs: new Slabs() }
  memory.records.ensure(SLOT)
  memory.records.clear(SLOT)
  const words = wordsOf(values)
  for (let i = 0; i < timestamps.length; i++) pushSample(memory, SLOT, timestamps[i]!, values, words, i)
  return { memory, reader: new StreamReader(memory) }
}

function readBack({ memory, reader }: ReturnType<typeof written>, span: Span): readonly (readonly number[])[] {
  const room = maxCountOf(memory, SLOT, span)
  const columns = { timestamps: new Float64Array(room + 2), values: new Float64Array(room + 2) }
  const count = reader.read(SLOT, span, columns, 1)
  assert.ok(count <= room)
  return entries({ timestamps: columns.timestamps.slice(1), values: columns.values.slice(1) }, 0, count)
}

/** What is found when reading begins as late as it may. */
function newest({ reader }: ReturnType<typeof written>, span: Span): readonly (readonly number[])[] {
  const room = reader.seek(SLOT, span, span.high)
  const columns = { timestamps: new Float64Array(room), values: new Float64Array(room) }
  const count = reader.readSought(span, columns, 0)
  assert.ok(count <= room)
  return entries(columns, Math.max(0, count - 1), count)
}

function entries({ timestamps, values }: Given, from: number, to: number): readonly (readonly number[])[] {
  const words = wordsOf(values)
  return Array.from({ length: to - from }, (_, k) => [
    timestamps[from + k]!,
    words[2 * (from + k)]!,
    words[2 * (from + k) + 1]!,
  ])
}

const STALE = wordsOf(staleValue())
function staleValue(): Float64Array {
  const column = new Float64Array(1)
  writeStale(column, 0)
  return column
}

/** How a series goes on: by repeats, steps, fractions, any bits at all. */
const value = fc.oneof(
  { weight: 4, arbitrary: fc.constant('again' as const) },
  { weight: 4, arbitrary: fc.record({ add: fc.integer({ min: -70000, max: 70000 }) }) },
  {
    weight: 2,
    arbitrary: fc.record({ add: fc.constantFrom(1, 15, 16, 3599, 3600, 32767, 32768, 2 ** 23, 2 ** 31, 2 ** 49) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      set: fc.constantFrom(
        0,
        -0,
        1.5,
        0.25,
        12.345678,
        0.1 + 0.2,
        1e15,
        1e300,
        5e-324,
        Infinity,
        -Infinity,
        Number.NaN,
        2 ** 50,
        -(2 ** 50),
        2 ** 53,
      ),
    }),
  },
  { weight: 1, arbitrary: fc.constant('stale' as const) },
  { weight: 1, arbitrary: fc.record({ low: fc.nat(0xffffffff), high: fc.nat(0xffffffff) }) },
)
const step = fc.oneof(
  { weight: 8, arbitrary: fc.constant(15_000) },
  { weight: 3, arbitrary: fc.integer({ min: 14_990, max: 15_010 }) },
  { weight: 1, arbitrary: fc.constantFrom(1, 2 ** 31 - 1, 2 ** 31, 2 ** 40) },
)
const series: fc.Arbitrary<Given> = fc
  .array(fc.record({ step, value, times: fc.constantFrom(1, 1, 1, 2, 70, 300) }), { minLength: 1, maxLength: 60 })
  .map((moves) => {
    const timestamps: number[] = []
    const bits: number[] = []
    let at = -1_000_000
    let words = [0, 0]
    const scratch = new Float64Array(1)
    const scratchWords = wordsOf(scratch)
    for (const move of moves)
      for (let k = 0; k < move.times; k++) {
        at += move.step
        scratchWords.set(words)
        if (move.value === 'stale') scratchWords.set(STALE)
        else if (move.value !== 'again') {
          if ('add' in move.value) scratch[0] = Math.round(scratch[0]!) + move.value.add
          else if ('set' in move.value) scratch[0] = move.value.set
          else scratchWords.set([move.value.low, move.value.high])
        }
        words = [...scratchWords]
        timestamps.push(at)
        bits.push(...words)
      }
    return {
      timestamps: Float64Array.from(timestamps),
      values: new Float64Array(Uint32Array.from(bits).buffer),
    }
  })

const ALL = { low: -Infinity, high: Infinity }

test('what is read is what was written, to the bit', () => {
  fc.assert(
    fc.property(series, (given) => {
      const count = given.timestamps.length
      assert.deepEqual(readBack(written(given), { ...ALL, visible: count }), entries(given, 0, count))
    }),
    { numRuns: 300 },
  )
})

test('a span and a number of visible samples give just those samples', () => {
  const place = fc.nat({ max: 10_000 })
  fc.assert(
    fc.property(series, place, place, place, fc.integer({ min: -1, max: 1 }), (given, a, b, c, shift) => {
      const { timestamps } = given
      const count = timestamps.length
      const [from, to] = [a % count, b % count].toSorted((x, y) => x - y) as [number, number]
      const span = { low: timestamps[from]! + shift, high: timestamps[to]! + shift, visible: c % (count + 1) }
      const expected = entries(given, 0, span.visible).filter(([at]) => at! >= span.low && at! <= span.high)
      const one = written(given)
      assert.equal(one.reader.has(SLOT, span), expected.length > 0)
      assert.deepEqual(readBack(one, span), expected)
      assert.deepEqual(newest(one, span), expected.slice(-1))
    }),
    { numRuns: 300 },
  )
})

test('a cut leaves every sample from its time on, and says the first of them', () => {
  fc.assert(
    fc.property(series, fc.nat({ max: 10_000 }), fc.integer({ min: -1, max: 1 }), (given, a, shift) => {
      const { timestamps } = given
      const count = timestamps.length
      const time = timestamps[a % count]! + shift
      const one = written(given)
      const before = one.memory.slabs.sizeBytes
      let given_back = 0
      const first = cutSeries(one.memory, SLOT, time, { reader: one.reader, giveBack: () => given_back++ })
      const expected = entries(given, 0, count).filter(([at]) => at! >= time)
      assert.equal(first, expected[0]?.[0] ?? Infinity)
      assert.deepEqual(readBack(one, { low: time, high: Infinity, visible: count }), expected)
      if (expected.length === 0) assert.equal(given_back * 128, before)
      else assert.ok(firstAtOf(one.memory, SLOT) <= first)
    }),
    { numRuns: 200 },
  )
})

test('a series goes on after all of it was cut off', () => {
  const one = written({ timestamps: Float64Array.of(1000, 2000), values: Float64Array.of(1, 2) })
  cutSeries(one.memory, SLOT, 5000, { reader: one.reader, giveBack: () => undefined })
  assert.equal(maxCountOf(one.memory, SLOT, { ...ALL, visible: 2 }), 0)
  const values = Float64Array.of(3, 4)
  pushSample(one.memory, SLOT, 6000, values, wordsOf(values), 0)
  pushSample(one.memory, SLOT, 7000, values, wordsOf(values), 1)
  const read = readBack(one, { ...ALL, visible: 4 })
  assert.deepEqual(
    read.map(([at]) => at),
    [6000, 7000],
  )
})

test('a constant series takes a slab per 240 samples, a counter some three bytes a sample', () => {
  const at = Float64Array.from({ length: 2400 }, (_, i) => i * 15_000)
  const constant = written({ timestamps: at, values: new Float64Array(2400).fill(7) })
  assert.equal(constant.memory.slabs.sizeBytes, 10 * 128)
  const counter = written({ timestamps: at, values: Float64Array.from(at, (_, i) => i * 217) })
  assert.ok(counter.memory.slabs.sizeBytes < 2400 * 3.2, `${counter.memory.slabs.sizeBytes} bytes`)
})
