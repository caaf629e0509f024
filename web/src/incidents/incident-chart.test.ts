import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { IncidentWire } from '../api/wire.ts'
import { incidentMarks, incidentSpan, incidentWindow, shorten } from './incident-chart.ts'

const T0 = Date.parse('2026-11-20T14:00:00Z')
const MIN = 60_000
const iso = (ms: number) => new Date(T0 + ms).toISOString()
const incident = (changes: Partial<IncidentWire>): IncidentWire => ({
  id: '1',
  policy: 'p',
  title: 't',
  parts: [],
  state: 'open',
  openedAt: iso(2 * MIN),
  resolvedAt: null,
  condition: null,
  forMs: 0,
  activeAt: iso(0),
  value: null,
  ticket: '41',
  cause: null,
  approval: null,
  verifyUntil: null,
  timeline: [],
  ...changes,
})

test('the window shows at least five minutes of before, and ends now while it is open', () => {
  assert.deepEqual(incidentWindow(incident({}), T0 + 3 * MIN), { from: T0 - 5 * MIN, to: T0 + 3 * MIN })
})

test('a long incident shows as much before as it lasted, and a stretch of after', () => {
  const { from, to } = incidentWindow(incident({ resolvedAt: iso(60 * MIN) }), T0 + 600 * MIN)
  assert.equal(from, T0 - 60 * MIN)
  assert.equal(to, T0 + 80 * MIN)
})

test('the span of an open incident is open', () => {
  assert.deepEqual(incidentSpan(incident({})), [{ from: T0 / 1000 + 120, to: undefined }])
})

test('only what was seen and done is marked, actions strongly', () => {
  const timeline: IncidentWire['timeline'] = [
    { at: iso(2 * MIN), kind: 'detected', text: 'p95 is 640 ms.' },
    { at: iso(2 * MIN), kind: 'ticketed', text: 'Ticket #41 opened.' },
    { at: iso(3 * MIN), kind: 'proposed', text: 'Scale mes.' },
    { at: iso(4 * MIN), kind: 'acted', text: 'Scaled mes from 2 to 3 instances by pm2 in 1.9 s.' },
  ]
  assert.deepEqual(
    incidentMarks(incident({ timeline })).map(({ text, strong }) => [text, strong]),
    [
      ['detected', false],
      ['ticket #41', false],
      ['Scaled mes from 2 to 3 instances …', true],
    ],
  )
})

test('texts are cut between words', () => {
  assert.equal(shorten('Short.', 20), 'Short')
  assert.equal(shorten('Restarted crm, one instance after the other', 20), 'Restarted crm, one …')
})
