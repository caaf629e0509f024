/** The loop on real rules, a real engine and a real store: from a sample to the proof, by the hand-turned clock. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Clock, Labels, ManualClock, silentLog, unixMs } from '#core'
import { createEngine } from '#promql'
import { createRules, type RuleGroup } from '#rules'
import { memoryState } from '#state'
import { memoryStore } from '#storage'
import { openBench, PARTS, POLICIES, policyOf, START, scaleOut } from './bench.ts'
import { createResponder } from './responder.ts'
import { memoryRuntime } from './runtimes/memory-runtime.ts'

const CONDITION = {
  expr: 'sum(rate(requests_total[10s])) / count(up) > 100',
  measure: 'sum(rate(requests_total[10s])) / count(up)',
  op: '>',
  threshold: 100,
  unit: 'per_second',
  title: 'rate per instance of MES',
} as const

test('more load than one instance bears: scaled out, verified by the rule’s own measure, resolved', async () => {
  const clock = new ManualClock(START)
  const store = memoryStore()
  const { query } = createEngine({ store: (start, end) => store.querier(unixMs(start), unixMs(end)), clock })
  const runtime = memoryRuntime({ mes: 1 }, clock)
  const policy = policyOf('mesBusy', 'mes', [{ kind: 'notify', receiver: 'support' }, scaleOut], {
    condition: CONDITION,
  })
  const state = memoryState()
  await using loop = await createResponder({
    name: 'workshop',
    externalUrl: 'http://127.0.0.1:2424',
    parts: PARTS,
    policies: [policy],
    state,
    query,
    runtimes: new Map([['pm2', runtime]]),
    clock,
    log: silentLog,
    blind: () => undefined,
    startGraceMs: 0,
  })
  await using rules = createRules({ query, store, clock, log: silentLog, sink: loop.sink })
  const group: RuleGroup = {
    name: 'policies',
    file: 'assay.config.ts',
    intervalMs: 1000,
    limit: 0,
    queryOffsetMs: 0,
    rules: [
      {
        kind: 'alert',
        alert: 'mesBusy',
        expr: CONDITION.expr,
        forMs: 5000,
        keepFiringForMs: 0,
        labels: { policy: 'mesBusy', part: 'mes' },
        annotations: {},
      },
    ],
  }
  rules.apply([group])
  let perSecond = 150
  let total = 0
  for (let s = 0; s < 60; s++) {
    const { instances } = await runtime.status('mes', new AbortController().signal)
    using batch = store.appender()
    total += perSecond
    batch.append(undefined, Labels.of({ __name__: 'requests_total' }), clock.now(), total)
    for (const { id } of instances) batch.append(undefined, Labels.of({ __name__: 'up', instance: id }), clock.now(), 1)
    batch.commit()
    await clock.advance(1000)
    if (s === 30) perSecond = 140
  }
  const [incident] = loop.incidents()
  assert.equal(incident?.state, 'resolved')
  assert.deepEqual(runtime.effects, ['scale mes 2'])
  assert.deepEqual(
    incident.timeline.map(({ kind }) => kind),
    ['detected', 'notified', 'proposed', 'acted', 'verified', 'resolved', 'notified'],
  )
  assert.match(incident.timeline[4]?.text ?? '', /Rate per instance of MES is 7\d\/s, not above 100\/s for \d s\./)
  assert.ok(incident.openedAt - incident.activeAt >= 5000)
})

for (const jumpMs of [3600_000, -3600_000, 86_400_000, -600_000]) {
  test(`a wall clock that jumps by ${jumpMs / 60_000} min makes no action early, late or twice`, async () => {
    const story = async (jump: number) => {
      const manual = new ManualClock(START)
      let shift = 0
      const seenClock: Clock = {
        now: () => unixMs(manual.now() + shift),
        monotonicMs: () => manual.monotonicMs(),
        sleep: (ms, signal) => manual.sleep(ms, signal),
        ticks: (ms, signal, offset) => manual.ticks(ms, signal, offset),
      }
      await using b = await openBench({ clock: manual, seenClock, policies: [policyOf('mesBusy', 'mes', [scaleOut])] })
      b.measures['m_mesBusy'] = 150
      b.fire('mesBusy')
      const states: string[] = []
      await b.run(120, () => {
        if (states.length === 10) shift = jump
        if (states.length === 40) b.measures['m_mesBusy'] = 30
        if (states.length === 40) b.fire()
        states.push(`${b.loop.incidents()[0]?.state} ${b.runtime.effects.length}`)
      })
      return { states, effects: b.runtime.effects }
    }
    assert.deepEqual(await story(jumpMs), await story(0))
  })
}

test('a pause in the middle of a storm lets nothing begin after it', async () => {
  const policies = Array.from({ length: 20 }, (_, i) =>
    policyOf(`p${i}`, `s${i}`, [{ ...scaleOut, part: `s${i}`, workload: `s${i}` } as typeof scaleOut]),
  )
  const clock = new ManualClock(START)
  const runtime = memoryRuntime(Object.fromEntries(policies.map(({ parts: [part = ''] }) => [part, 1])), clock)
  await using b = await openBench({ policies, parts: [], clock, runtime, actionsPerHour: 100, blastShare: 100 })
  for (const { id } of policies) b.measures[`m_${id}`] = 150
  b.fire(...policies.map(({ id }) => id))
  const turn = b.turn()
  let atPause = -1
  b.runtime.behave = (_, when) => {
    if (when !== 'before' || atPause >= 0) return
    void b.loop.pause('ann')
    atPause = 0
  }
  await turn
  const begun = b.runtime.effects.length
  assert.ok(begun >= 1 && begun <= 2, `${begun} began`)
  await b.run(20)
  assert.equal(b.runtime.effects.length, begun)
  assert.equal(b.loop.mode(), 'paused')
})

test('a state store that refuses writes loses nothing once it takes them again', async () => {
  const state = memoryState()
  let full = false
  const flaky = {
    ...wrap(state),
    write: (batch: Parameters<typeof state.write>[0]) =>
      full ? Promise.reject(new Error('disk full')) : state.write(batch),
  }
  await using b = await openBench({ state: flaky, policies: POLICIES })
  b.runtime.behave = (_, when) => {
    if (when === 'after') full = true
  }
  b.measures['m_crmSaturated'] = 150
  b.fire('crmSaturated')
  await b.run(1)
  assert.equal(b.loop.incidents()[0]?.state, 'acting', 'the outcome could not be written')
  await assert.rejects(b.loop.pause('ann'), /disk full/)
  full = false
  b.runtime.behave = () => {}
  await b.run(1)
  assert.equal(b.loop.incidents()[0]?.state, 'verifying')
  assert.deepEqual(b.runtime.effects, ['restart crm'])
})

function wrap(state: ReturnType<typeof memoryState>): ReturnType<typeof memoryState> {
  return {
    get: (collection, id) => state.get(collection, id),
    list: (collection, options) => state.list(collection, options),
    write: (batch) => state.write(batch),
    next: (sequence) => state.next(sequence),
    audit: (options) => state.audit(options),
    verifyAudit: () => state.verifyAudit(),
    [Symbol.asyncDispose]: () => state[Symbol.asyncDispose](),
  }
}
