import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ManualClock, unixMs } from '#core'
import { memoryStore } from '#storage'
import type { Subquery } from '../ast.ts'
import { createEngine } from '../engine.ts'
import { parse } from '../parser.ts'
import { parseLabels } from '../series-notation.ts'
import { Annotations } from './annotations.ts'
import { timeAt } from './column.ts'
import { Context } from './context.ts'
import { subqueryFrame } from './select.ts'

function contextOf(text: string): Context {
  return new Context({
    text,
    bounds: { start: 0, end: 0, stepMs: 0, isRange: false },
    lookbackMs: 300_000,
    defaultStepMs: 60_000,
    maxSamples: 1000,
    annotations: new Annotations(text),
    clock: new ManualClock(),
    signal: undefined,
  })
}

test('a subquery steps on multiples of its step, within a window open on the left', () => {
  const whole = fc.integer({ min: -100_000, max: 100_000 })
  fc.assert(
    fc.property(
      whole,
      fc.integer({ min: 1, max: 500 }),
      fc.integer({ min: 1, max: 50 }),
      whole,
      (at, range, step, offset) => {
        const text = `x[${range}s:${step}s] offset ${offset}s`
        const node = parse(text) as Subquery
        const frame = subqueryFrame(node, { start: at, stepMs: 1, count: 1 }, contextOf(text))
        const end = at - offset * 1000
        const expected: number[] = []
        for (let time = Math.floor(end / (step * 1000)) * step * 1000; time > end - range * 1000; time -= step * 1000)
          expected.unshift(time)
        assert.deepEqual(
          Array.from({ length: frame.count }, (_, i) => timeAt(frame, i)),
          expected,
        )
      },
    ),
  )
})

test('a selector and a window see what a look at every sample sees', async () => {
  const instants = fc.uniqueArray(fc.integer({ min: 0, max: 600 }), { minLength: 1, maxLength: 30 })
  const windows = fc.record({
    at: fc.integer({ min: 0, max: 900 }),
    range: fc.integer({ min: 1, max: 400 }),
    offset: fc.integer({ min: -200, max: 200 }),
  })
  await fc.assert(
    fc.asyncProperty(instants, windows, async (times, { at, range, offset }) => {
      const sorted = times.sort((a, b) => a - b)
      const store = memoryStore()
      using batch = store.appender()
      const { labels } = parseLabels('x')
      for (const time of sorted) batch.append(undefined, labels, unixMs(time * 1000), time)
      batch.commit()
      const { query } = createEngine({ store: (start, end) => store.querier(unixMs(start), unixMs(end)) })
      const ask = async (text: string) => {
        const answer = await query(text, { at: unixMs(at * 1000) })
        return answer.kind === 'vector' ? answer.samples[0]?.value : undefined
      }
      const end = at - offset
      const inside = sorted.filter((time) => time > end - range && time <= end)
      assert.equal(await ask(`count_over_time(x[${range}s] offset ${offset}s)`), inside.length || undefined)
      assert.equal(await ask(`x offset ${offset}s`), sorted.filter((time) => time > end - 300 && time <= end).at(-1))
    }),
    { numRuns: 60 },
  )
})
