import assert from 'node:assert/strict'
import { test } from 'node:test'
import { emptyPlan } from '../server.test-support.ts'
import { ago, incident, now, policy } from './assay.test-support.ts'
import { incidentWire, newestFirst, policyWire } from './to-wire.ts'

const quiet = { approval: () => undefined, verifyUntil: () => undefined }

test('what is not known travels as null, and a value that is no number too', () => {
  const wire = incidentWire(incident('1', { value: Number.NaN, condition: undefined }), emptyPlan, quiet)
  assert.deepEqual(
    [wire.value, wire.condition, wire.ticket, wire.cause, wire.approval, wire.verifyUntil, wire.resolvedAt],
    [null, null, null, null, null, null, null],
  )
})

test('the time a condition has to hold comes from the policy, or from what was seen when the policy is gone', () => {
  const plan = { ...emptyPlan, policies: [policy('mesSlow', { forMs: 7000 })] }
  assert.equal(incidentWire(incident('1'), plan, quiet).forMs, 7000)
  assert.equal(incidentWire(incident('1'), emptyPlan, quiet).forMs, 120_000)
})

test('a question is shown with its exact action and its end', () => {
  const approval = () => ({ action: 'a1', text: 'start one more', expiresAt: now })
  const wire = incidentWire(incident('1'), emptyPlan, { approval, verifyUntil: () => now })
  const at = new Date(now).toISOString()
  assert.deepEqual([wire.approval, wire.verifyUntil], [{ action: 'a1', text: 'start one more', expiresAt: at }, at])
})

test('a policy whose rule failed or is not there is unknown, never inactive', () => {
  assert.equal(policyWire(policy('mesSlow'), [], []).state, 'unknown')
  const rule = {
    kind: 'alert',
    alert: 'mesSlow',
    expr: 'x',
    forMs: 0,
    keepFiringForMs: 0,
    labels: {},
    annotations: {},
  } as const
  const group = { name: 'g', file: '', intervalMs: 1, limit: 0, queryOffsetMs: 0, rules: [rule] }
  const states = (['ok', 'err', 'unknown'] as const).map((health) => {
    const status = { health, lastError: '', lastEvaluation: now, evaluationTimeMs: 1, alerts: [] }
    return policyWire(policy('mesSlow'), [{ group, lastEvaluation: now, evaluationTimeMs: 1, rules: [status] }], [])
      .state
  })
  assert.deepEqual(states, ['inactive', 'unknown', 'unknown'])
})

test('newest first, and equal instants keep one order', () => {
  const list = [incident('a'), incident('c', { openedAt: ago(1) }), incident('b')]
  assert.deepEqual(
    newestFirst(list).map(({ id }) => id),
    ['c', 'b', 'a'],
  )
  assert.deepEqual(
    newestFirst(list.toReversed()).map(({ id }) => id),
    ['c', 'b', 'a'],
  )
})
