import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { unixMs } from '#core'
import { PARTS, POLICIES, START } from './bench.ts'
import { decide, type LoopEvent } from './decide.ts'
import { applied, type LoopConfig, type World } from './draft.ts'
import { decodeRecord, encodeRecord, NEW_LOOP } from './records.ts'

const config: LoopConfig = {
  name: 'workshop',
  externalUrl: 'http://127.0.0.1:2424',
  policies: POLICIES,
  parts: PARTS,
  fallbackReceiver: 'oncall',
  approvalMs: 10_000,
  budget: { limit: 5, windowMs: 60_000 },
  breakAfter: 3,
  blastShare: 1,
}
const EMPTY: World = {
  incidents: new Map(),
  tickets: new Map(),
  targets: new Map(),
  actions: new Map(),
  loop: NEW_LOOP,
}

const policy = fc.constantFrom(...POLICIES.map(({ id }) => id))
/** `pick` chooses among the incidents that are there. */
const happening = fc.oneof(
  fc.record({ kind: fc.constant('alert' as const), policy, part: fc.constantFrom('crm', 'crmDb') }),
  fc.record({
    kind: fc.constant('observed' as const),
    pick: fc.nat(),
    health: fc.constantFrom('good', 'bad', 'blind'),
  }),
  fc.record({
    kind: fc.constant('ended' as const),
    pick: fc.nat(),
    outcome: fc.constantFrom('done', 'failed', 'lost'),
  }),
  fc.record({ kind: fc.constant('clock' as const), byMs: fc.integer({ min: -1e7, max: 1e7 }) }),
  fc.record({ kind: fc.constantFrom('paused' as const, 'resumed' as const), by: fc.constant('ann') }),
)
type Happening = typeof happening extends fc.Arbitrary<infer T> ? T : never

function eventOf(world: World, one: Happening): LoopEvent | undefined {
  switch (one.kind) {
    case 'alert':
      return { ...one, value: 150, activeAt: unixMs(START), summary: 'wrong', reason: '' }
    case 'observed': {
      const ids = [...world.incidents.keys()]
      const incident = ids[one.pick % Math.max(1, ids.length)]
      const health = one.health as 'good' | 'bad' | 'blind'
      return incident === undefined
        ? undefined
        : { kind: 'observed', incident, health, value: health === 'good' ? 40 : 150 }
    }
    case 'ended': {
      const ids = [...world.actions.keys()]
      const action = ids[one.pick % Math.max(1, ids.length)]
      const outcome = one.outcome as 'done' | 'failed' | 'lost'
      return action === undefined ? undefined : { kind: 'ended', action, outcome, reconciled: false }
    }
    default:
      return one
  }
}

const snapshot = (world: World) => JSON.stringify([...world.incidents, ...world.tickets, ...world.targets, world.loop])

test('a decision is the same every time, changes nothing itself, and its records read back as they were', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(happening, fc.nat(20_000)), { maxLength: 40 }), (story) => {
      let world = EMPTY
      let at = START
      for (const [one, laterMs] of story) {
        at += laterMs
        const event = eventOf(world, one)
        if (event === undefined) continue
        const before = snapshot(world)
        const decision = decide(world, event, config, unixMs(at))
        assert.equal(snapshot(world), before)
        assert.deepEqual(decide(world, event, config, unixMs(at)).writes, decision.writes)
        for (const change of decision.changes) {
          if (!('record' in change)) continue
          const json = JSON.parse(JSON.stringify(encodeRecord(change.record)))
          const back = decodeRecord(change.collection, 'x', json)
          assert.deepEqual(JSON.parse(JSON.stringify(back)), json)
        }
        world = applied(world, decision.changes)
      }
      const open = [...world.incidents.values()].filter(({ phase }) => phase.kind !== 'resolved')
      assert.equal(new Set(open.map(({ key }) => key)).size, open.length, 'one open incident a key')
      for (const { ticket, phase } of world.incidents.values()) {
        if (ticket === undefined) continue
        assert.equal(world.tickets.get(ticket)?.state, phase.kind === 'resolved' ? 'closed' : 'open')
      }
    }),
  )
})

test('a record that can’t be read is named, with what to do', () => {
  assert.throws(() => decodeRecord('incidents', 'x-1', { id: 'x-1' }), {
    code: 'ASSAY_RESPONDER_STATE',
    message: /^incidents\/x-1 .*restore a backup/,
  })
})
