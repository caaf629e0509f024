/** A vector and a number are combined as that vector and a series of that number at each step. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Labels, unixMs } from '#core'
import { memoryStore } from '#storage'
import { createEngine } from '../engine.ts'

const value = fc.constantFrom(0, -0, 1, 2.5, -7, Number.NaN, Infinity, 1e308)
const series = fc.record({
  i: fc.nat({ max: 5 }),
  values: fc.array(fc.option(value, { freq: 8 }), { minLength: 5, maxLength: 5 }),
})
const vector = fc.constantFrom('a', '(-a)', '(a > 1)', 'sum by (i) (a)', 'max_over_time(a[7m])')
const number = fc.constantFrom('2', '0', '(-1.5)', 'Inf', 'NaN', 'time()')
const op = fc.constantFrom('+', '-', '*', '/', '%', '^', 'atan2', '> bool', '== bool')

test('a vector and a scalar come out as the vector and a series of that number do', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(series, { maxLength: 6 }),
      vector,
      op,
      number,
      fc.boolean(),
      async (all, left, operator, right, swapped) => {
        await using store = memoryStore()
        using batch = store.appender()
        for (const { i, values } of all)
          for (const [step, one] of values.entries())
            if (one !== null)
              batch.append(undefined, Labels.of({ __name__: 'a', i: `${i}` }), unixMs(step * 300_000 + 1), one)
        batch.commit()
        const { query } = createEngine({ store: (start, end) => store.querier(unixMs(start), unixMs(end)) })
        const ask = async (text: string) => {
          const answer = await query(text, { start: unixMs(0), end: unixMs(1_500_000), stepMs: 150_000 })
          if (answer.kind !== 'matrix') throw new TypeError(`a ${answer.kind} was not expected`)
          return answer.series.map((one) => [one.labels.flat, [...one.timestamps], [...one.values]])
        }
        const series = `vector(${right})`
        assert.deepEqual(
          await ask(swapped ? `${right} ${operator} ${left}` : `${left} ${operator} ${right}`),
          await ask(
            swapped
              ? `${series} ${operator} on() group_right() ${left}`
              : `${left} ${operator} on() group_left() ${series}`,
          ),
        )
      },
    ),
    { numRuns: 300 },
  )
})
