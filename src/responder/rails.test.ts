import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { unixMs } from '#core'
import { type Facts, judge, type Proposal, RAILS } from './rails.ts'

const AT = unixMs(10_000_000)
const proposal: Proposal = {
  id: 'a1',
  incident: 'i1',
  policy: 'mesBusy',
  kind: 'scaleOut',
  part: 'mes',
  target: 'pm2/mes',
  attempt: 1,
  from: 2,
  to: 3,
}
const facts: Facts = {
  mode: 'auto',
  health: 'bad',
  min: 1,
  max: 4,
  minHealthy: 0,
  status: { desired: 2, ready: 2 },
  cooldownMs: 60_000,
  budget: { used: 0, limit: 10, windowMs: 3_600_000 },
  failedInRow: 0,
  breakAfter: 3,
  acting: { parts: 0, of: 8, share: 0.3 },
}
const restart: Partial<Proposal> = { kind: 'restart', from: 2, to: 2 }
const scaleIn: Partial<Proposal> = { kind: 'scaleIn', from: 2, to: 1 }
const acted = (agoMs: number, more: object = {}) => ({
  lastAction: { id: 'a0', incident: 'i0', at: AT - agoMs, ...more },
})

test('with nothing in the way every rail allows, with its reason', () => {
  const { outcome, verdicts } = judge(proposal, facts, AT)
  assert.equal(outcome, 'act')
  assert.deepEqual(
    verdicts.map(({ rail }) => rail),
    Object.keys(RAILS),
  )
  for (const { rail, allow, reason } of verdicts) assert.ok(allow && reason !== '', rail)
})

type Case = {
  readonly rail: string
  readonly outcome: 'act' | 'ask' | 'wait' | 'give-up'
  readonly reason: RegExp
  readonly p?: Partial<Proposal>
  readonly f?: Partial<Facts>
}
const cases: readonly Case[] = [
  { rail: 'switch', outcome: 'wait', reason: /paused by ann/, f: { paused: { by: 'ann', at: 1 } } },
  { rail: 'switch', outcome: 'wait', reason: /paused by ann/, f: { paused: { by: 'ann', at: 1 }, approvedBy: 'bob' } },
  { rail: 'data', outcome: 'wait', reason: /no data/, f: { health: 'blind' } },
  { rail: 'data', outcome: 'wait', reason: /no data/, f: { health: 'blind', approvedBy: 'bob' } },
  { rail: 'condition', outcome: 'wait', reason: /no longer holds/, f: { health: 'good' } },
  { rail: 'condition', outcome: 'give-up', reason: /holds again/, p: scaleIn, f: { health: 'bad' } },
  { rail: 'mode', outcome: 'ask', reason: /a person decides/, f: { mode: 'suggest' } },
  { rail: 'mode', outcome: 'act', reason: /approved by bob/, f: { mode: 'suggest', approvedBy: 'bob' } },
  { rail: 'mode', outcome: 'give-up', reason: /observe/, f: { mode: 'observe', approvedBy: 'bob' } },
  { rail: 'bounds', outcome: 'give-up', reason: /2 of at most 2/, f: { max: 2 } },
  { rail: 'bounds', outcome: 'give-up', reason: /the least \(2\)/, p: scaleIn, f: { min: 2, health: 'good' } },
  {
    rail: 'bounds',
    outcome: 'wait',
    reason: /5 instances run, 2 were expected/,
    f: { status: { desired: 5, ready: 5 } },
  },
  {
    rail: 'bounds',
    outcome: 'wait',
    reason: /does not answer: refused/,
    f: { status: undefined, statusError: 'refused' },
  },
  {
    rail: 'bounds',
    outcome: 'wait',
    reason: /1 of 2 instances are ready/,
    p: restart,
    f: { minHealthy: 1, status: { desired: 2, ready: 1 } },
  },
  {
    rail: 'bounds',
    outcome: 'wait',
    reason: /1 of 1 instances are ready/,
    p: { ...restart, from: 1, to: 1 },
    f: { minHealthy: 1, status: { desired: 1, ready: 1 } },
  },
  { rail: 'busy', outcome: 'wait', reason: /action a9 is under way/, f: { busy: 'a9' } },
  { rail: 'cooldown', outcome: 'wait', reason: /30s ago/, f: acted(30_000) },
  { rail: 'cooldown', outcome: 'wait', reason: /30s ago/, f: acted(30_000, { verifiedAt: AT - 5 }) },
  { rail: 'cooldown', outcome: 'act', reason: /1m10s ago/, f: acted(70_000, { verifiedAt: AT - 5 }) },
  { rail: 'cooldown', outcome: 'ask', reason: /not been followed by health/, f: acted(70_000) },
  {
    rail: 'cooldown',
    outcome: 'act',
    reason: /its time to help/,
    p: { attempt: 2 },
    f: acted(1000, { incident: 'i1' }),
  },
  { rail: 'cooldown', outcome: 'wait', reason: /30s ago/, p: { attempt: 2 }, f: acted(30_000) },
  { rail: 'budget', outcome: 'ask', reason: /are the budget/, f: { budget: { ...facts.budget, used: 10 } } },
  { rail: 'blast', outcome: 'wait', reason: /3 of 8 parts/, f: { acting: { parts: 2, of: 8, share: 0.3 } } },
  { rail: 'blast', outcome: 'act', reason: /1 of 2 parts/, f: { acting: { parts: 0, of: 2, share: 0.3 } } },
  { rail: 'breaker', outcome: 'ask', reason: /3 actions failed in a row/, f: { failedInRow: 3 } },
  {
    rail: 'dependency',
    outcome: 'wait',
    reason: /CRM db is down \(refused\)/,
    p: restart,
    f: { dependency: { part: 'CRM db', reason: 'refused' } },
  },
  {
    rail: 'calm',
    outcome: 'wait',
    reason: /incident i7 of the part is open/,
    p: scaleIn,
    f: { health: 'good', otherIncident: 'i7' },
  },
]
for (const { rail, outcome, reason, p, f } of cases) {
  test(`${rail}: ${outcome} when ${JSON.stringify({ ...p, ...f })}`, () => {
    const judgement = judge({ ...proposal, ...p }, { ...facts, ...f }, AT)
    assert.equal(judgement.outcome, outcome)
    assert.match(judgement.verdicts.find((one) => one.rail === rail)?.reason ?? '', reason)
    if (outcome !== 'act') assert.equal(judgement.refusal?.rail, rail)
  })
}

const anyFacts = fc.record({
  mode: fc.constantFrom('observe', 'suggest', 'auto'),
  approvedBy: fc.constantFrom(undefined, 'ann'),
  paused: fc.constantFrom(undefined, { by: 'ann', at: 1 }),
  health: fc.constantFrom('good', 'bad', 'blind'),
  failedInRow: fc.nat(5),
  busy: fc.constantFrom(undefined, 'a9'),
  dependency: fc.constantFrom(undefined, { part: 'db', reason: 'down' }),
}) as fc.Arbitrary<Partial<Facts>>

test('whatever else holds: paused, blind, busy or observing, nothing is done', () => {
  fc.assert(
    fc.property(anyFacts, fc.constantFrom({}, restart, scaleIn), (some, kind) => {
      const { outcome } = judge({ ...proposal, ...kind }, { ...facts, ...some }, AT)
      const may =
        some.paused === undefined && some.health !== 'blind' && some.busy === undefined && some.mode !== 'observe'
      assert.ok(may || outcome !== 'act')
      if (outcome === 'act' && some.mode === 'suggest') assert.equal(some.approvedBy, 'ann')
    }),
  )
})

test('a yes removes no refusal but those that ask for it', () => {
  fc.assert(
    fc.property(anyFacts, (some) => {
      const plain = judge(proposal, { ...facts, ...some, approvedBy: undefined }, AT).outcome
      const approved = judge(proposal, { ...facts, ...some, approvedBy: 'ann' }, AT).outcome
      if (plain === 'act') assert.equal(approved, 'act')
      if (plain === 'wait' || plain === 'give-up') assert.equal(approved, plain)
    }),
  )
})
