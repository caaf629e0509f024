import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { IncidentWire, TimelineKind } from '../api/wire.ts'
import { stepsOf } from './steps.ts'

const T0 = Date.parse('2026-11-20T14:00:10Z')
const at = (seconds: number) => new Date(T0 + seconds * 1000).toISOString()
const entry = (kind: TimelineKind, seconds: number) => ({ at: at(seconds), kind, text: kind })
const given = (changes: Partial<IncidentWire>): IncidentWire => ({
  id: '118',
  policy: 'mesSlow',
  title: 'mes answers slowly',
  parts: ['mes'],
  state: 'open',
  openedAt: at(120),
  resolvedAt: null,
  condition: null,
  forMs: 120_000,
  activeAt: at(0),
  value: 0.64,
  ticket: '41',
  cause: null,
  approval: null,
  verifyUntil: null,
  timeline: [entry('detected', 120)],
  ...changes,
})
const brief = (incident: IncidentWire, now = T0 + 200_000) =>
  stepsOf(incident, now).map(({ state, when, title }) => [state, when, title])

test('an incident just detected is deciding', () => {
  assert.deepEqual(brief(given({})).slice(1), [
    ['done', '+2:00', 'detected'],
    ['now', '—', 'deciding'],
    ['todo', '—', 'verifying'],
    ['todo', '—', 'resolved'],
  ])
})

test('an action is told before a ticket, and verification counts down', () => {
  const timeline = [entry('detected', 120), entry('ticketed', 121), entry('acted', 180), entry('notified', 190)]
  const incident = given({ state: 'verifying', timeline, verifyUntil: at(280) })
  assert.deepEqual(brief(incident).slice(2), [
    ['done', '+1:00', 'acted'],
    ['now', '1:20 left', 'verifying'],
    ['todo', '—', 'resolved'],
  ])
})

test('while a person is asked, the step waits for them', () => {
  const incident = given({
    timeline: [entry('detected', 120), entry('ticketed', 121)],
    approval: { action: 'a', text: 'Scale mes', expiresAt: at(400) },
  })
  assert.deepEqual(brief(incident)[2], ['now', '—', 'waiting for you'])
})

test('a resolved incident has nothing left to do', () => {
  const incident = given({
    state: 'resolved',
    resolvedAt: at(420),
    timeline: [entry('detected', 120), entry('ticketed', 121), entry('verified', 415), entry('resolved', 420)],
  })
  const steps = brief(incident)
  assert.deepEqual(
    steps.map(([state]) => state),
    ['done', 'done', 'done', 'done', 'done'],
  )
  assert.deepEqual(steps[4], ['done', 'after 5:00', 'resolved'])
})

test('an escalated incident points at a person', () => {
  const incident = given({
    state: 'escalated',
    timeline: [entry('detected', 120), entry('refused', 130), entry('escalated', 240)],
  })
  assert.deepEqual(brief(incident).slice(2), [
    ['failed', '—', 'refused'],
    ['failed', '—', 'did not help'],
    ['now', '+2:00', 'a person is needed'],
  ])
})

test('exactly one step is now while the incident lives', () => {
  for (const state of ['open', 'acting', 'verifying', 'escalated'] as const) {
    for (const kinds of [[], ['ticketed'], ['acted'], ['refused']] as const) {
      const incident = given({ state, timeline: [entry('detected', 120), ...kinds.map((kind) => entry(kind, 130))] })
      assert.equal(
        stepsOf(incident, T0 + 200_000).filter((step) => step.state === 'now').length,
        1,
        `${state} ${kinds}`,
      )
    }
  }
})
