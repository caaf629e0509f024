import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Labels, unixMs } from '#core'
import { memoryStore } from '#storage'
import { createEngine } from '../engine.ts'

const value = fc.constantFrom(0, -0, 1, 2.5, -7, Number.NaN, Infinity, 1e308)
const series = fc.record({
  name: fc.constantFrom('a', 'a', 'b', 'b', 'c'),
  i: fc.nat({ max: 3 }),
  type: fc.constantFrom('', '', '', 'counter'),
  values: fc.array(fc.option(value), { minLength: 5, maxLength: 5 }),
})
const side = fc.constantFrom('a', 'b', '{__name__=~"a|c"}', 'rate(a[1m])', '(a > 1)', 'sum by (i) (b)', '(-b)')
const op = fc.constantFrom('+', '-', '*', '/', '%', '^', 'atan2', '==', '!=', '>', '<', '>=', '> bool')

test('series in lockstep are combined as series that are matched by a table of keys', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(series, { maxLength: 8 }),
      fc.tuple(side, op, side),
      fc.boolean(),
      async (all, [left, operator, right], late) => {
        await using store = memoryStore()
        using batch = store.appender()
        for (const { name, i, type, values } of all) {
          const labels = Labels.of({ __name__: name, i: `${i}`, __type__: type })
          for (const [step, one] of values.entries())
            if (one !== null) batch.append(undefined, labels, unixMs(step * 300_000 + 1), one)
        }
        batch.commit()
        const { query } = createEngine({
          store: (start, end) => store.querier(unixMs(start), unixMs(end)),
          features: new Set(late ? ['promql-delayed-name-removal'] : []),
        })
        const ask = async (text: string) => {
          const when = { start: unixMs(0), end: unixMs(1_500_000), stepMs: 150_000 }
          try {
            const { stats, ...answer } = await query(text, when)
            if (answer.kind !== 'matrix') throw new TypeError(`a ${answer.kind} was not expected`)
            // As numbers: which NaN comes of 0 % 0 is the compiler's choice.
            const series = answer.series.map((one) => [one.labels.flat, [...one.timestamps], [...one.values]])
            return [{ ...answer, series }, stats?.total, stats?.peak]
          } catch (error) {
            // The place in the text is another.
            return String(error).replace(/\d+:\d+/, '')
          }
        }
        // A label that nothing has: all others still have to match.
        const words = operator.split(' ')
        const bool = words.length > 1 ? ' bool' : ''
        assert.deepEqual(
          await ask(`${left} ${operator} ${right}`),
          await ask(`${left} ${words[0]}${bool} ignoring(nobody) ${right}`),
        )
      },
    ),
    { numRuns: 500 },
  )
})
