import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Labels, type QueryFn, unixMs } from '#core'
import { type DataNeed, dataNeedOf, withoutData } from './data-need.ts'

const short = (need: DataNeed): unknown =>
  need.kind === 'nothing' ? '' : need.kind === 'measure' ? need.promql : { [need.kind]: need.of.map(short) }

for (const [expr, want] of [
  ['up{job="x"} == 0', 'up{job="x"}'],
  ['0.5 < sum by (job) (rate(m[1m]))', 'sum by (job) (rate(m[1m]))'],
  ['a / b > 0.05', 'a / b'],
  ['a > b', { all: ['a', 'b'] }],
  ['(a > 1) and b == 0', { all: ['a', 'b'] }],
  ['a > 1 or b > 1', { any: ['a', 'b'] }],
  ['a > 1 unless b', 'a'],
  ['count by (job) (up == 0) > 2', 'up'],
  ['absent(m)', ''],
  ['count(ALERTS{alertstate="firing"}) > 0', ''],
  ['vector(1) > 0', ''],
  ['m > bool 1', 'm > bool 1'],
  ['-(a > 1)', 'a'],
] as const) {
  test(`what ${expr} needs`, () => assert.deepEqual(short(dataNeedOf(expr)), want))
}

const answers: Readonly<Record<string, readonly (readonly [Readonly<Record<string, string>>, number])[]>> = {
  a: [
    [{ k: 'x', d: '1' }, 1],
    [{ k: 'y' }, Number.NaN],
  ],
  b: [[{}, 1]],
}
const query: QueryFn = async (promql, when) => {
  const at = 'at' in when ? when.at : when.end
  if (promql === 'broken') throw new Error('no engine')
  const samples = (answers[promql] ?? []).map(([labels, value]) => ({ labels: Labels.of(labels), at, value }))
  return { kind: 'vector', samples, warnings: [], infos: [] }
}
const x = Labels.of({ k: 'x' })
const y = Labels.of({ k: 'y' })

for (const { expr, missing, why } of [
  { expr: 'a > 1', missing: [y], why: 'a NaN is no data' },
  { expr: 'b > 1', missing: [], why: 'labels that only one side has do not matter' },
  { expr: 'a > 1 and b > 1', missing: [y], why: 'of `and` all are needed' },
  { expr: 'a > 1 or b > 1', missing: [], why: 'of `or` one is enough' },
  { expr: 'c > 1', missing: [x, y], why: 'nothing there' },
  { expr: 'broken > 1', missing: [x, y], why: 'a question that fails is no data' },
]) {
  test(`elements without data for ${expr}: ${why}`, async () => {
    assert.deepEqual([...(await withoutData(dataNeedOf(expr), [x, y], query, unixMs(0)))], missing)
  })
}
