import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type PlannedBlock, planMerge } from './compaction-plan.ts'

const blocks = (...spans: readonly (readonly [number, number])[]): PlannedBlock[] =>
  spans.map(([start, end]) => ({ start, end }))
const plan = (given: PlannedBlock[], settledUntil: number, maxSpanMs = 1000) =>
  planMerge(given, { blockMs: 10, maxSpanMs, settledUntil })?.map(({ start, end }) => [start, end])

test('three blocks of a window that is past are merged, and a window that is being filled waits', () => {
  const given = blocks([0, 10], [10, 20], [20, 30], [30, 40])
  assert.deepEqual(plan(given, 40), [
    [0, 10],
    [10, 20],
    [20, 30],
  ])
  assert.equal(plan(given, 29), undefined)
})

test('a lone block stays as it is, also beside merged ones', () => {
  assert.equal(plan(blocks([0, 30], [40, 50]), 60), undefined)
})

test('merged blocks are merged again in the next larger window', () => {
  assert.deepEqual(plan(blocks([0, 30], [30, 60], [60, 90]), 90), [
    [0, 30],
    [30, 60],
    [60, 90],
  ])
  assert.equal(plan(blocks([0, 30], [30, 60], [60, 90]), 90, 60), undefined)
})

test('merging ends, keeps every instant covered and never makes blocks overlap', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.integer({ min: -50, max: 200 }), { minLength: 1 }), (numbers) => {
      let list = numbers.toSorted((a, b) => a - b).map((n) => ({ start: n * 10, end: n * 10 + 10 }))
      const settledUntil = list.at(-1)!.end
      const covers = (at: number) => list.some(({ start, end }) => start <= at && at < end)
      for (let round = 0; ; round++) {
        assert.ok(round < 1000)
        const found = planMerge(list, { blockMs: 10, maxSpanMs: 300, settledUntil })
        if (found === undefined) break
        const merged = { start: found[0]!.start, end: found.at(-1)!.end }
        list = [...list.filter((one) => !found.includes(one)), merged].sort((a, b) => a.start - b.start)
        for (let i = 1; i < list.length; i++) assert.ok(list[i - 1]!.end <= list[i]!.start)
        assert.ok(merged.end - merged.start <= 300)
      }
      for (const n of numbers) assert.ok(covers(n * 10))
    }),
  )
})
