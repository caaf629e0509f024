import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '#core'
import { memoryState, type State, type Write } from '#state'
import { openBench, policyOf, restart, START, scaleOut } from './bench.ts'
import { memoryRuntime } from './runtimes/memory-runtime.ts'
import type { ActionSpec } from './types.ts'

/** Dies at the n-th write: `before` it is durable, or just `after`. Nothing is written from then on. */
function mortal(
  state: State,
  n: number,
  when: 'before' | 'after',
): State & { readonly dead: boolean; readonly writes: number } {
  let writes = 0
  let dead = false
  return {
    get dead() {
      return dead
    },
    get writes() {
      return writes
    },
    get: (collection, id) => state.get(collection, id),
    list: (collection, options) => state.list(collection, options),
    next: (sequence) => state.next(sequence),
    audit: (options) => state.audit(options),
    verifyAudit: () => state.verifyAudit(),
    async write(batch: readonly Write[]) {
      if (dead) throw new Error('the process is dead')
      writes++
      if (writes === n && when === 'before') dead = true
      else await state.write(batch)
      if (writes === n) dead = true
      if (dead) throw new Error('the process died')
    },
    async [Symbol.asyncDispose]() {},
  }
}

const POLICIES = [
  policyOf('mesBusy', 'mes', [
    { kind: 'ticket', receiver: 'developers' },
    { ...scaleOut, scaleInAfterMs: 8000 } as ActionSpec,
  ]),
  policyOf('crmSaturated', 'crm', [restart, { kind: 'notify', receiver: 'support' }]),
]

/** The whole life of two incidents, with a crash at the n-th write. Says what was done, and whether it crashed. */
async function life(n: number, when: 'before' | 'after') {
  const clock = new ManualClock(START)
  const state = memoryState()
  const runtime = memoryRuntime({ mes: 1, crm: 2 }, clock)
  const measures: Record<string, number | undefined> = { m_mesBusy: 150, m_crmSaturated: 150 }
  const open = (over: State) =>
    openBench({
      state: over,
      clock,
      runtime,
      measures,
      policies: POLICIES,
      blastShare: 1,
      limits: { settleMs: 3000, statusTimeoutMs: 1000, actionTimeoutMs: 20_000 },
    })
  const doomed = mortal(state, n, when)
  let bench = await open(doomed)
  let crashed = false
  const story = async (step: () => void, seconds: number) => {
    step()
    for (let s = 0; s < seconds; s++) {
      bench.fire(...(measures['m_mesBusy'] === 150 ? ['mesBusy', 'crmSaturated'] : []))
      await clock.advance(1000)
      bench.loop.sink([], { name: '', file: '', intervalMs: 1, limit: 0, queryOffsetMs: 0, rules: [] }, clock.now())
      const turned = bench.turn().catch(() => {})
      await clock.advance(0)
      if (!doomed.dead) await turned
      if (doomed.dead && !crashed) {
        crashed = true
        await bench.loop[Symbol.asyncDispose]()
        bench = await open(state)
      }
    }
  }
  await story(() => {}, 15)
  await story(() => {
    measures['m_mesBusy'] = 30
    measures['m_crmSaturated'] = 40
  }, 30)
  const incidents = bench.loop.incidents()
  const tickets = bench.loop.tickets()
  const mails = await bench.outbox()
  const verdict = await state.verifyAudit()
  await bench.loop[Symbol.asyncDispose]()
  return { crashed, effects: runtime.effects, incidents, tickets, mails, verdict, writes: doomed.writes }
}

test('without a crash both incidents are acted upon once, verified and resolved', async () => {
  const { effects, incidents, mails, crashed, writes } = await life(Number.POSITIVE_INFINITY, 'before')
  assert.equal(crashed, false)
  assert.deepEqual([...effects].sort(), ['restart crm', 'scale mes 1', 'scale mes 2'])
  assert.deepEqual(
    incidents.map(({ state }) => state),
    ['resolved', 'resolved'],
  )
  assert.equal(mails.length, 2)
  assert.ok(writes > 10)
})

for (const when of ['before', 'after'] as const) {
  test(`a crash just ${when} any write loses no incident and repeats no action`, async () => {
    for (let n = 1; ; n++) {
      const { crashed, effects, incidents, tickets, mails, verdict } = await life(n, when)
      if (!crashed) {
        assert.ok(n > 10, 'every write was a place to die')
        return
      }
      const why = `crash ${when} write ${n}`
      assert.deepEqual([...effects].sort(), ['restart crm', 'scale mes 1', 'scale mes 2'], why)
      assert.deepEqual(
        incidents.map(({ policy, state }) => `${policy} ${state}`).sort(),
        ['crmSaturated resolved', 'mesBusy resolved'],
        why,
      )
      assert.deepEqual(
        tickets.map(({ state }) => state),
        ['closed'],
        why,
      )
      assert.equal(new Set(mails.map(({ subject }) => subject)).size, 2, why)
      assert.equal(mails.length, 2, why)
      assert.equal(verdict.ok, true, why)
    }
  })
}

for (const [when, why] of [
  ['before', 'a call that never reached the runtime is made once after all'],
  ['after', 'a call whose answer was lost is not made again'],
] as const) {
  test(`killed during the call: ${why}`, async () => {
    const clock = new ManualClock(START)
    const state = memoryState()
    const runtime = memoryRuntime({ mes: 1, crm: 2 }, clock)
    const measures = { m_crmSaturated: 150, m_mesBusy: 150 }
    const options = { state, clock, runtime, measures, policies: POLICIES, blastShare: 1, limits: { settleMs: 3000 } }
    const before = await openBench(options)
    runtime.behave = (_, at, signal) =>
      at === when
        ? new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true }))
        : undefined
    before.fire('mesBusy', 'crmSaturated')
    await clock.advance(1000)
    void before.turn()
    await clock.advance(0)
    assert.deepEqual(
      before.loop.incidents().map(({ state: now }) => now),
      ['acting', 'acting'],
    )
    await before.loop[Symbol.asyncDispose]()

    runtime.behave = () => {}
    await using after = await openBench(options)
    after.fire('mesBusy', 'crmSaturated')
    for (let s = 0; s < 8; s++) {
      void after.turn()
      await clock.advance(1000)
    }
    assert.deepEqual([...runtime.effects].sort(), ['restart crm', 'scale mes 2'])
    assert.deepEqual(
      after.loop.incidents().map(({ state: now }) => now),
      ['verifying', 'verifying'],
    )
  })
}
