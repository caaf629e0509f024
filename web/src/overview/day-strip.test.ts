import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { IncidentWire } from '../api/wire.ts'
import { DAY_MS, dayBars } from './day-strip.ts'

const NOW = Date.parse('2026-11-20T14:00:00Z')
const iso = (agoMs: number) => new Date(NOW - agoMs).toISOString()
type Given = Parameters<typeof dayBars>[0][number]
const incident = (id: string, ago: number, lasted: number | null, timeline: IncidentWire['timeline'] = []): Given => ({
  id,
  title: id,
  state: lasted === null ? 'open' : 'resolved',
  openedAt: iso(ago),
  resolvedAt: lasted === null ? null : iso(ago - lasted),
  timeline,
})

test('a bar runs from when it opened to when it was resolved', () => {
  const [bar] = dayBars([incident('1', DAY_MS / 2, DAY_MS / 4)], NOW)
  assert.equal(bar?.from, 0.5)
  assert.equal(bar?.to, 0.75)
})

test('an open incident runs to now', () => {
  assert.equal(dayBars([incident('1', DAY_MS / 2, null)], NOW)[0]?.to, 1)
})

test('what ended before yesterday is not shown, what began before is cut', () => {
  assert.deepEqual(dayBars([incident('1', 2 * DAY_MS, DAY_MS / 2)], NOW), [])
  assert.equal(dayBars([incident('1', 2 * DAY_MS, null)], NOW)[0]?.from, 0)
})

test('two incidents at the same time stand in different rows', () => {
  const bars = dayBars([incident('1', DAY_MS / 2, DAY_MS / 4), incident('2', DAY_MS / 2 - 1000, DAY_MS / 4)], NOW)
  assert.notEqual(bars[0]?.row, bars[1]?.row)
})

test('only what was really done is marked', () => {
  const timeline: IncidentWire['timeline'] = [
    { at: iso(1000), kind: 'proposed', text: 'would scale' },
    { at: iso(DAY_MS / 4), kind: 'acted', text: 'scaled' },
  ]
  assert.deepEqual(dayBars([incident('1', DAY_MS / 2, null, timeline)], NOW)[0]?.acts, [{ at: 0.75, text: 'scaled' }])
})
