import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Instant, type Range, unixMs } from '#core'
import { parse } from './parser.ts'
import { weightOfQuery } from './weight.ts'

const NOW: Instant = { at: unixMs(1e12) }
const HOUR: Range = { start: unixMs(1e12 - 3600_000), end: unixMs(1e12), stepMs: 15_000 }
const SERIES: Readonly<Record<string, number>> = { few: 10, many: 10_000 }

const weigh = (promql: string, when: Instant | Range) =>
  weightOfQuery(parse(promql), when, {
    seriesOf: ([first]) => SERIES[first!.value] ?? 0,
    lookbackMs: 300_000,
    subqueryStepMs: 60_000,
  })

for (const [lighter, heavier, why] of [
  ['few', 'many', 'more series'],
  ['rate(few[5m])', 'rate(few[5h])', 'a longer window'],
  ['rate(few[5m])', 'max_over_time(rate(few[5m])[1h:5s])', 'a subquery has steps of its own'],
  ['max_over_time(few[1h])', 'quantile_over_time(0.9, few[1h])', 'each window is sorted'],
  ['few', 'few + many', 'both sides are read'],
  ['vector(1)', 'few', 'what reads nothing weighs nothing'],
] as const)
  test(`${heavier} is heavier than ${lighter}: ${why}`, () => {
    assert.ok(weigh(heavier, NOW) > weigh(lighter, NOW))
    assert.ok(weigh(heavier, HOUR) > weigh(lighter, HOUR))
  })

test('a range is heavier than a moment', () => {
  assert.ok(weigh('rate(few[5m])', HOUR) > 3 * weigh('rate(few[5m])', NOW))
})

test('a duration that is calculated has some weight too', () => {
  const expr = parse('rate(few[1h - 5m])')
  assert.ok(weightOfQuery(expr, NOW, { seriesOf: () => 1, lookbackMs: 1, subqueryStepMs: 1 }) > 0)
})
