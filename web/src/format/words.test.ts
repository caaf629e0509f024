import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Condition } from '../api/wire.ts'
import { actionSentence, conditionSentence, policySentence } from './words.ts'

/** With plain spaces, so that the sentences can be read. */
const plain = (text: string) => text.replaceAll('\u00a0', ' ')

const LATENCY: Condition = {
  expr: 'm > 0.5',
  measure: 'm',
  op: '>',
  threshold: 0.5,
  unit: 'seconds',
  title: 'p95 latency of mes',
}

test('a condition reads as one would say it', () => {
  assert.equal(plain(conditionSentence(LATENCY, 300_000)), 'p95 latency of mes above 500 ms for 5 min')
  assert.equal(plain(conditionSentence({ ...LATENCY, op: '<' }, 0)), 'p95 latency of mes below 500 ms')
})

test('a policy is one sentence, its steps in order', () => {
  const steps = [
    { kind: 'ticket', receiver: 'developers' },
    {
      kind: 'scaleOut',
      part: 'mes',
      workload: 'mes',
      runtime: 'pm2',
      min: 1,
      max: 4,
      scaleInAfterMs: 0,
      scaleInBelow: 0.5,
    },
  ] as const
  assert.equal(
    plain(policySentence({ condition: LATENCY, forMs: 300_000, steps, title: 'mes answers slowly' })),
    'When p95 latency of mes is above 500 ms for 5 min, open a ticket for developers, then add an instance of mes, between 1 and 4.',
  )
})

test('a policy without a single measure says its title', () => {
  assert.equal(
    policySentence({ condition: null, forMs: 0, steps: [], title: 'a part is down' }),
    'a part is down: tell who looks.',
  )
})

test('a restart says who stays up', () => {
  assert.equal(
    actionSentence({ kind: 'restart', part: 'crm', workload: 'crm', runtime: 'pm2', minHealthy: 1 }),
    'restart crm one instance after the other, 1 always healthy',
  )
})
